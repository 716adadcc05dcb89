//! Starting a turn.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::codex::BoxFuture;
use crate::connection::Answering;
use crate::error::{Error, Result};
use crate::input::TurnInput;
use crate::preset::ApprovalMode;
use crate::request::ServerRequestHandler;
use crate::thread::Thread;
use crate::{path, protocol};

use super::{TurnHandle, TurnResult};

/// A turn that is started when it is awaited (`turn/start`). Made by [`Thread::turn`] it gives a
/// [`TurnHandle`] as soon as the turn is accepted; made by [`Thread::run`] it gives a
/// [`TurnResult`] when the turn has ended. What is not set is as it was in the turn before.
///
/// On a thread that has a turn running the input joins that turn, which goes on as it was begun:
/// the model, its effort, the service tier and whatever else holds for the turns after this one
/// hold from the next turn on. An [`output_schema`](TurnStart::output_schema) that is not the one of
/// the turn that runs, and so nearly every `Thread::run_typed`, is refused
/// ([`RpcErrorKind::OutputSchemaMismatch`](crate::RpcErrorKind::OutputSchemaMismatch)). The
/// [`deadline`](TurnStart::deadline) and [`interrupt_on_drop`](TurnStart::interrupt_on_drop) concern
/// everybody who waits for the turn.
#[must_use = "a turn is only started when it is awaited"]
pub struct TurnStart<Output> {
    thread: Thread,
    input: TurnInput,
    params: protocol::TurnStartParams,
    /// Why what was set cannot be sent.
    problem: Option<String>,
    deadline: Option<Duration>,
    interrupt_on_drop: bool,
    answering: Answering,
    output: PhantomData<fn() -> Output>,
}

