//! The lossless queue of one consumer: lines as they arrived, decoded by whoever reads them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tokio::sync::watch;

use super::lock;
use crate::error::CloseReason;
use crate::protocol::{self, Notification};
use crate::request::ServerRequest;

/// Lines are gathered into pieces of about this many bytes, which are handed over and freed whole.
const SEGMENT: usize = 64 * 1024;

/// Stands among the lines where a request came. It is no JSON.
const REQUEST: &str = "?";

/// How far a turn has come, as far as its notifications tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd)]
pub(crate) enum Phase {
    /// Accepted, but `turn/started` has not arrived.
    #[default]
    Accepted,
    Started,
    Completed,
}

impl Phase {
    /// The phase that a notification leads to, if it leads to another.
    pub(crate) fn after(method: &str) -> Option<Phase> {
        match method {
            protocol::TurnStartedNotification::METHOD => Some(Phase::Started),
            protocol::TurnCompletedNotification::METHOD => Some(Phase::Completed),
            _ => None,
        }
    }
}

/// What is known of the turn whose events a queue receives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) phase: Phase,
    /// The id with which the turn that is at work can be controlled. A review works under another
    /// id than its own.
    pub(crate) active: Option<Arc<str>>,
    /// How many turns were seen to start.
    pub(crate) starts: u64,
    /// Nothing more is going to arrive.
    pub(crate) is_detached: bool,
}

impl Progress {
    fn go_on(&mut self, phase: Phase, turn: &str, span: Span) {
        self.phase = match (phase, span) {
            // Another turn is to come.
            (Phase::Completed, Span::Connection) => Phase::Accepted,
            (phase, _) => phase,
        };
        self.active = (phase == Phase::Started).then(|| turn.into());
        self.starts += u64::from(phase == Phase::Started);
    }
}

/// When a queue ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Span {
    /// With the first turn that completes.
    #[default]
    Turn,
    /// Only with the connection.
    Connection,
}

/// What waits for one consumer.
#[derive(Default)]
pub(crate) struct Queue {
    span: Span,
    /// Whether the consumer wants requests of the server.
    parks: AtomicBool,
    state: Mutex<State>,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct State {
    /// Whole lines, each with its newline.
    segments: VecDeque<String>,
    /// One for each mark among the lines.
    requests: VecDeque<ServerRequest>,
    /// An empty segment that the consumer gave back.
    spare: Option<String>,
    waker: Option<Waker>,
    end: Option<End>,
}

enum End {
    /// The turn completed: its last line is in the queue.
    Completed,
    /// The consumer is gone.
    Unread,
    /// The turn did not complete in its time.
    Expired,
    /// The runtime was told to send no more events of this thread.
    Detached(Arc<str>),
    Closed(CloseReason),
}

/// Lines that a consumer has taken.
#[derive(Default)]
pub(crate) struct Segment {
    text: String,
    read: usize,
}

impl Segment {
    /// The next line without its newline; `Err` where a request stands instead.
    pub(crate) fn next_line(&mut self) -> Option<Result<&str, IsRequest>> {
        let rest = &self.text[self.read..];
        let end = memchr::memchr(b'\n', rest.as_bytes())?;
        self.read += end + 1;
        let line = &rest[..end];
        Some(if line == REQUEST { Err(IsRequest) } else { Ok(line) })
    }
}

/// There is a request instead of a line: [`Queue::next_request`].
pub(crate) struct IsRequest;

/// What a consumer gets when it asks for more.
pub(crate) enum Pulled {
    Lines,
    /// The turn completed, and everything was read.
    Completed,
    /// The turn did not complete in its time.
    Expired,
    /// The runtime was told to send no more events of this thread.
    Detached(Arc<str>),
    Closed(CloseReason),
}

impl Queue {
    pub(crate) fn new(span: Span) -> Queue {
        Queue { span, ..Queue::default() }
    }

    /// Appends a line; gives back who must be woken. `change` is what the line says of a turn: its
    /// new phase and its id.
    #[must_use]
    pub(crate) fn push(&self, line: &str, change: Option<(Phase, &str)>) -> Option<Waker> {
        let mut state = lock(&self.state);
        if state.end.is_none() {
            state.append(line);
        }
        if let Some((phase, turn)) = change {
            self.progress.send_modify(|progress| progress.go_on(phase, turn, self.span));
            if phase == Phase::Completed && self.span == Span::Turn {
                state.end.get_or_insert(End::Completed);
            }
        }
        state.waker.take()
    }

