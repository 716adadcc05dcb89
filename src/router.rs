//! Decides which turn a notification belongs to, and keeps what nobody has asked for yet.

mod queue;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::error::CloseReason;
use crate::protocol::envelope::Scope;

pub(crate) use self::queue::{Phase, Pulled, Segment, TurnQueue};

/// Who receives what. One lives in each connection, under its lock.
#[derive(Default)]
pub(crate) struct Router {
    /// The queues of each turn that somebody listens to. A turn that was joined has several.
    turns: HashMap<String, Vec<Arc<TurnQueue>>>,
    /// The threads on which somebody is starting a turn, whose id is not known yet.
    starting: HashMap<String, Starting>,
    closed: Option<CloseReason>,
}

/// What arrived for a thread while somebody was starting a turn on it: it may belong to that turn.
#[derive(Default)]
struct Starting {
    /// From where on it concerns each call that is under way.
    positions: Vec<usize>,
    /// The position of the first line that is still kept.
    base: usize,
    early: VecDeque<Early>,
}

struct Early {
    turn: String,
    phase: Option<Phase>,
    line: String,
    /// Whether it has reached a queue.
    claimed: bool,
}

impl Router {
    /// Gives `line` to everyone who listens to its turn, and keeps it for those who may be about
    /// to. False if there is nobody.
    pub(crate) fn route(
        &mut self,
        method: &str,
        scope: &Scope<'_>,
        line: &str,
        wakers: &mut Vec<Waker>,
    ) -> bool {
        let Some(turn) = scope.turn.as_deref() else { return false };
        let phase = Phase::after(method);
        let mut claimed = false;
        if let Some(queues) = self.turns.get(turn) {
            claimed = true;
            for queue in queues {
                wakers.extend(queue.push(line, phase));
            }
            if phase == Some(Phase::Completed) {
                self.turns.remove(turn);
            }
        }
        if !self.starting.is_empty()
            && let Some(starting) = scope.thread.as_deref().and_then(|it| self.starting.get_mut(it))
        {
            let early = Early { turn: turn.into(), phase, line: line.into(), claimed };
            starting.early.push_back(early);
            claimed = true;
        }
        claimed
    }

    /// Begins to keep what arrives for `thread`, until [`Router::leave`]. Gives the position from
    /// which on it concerns the caller.
    pub(crate) fn expect(&mut self, thread: &str) -> usize {
        let starting = self.starting.entry(thread.into()).or_default();
        let position = starting.base + starting.early.len();
        starting.positions.push(position);
        position
    }

    /// Makes a queue of what was kept for `turn` since `position`, which goes on receiving until
    /// the turn has completed, even if nobody reads it any more.
    pub(crate) fn claim(&mut self, thread: &str, position: usize, turn: &str) -> Arc<TurnQueue> {
        let queue = Arc::new(TurnQueue::default());
        let other = self.turns.get(turn).and_then(|queues| queues.first());
        let mut phase = other.map_or(Phase::Accepted, |other| *other.phase().borrow());
        queue.begin_in(phase);
        if let Some(starting) = self.starting.get_mut(thread) {
            let early = starting.early.iter_mut().skip(position - starting.base);
            for early in early.filter(|early| early.turn == turn) {
                if phase == Phase::Completed {
                    break;
                }
                early.claimed = true;
                phase = early.phase.unwrap_or(phase);
                // Nobody waits on a queue that was made just now, so there is nobody to wake.
                let _ = queue.push(&early.line, early.phase);
            }
        }
        if let Some(reason) = &self.closed {
            let _ = queue.close(reason);
        } else if phase != Phase::Completed {
            self.turns.entry(turn.into()).or_default().push(Arc::clone(&queue));
        }
        queue
    }

    /// Ends what [`Router::expect`] began at `position`. Gives the lines that turned out to be
    /// nobody's.
    #[must_use]
    pub(crate) fn leave(&mut self, thread: &str, position: usize) -> Vec<String> {
        let Some(starting) = self.starting.get_mut(thread) else { return Vec::new() };
        if let Some(at) = starting.positions.iter().position(|it| *it == position) {
            starting.positions.swap_remove(at);
        }
        // What no other call may want is not kept any longer.
        let end = starting.base + starting.early.len();
        let keep_from = starting.positions.iter().copied().min().unwrap_or(end);
        let dropped = starting.early.drain(..keep_from - starting.base);
        let nobodys = dropped.filter(|early| !early.claimed).map(|early| early.line).collect();
        starting.base = keep_from;
        if starting.positions.is_empty() {
            self.starting.remove(thread);
        }
        nobodys
    }

    /// Ends every queue with `reason`, also those that are still to come.
    pub(crate) fn close(&mut self, reason: &CloseReason, wakers: &mut Vec<Waker>) {
        self.closed = Some(reason.clone());
        for queue in self.turns.drain().flat_map(|(_, queues)| queues) {
            wakers.extend(queue.close(reason));
        }
    }
}

/// Nothing that runs under these locks can leave the data half changed, so poison means nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
