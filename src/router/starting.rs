//! What arrives for a thread while somebody is starting a turn on it: it may belong to that turn.

use std::collections::VecDeque;

use super::queue::{Phase, Queue};
use crate::protocol::envelope::{self, Scope};
use crate::protocol::{ItemStartedNotification, Notification, ServerNotification, ThreadItem};

#[derive(Default)]
pub(super) struct Starting {
    /// From where on it concerns each call that is under way.
    positions: Vec<usize>,
    /// The position of the first line that is still kept.
    base: usize,
    early: VecDeque<Early>,
}

pub(super) struct Early {
    turn: String,
    /// Another turn that it concerns.
    root: Option<String>,
    phase: Option<Phase>,
    is_item_start: bool,
    line: String,
    /// Whether it has reached a handle of its turn.
    pub(super) claimed: bool,
    /// Whether it has reached whoever follows the thread.
    pub(super) followed: bool,
}

impl Early {
    pub(super) fn new(method: &str, scope: &Scope<'_>, turn: &str, line: &str) -> Early {
        Early {
            turn: turn.into(),
            root: scope.root_turn.as_deref().map(Into::into),
            phase: Phase::after(method),
            is_item_start: method == ItemStartedNotification::METHOD,
            line: line.into(),
            claimed: false,
            followed: false,
        }
    }

    fn concerns(&self, turn: &str) -> bool {
        self.turn == turn || self.root.as_deref() == Some(turn)
    }

    fn starts_compaction(&self) -> bool {
        self.is_item_start
            && matches!(
                envelope::decode_notification(&self.line),
                Ok((ServerNotification::ItemStarted(it), _))
                    if matches!(it.item, ThreadItem::ContextCompaction(_))
            )
    }
}

impl Starting {
    /// Begins a call, and gives the position from which on it concerns that.
    pub(super) fn enter(&mut self) -> usize {
        let position = self.base + self.early.len();
        self.positions.push(position);
        position
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

    /// The turn without a handle that has begun to sum up the conversation since `position`.
    pub(super) fn compaction(&self, position: usize) -> Option<String> {
        let mut early = self.early.iter().skip(position - self.base);
        let start = early.find(|early| !early.claimed && early.starts_compaction())?;
        Some(start.turn.clone())
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
