//! What the handles and the tasks of a connection share.

use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::{Semaphore, broadcast, mpsc, watch};

use super::outgoing::Line;
use super::pending::{GiveUp, Pending, Waiter};
use super::questions::Unused;
use super::state::{Effects, State};
use crate::error::{CloseReason, Error};
use crate::feed::{self, FeedItem};
use crate::request::SharedHandler;
use crate::router::Topic;
use crate::trace;
use crate::transport::lines;

pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) slots: Arc<Semaphore>,
    /// The places of requests that stand for a process.
    pub(super) processes: Arc<Semaphore>,
    pub(super) runtime: tokio::runtime::Handle,
    next_id: AtomicI64,
    malformed: AtomicU64,
    first_malformed: OnceLock<String>,
    /// Touched when something has arrived, or never will, that somebody who starts a turn may want.
    early_news: watch::Sender<()>,
    /// Set when a user closes the connection or drops its last handle.
    stop: watch::Sender<Option<Stop>>,
    reason: watch::Sender<Option<CloseReason>>,
    /// Set when the process is reaped and the tasks are gone.
    finished: watch::Sender<bool>,
}

/// A wish to end the connection.
#[derive(Clone, Copy)]
struct Stop {
    grace: Option<Duration>,
}

impl Shared {
    pub(super) fn new(
        in_flight: usize,
        handlers: Vec<SharedHandler>,
    ) -> (Shared, mpsc::UnboundedReceiver<Line>) {
        let in_flight = in_flight.clamp(1, Semaphore::MAX_PERMITS);
        let (outgoing, lines) = mpsc::unbounded_channel();
        let state = State::new(outgoing, handlers);
        let shared = Shared {
            state: Mutex::new(state),
            slots: Arc::new(Semaphore::new(in_flight)),
            processes: Arc::new(Semaphore::new(in_flight)),
            runtime: tokio::runtime::Handle::current(),
            next_id: AtomicI64::new(1),
            malformed: AtomicU64::new(0),
            first_malformed: OnceLock::new(),
            early_news: watch::Sender::new(()),
            stop: watch::Sender::new(None),
            reason: watch::Sender::new(None),
            finished: watch::Sender::new(false),
        };
        (shared, lines)
    }

    /// Nothing that runs under this lock can leave the state half changed.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next_id(&self) -> i64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Queues a request for writing. From here on it will be written whole, whoever waits for it.
    pub(super) fn send_request(
        self: &Arc<Self>,
        id: i64,
        line: Line,
        mut pending: Pending,
        give_up: GiveUp,
    ) -> Option<Waiter> {
        let receiver = pending.waiter();
        let mut state = self.state();
        if !state.send(line) {
            return None;
        }
        state.pending.insert(id, pending);
        Some(Waiter::new(id, self, receiver, give_up))
    }

    /// Makes place for another request, although the answer to this one is still waited for.
    pub(super) fn release(&self, id: i64) {
        let slot = self.state().pending.get_mut(&id).and_then(Pending::release);
        drop(slot);
    }

    /// Queues a line for writing. False if nothing is written any more.
    pub(super) fn send(&self, line: Line) -> bool {
        self.state().send(line)
    }

    /// Forgets a request that will not be answered any more.
    pub(super) fn give_up(&self, id: i64) {
        let mut state = self.state();
        let Entry::Occupied(mut pending) = state.pending.entry(id) else { return };
        // What changes with the answer changes also if nobody waits for it.
        let (slot, pending) = if pending.get().has_effect() {
            (pending.get_mut().release(), None)
        } else {
            (None, Some(pending.remove()))
        };
        drop(state);
        drop((slot, pending));
    }

    /// Takes in what was read: every complete line of it is dealt with before anybody is woken.
    pub(super) fn accept(&self, bytes: &[u8]) {
        let mut effects = Effects::default();
        let mut state = self.state();
        lines::for_each_line(bytes, |line| {
            let accepted = match line {
                Ok(line) => state.accept(line, &mut effects).map_err(|error| feed::problem(&error)),
                Err(_) => Err("not UTF-8".to_owned()),
            };
            if let Err(error) = accepted {
                self.count_malformed();
                effects.arrivals.malformed(line.map_or(0, str::len));
                let head = feed::head(&line.map_or_else(String::from_utf8_lossy, Into::into));
                self.first_malformed.get_or_init(|| head.clone());
                state.publish(|| FeedItem::malformed(head, error));
            }
        });
        drop(state);
        self.tell(effects);
    }

