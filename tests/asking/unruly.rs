//! Handlers whose end is no quiet one, and handlers that somebody else has as well.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use codexkit::protocol::ThreadLoadedListParams;
use codexkit::testing::FakeServer;
use codexkit::{
    Codex, CommandApproval, Error, HandlerResult, Handlers, ServerRequestHandler, Tool,
};
use serde_json::{Value, json};

use crate::support::{
    Asked, COMMAND, Guard, TOOL, answer, ask_command, decision, params, scene, scene_with, silence,
    within,
};
use crate::threads::a_thread;

/// Runs something when it is dropped.
struct WhenDropped<F: FnMut() + Send + Sync + 'static>(F);

impl<F: FnMut() + Send + Sync + 'static> ServerRequestHandler for WhenDropped<F> {}

impl<F: FnMut() + Send + Sync + 'static> Drop for WhenDropped<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A handler that panics when it is dropped, and tells that it was.
fn panicking() -> (impl ServerRequestHandler, tokio::sync::oneshot::Receiver<()>) {
    let (guard, dropped) = Guard::new();
    let guard = Mutex::new(Some(guard));
    let handler = WhenDropped(move || {
        drop(guard.lock().unwrap().take());
        panic!("on purpose");
    });
    (handler, dropped)
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_at_the_end_of_its_turn_harms_nobody() {
    let mut scene = scene().await;
    let (handler, dropped) = panicking();
    let turn = scene.turn_with("u1", handler).await;
    scene.server.complete_turn("t1", "u1", "completed").await;
    within(turn.result()).await.unwrap();
    within(dropped).await.unwrap();
    scene.sync().await;
    assert!(scene.codex.close_reason().is_none());
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_at_the_end_of_the_connection_keeps_nobody_waiting() {
    let (handler, dropped) = panicking();
    let mut scene = scene_with(Codex::builder().handler(handler)).await;
    let mut turn = scene.parking_turn("u1").await;
    ask_command(&mut scene.server, 1, "u1").await;
    let request = crate::support::parked(&mut turn).await;
    drop(scene.server);
    assert!(matches!(within(turn.next()).await, Some(Err(Error::Closed(_)))));
    assert_eq!(within(request.resolved()).await, codexkit::Resolution::Closed);
    within(scene.codex.closed()).await;
    within(dropped).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn one_that_takes_its_time_to_go_delays_nothing() {
    let mut scene = scene().await;
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let (guard, dropped) = Guard::new();
    let guard = Mutex::new(Some(guard));
    let handler = WhenDropped(move || {
        // It gives up one day, so that a failure is no hang.
        let _ = released.lock().unwrap().recv_timeout(Duration::from_secs(20));
        drop(guard.lock().unwrap().take());
    });
    let turn = scene.turn_with("u1", handler).await;
    scene.server.complete_turn("t1", "u1", "completed").await;
    within(turn.result()).await.unwrap();
    let request = scene.codex.request(ThreadLoadedListParams::default()).into_future();
    let (listed, ()) = tokio::join!(request, async {
        let id = within(scene.server.expect("thread/loaded/list")).await.id;
        scene.server.reply(&id, json!({"data": []})).await;
    });
    listed.unwrap();
    release.send(()).expect("it was not waiting any more");
    within(dropped).await.unwrap();
}

/// Counts what it is asked, and declines it.
#[derive(Default)]
struct Counting(AtomicUsize);

impl ServerRequestHandler for Counting {
    async fn command_approval(&self, request: CommandApproval) -> HandlerResult {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(request.decline()?)
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_can_keep_its_half_of_one() {
    let counting = Arc::new(Counting::default());
    let mut scene = scene_with(Codex::builder().handler(Arc::clone(&counting))).await;
    for id in 1..=3 {
        ask_command(&mut scene.server, id, "u1").await;
        assert_eq!(answer(&mut scene.server).await, decision(id, "decline"));
    }
    assert_eq!(counting.0.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn that_of_a_thread_can_be_taken_away() {
    let asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let mut asked = asked;
    scene.thread.set_handler(asked.handler("thread"));
    ask_command(&mut scene.server, 1, "u1").await;
    let (who, kept) = asked.next().await;
    assert_eq!(who, "thread");
    scene.thread.remove_handler();
    scene.thread.remove_handler();
    ask_command(&mut scene.server, 2, "u1").await;
    let (who, request) = asked.next().await;
    assert_eq!(who, "client");
    request.refuse().unwrap();
    kept.refuse().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(2, "decline"));
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    silence(&mut scene.server).await;
}

/// What the client writes in answer to what comes together with the reply that opens the thread.
async fn answered_at_once(method: &str, asked: (&str, Value)) -> Value {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let handlers = Handlers::new().command_approval(async |request| request.accept());
    let tool =
        Tool::with_schema("x", "A tool.", json!({}), async |_: Value, _| Ok::<_, Error>("yes"));
    let open = async {
        match method {
            "thread/start" => codex.thread_start().handler(handlers).tool(tool).await,
            "thread/fork" => codex.thread_fork("t0").handler(handlers).tool(tool).await,
            _ => codex.thread_resume("t1").handler(handlers).tool(tool).await,
        }
    };
    let (opened, answered) = tokio::join!(open, async {
        let request = within(server.expect(method)).await;
        let opened = json!({
            "thread": a_thread("idle"),
            "approvalPolicy": "never",
            "approvalsReviewer": "user",
            "cwd": "/",
            "model": "gpt-5.5",
            "modelProvider": "mock",
            "sandbox": {"type": "readOnly"},
        });
        let reply = json!({"id": request.id, "result": opened});
        let (of, params) = asked;
        let ask = json!({"id": 7, "method": of, "params": params});
        server.send_bytes(format!("{reply}\n{ask}\n").as_bytes()).await;
        answer(&mut server).await
    });
    opened.unwrap();
    answered
}

#[tokio::test(start_paused = true)]
async fn those_of_a_thread_are_there_when_its_reply_is_read() {
    let output = json!({"contentItems": [{"type": "inputText", "text": "yes"}], "success": true});
    for method in ["thread/start", "thread/resume", "thread/fork"] {
        let accepted = answered_at_once(method, (COMMAND, params(COMMAND, "u1"))).await;
        assert_eq!(accepted, decision(7, "accept"), "{method}");
        let called = answered_at_once(method, (TOOL, params(TOOL, "u1"))).await;
        assert_eq!(called, json!({"id": 7, "result": output}), "{method}");
    }
}
