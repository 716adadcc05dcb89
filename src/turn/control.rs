//! Steering and interrupting a turn.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::connection::{Connection, Link, Subscription};
use crate::error::{Error, Result};
use crate::input::Input;
use crate::protocol::{self, envelope};
use crate::router::{Phase, Progress, Queue};

/// How long a turn may take to start or to end after the runtime has refused to interrupt it. It
/// was seen to take up to 20 ms.
pub(crate) const REFUSAL_GRACE: Duration = Duration::from_secs(5);

/// Steers and interrupts a turn, from anywhere. Cheap to clone.
#[derive(Clone)]
pub struct TurnControl {
    line: Arc<TurnLine>,
    /// Keeps the connection open.
    _connection: Connection,
}

/// What can be done to a turn, without keeping the connection open.
pub(super) struct TurnLine {
    link: Link,
    thread: String,
    turn: String,
    queue: Arc<Queue>,
}

impl TurnControl {
    pub(super) fn new(
        connection: &Connection,
        thread: &str,
        subscription: Subscription,
    ) -> TurnControl {
        let Subscription { turn, queue } = subscription;
        let line = TurnLine { link: connection.link().clone(), thread: thread.into(), turn, queue };
        TurnControl { line: Arc::new(line), _connection: connection.clone() }
    }

    pub(super) fn line(&self) -> &Arc<TurnLine> {
        &self.line
    }

    /// The id of the turn.
    pub fn id(&self) -> &str {
        &self.line.turn
    }

    /// The id of its thread.
    pub fn thread_id(&self) -> &str {
        &self.line.thread
    }

    /// Gives the agent more input while it works (`turn/steer`). It stops what it says and goes on
    /// with the new input in mind.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] if the input is empty or contradicts itself, [`Error::Rpc`] if the
    /// turn has ended or is of a kind that cannot be steered, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn steer(&self, input: impl Into<Input>) -> Result<()> {
        let input = input.into().into_items()?;
        let params = protocol::TurnSteerParams::new(self.thread_id(), self.id(), input);
        self.line.link.control(&params).await.map(drop)
    }

    /// Ends the turn early (`turn/interrupt`): it completes with status `interrupted`, which
    /// [`TurnHandle::result`](super::TurnHandle::result) gives as a result. A turn that has already
    /// ended is left alone.
    ///
    /// The runtime does not accept this before it has sent `turn/started`, a few milliseconds after
    /// the turn was accepted, nor in the milliseconds before it sends `turn/completed`: if it says
    /// no, this waits for the one and asks once more, or for the other and is content.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if the runtime refuses it all the same, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn interrupt(&self) -> Result<()> {
        self.line.interrupt().await
    }
}

impl TurnLine {
    pub(super) async fn interrupt(&self) -> Result<()> {
        let mut progress = self.queue.progress();
        loop {
            let Progress { phase, active, .. } = progress.borrow_and_update().clone();
            if phase == Phase::Completed {
                return Ok(());
            }
            // A review works under another id than its own.
            let turn = active.as_deref().unwrap_or(&self.turn);
            let params = protocol::TurnInterruptParams::new(&*self.thread, turn);
            let Err(error) = self.link.control(&params).await else { return Ok(()) };
            if error.code() != Some(envelope::INVALID_REQUEST) {
                return Err(error);
            }
            self.until_later_than(phase, &mut progress, error).await?;
        }
    }

    /// Waits until the turn is known to be further than it was when a request was refused.
    async fn until_later_than(
        &self,
        asked_in: Phase,
        progress: &mut watch::Receiver<Progress>,
        refused: Error,
    ) -> Result<()> {
        let news = progress.wait_for(|it| it.phase > asked_in || it.is_detached);
        tokio::select! {
            news = news => match news {
                Ok(news) if news.is_detached => Err(refused),
                _ => Ok(()),
            },
            reason = self.link.closed() => Err(Error::Closed(reason)),
            // Nothing says that the turn goes on: what the runtime said stands.
            () = tokio::time::sleep(REFUSAL_GRACE) => Err(refused),
        }
    }

    /// Waits until the turn, or the connection, has ended.
    pub(super) async fn ended(&self) {
        let mut progress = self.queue.progress();
        tokio::select! {
            _ = progress.wait_for(|it| it.phase == Phase::Completed || it.is_detached) => (),
            _ = self.link.closed() => (),
        }
    }

    pub(super) fn has_completed(&self) -> bool {
        self.queue.has_completed()
    }

    /// Whether the consumer of the events wants requests of the server.
    pub(super) fn park_requests(&self, yes: bool) {
        self.queue.set_parks(yes);
    }

    /// Ends the events of a turn that does not end itself.
    pub(super) fn expire(&self) {
        self.queue.expire();
    }

    /// Runs `task` in the background.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.link.spawn(task)
    }
}

impl fmt::Debug for TurnControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnControl")
            .field("thread", &self.thread_id())
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
