//! Steering and interrupting the work on a goal.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::connection::{Connection, Following, Link};
use crate::error::{Error, Result, RpcErrorKind};
use crate::input::Input;
use crate::protocol;
use crate::router::Progress;
use crate::turn::REFUSAL_GRACE;

/// How long a turn may still take to start after its goal was paused between two turns.
pub(super) const SETTLE: Duration = Duration::from_millis(500);

/// Steers and interrupts the work on a goal, whichever turn it has come to. Cheap to clone.
#[derive(Clone)]
pub struct GoalControl {
    line: Arc<GoalLine>,
    /// Keeps the connection open.
    _connection: Connection,
}

/// What can be done to the work on a goal, without keeping the connection open.
pub(super) struct GoalLine {
    pub(super) link: Link,
    pub(super) thread: String,
    /// When the goal was made, which tells it from others.
    created_at: i64,
    pub(super) following: Following,
    has_ended: AtomicBool,
}

impl GoalControl {
    pub(super) fn new(connection: &Connection, line: Arc<GoalLine>) -> GoalControl {
        GoalControl { line, _connection: connection.clone() }
    }

    pub(super) fn line(&self) -> &Arc<GoalLine> {
        &self.line
    }

    /// Gives the agent more input while it works (`turn/steer`). Between two turns this waits for
    /// the next one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] if the input is empty or contradicts itself, [`Error::Rpc`] if no
    /// turn takes it within five seconds, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn steer(&self, input: impl Into<Input>) -> Result<()> {
        let input = input.into().into_items()?;
        let GoalLine { link, thread, .. } = &*self.line;
        let mut progress = self.line.following.queue.progress();
        let until = Instant::now() + REFUSAL_GRACE;
        loop {
            let turn = progress.borrow_and_update().active.clone();
            // Between two turns any id is refused for there being no turn.
            let turn = turn.as_deref().unwrap_or(thread);
            let params = protocol::TurnSteerParams::new(&**thread, turn, input.clone());
            match link.control(&params).await {
                Err(error) if is_early_or_late(&error) && !self.line.has_ended() => {
                    self.line.wait(&mut progress, until, error).await?;
                }
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
        self.line.interrupt().await
    }
}

impl GoalLine {
    pub(super) fn new(link: Link, goal: &protocol::ThreadGoal, following: Following) -> GoalLine {
        GoalLine {
            link,
            thread: goal.thread_id.clone(),
            created_at: goal.created_at,
            following,
            has_ended: AtomicBool::new(false),
        }
    }

    /// The run has read its end: what happens on the thread from now on is not its work.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        self.following.end();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    pub(super) async fn interrupt(&self) -> Result<()> {
        if self.has_ended() {
            return Ok(());
        }
        let mut progress = self.following.queue.progress();
        let was_active = self.pause().await?;
        let until = Instant::now() + REFUSAL_GRACE;
        loop {
            let turn = progress.borrow_and_update().active.clone();
            let Some(turn) = turn else {
                // Another turn may be about to start, if the goal was active until now.
                if !was_active || timeout(SETTLE, progress.changed()).await.is_err() {
                    return Ok(());
                }
                continue;
            };
            // The goal is done, and somebody else has given the thread something to do.
            if !was_active && self.link.has_handle(&turn) {
                return Ok(());
            }
            let params = protocol::TurnInterruptParams::new(&*self.thread, &*turn);
            match self.link.control(&params).await {
                Err(error) if is_early_or_late(&error) => {
                    self.wait(&mut progress, until, error).await?;
                }
                result => return result.map(drop),
            }
        }
    }

    /// Keeps the runtime from starting another turn. False if it would not do so anyway.
    async fn pause(&self) -> Result<bool> {
        let get = protocol::ThreadGoalGetParams::new(&*self.thread);
        let goal = self.link.control(&get).await?.goal;
        let is_ours = |it: &protocol::ThreadGoal| it.created_at == self.created_at;
        let is_active = |it: protocol::ThreadGoal| it.status == protocol::ThreadGoalStatus::Active;
        if !goal.filter(is_ours).is_some_and(is_active) {
            return Ok(false);
        }
        let pause = protocol::ThreadGoalSetParams::new(&*self.thread)
            .status(protocol::ThreadGoalStatus::Paused);
        self.link.control(&pause).await.map(|_| true)
    }

    /// Waits for news of the turns; without any, what the runtime said stands.
    async fn wait(
        &self,
        progress: &mut watch::Receiver<Progress>,
        until: Instant,
        refused: Error,
    ) -> Result<()> {
        // News that are there already would be taken even then.
        if Instant::now() >= until {
            return Err(refused);
        }
        tokio::select! {
            news = timeout_at(until, progress.changed()) => news.map_or(Err(refused), |_| Ok(())),
            reason = self.link.closed() => Err(Error::Closed(reason)),
        }
    }
}

/// Whether the turn was refused because it has not begun yet or has ended already.
fn is_early_or_late(error: &Error) -> bool {
    let kind = match error {
        Error::Rpc(error) => error.kind(),
        _ => return false,
    };
    matches!(kind, RpcErrorKind::NoActiveTurn | RpcErrorKind::OtherTurnActive)
}

impl fmt::Debug for GoalControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoalControl").field("thread", &self.line.thread).finish_non_exhaustive()
    }
}
