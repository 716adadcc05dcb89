//! A conversation with the agent.

use std::fmt;
use std::future::IntoFuture;
use std::path::Path;

use serde_json::Value;

use crate::codex::{BoxFuture, Codex};
use crate::error::Result;
use crate::input::TurnInput;
use crate::preset::{ApprovalMode, Sandbox};
use crate::protocol;
use crate::turn::{TurnHandle, TurnResult, TurnStart};

/// A conversation with the agent. Cheap to clone; it keeps its [`Codex`] alive.
#[derive(Clone, Debug)]
pub struct Thread {
    codex: Codex,
    id: String,
}

impl Thread {
    /// The id of the thread, with which it can be found again later.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The client that this thread belongs to.
    pub fn codex(&self) -> &Codex {
        &self.codex
    }

    /// Runs one turn to its end. Await it, after setting what should differ from the thread.
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// let result = thread.run("Which files are the largest?").effort("low").await?;
    /// println!("{:?}", result.final_response);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(&self, input: impl Into<TurnInput>) -> TurnStart<TurnResult> {
        TurnStart::new(self, input.into())
    }

    /// Starts a turn (`turn/start`) and gives its events as they come. Await it, after setting what
    /// should differ from the thread.
    ///
    /// On a thread that has a turn running the input joins that turn: the handle has its id, and
    /// gets its events from now on.
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// use codexkit::protocol::ServerNotification;
    ///
    /// let mut turn = thread.turn("Write a haiku about borrowing.").await?;
    /// while let Some(event) = turn.next().await {
    ///     if let ServerNotification::AgentMessageDelta(delta) = event?.notification {
    ///         print!("{}", delta.delta);
    ///     }
    /// }
    /// let result = turn.result().await?;
    /// println!("\n{} items", result.items.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn turn(&self, input: impl Into<TurnInput>) -> TurnStart<TurnHandle> {
        TurnStart::new(self, input.into())
    }
}

/// A new thread, which is started when it is awaited (`thread/start`). What is not set is as the
/// configuration of the runtime says; what is set holds for the whole thread.
#[derive(Clone)]
#[must_use = "a thread is only started when it is awaited"]
pub struct ThreadStart {
    codex: Codex,
    params: protocol::ThreadStartParams,
}

impl ThreadStart {
    pub(crate) fn new(codex: Codex) -> ThreadStart {
        ThreadStart { codex, params: protocol::ThreadStartParams::default() }
    }

    /// The model, by its slug.
    pub fn model(self, model: impl Into<String>) -> Self {
        self.params(|params| params.model(model))
    }

    /// The provider of the model, by its name in the configuration.
    pub fn model_provider(self, provider: impl Into<String>) -> Self {
        self.params(|params| params.model_provider(provider))
    }

    /// The directory that the agent works in.
    pub fn cwd(self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_string_lossy().into_owned();
        self.params(|params| params.cwd(path))
    }

    /// Where the commands of the agent may write.
    pub fn sandbox(self, sandbox: Sandbox) -> Self {
        self.params(|params| params.sandbox(sandbox))
    }

    /// Who decides when the agent wants to do more than its sandbox allows.
    pub fn approval_mode(self, mode: ApprovalMode) -> Self {
        self.params(|mut params| {
            params.approval_policy = Some(mode.policy());
            params.approvals_reviewer = mode.reviewer().or(params.approvals_reviewer);
            params
        })
    }

    /// Overrides one value of the configuration for this thread.
    pub fn config(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.params(|mut params| {
            params.config.get_or_insert_default().insert(key.into(), value.into());
            params
        })
    }

    /// Replaces the instructions that the model gets from the runtime.
    pub fn base_instructions(self, text: impl Into<String>) -> Self {
        self.params(|params| params.base_instructions(text))
    }

    /// Instructions of the developer, in addition to those of the runtime.
    pub fn developer_instructions(self, text: impl Into<String>) -> Self {
        self.params(|params| params.developer_instructions(text))
    }

    /// Whether the thread is forgotten when the runtime ends.
    pub fn ephemeral(self, yes: bool) -> Self {
        self.params(|params| params.ephemeral(yes))
    }

    /// The service tier, such as `flex`. `None` asks for the standard one; not calling this leaves
    /// it to the configuration.
    pub fn service_tier(self, tier: Option<String>) -> Self {
        self.params(|params| params.service_tier(tier))
    }

    /// The name under which the work of this thread is accounted.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        self.params(|params| params.service_name(name))
    }

    /// Changes the params of the request as they will be sent, for everything that has no method
    /// of its own here.
    pub fn params(
        mut self,
        change: impl FnOnce(protocol::ThreadStartParams) -> protocol::ThreadStartParams,
    ) -> Self {
        self.params = change(self.params);
        self
    }
}

impl fmt::Debug for ThreadStart {
    /// Leaves out the params: their configuration may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadStart").finish_non_exhaustive()
    }
}

impl IntoFuture for ThreadStart {
    type Output = Result<Thread>;
    type IntoFuture = BoxFuture<Result<Thread>>;

    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if the runtime does not accept the params or has a
    /// configuration that it cannot load, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the thread may have been started, but nobody knows its id.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let response = self.codex.request(self.params).await?;
            Ok(Thread { codex: self.codex, id: response.thread.id })
        })
    }
}
