//! What arrives for a thread while somebody is starting a turn on it: it may belong to that turn.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::RwLock;

use super::queue::{Phase, Queue};
use crate::protocol::envelope::Scope;

/// Shared by those who start a turn and learn its id from the reply; held alone by those who have
/// to take the next turn that starts for theirs.
pub(crate) type StartLock = Arc<RwLock<()>>;

#[derive(Default)]
pub(super) struct Starting {
    /// From where on it concerns each call that is under way.
    positions: Vec<usize>,
    /// The position of the first line that is still kept.
    base: usize,
    early: VecDeque<Early>,
    lock: StartLock,
}

pub(super) struct Early {
    turn: String,
    /// Another turn that it concerns.
    root: Option<String>,
    phase: Option<Phase>,
    line: String,
    /// Whether it has reached a handle of its turn.
    claimed: bool,
    /// Whether it has reached whoever follows the thread.
    followed: bool,
}

impl Early {
    pub(super) fn new(
        scope: &Scope<'_>,
        turn: &str,
        line: &str,
        change: Option<(Phase, &str)>,
        claimed: bool,
        followed: bool,
    ) -> Early {
        Early {
            turn: turn.into(),
            root: scope.root_turn.as_deref().map(Into::into),
            phase: change.map(|(phase, _)| phase),
            line: line.into(),
            claimed,
            followed,
        }
    }

    fn concerns(&self, turn: &str) -> bool {
        self.turn == turn || self.root.as_deref() == Some(turn)
    }
}

impl Starting {
    pub(super) fn enter(&mut self) -> (usize, StartLock) {
        let position = self.base + self.early.len();
        self.positions.push(position);
        (position, Arc::clone(&self.lock))
    }

    pub(super) fn push(&mut self, early: Early) {
        self.early.push_back(early);
    }

    /// Gives `queue` what concerns `turn`, up to its end.
    pub(super) fn claim(&mut self, position: usize, turn: &str, queue: &Queue) {
        let early = self.early.iter_mut().skip(position - self.base);
        for early in early.filter(|early| early.concerns(turn)) {
            if queue.has_completed() {
                break;
            }
            early.claimed = true;
            // Nobody waits on a queue that was made just now, so there is nobody to wake.
            let change = early.phase.map(|phase| (phase, early.turn.as_str()));
            let _ = queue.push(&early.line, change);
        }
    }

    pub(super) fn started_by_server(&self, position: usize) -> Option<String> {
        let mut early = self.early.iter().skip(position - self.base);
        let started = early.find(|early| early.phase == Some(Phase::Started) && !early.claimed)?;
        Some(started.root.as_ref().unwrap_or(&started.turn).clone())
    }

    /// Forgets the call at `position`, and gives the lines that turned out to be nobody's.
    pub(super) fn leave(&mut self, position: usize) -> Vec<String> {
        if let Some(at) = self.positions.iter().position(|it| *it == position) {
            self.positions.swap_remove(at);
        }
        // What no other call may want is not kept any longer.
        let end = self.base + self.early.len();
        let keep_from = self.positions.iter().copied().min().unwrap_or(end);
        let dropped = self.early.drain(..keep_from - self.base);
        let nobodys = dropped.filter(|early| !early.claimed && !early.followed);
        let nobodys = nobodys.map(|early| early.line).collect();
        self.base = keep_from;
        nobodys
    }

    /// Whether nobody is starting a turn any more.
    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }
}
