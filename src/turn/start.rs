//! Starting a turn.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::path::Path;

use serde_json::Value;

use crate::codex::BoxFuture;
use crate::error::Result;
use crate::input::TurnInput;
use crate::preset::{ApprovalMode, Sandbox};
use crate::protocol;
use crate::thread::Thread;

use super::{TurnHandle, TurnResult};

/// A turn that is started when it is awaited (`turn/start`). Made by [`Thread::turn`] it gives a
/// [`TurnHandle`] as soon as the turn is accepted; made by [`Thread::run`] it gives a
/// [`TurnResult`] when the turn has ended. What is not set is as it was in the turn before.
#[must_use = "a turn is only started when it is awaited"]
pub struct TurnStart<Output> {
    thread: Thread,
    input: TurnInput,
    params: protocol::TurnStartParams,
    output: PhantomData<fn() -> Output>,
}

impl<Output> Clone for TurnStart<Output> {
    fn clone(&self) -> Self {
        TurnStart {
            thread: self.thread.clone(),
            input: self.input.clone(),
            params: self.params.clone(),
            output: PhantomData,
        }
    }
}

impl<Output> fmt::Debug for TurnStart<Output> {
    /// Leaves out the input and the params: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnStart").field("thread", &self.thread.id()).finish_non_exhaustive()
    }
}

impl<Output> TurnStart<Output> {
    pub(crate) fn new(thread: &Thread, input: TurnInput) -> Self {
        let params = protocol::TurnStartParams::new(thread.id(), Vec::new());
        TurnStart { thread: thread.clone(), input, params, output: PhantomData }
    }

    /// The model, by its slug, for this turn and those after it.
    pub fn model(self, model: impl Into<String>) -> Self {
        self.params(|params| params.model(model))
    }

    /// How much the model reasons, for this turn and those after it.
    pub fn effort(self, effort: impl Into<protocol::ReasoningEffort>) -> Self {
        self.params(|params| params.effort(effort))
    }

    /// How much of its reasoning the model sums up, for this turn and those after it.
    pub fn summary(self, summary: protocol::ReasoningSummary) -> Self {
        self.params(|params| params.summary(summary))
    }

    /// The directory that the agent works in, for this turn and those after it.
    pub fn cwd(self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_string_lossy().into_owned();
        self.params(|params| params.cwd(path))
    }

    /// Where the commands of the agent may write, for this turn and those after it.
    pub fn sandbox(self, sandbox: Sandbox) -> Self {
        self.params(|params| params.sandbox_policy(sandbox))
    }

    /// Who decides when the agent wants to do more than its sandbox allows, for this turn and those
    /// after it.
    pub fn approval_mode(self, mode: ApprovalMode) -> Self {
        self.params(|mut params| {
            params.approval_policy = Some(mode.policy());
            params.approvals_reviewer = mode.reviewer().or(params.approvals_reviewer);
            params
        })
    }

    /// The JSON schema that the final message of this turn has to fit.
    pub fn output_schema(self, schema: impl Into<Value>) -> Self {
        self.params(|mut params| {
            params.output_schema = Some(schema.into());
            params
        })
    }

    /// Changes the params of the request as they will be sent, for everything that has no method
    /// of its own here. The input and the id of the thread are set afterwards.
    pub fn params(
        mut self,
        change: impl FnOnce(protocol::TurnStartParams) -> protocol::TurnStartParams,
    ) -> Self {
        self.params = change(self.params);
        self
    }

    async fn start(self) -> Result<TurnHandle> {
        let TurnStart { thread, input, mut params, .. } = self;
        input.write_to(&mut params)?;
        thread.id().clone_into(&mut params.thread_id);
        let codex = thread.codex();
        // From here on nothing of the thread is missed, whatever comes before the reply.
        let expected = codex.connection.expect_turn(thread.id());
        let response = codex.request(params).await?;
        Ok(TurnHandle::new(thread.id(), expected.claim(&response.turn.id)))
    }
}

impl IntoFuture for TurnStart<TurnHandle> {
    type Output = Result<TurnHandle>;
    type IntoFuture = BoxFuture<Result<TurnHandle>>;

    /// # Errors
    ///
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) if the input is empty,
    /// [`Error::Rpc`](crate::Error::Rpc) if the runtime does not accept the turn, and what can
    /// happen to any request.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after the request was sent, the turn runs without a listener.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl IntoFuture for TurnStart<TurnResult> {
    type Output = Result<TurnResult>;
    type IntoFuture = BoxFuture<Result<TurnResult>>;

    /// # Errors
    ///
    /// As for [`Thread::turn`] and [`TurnHandle::result`].
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after the request was sent, the turn runs without a listener.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.start().await?.result().await })
    }
}
