//! Steering and interrupting the work on a goal.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::input::Input;
use crate::protocol::{self, envelope};
use crate::router::{Progress, Queue};
use crate::thread::Thread;

/// How long the runtime may take to start or to end a turn after it has refused something.
const REFUSAL_GRACE: Duration = Duration::from_secs(5);

/// How long a turn may still take to start after its goal was paused between two turns.
pub(super) const SETTLE: Duration = Duration::from_millis(500);

/// Steers and interrupts the work on a goal, whichever turn it has come to. Cheap to clone.
#[derive(Clone)]
pub struct GoalControl {
    pub(super) thread: Thread,
    pub(super) queue: Arc<Queue>,
}

impl GoalControl {
    /// Gives the agent more input while it works (`turn/steer`). Between two turns this waits for
    /// the next one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] if the input is empty, [`Error::Rpc`] if no turn is running and none
    /// starts within five seconds, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn steer(&self, input: impl Into<Input>) -> Result<()> {
        let input = input.into().into_items()?;
        let mut progress = self.queue.progress();
        loop {
            let turn = progress.borrow_and_update().active.clone();
            let turn = turn.as_deref().unwrap_or_default();
            let params = protocol::TurnSteerParams::new(self.thread.id(), turn, input.clone());
            match self.thread.codex().connection.control(&params).await {
                Err(error) if is_refusal(&error) => self.wait(&mut progress, error).await?,
                result => return result.map(drop),
            }
        }
    }

    /// Pauses the goal and ends the turn that is running: the run ends, too. A goal that is not
    /// worked on any more is left as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if the runtime refuses to interrupt a turn that goes on, and what can happen
    /// to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answers; requests that were already sent take effect.
    pub async fn interrupt(&self) -> Result<()> {
        let is_active = |it: protocol::ThreadGoal| it.status == protocol::ThreadGoalStatus::Active;
        if self.thread.goal().await?.is_some_and(is_active) {
            self.thread.goal_pause().await?;
        }
        // No other turn starts now, but one may be about to.
        let mut progress = self.queue.progress();
        loop {
            progress.mark_unchanged();
            // Without an id it is the turn that runs, whichever that is.
            let params = protocol::TurnInterruptParams::new(self.thread.id(), "");
            match self.thread.codex().connection.control(&params).await {
                Err(error) if is_refusal(&error) => {
                    if self.thread.is_active().await? {
                        self.wait(&mut progress, error).await?;
                    } else if timeout(SETTLE, progress.changed()).await.is_err() {
                        return Ok(());
                    }
                }
                result => return result.map(drop),
            }
        }
    }

    /// Waits for news of the turns; without any, what the runtime said stands.
    async fn wait(&self, progress: &mut watch::Receiver<Progress>, refused: Error) -> Result<()> {
        tokio::select! {
            news = timeout(REFUSAL_GRACE, progress.changed()) => news.map_or(Err(refused), |_| Ok(())),
            reason = self.thread.codex().closed() => Err(Error::Closed(reason)),
        }
    }
}

fn is_refusal(error: &Error) -> bool {
    error.code() == Some(envelope::INVALID_REQUEST)
}

impl fmt::Debug for GoalControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoalControl").field("thread", &self.thread.id()).finish_non_exhaustive()
    }
}
