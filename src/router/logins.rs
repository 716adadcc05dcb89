//! Attempts to log in: each is told how it ended.

use std::collections::{HashMap, VecDeque};

use tokio::sync::watch;

/// The line that says how an attempt ended, once it is there.
pub(crate) type Outcome = Option<Box<str>>;

/// The attempts that somebody waits for, and what arrives before it is known who that is.
#[derive(Default)]
pub(crate) struct Logins {
    slots: HashMap<String, watch::Sender<Outcome>>,
    /// From where on what arrives may belong to each start that is not answered yet.
    positions: Vec<usize>,
    /// The position of the first end that is still kept.
    base: usize,
    early: VecDeque<Early>,
    closed: bool,
}

/// The end of an attempt that came before the reply that names it.
struct Early {
    login: String,
    line: Box<str>,
    is_claimed: bool,
}

/// Whom the end of an attempt concerns.
pub(crate) enum Claim {
    /// Whoever waits for it.
    Of(watch::Sender<Outcome>),
    /// Perhaps one of those who are starting an attempt, for whom it is kept.
    Kept,
    Nobody,
}

impl Logins {
    /// Finds out whom the end of the attempt `login` concerns, of which there is only one.
    pub(crate) fn complete(&mut self, login: &str, line: &str) -> Claim {
        if let Some(slot) = self.slots.remove(login) {
            return Claim::Of(slot);
        }
        if self.positions.is_empty() {
            return Claim::Nobody;
        }
        self.early.push_back(Early { login: login.into(), line: line.into(), is_claimed: false });
        Claim::Kept
    }

    /// Begins to keep what arrives, before the request is sent that starts an attempt. Gives the
    /// position from which on it concerns the caller.
    pub(crate) fn expect(&mut self) -> usize {
        let position = self.base + self.early.len();
        self.positions.push(position);
        position
    }

    /// Listens for the end of the attempt `login`, which may have arrived since `position`.
    pub(crate) fn claim(&mut self, position: usize, login: &str) -> watch::Receiver<Outcome> {
        let mut early = self.early.iter_mut().skip(position - self.base);
        if let Some(early) = early.find(|early| early.login == login) {
            // It stays in its place, so that the positions stay right, and another start whose reply
            // names the same attempt finds it, too.
            early.is_claimed = true;
            return watch::Sender::new(Some(early.line.clone())).subscribe();
        }
        if self.closed {
            // Without a sender it says at once that nothing will come.
            return watch::Sender::new(None).subscribe();
        }
        self.slots.entry(login.into()).or_default().subscribe()
    }

    /// Ends what [`Logins::expect`] began. Gives the lines that turned out to be nobody's.
    #[must_use]
    pub(crate) fn leave(&mut self, position: usize) -> Vec<Box<str>> {
        if let Some(at) = self.positions.iter().position(|it| *it == position) {
            self.positions.swap_remove(at);
        }
        // What no other start may want is not kept any longer.
        let end = self.base + self.early.len();
        let keep_from = self.positions.iter().copied().min().unwrap_or(end);
        let dropped = self.early.drain(..keep_from - self.base);
        let nobodys = dropped.filter(|early| !early.is_claimed).map(|early| early.line).collect();
        self.base = keep_from;
        nobodys
    }

    /// Forgets the attempt `login`, unless somebody still waits for its end.
    pub(crate) fn forget(&mut self, login: &str) {
        if self.slots.get(login).is_some_and(|slot| slot.receiver_count() == 0) {
            self.slots.remove(login);
        }
    }

    /// No end is going to arrive any more: whoever waits for one is told so when what is given back is
    /// dropped.
    pub(super) fn close(&mut self) -> Vec<watch::Sender<Outcome>> {
        self.closed = true;
        self.slots.drain().map(|(_, slot)| slot).collect()
    }
}
