//! Setting a goal and following it.

use std::fmt;
use std::future::IntoFuture;

use crate::codex::BoxFuture;
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::protocol;
use crate::thread::Thread;

use super::GoalRun;

/// A goal that is set and followed when it is awaited (`thread/goal/set`).
#[derive(Clone)]
#[must_use = "a goal is only set when it is awaited"]
pub struct GoalStart {
    thread: Thread,
    objective: String,
    token_budget: Option<i64>,
    interrupt_on_drop: bool,
    parks: bool,
}

impl GoalStart {
    pub(super) fn new(thread: Thread, objective: String) -> GoalStart {
        GoalStart { thread, objective, token_budget: None, interrupt_on_drop: false, parks: false }
    }

    /// How many tokens the work may take; then the goal is `budgetLimited`.
    pub fn token_budget(mut self, tokens: i64) -> Self {
        self.token_budget = Some(tokens);
        self
    }

    /// As [`GoalRun::interrupt_on_drop`], and from the start on: also when this future is dropped.
    pub fn interrupt_on_drop(mut self, yes: bool) -> Self {
        self.interrupt_on_drop = yes;
        self
    }

    /// As [`GoalRun::park_requests`], and from the start on.
    pub fn park_requests(mut self) -> Self {
        self.parks = true;
        self
    }

    async fn start(self) -> Result<GoalRun> {
        let GoalStart { thread, objective, token_budget, interrupt_on_drop, parks } = self;
        let connection = &thread.codex().connection;
        check_idle(&thread).await?;
        let set = |status| {
            let mut params = protocol::ThreadGoalSetParams::new(thread.id()).status(status);
            params.objective = Some(objective.clone());
            params.token_budget = token_budget;
            params
        };
        if let Some(old) = thread.goal().await? {
            check_not_active(&old)?;
            // If the new one is not accepted, this fails and the old one stays.
            connection.call(&set(protocol::ThreadGoalStatus::Paused)).await?;
            thread.goal_clear().await?;
        }
        let following = connection.follow(thread.id());
        following.queue.set_parks(parks);
        let make = move |connection: &Connection, set: protocol::ThreadGoalSetResponse| {
            let mut run = GoalRun::new(connection, &set.goal, following);
            run.interrupt_on_drop(interrupt_on_drop);
            run
        };
        let run = connection.accepted(set(protocol::ThreadGoalStatus::Active), make).await?;
        run.has_started().await?;
        Ok(run)
    }
}

/// A turn that is running would be taken for one of the goal.
async fn check_idle(thread: &Thread) -> Result<()> {
    let connection = &thread.codex().connection;
    if connection.is_detached(thread.id()) {
        return Err(Error::detached(thread.id()));
    }
    if connection.has_turn(thread.id()) || thread.is_active().await? {
        let problem = format!("thread {} has a turn running", thread.id());
        let help = "wait for its end, or interrupt it, before you run a goal there";
        return Err(Error::InvalidInput(format!("{problem}: {help}")));
    }
    Ok(())
}

/// The turns of a goal that is worked on would be taken for those of the new one.
fn check_not_active(goal: &protocol::ThreadGoal) -> Result<()> {
    if goal.status == protocol::ThreadGoalStatus::Active {
        let problem = format!("thread {} works on another goal", goal.thread_id);
        let help = "pause or clear that before you run a new one there";
        return Err(Error::InvalidInput(format!("{problem}: {help}")));
    }
    Ok(())
}

impl fmt::Debug for GoalStart {
    /// Leaves out the objective: it may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoalStart").field("thread", &self.thread.id()).finish_non_exhaustive()
    }
}

impl IntoFuture for GoalStart {
    type Output = Result<GoalRun>;
    type IntoFuture = BoxFuture<Result<GoalRun>>;

    /// # Errors
    ///
    /// [`Error::InvalidInput`] if a turn is running on the thread, or it has another goal that is
    /// active; [`Error::Rpc`] if the objective is blank or longer than the runtime allows, the thread
    /// is ephemeral, or goals are turned off; [`Error::Timeout`] if the runtime does not begin
    /// within 30 s, in which case the goal is paused; what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after the request was sent, the work goes on without a listener,
    /// unless [`GoalStart::interrupt_on_drop`] says otherwise.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}
