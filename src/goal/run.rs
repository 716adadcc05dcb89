//! The turns that the runtime starts for a goal, as one.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::time::{Sleep, sleep, timeout};

use crate::connection::{Connection, Following};
use crate::error::{Error, Result};
use crate::input::Input;
use crate::protocol::{self, Notification, ServerNotification};
use crate::turn::{Collected, End, EventReader, SERVER_START, TurnEvent, TurnResult};

use super::GoalControl;
use super::control::{GoalLine, SETTLE};

/// The work on a goal, over all the turns that the runtime starts for it: [`Thread::goal_run`](crate::Thread::goal_run).
///
/// Its events are those of all turns of the thread and those of the goal, as they are: each turn
/// has its id, starts and completes. Dropping it stops the events, not the work, unless
/// [`GoalRun::interrupt_on_drop`] says otherwise.
///
/// It ends when a turn ends and the goal is no longer active, or the turn failed or was
/// interrupted. Input that somebody else gives the thread joins the turn that is running.
#[must_use = "dropping the run ends the delivery of the events"]
pub struct GoalRun {
    control: GoalControl,
    events: EventReader,
    collected: Collected,
    state: State,
    interrupt_on_drop: bool,
    /// Runs when the goal has come to its end between two turns.
    settle: Option<Pin<Box<Sleep>>>,
}

/// What is known of the goal and its turns.
#[derive(Default)]
struct State {
    goal: Option<protocol::ThreadGoal>,
    /// Whether the goal is known to be that of this run.
    has_begun: bool,
    turns: Vec<String>,
    is_turn_running: bool,
    started_at: Option<i64>,
    duration_ms: i64,
    has_ended: bool,
}

/// What the work on a goal has come to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GoalResult {
    /// The goal with its last status; `None` if it was cleared.
    pub goal: Option<protocol::ThreadGoal>,
    /// The ids of its turns, in order.
    pub turns: Vec<String>,
    /// All turns as one: the id of the first, the status of the last, the items of all, the usage
    /// after the last. `duration_ms` is the time that they took together.
    pub turn: TurnResult,
}

impl GoalRun {
    /// The goal as it was last heard of; `None` if it was cleared.
    pub fn goal(&self) -> Option<&protocol::ThreadGoal> {
        self.state.goal.as_ref()
    }

    /// A handle that steers and interrupts the work, and does not keep its events.
    pub fn control(&self) -> GoalControl {
        self.control.clone()
    }

    /// Gives the agent more input while it works: see [`GoalControl::steer`].
    ///
    /// # Errors
    ///
    /// As [`GoalControl::steer`].
    ///
    /// # Cancel safety
    ///
    /// As [`GoalControl::steer`].
    pub async fn steer(&self, input: impl Into<Input>) -> Result<()> {
        self.control.steer(input).await
    }

    /// Pauses the goal and ends the turn that is running: see [`GoalControl::interrupt`].
    ///
    /// # Errors
    ///
    /// As [`GoalControl::interrupt`].
    ///
    /// # Cancel safety
    ///
    /// As [`GoalControl::interrupt`].
    pub async fn interrupt(&self) -> Result<()> {
        self.control.interrupt().await
    }

    /// Pauses the goal and interrupts its turn in the background when this is dropped before its
    /// end. Off by default.
    pub fn interrupt_on_drop(&mut self, yes: bool) {
        self.interrupt_on_drop = yes;
    }

    /// Whether the requests of the server about the turns of the goal come among its events from now
    /// on, as [`TurnStart::park_requests`](crate::TurnStart::park_requests) has it for one turn.
    pub fn park_requests(&mut self, yes: bool) {
        self.control.line().following.queue.set_parks(yes);
    }