    /// Tells everyone what has arrived for them. It may run any code, also the user's, so that no
    /// lock may be held.
    pub(super) fn tell(&self, effects: Effects) {
        let Effects { replies, logins, mut unused, .. } = effects;
        for (pending, reply) in replies {
            pending.answer(reply);
        }
        for (login, line) in logins {
            login.send_replace(Some(line));
        }
        drop(effects.ended);
        for ask in effects.settled {
            unused.extend(ask.announce());
        }
        effects.wakers.into_iter().for_each(Waker::wake);
        for request in effects.asked {
            let ask = Arc::clone(request.ask());
            ask.proceed(request);
        }
        if effects.is_early_news {
            self.early_news.send_replace(());
        }
        effects.arrivals.tell();
        drop(effects.parked);
        self.discard(unused);
    }

    /// Drops what is the user's: it may take its time, and panic.
    fn discard(&self, unused: Unused) {
        if !unused.is_empty() {
            self.runtime.spawn_blocking(move || drop(unused));
        }
    }

    pub(super) fn count_malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    /// The beginning of the first line that was no message.
    pub(super) fn first_malformed(&self) -> Option<&str> {
        self.first_malformed.get().map(String::as_str)
    }

    pub(super) fn malformed_lines(&self) -> u64 {
        self.malformed.load(Ordering::Relaxed)
    }

    /// Stops keeping what arrives for `thread`, and publishes what turned out to be nobody's.
    pub(super) fn leave(&self, thread: &str, position: usize) {
        let mut effects = Effects::default();
        let mut state = self.state();
        for line in state.router.leave(thread, position) {
            state.publish_of(Some(&Topic::Thread(thread.into())), || FeedItem::notification(&line));
        }
        state.release(thread, &mut effects);
        drop(state);
        self.tell(effects);
    }

    /// Stops keeping ends of attempts to log in, and publishes what turned out to be nobody's.
    pub(super) fn leave_login(&self, position: usize) {
        let mut state = self.state();
        for line in state.router.logins.leave(position) {
            state.publish(|| FeedItem::notification(&line));
        }
    }

    /// News of turns that somebody waits for.
    pub(super) fn early_news(&self) -> watch::Receiver<()> {
        self.early_news.subscribe()
    }

    pub(super) fn feed(&self) -> broadcast::Receiver<FeedItem> {
        let mut state = self.state();
        match (state.first_feed.take(), &state.feed) {
            (Some(first), _) => first,
            (None, Some(feed)) => feed.subscribe(),
            // A feed without a sender says at once that it is closed.
            (None, None) => broadcast::channel(1).1,
        }
    }

    /// Asks the tasks to end the connection. The process gets time to end by itself: `grace`, or
    /// what the connection was opened with.
    pub(super) fn stop(&self, grace: Option<Duration>) {
        self.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            stop.get_or_insert(Stop { grace });
            first
        });
    }

    pub(super) async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        // The sender lives in `self`, so that the only way to end the wait is the value.
        let _ = stop.wait_for(Option::is_some).await;
    }

    pub(super) fn grace(&self) -> Option<Duration> {
        self.stop.borrow().and_then(|stop| stop.grace)
    }

    /// Gives everyone who waits, now and later, the reason why the connection ended. Only the first
    /// reason counts. The writer writes what was queued before, then closes its end.
    pub(super) fn end(&self, reason: &CloseReason) {
        let mut state = self.state();
        if self.reason.borrow().is_some() {
            return;
        }
        // First, so that whoever finds a feed without a sender knows why; but whoever waits for it is
        // woken without the lock, as all others are.
        self.reason.send_if_modified(|it| {
            *it = Some(reason.clone());
            false
        });
        let ended = state.close(reason);
        drop(state);
        self.reason.send_modify(|_| ());
        self.slots.close();
        self.processes.close();
        self.discard(ended.tell());
        trace::connection_ended(reason);
    }

    pub(super) fn close_reason(&self) -> Option<CloseReason> {
        self.reason.borrow().clone()
    }

    pub(super) async fn closed(&self) -> CloseReason {
        let mut reason = self.reason.subscribe();
        let ended = reason.wait_for(Option::is_some).await;
        ended.ok().and_then(|reason| reason.clone()).unwrap_or(CloseReason::Local)
    }

    /// Why something could not be sent. The reason may still be being found out.
    pub(super) async fn closed_error(&self) -> Error {
        Error::Closed(self.closed().await)
    }

    pub(super) fn finish(&self) {
        self.finished.send_replace(true);
    }

    pub(super) async fn finished(&self) {
        let mut finished = self.finished.subscribe();
        let _ = finished.wait_for(|finished| *finished).await;
    }
}
