//! The scripted model: its queue of replies, and what it was asked.

use std::{
    collections::VecDeque,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::watch;

use super::http::Server;

mod failure;
mod hold;
mod reply;
mod request;
mod script;
mod server;
mod socket;

pub use hold::Hold;
pub use reply::{Phase, Reply, Usage};
pub use request::ModelRequest;

/// A scripted model: a local Responses API server for the real `codex app-server`.
///
/// Every request of the runtime takes the next [`Reply`] of the queue. A plain turn makes one
/// request, each tool call of the model one more, and `thread/compact/start` one; starting a
/// thread makes none.
///
/// ```no_run
/// use codexkit::testing::{MockModel, Reply, TestHome};
/// use serde_json::json;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let model = MockModel::start().await?;
/// let echo = json!({ "cmd": "echo hello" });
/// model.push(Reply::new().function_call("call_1", "exec_command", echo));
/// model.push("It printed hello.");
///
/// let home = TestHome::new()?;
/// let codex = home.builder(&model).start().await?;
/// codex.thread_start().await?.run("Say hello.").await?;
/// let requests = model.wait_for_requests(2).await;
/// assert!(requests[1].tool_output("call_1").unwrap().contains("hello"));
/// # Ok(())
/// # }
/// ```
///
/// A request that finds neither a reply in the queue nor a [fallback](Self::answer_with) fails
/// its turn with a message that says so. The runtime does not repeat it, whatever its retry
/// settings are.
///
/// `Clone` is cheap and gives the same model. The server is a task of the Tokio runtime that
/// called [`start`](Self::start); dropping the last clone stops it and closes its connections. A
/// turn that asks a stopped model never ends ("waiting for network"), so keep the model for as
/// long as the runtime.
#[derive(Clone)]
pub struct MockModel {
    shared: Arc<Shared>,
    /// Owned by the handles alone: the last one stops the server.
    server: Arc<Server>,
}

impl MockModel {
    /// Starts a model without any reply on a free port of `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// If no port can be bound.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no server is left when this is dropped.
    pub async fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_server = shared.clone();
        let serve = move |stream| server::serve_connection(stream, of_server.clone());
        Ok(Self { shared, server: Arc::new(Server::start(serve).await?) })
    }

    /// Adds a reply at the end of the queue. A string is a message of the model.
    pub fn push(&self, reply: impl Into<Reply>) {
        self.shared.state().queue.push_back(reply.into());
    }

    /// Adds replies at the end of the queue, in order and with nothing in between.
    pub fn extend(&self, replies: impl IntoIterator<Item: Into<Reply>>) {
        let replies: Vec<Reply> = replies.into_iter().map(Into::into).collect();
        self.shared.state().queue.extend(replies);
    }

    /// Sets the reply for every request that finds the queue empty.
    pub fn always(&self, reply: impl Into<Reply>) {
        let reply = reply.into();
        self.answer_with(move |_| reply.clone());
    }

    /// Sets a function that answers every request that finds the queue empty.
    ///
    /// This is the way to script turns that run at the same time, whose requests come in no
    /// certain order. It runs on the server's task, so it should not block.
    pub fn answer_with<R: Into<Reply>>(
        &self,
        answer: impl Fn(&ModelRequest) -> R + Send + Sync + 'static,
    ) {
        self.shared.state().fallback = Some(Arc::new(move |request| answer(request).into()));
    }

    /// How many replies of the queue no request has taken yet.
    pub fn unused(&self) -> usize {
        self.shared.state().queue.len()
    }

    /// All requests so far in the order of their arrival, which is the order of the replies.
    ///
    /// These are the requests to `…/responses`. Others are answered (`GET …/models` with an empty
    /// list, anything else with 404) and not recorded.
    pub fn requests(&self) -> Vec<ModelRequest> {
        self.shared.state().requests.clone()
    }

    /// Waits until there are `count` requests or more since the start, and returns all of them.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is consumed.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<ModelRequest> {
        let mut arrived = self.shared.arrived.subscribe();
        // The sender lives as long as `self`, so the wait ends only with what it waits for.
        let _ = arrived.wait_for(|arrived| *arrived >= count).await;
        self.requests()
    }

    /// The base URL of the API, for example `http://127.0.0.1:40213/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.server.address)
    }

    /// The settings that make a runtime use this model and nothing else: pairs of a dotted key and
    /// a value, each for one [`CodexBuilder::config`](crate::CodexBuilder::config). Where a key is
    /// given twice the later one counts, so own settings go behind these.
    ///
    /// They choose the model `gpt-5.5`, of which the runtime knows the tools without a network,
    /// and this server as its provider, without retries and without an account. Plugins are off
    /// because they would be fetched from the internet.
    ///
    /// The approval policy is `never` and the sandbox `danger-full-access`, which works on every
    /// machine: a command that a reply asks for is run as it is, unasked.
    ///
    /// [`TestHome::builder`](super::TestHome::builder) sets these and gives the process a home of
    /// its own.
    pub fn config(&self) -> Vec<(String, Value)> {
        let settings: [(&str, Value); 9] = [
            ("model", "gpt-5.5".into()),
            ("model_provider", "mock".into()),
            ("model_providers.mock.name", "mock".into()),
            ("model_providers.mock.base_url", self.base_url().into()),
            ("model_providers.mock.request_max_retries", 0.into()),
            ("model_providers.mock.stream_max_retries", 0.into()),
            ("approval_policy", "never".into()),
            ("sandbox_mode", "danger-full-access".into()),
            ("features.plugins", false.into()),
        ];
        settings.map(|(key, value)| (key.to_owned(), value)).into()
    }
}

impl fmt::Debug for MockModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("MockModel")
            .field("base_url", &self.base_url())
            .field("unused", &state.queue.len())
            .field("requests", &state.requests.len())
            .finish_non_exhaustive()
    }
}

/// What the handles and the server's task have in common.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// The number of requests so far, for those that wait for one.
    arrived: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Reply>,
    fallback: Option<Fallback>,
    requests: Vec<ModelRequest>,
}

type Fallback = Arc<dyn Fn(&ModelRequest) -> Reply + Send + Sync>;

impl Shared {
    /// Records a request and gives its number, from 1, and its reply.
    fn answer(&self, request: &ModelRequest) -> (usize, Option<Reply>) {
        let (number, reply, fallback) = {
            let mut state = self.state();
            state.requests.push(request.clone());
            let number = state.requests.len();
            // Inside of the lock, so that the number never goes back.
            self.arrived.send_replace(number);
            (number, state.queue.pop_front(), state.fallback.clone())
        };
        // Outside of the lock: the fallback is the test's own code and may use the model.
        (number, reply.or_else(|| Some(fallback?(request))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No change of the state can panic half-way, so a poisoned one is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
