//! Decides which turn a notification belongs to, and keeps what nobody has asked for yet.

mod queue;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use crate::error::CloseReason;
use crate::protocol::envelope::Scope;

pub(crate) use self::queue::{Phase, Pulled, Segment, TurnQueue};

/// Who receives what. One lives in each connection, under its lock.
#[derive(Default)]
pub(crate) struct Router {
    /// The queues of each turn that somebody listens to. A turn that was joined has several.
    turns: HashMap<String, Vec<Arc<TurnQueue>>>,
    /// The calls that are starting a turn, by thread.
    starting: HashMap<String, Vec<Arc<Starting>>>,
}

/// A call that is starting a turn whose id it does not know yet. What arrives for its thread in the
/// meantime is kept, because it may belong to that turn.
#[derive(Default)]
pub(crate) struct Starting {
    early: Mutex<Vec<Early>>,
}

struct Early {
    turn: String,
    method: String,
    line: String,
}

impl Router {
    /// Gives `line` to everyone who listens to its turn. False if nobody does.
    pub(crate) fn route(
        &mut self,
        method: &str,
        scope: &Scope<'_>,
        line: &str,
        wakers: &mut Vec<Waker>,
    ) -> bool {
        let Some(turn) = scope.turn.as_deref() else { return false };
        let mut claimed = false;
        if let Some(queues) = self.turns.get(turn) {
            claimed = true;
            let phase = Phase::after(method);
            for queue in queues {
                wakers.extend(queue.push(line, phase));
            }
            if phase == Some(Phase::Completed) {
                self.turns.remove(turn);
            }
        }
        if !self.starting.is_empty()
            && let Some(calls) = scope.thread.as_deref().and_then(|it| self.starting.get(it))
        {
            claimed = true;
            for call in calls {
                let early = Early { turn: turn.into(), method: method.into(), line: line.into() };
                lock(&call.early).push(early);
            }
        }
        claimed
    }

    /// Begins to keep what arrives for `thread`, until [`Router::claim`] or [`Router::forget`].
    pub(crate) fn expect(&mut self, thread: &str) -> Arc<Starting> {
        let call = Arc::default();
        self.starting.entry(thread.into()).or_default().push(Arc::clone(&call));
        call
    }

    /// Turns what was kept for `turn` into a queue that goes on receiving.
    pub(crate) fn claim(
        &mut self,
        thread: &str,
        call: &Arc<Starting>,
        turn: &str,
    ) -> Arc<TurnQueue> {
        self.forget(thread, call);
        let queue = Arc::new(TurnQueue::default());
        let mut completed = false;
        for early in std::mem::take(&mut *lock(&call.early)) {
            if early.turn == turn {
                let phase = Phase::after(&early.method);
                completed |= phase == Some(Phase::Completed);
                // Nobody waits on a queue that was made just now, so there is nobody to wake.
                let _ = queue.push(&early.line, phase);
            }
        }
        if !completed {
            self.turns.entry(turn.into()).or_default().push(Arc::clone(&queue));
        }
        queue
    }

    /// Drops what was kept for a call that ended without a turn.
    pub(crate) fn forget(&mut self, thread: &str, call: &Arc<Starting>) {
        remove(&mut self.starting, thread, call);
    }

    /// Stops delivering to `queue`.
    pub(crate) fn unsubscribe(&mut self, turn: &str, queue: &Arc<TurnQueue>) {
        remove(&mut self.turns, turn, queue);
    }

    /// Ends every queue with `reason`.
    pub(crate) fn close(&mut self, reason: &CloseReason, wakers: &mut Vec<Waker>) {
        self.starting.clear();
        for queue in self.turns.drain().flat_map(|(_, queues)| queues) {
            wakers.extend(queue.close(reason));
        }
    }
}

fn remove<T>(map: &mut HashMap<String, Vec<Arc<T>>>, key: &str, value: &Arc<T>) {
    if let Some(values) = map.get_mut(key) {
        values.retain(|it| !Arc::ptr_eq(it, value));
        if values.is_empty() {
            map.remove(key);
        }
    }
}

/// Nothing that runs under these locks can leave the data half changed, so poison means nothing.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