    /// Waits for the next event of the goal or of one of its turns. After the end of the last turn
    /// there is `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] or [`Error::Detached`] once, if the connection ended or the thread was
    /// unsubscribed first. [`Error::Decode`] for an event whose
    /// line is broken; the next one is not affected.
    ///
    /// # Cancel safety
    ///
    /// No event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<TurnEvent>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Reads the remaining events and gives what all turns produced, including what was already
    /// read. A goal that was paused, blocked or limited is no error: see [`GoalResult::goal`].
    ///
    /// # Errors
    ///
    /// [`Error::TurnFailed`] with all turns as one if the last one failed, [`Error::Closed`] or
    /// [`Error::Detached`] if the connection ended or the thread was unsubscribed first,
    /// [`Error::Decode`] if the end of the last turn could not be
    /// understood.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the run: the work goes on without a listener, unless
    /// [`GoalRun::interrupt_on_drop`] says otherwise.
    pub async fn result(mut self) -> Result<GoalResult> {
        // An error is that of one broken event, which harms only itself and is counted, or that of
        // the end.
        while self.next().await.is_some() {}
        match self.events.end() {
            Some(End::Closed(reason)) => return Err(Error::Closed(reason.clone())),
            Some(End::Detached(thread)) => return Err(Error::detached(thread)),
            _ => (),
        }
        let state = std::mem::take(&mut self.state);
        self.end();
        let first = state.turns.first().map(String::as_str).unwrap_or_default();
        let as_one = |mut turn: TurnResult| {
            turn.started_at = state.started_at;
            turn.duration_ms = Some(state.duration_ms);
            turn
        };
        match std::mem::take(&mut self.collected).into_result(first) {
            Ok(turn) => Ok(GoalResult { turn: as_one(turn), goal: state.goal, turns: state.turns }),
            Err(Error::TurnFailed(mut failure)) => {
                failure.turn = as_one(failure.turn);
                Err(Error::TurnFailed(failure))
            }
            Err(error) => Err(error),
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<TurnEvent>>> {
        if self.state.has_ended {
            return Poll::Ready(None);
        }
        let Poll::Ready(next) = self.events.poll_next(cx) else {
            if self.state.is_settling() {
                let _context = self.control.line().link.enter();
                let settle = self.settle.get_or_insert_with(|| Box::pin(sleep(SETTLE)));
                ready!(settle.as_mut().poll(cx));
                self.end();
                return Poll::Ready(None);
            }
            return Poll::Pending;
        };
        self.settle = None;
        match &next {
            Some(Ok(event)) => {
                self.collected.observe(event);
                if let Some(notification) = event.notification() {
                    self.state.observe(notification);
                }
            }
            Some(Err(Error::Decode { method, source })) => {
                self.collected.observe_broken(&**source);
                self.state.has_ended |= method == protocol::TurnCompletedNotification::METHOD;
            }
            Some(Err(_)) | None => self.state.has_ended = true,
        }
        if self.state.has_ended {
            self.end();
        }
        Poll::Ready(next)
    }

    fn end(&mut self) {
        self.state.has_ended = true;
        self.control.line().end();
    }
}

impl GoalRun {
    pub(super) fn new(
        connection: &Connection,
        goal: &protocol::ThreadGoal,
        following: Following,
    ) -> GoalRun {
        let queue = Arc::clone(&following.queue);
        let line = GoalLine::new(connection.link().clone(), goal, following);
        GoalRun {
            control: GoalControl::new(connection, Arc::new(line)),
            events: EventReader::new(connection.link().clone(), queue),
            collected: Collected::default(),
            state: State::default(),
            interrupt_on_drop: false,
            settle: None,
        }
    }

    /// Waits for the first turn. If there is none, the goal is paused.
    pub(super) async fn has_started(&self) -> Result<()> {
        let line = self.control.line();
        let mut progress = line.following.queue.progress();
        let started = async {
            tokio::select! {
                begun = progress.wait_for(|it| it.starts > 0 || it.is_detached) => match begun {
                    Ok(begun) if begun.starts == 0 => Err(Error::detached(&line.thread)),
                    _ => Ok(()),
                },
                reason = line.link.closed() => Err(Error::Closed(reason)),
            }
        };
        if let Ok(started) = timeout(SERVER_START, started).await {
            return started;
        }
        line.interrupt().await?;
        let what = protocol::TurnStartedNotification::METHOD;
        Err(Error::Timeout { what, after: SERVER_START })
    }
}

impl State {
    fn observe(&mut self, notification: &ServerNotification) {
        match notification {
            ServerNotification::ThreadGoalUpdated(it) => {
                self.has_begun |= it.goal.status == protocol::ThreadGoalStatus::Active;
                self.goal = Some(it.goal.clone());
            }
            // The first one may be that of the goal before.
            ServerNotification::ThreadGoalCleared(_) if self.has_begun => self.goal = None,
            // One that ran before belongs to somebody else.
            ServerNotification::TurnStarted(it) if self.has_begun => {
                self.turns.push(it.turn.id.clone());
                self.started_at = self.started_at.or(it.turn.started_at);
                self.is_turn_running = true;
            }
            ServerNotification::TurnCompleted(it) if self.is_turn_running => {
                self.is_turn_running = false;
                let took = it.turn.duration_ms.unwrap_or_default();
                self.duration_ms = self.duration_ms.saturating_add(took);
                let is_completed = it.turn.status == protocol::TurnStatus::Completed;
                self.has_ended = !is_completed || self.is_over();
            }
            // An end that cannot be understood is one all the same.
            ServerNotification::Unrecognized(it) => {
                self.has_ended |= it.method == protocol::TurnCompletedNotification::METHOD;
            }
            _ => (),
        }
    }

    /// Whether the goal has come to its end between two turns.
    fn is_settling(&self) -> bool {
        self.is_over() && !self.is_turn_running
    }

    /// Whether the runtime starts no other turn for the goal.
    fn is_over(&self) -> bool {
        let status = self.goal.as_ref().map(|goal| &goal.status);
        self.has_begun && status != Some(&protocol::ThreadGoalStatus::Active)
    }
}

impl Stream for GoalRun {
    type Item = Result<TurnEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl Drop for GoalRun {
    fn drop(&mut self) {
        if self.interrupt_on_drop && !self.state.has_ended {
            let line = Arc::clone(self.control.line());
            // Whoever dropped the run does not wait for the answer.
            self.control.line().link.spawn(async move { drop(line.interrupt().await) });
        }
    }
}

impl fmt::Debug for GoalRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoalRun")
            .field("thread", &self.control.line().thread)
            .field("turns", &self.state.turns)
            .finish_non_exhaustive()
    }
}
