//! Turns that begin in another way than with input.

use std::time::Duration;

use tokio::time::timeout;

use crate::connection::{Answering, Connection};
use crate::error::{Error, Result, RpcErrorKind};
use crate::feed::Notifications;
use crate::protocol::{self, Notification, Request};
use crate::thread::Thread;

use super::TurnHandle;

/// How long the runtime may take to start a turn that it has promised.
pub(crate) const SERVER_START: Duration = Duration::from_secs(30);

impl Thread {
    /// Lets the agent review code (`review/start`): the changes in the working directory, a commit,
    /// a branch, or what the instructions say.
    ///
    /// The review ends with an item `exitedReviewMode`, and a message of the agent with the same
    /// text. It cannot be steered.
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// use codexkit::protocol::ReviewTarget;
    ///
    /// let review = thread.review(ReviewTarget::uncommitted_changes()).await?;
    /// println!("{:?}", review.result().await?.final_response);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if the runtime does not accept it, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after the request was sent, the review runs without a listener.
    pub async fn review(&self, target: impl Into<protocol::ReviewTarget>) -> Result<TurnHandle> {
        let params = protocol::ReviewStartParams::new(self.id(), target);
        self.begin_turn(params, false, Answering::default(), |it| it.turn.id).await
    }

    /// Lets the agent sum up the conversation, so that it takes less of the model's context
    /// (`thread/compact/start`). A turn that is running is interrupted.
    ///
    /// The handle is that of the turn that does it, whose only item is `contextCompaction`.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if the runtime does not accept it, [`Error::Timeout`] if it does not begin
    /// within 30 s, [`Error::Detached`] if the thread is unsubscribed, and what can happen to any
    /// request.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after the request was sent, it is done without a listener.
    pub async fn compact(&self) -> Result<TurnHandle> {
        let connection = &self.codex().connection;
        let expected = connection.expect_turn(self.id())?;
        connection.call(&protocol::ThreadCompactStartParams::new(self.id())).await?;
        let begun = timeout(SERVER_START, expected.claim_compaction()).await;
        let what = protocol::ItemStartedNotification::METHOD;
        let subscription =
            begun.unwrap_or_else(|_| Err(Error::Timeout { what, after: SERVER_START }))?;
        Ok(TurnHandle::new(connection, self.id(), subscription))
    }

    /// Listens to a turn that is running, from now on: one that the runtime started by itself, that
    /// ran when the thread was resumed, or whose handle is gone.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] if that turn is not running (any more), and what can happen to any
    /// request.
    ///
    /// # Cancel safety
    ///
    /// Can be dropped.
    pub async fn attach(&self, turn: impl Into<String>) -> Result<TurnHandle> {
        let turn = turn.into();
        let connection = &self.codex().connection;
        if let Some(attached) = connection.attach(self.id(), &turn)
            && (attached.is_known() || self.is_latest(&turn).await? || attached.is_known())
            && let Some(subscription) = attached.keep()
        {
            return Ok(TurnHandle::new(connection, self.id(), subscription));
        }
        Err(Error::InvalidInput(format!(
            "turn {turn} of thread {} is not running: read what it did with `Thread::items`",
            self.id()
        )))
    }

    /// What concerns this thread and no turn that has a handle, from now on: its status, its name,
    /// its goal, turns that the runtime starts by itself, what happens to an item after its turn.
    /// While a turn is being started here, events of turns wait until it is known whose they are, so
    /// that those of the thread as such may overtake them.
    ///
    /// As long as somebody listens here, these events do not come to
    /// [`Codex::notifications`](crate::Codex::notifications).
    pub fn events(&self) -> Notifications {
        Notifications::of_thread(self.codex().connection.link(), self.id())
    }

    /// Sends a request that begins a turn, in whose response `id` finds its id.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after the request was sent, the turn goes on without a listener,
    /// or is interrupted as soon as its id is known.
    pub(super) async fn begin_turn<R: Request + 'static>(
        &self,
        params: R,
        interrupt_on_drop: bool,
        answering: Answering,
        id: fn(R::Response) -> String,
    ) -> Result<TurnHandle> {
        let connection = &self.codex().connection;
        // From here on nothing of the thread is missed, whatever comes before the reply.
        let expected = connection.expect_turn(self.id())?;
        let thread = self.id().to_owned();
        let make = move |connection: &Connection, response| {
            let subscription = expected.claim(&id(response), answering);
            let mut turn = TurnHandle::new(connection, &thread, subscription);
            turn.interrupt_on_drop(interrupt_on_drop);
            turn
        };
        connection.accepted(params, make).await
    }

    /// Whether a turn is running.
    pub(crate) async fn is_active(&self) -> Result<bool> {
        let read = self.codex().request(protocol::ThreadReadParams::new(self.id())).await?;
        Ok(matches!(read.thread.status, protocol::ThreadStatus::Active(_)))
    }

    /// Whether the runtime says that this turn is the latest one and runs.
    async fn is_latest(&self, turn: &str) -> Result<bool> {
        let latest = protocol::ThreadTurnsListParams::new(self.id())
            .limit(1_u32)
            .sort_direction(protocol::SortDirection::Desc);
        match self.codex().connection.call(&latest).await {
            Ok(turns) => Ok(turns
                .data
                .iter()
                .any(|it| it.id == turn && it.status == protocol::TurnStatus::InProgress)),
            // Such a thread has no list of its turns, and none that was started elsewhere.
            Err(Error::Rpc(error)) if has_no_list(error.kind()) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn has_no_list(kind: RpcErrorKind) -> bool {
    matches!(kind, RpcErrorKind::ThreadNotPersisted | RpcErrorKind::EphemeralThread)
}
