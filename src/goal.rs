//! Goals: what the agent works on from turn to turn until it is reached.

mod control;
mod run;
mod start;

use crate::error::Result;
use crate::protocol;
use crate::thread::Thread;

pub use self::control::GoalControl;
pub use self::run::{GoalResult, GoalRun};
pub use self::start::GoalStart;

impl Thread {
    /// The goal of this thread, if it has one (`thread/goal/get`).
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if the thread is ephemeral or goals are turned off, and
    /// what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Can be dropped.
    pub async fn goal(&self) -> Result<Option<protocol::ThreadGoal>> {
        Ok(self.codex().request(protocol::ThreadGoalGetParams::new(self.id())).await?.goal)
    }

    /// Sets the goal of this thread (`thread/goal/set`). The runtime begins to work on it when the
    /// thread is idle: it starts turn after turn by itself, whose events are in
    /// [`Thread::events`], until the goal is complete, blocked, paused or cleared.
    /// [`Thread::goal_run`] does the same and follows these turns.
    ///
    /// A goal that is replaced keeps what was counted for it.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if the objective is blank or longer than the runtime
    /// allows (4,000 characters), the thread is ephemeral, or goals are turned off.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn goal_set(&self, objective: impl Into<String>) -> Result<protocol::ThreadGoal> {
        let params = protocol::ThreadGoalSetParams::new(self.id()).objective(objective);
        let params = params.status(protocol::ThreadGoalStatus::Active);
        Ok(self.codex().request(params).await?.goal)
    }

    /// Keeps the runtime from starting the next turn for the goal (`thread/goal/set`). A turn that
    /// is running goes on to its end.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if there is no goal, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn goal_pause(&self) -> Result<protocol::ThreadGoal> {
        self.goal_status(protocol::ThreadGoalStatus::Paused).await
    }

    /// Goes on with a goal that was paused, or is blocked (`thread/goal/set`).
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if there is no goal, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn goal_resume(&self) -> Result<protocol::ThreadGoal> {
        self.goal_status(protocol::ThreadGoalStatus::Active).await
    }

    /// Takes the goal away (`thread/goal/clear`). False if there was none. A turn that is running
    /// goes on to its end.
    ///
    /// # Errors
    ///
    /// As [`Thread::goal`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn goal_clear(&self) -> Result<bool> {
        Ok(self.codex().request(protocol::ThreadGoalClearParams::new(self.id())).await?.cleared)
    }

    /// Gives this thread a new goal and follows the turns that the runtime starts for it, as one.
    /// Await it, after setting its options.
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// let run = thread.goal_run("All tests pass without a warning.").token_budget(200_000).await?;
    /// let result = run.result().await?;
    /// println!("{:?} after {} turns", result.goal.map(|it| it.status), result.turns.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn goal_run(&self, objective: impl Into<String>) -> GoalStart {
        GoalStart::new(self.clone(), objective.into())
    }

    async fn goal_status(
        &self,
        status: protocol::ThreadGoalStatus,
    ) -> Result<protocol::ThreadGoal> {
        let params = protocol::ThreadGoalSetParams::new(self.id()).status(status);
        Ok(self.codex().request(params).await?.goal)
    }
}