impl<Output> Clone for TurnStart<Output> {
    fn clone(&self) -> Self {
        TurnStart {
            thread: self.thread.clone(),
            input: self.input.clone(),
            params: self.params.clone(),
            problem: self.problem.clone(),
            deadline: self.deadline,
            interrupt_on_drop: self.interrupt_on_drop,
            answering: self.answering.clone(),
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
        TurnStart {
            thread: thread.clone(),
            input,
            params,
            problem: None,
            deadline: None,
            interrupt_on_drop: false,
            answering: Answering::default(),
            output: PhantomData,
        }
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

    /// The service tier, such as `flex`, for this turn and those after it. `None` asks for the
    /// standard one; not calling this leaves it as it was. The runtime ignores a name that it does
    /// not know.
    pub fn service_tier(self, tier: Option<String>) -> Self {
        self.params(|params| params.service_tier(tier))
    }

    /// The service tier for this turn alone; `default` is the standard one. It does nothing if the
    /// input joins a turn that runs.
    pub fn turn_service_tier(self, tier: impl Into<String>) -> Self {
        self.params(|params| params.service_tier_for_turn(tier))
    }

    /// The directory that the agent works in, for this turn and those after it. The path has to be
    /// UTF-8: another one is an [`Error::InvalidInput`] when this is awaited.
    pub fn cwd(mut self, path: impl AsRef<Path>) -> Self {
        match path::text(path.as_ref()) {
            Ok(path) => self.params.cwd = Some(path),
            Err(problem) => {
                self.problem.get_or_insert(problem);
            }
        }
        self
    }

    /// Where the commands of the agent may write, for this turn and those after it: a
    /// [`Sandbox`](crate::Sandbox), or a policy of the protocol with all its settings.
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// use codexkit::protocol::WorkspaceWriteSandboxPolicy;
    ///
    /// let policy = WorkspaceWriteSandboxPolicy::new()
    ///     .writable_roots(["/srv/cache".to_owned()])
    ///     .network_access(true);
    /// thread.run("Fill the cache.").sandbox(policy).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn sandbox(self, sandbox: impl Into<protocol::SandboxPolicy>) -> Self {
        self.params(|params| params.sandbox_policy(sandbox))
    }

    /// The profile of permissions, by its name in the configuration, for this turn and those after
    /// it. The runtime refuses it together with [`sandbox`](Self::sandbox).
    #[cfg(feature = "experimental")]
    pub fn permissions(self, profile: impl Into<String>) -> Self {
        self.params(|params| params.permissions(profile))
    }

    /// Who decides when the agent wants to do more than its sandbox allows, for this turn and those
    /// after it.
    pub fn approval_mode(self, mode: ApprovalMode) -> Self {
        self.params(|mut params| {
            mode.apply(&mut params.approval_policy, &mut params.approvals_reviewer);
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

    /// What made the caller start this turn, such as `cron`: the runtime tells it to the provider of
    /// the model, for this turn alone. It does nothing if the input joins a turn that runs.
    pub fn trigger(self, source: impl Into<String>) -> Self {
        self.params(|params| params.turn_trigger(source))
    }

    /// An id of the caller's for the input of this turn, which its user message item carries.
    pub fn client_message_id(self, id: impl Into<String>) -> Self {
        self.params(|params| params.client_user_message_id(id))
    }

    /// Tells the model something of its surroundings along with the input, such as what is open in
    /// an editor. It stays in the history of the thread. `source` says where it comes from; each
    /// source has one entry, so that a later call for the same one replaces it.
    #[cfg(feature = "experimental")]
    pub fn additional_context(
        self,
        source: impl Into<String>,
        entry: protocol::AdditionalContextEntry,
    ) -> Self {
        self.params(|mut params| {
            params.additional_context.get_or_insert_default().insert(source.into(), entry);
            params
        })
    }

    /// How long the turn may take, from when the runtime has accepted it, as long as somebody waits
    /// for it: see [`TurnHandle::set_deadline`].
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    /// Interrupts the turn when whatever waits for it is dropped before its end: this future, the
    /// [`TurnHandle`] that it gives, or the future of its result. Off by default.
    ///
    /// If the future is dropped while the runtime is asked, this is done when it answers, unless
    /// that takes more than five times as long as a request may
    /// ([`CodexBuilder::request_timeout`](crate::CodexBuilder::request_timeout)).
    pub fn interrupt_on_drop(mut self, yes: bool) -> Self {
        self.interrupt_on_drop = yes;
        self
    }

    /// Answers the requests of the server about this turn, before the handlers of the thread and of the
    /// client are asked: see [`ServerRequestHandler`]. Another one replaces it, also that of a turn
    /// that the input joins.
    ///
    /// The handler is let go of when the turn has ended.
    pub fn handler(mut self, handler: impl ServerRequestHandler) -> Self {
        self.answering.handler = Some(Arc::new(handler));
        self
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

    pub(super) async fn start(self) -> Result<TurnHandle> {
        let TurnStart {
            thread,
            input,
            mut params,
            problem,
            deadline,
            interrupt_on_drop,
            answering,
            ..
        } = self;
        if let Some(problem) = problem {
            return Err(Error::InvalidInput(problem));
        }
        input.write_to(&mut params)?;
        thread.id().clone_into(&mut params.thread_id);
        let mut turn =
            thread.begin_turn(params, interrupt_on_drop, answering, |it| it.turn.id).await?;
        if let Some(after) = deadline {
            turn.set_deadline(after);
        }
        Ok(turn)
    }
}

impl TurnStart<TurnHandle> {
    /// Lets the requests of the server about this turn come among its events
    /// ([`TurnEvent::Request`](crate::TurnEvent::Request)), to be answered whenever and wherever: what
    /// the [handler](Self::handler) of the turn and the tools of the thread leave does not go to the
    /// handlers of the thread and of the client.
    ///
    /// The turn waits for the answers, so that its events have to be read. A request is refused when
    /// its event is dropped, as [`TurnHandle::result`] and [`TurnHandle::text_deltas`] do.
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// use codexkit::{ServerRequest, TurnEvent};
    ///
    /// let mut turn = thread.turn("Tidy up.").park_requests().await?;
    /// while let Some(event) = turn.next().await {
    ///     if let TurnEvent::Request(ServerRequest::CommandApproval(request)) = event? {
    ///         println!("May this run? {:?}", request.command);
    ///         request.decline()?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn park_requests(mut self) -> Self {
        self.answering.parks = true;
        self
    }
}

impl IntoFuture for TurnStart<TurnHandle> {
    type Output = Result<TurnHandle>;
    type IntoFuture = BoxFuture<Result<TurnHandle>>;

    /// # Errors
    ///
    /// [`Error::InvalidInput`] if the input is empty or contradicts itself or a path is not UTF-8,
    /// [`Error::Rpc`] if the runtime does not accept the turn, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after the request was sent, the turn runs without a listener,
    /// unless [`TurnStart::interrupt_on_drop`] says otherwise.
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
    /// When the future is dropped after the request was sent, the turn runs without a listener,
    /// unless [`TurnStart::interrupt_on_drop`] says otherwise.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.start().await?.result().await })
    }
}
