//! Turns that begin in another way than with input.

use std::time::Duration;

use tokio::time::timeout;

use crate::connection::ExpectedTurn;
use crate::error::{Error, Result};
use crate::feed::Notifications;
use crate::protocol::{self, Notification};
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
        let expected = self.codex().connection.expect_turn(self.id()).await?;
        let params = protocol::ReviewStartParams::new(self.id(), target);
        let response = self.codex().request(params).await?;
        Ok(TurnHandle::new(&response.review_thread_id, expected.claim(&response.turn.id)))
    }

    /// Lets the agent sum up the conversation, so that it takes less of the model's context
    /// (`thread/compact/start`). A turn that is running is interrupted.
    ///
    /// The handle is that of the turn that does it, whose only item is `contextCompaction`.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if the runtime does not accept it, [`Error::Timeout`] if it does not begin
    /// within 30 s, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after the request was sent, it is done without a listener.
    pub async fn compact(&self) -> Result<TurnHandle> {
        let expected = self.codex().connection.expect_server_turn(self.id()).await?;
        self.codex().request(protocol::ThreadCompactStartParams::new(self.id())).await?;
        self.server_turn(expected).await
    }

    /// Listens to a turn that is running, from now on: one that another client started, or that ran
    /// when the thread was resumed.
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
        let expected = self.codex().connection.expect_turn(self.id()).await?;
        let tentative = expected.claim(&turn).tentative();
        let runs =
            tentative.is_shared() || self.is_running(&turn).await? || tentative.has_completed();
        if let Some(subscription) = tentative.keep_if(runs) {
            return Ok(TurnHandle::new(self.id(), subscription));
        }
        Err(Error::InvalidInput(format!(
            "turn {turn} of thread {} is not running: read what it did with `Thread::items`",
            self.id()
        )))
    }

    /// What concerns this thread and no turn that has a handle, from now on: its status, its name,
    /// its goal, turns that the runtime starts by itself, what happens to an item after its turn.
    ///
    /// As long as somebody listens here, these events do not come to
    /// [`Codex::notifications`](crate::Codex::notifications).
    pub fn events(&self) -> Notifications {
        Notifications::of_thread(&self.codex().connection, self.id())
    }

    async fn server_turn(&self, expected: ExpectedTurn) -> Result<TurnHandle> {
        let started = timeout(SERVER_START, expected.claim_server_turn()).await;
        let what = protocol::TurnStartedNotification::METHOD;
        let subscription =
            started.unwrap_or_else(|_| Err(Error::Timeout { what, after: SERVER_START }))?;
        Ok(TurnHandle::new(self.id(), subscription))
    }

    /// Whether a turn is running.
    pub(crate) async fn is_active(&self) -> Result<bool> {
        let read = self.codex().request(protocol::ThreadReadParams::new(self.id())).await?;
        Ok(matches!(read.thread.status, protocol::ThreadStatus::Active(_)))
    }

    /// Whether the runtime says that this turn is running.
    async fn is_running(&self, turn: &str) -> Result<bool> {
        if !self.is_active().await? {
            return Ok(false);
        }
        let latest = protocol::ThreadTurnsListParams::new(self.id())
            .limit(1_u32)
            .sort_direction(protocol::SortDirection::Desc);
        match self.codex().request(latest).await {
            Ok(turns) => Ok(turns.data.iter().any(|it| it.id == turn)),
            // A thread that is not stored has no list of its turns; one of them is running.
            Err(Error::Rpc(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }
}