    /// Whether the consumer wants requests of the server from now on.
    pub(crate) fn set_parks(&self, yes: bool) {
        self.parks.store(yes, Ordering::Relaxed);
    }

    /// Puts in a request of the server, if the consumer wants it.
    pub(crate) fn park(&self, request: &ServerRequest, wakers: &mut Vec<Waker>) -> bool {
        if !self.parks.load(Ordering::Relaxed) {
            return false;
        }
        let mut state = lock(&self.state);
        if state.end.is_some() {
            return false;
        }
        state.append(REQUEST);
        state.requests.push_back(request.clone());
        wakers.extend(state.waker.take());
        true
    }

    /// The request that stands where the consumer has come to.
    pub(crate) fn next_request(&self) -> Option<ServerRequest> {
        lock(&self.state).requests.pop_front()
    }

    /// Begins where the turn is known to have come to.
    pub(crate) fn begin_at(&self, progress: Progress) {
        self.progress.send_replace(progress);
    }

    /// Ends the queue with the connection; what is in it can still be read.
    #[must_use]
    pub(crate) fn close(&self, reason: &CloseReason) -> Option<Waker> {
        let waker = self.end(End::Closed(reason.clone()));
        // Whoever waits for progress learns from the connection that none will come.
        self.progress.send_modify(|_| ());
        waker
    }

    /// Ends the queue, because nothing more of its thread is sent.
    #[must_use]
    pub(crate) fn detach(&self, thread: &Arc<str>) -> Option<Waker> {
        let waker = self.end(End::Detached(Arc::clone(thread)));
        self.progress.send_modify(|progress| progress.is_detached = true);
        waker
    }

    /// Ends the queue, although its turn may go on.
    pub(crate) fn expire(&self) {
        if let Some(waker) = self.end(End::Expired) {
            waker.wake();
        }
    }

    fn end(&self, end: End) -> Option<Waker> {
        let mut state = lock(&self.state);
        state.end.get_or_insert(end);
        state.waker.take()
    }

    /// Throws away what is there and what is still to come.
    pub(crate) fn discard(&self) {
        let mut state = lock(&self.state);
        state.end = Some(End::Unread);
        let unread = (std::mem::take(&mut state.segments), state.spare.take(), state.waker.take());
        let refused = std::mem::take(&mut state.requests);
        // It may be much: nobody has to wait while it is freed.
        drop(state);
        drop(refused);
        drop(unread);
    }

    /// Replaces a segment that was read to its end by the next one.
    pub(crate) fn poll_pull(&self, segment: &mut Segment, cx: &mut Context<'_>) -> Poll<Pulled> {
        let mut state = lock(&self.state);
        if let Some(next) = state.segments.pop_front() {
            let mut read = std::mem::replace(&mut segment.text, next);
            segment.read = 0;
            if read.capacity() <= 2 * SEGMENT {
                read.clear();
                state.spare = Some(read);
            }
            return Poll::Ready(Pulled::Lines);
        }
        match &state.end {
            Some(End::Completed | End::Unread) => Poll::Ready(Pulled::Completed),
            Some(End::Expired) => Poll::Ready(Pulled::Expired),
            Some(End::Detached(thread)) => Poll::Ready(Pulled::Detached(Arc::clone(thread))),
            Some(End::Closed(reason)) => Poll::Ready(Pulled::Closed(reason.clone())),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Whether somebody reads what arrives, or may do so later.
    pub(crate) fn is_read(&self) -> bool {
        !matches!(lock(&self.state).end, Some(End::Unread))
    }

    /// Whether the end of the turn has arrived.
    pub(crate) fn has_completed(&self) -> bool {
        self.progress.borrow().phase == Phase::Completed
    }

    /// Whether the end of the turn is going to arrive, as far as is known.
    pub(crate) fn awaits_completion(&self) -> bool {
        !self.has_completed() && !self.progress.borrow().is_detached
    }

    /// What is known of the turn, and news of it.
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }
}

impl State {
    fn append(&mut self, line: &str) {
        let needed = line.len() + 1;
        let fits = self
            .segments
            .back()
            .is_some_and(|last| last.len() < SEGMENT / 2 || last.capacity() - last.len() >= needed);
        if !fits {
            let next = match self.spare.take() {
                Some(spare) => spare,
                // Only a consumer that lags behind fills segment after segment.
                None if self.segments.is_empty() => String::new(),
                None => String::with_capacity(SEGMENT.max(needed)),
            };
            self.segments.push_back(next);
        }
        if let Some(last) = self.segments.back_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
}
