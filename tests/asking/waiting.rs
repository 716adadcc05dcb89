//! A request that is answered in ways that are invalid, until one is not.

use codexkit::{Codex, ServerRequest};
use serde_json::{Value, json};

use crate::support::{Asked, Scene, answer, ask, scene_with};

/// A request that waits, and its server.
pub(crate) struct Waiting {
    pub(crate) scene: Scene,
    asked: Asked,
}

impl Waiting {
    pub(crate) async fn new() -> Waiting {
        let asked = Asked::new();
        let scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
        Waiting { scene, asked }
    }

    /// A request with the id 1 that waits.
    pub(crate) async fn of(method: &str, params: &Value) -> (Waiting, ServerRequest) {
        let mut it = Waiting::new().await;
        let request = it.ask(1, method, params).await;
        (it, request)
    }

    pub(crate) async fn ask(&mut self, id: u64, method: &str, params: &Value) -> ServerRequest {
        ask(&mut self.scene.server, id, method, params).await;
        self.asked.next().await.1
    }

    /// Fails unless the answer was found invalid because of this, and nothing was sent.
    #[track_caller]
    pub(crate) fn invalid(
        &mut self,
        request: &ServerRequest,
        answered: codexkit::Result<()>,
        because: &str,
    ) -> impl Future<Output = ()> {
        match answered {
            Err(codexkit::Error::InvalidInput(problem)) => {
                assert!(problem.contains(because), "`{because}` is not in `{problem}`");
            }
            other => panic!("{other:?} and not `{because}`"),
        }
        assert_eq!(request.resolution(), None, "{because}");
        // The next that arrives is what this sends.
        self.scene.sync()
    }

    /// Fails unless the answer was sent, and has this as its result.
    pub(crate) async fn sent(&mut self, answered: codexkit::Result<()>, id: u64, result: &Value) {
        answered.unwrap();
        let mut answer = answer(&mut self.scene.server).await;
        without_nulls(&mut answer);
        assert_eq!(answer, json!({"id": id, "result": result}));
    }
}

/// Takes out what is null.
pub(crate) fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, it| !it.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(without_nulls),
        _ => (),
    }
}
