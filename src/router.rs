//! Decides who receives a notification, and keeps what nobody has asked for yet.

mod queue;
mod starting;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::broadcast;

use crate::error::CloseReason;
use crate::feed::{FEED_CAPACITY, FeedItem};
use crate::protocol::envelope::{Scope, Stream};
use crate::protocol::{self, Notification};

pub(crate) use self::queue::{Phase, Progress, Pulled, Queue, Segment, Span};
pub(crate) use self::starting::StartLock;
use self::starting::{Early, Starting};

/// Who receives what. One lives in each connection, under its lock.
///
/// A notification goes to the narrowest that listens: to the handles of its turn and to whoever
/// follows its thread, or else to the feed of its thread, or else to that of the connection.
#[derive(Default)]
pub(crate) struct Router {
    turns: HashMap<String, Turn>,
    /// The threads on which somebody is starting a turn, whose id is not known yet.
    starting: HashMap<String, Starting>,
    /// The queues of all turns of a thread, whoever starts them.
    followed: HashMap<String, Arc<Queue>>,
    streams: HashMap<Stream<'static>, Arc<Queue>>,
    /// The bounded feeds of threads.
    feeds: HashMap<String, broadcast::Sender<FeedItem>>,
    /// The threads whose events the runtime was told not to send.
    detached: HashSet<String>,
    closed: Option<CloseReason>,
}

/// A turn that somebody listens to. One that was joined has several queues.
struct Turn {
    thread: String,
    queues: Vec<Arc<Queue>>,
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
        if let Some(stream) = &scope.stream
            && let Some(queue) = self.streams.get(stream)
        {
            wakers.extend(queue.push(line, None));
            return true;
        }
        let Some(thread) = scope.thread.as_deref() else { return false };
        let change = Phase::after(method).zip(scope.turn.as_deref());
        let mut claimed = false;
        if let Some(queue) = self.followed.get(thread)
            && (scope.turn.is_some() || is_about_goal(method))
        {
            claimed = true;
            wakers.extend(queue.push(line, change));
        }
        let Some(turn) = scope.turn.as_deref() else { return claimed };
        let mut has_handle = false;
        let known = self.turns.get(turn).into_iter();
        // Turns of other threads may have the same root: those of agents that work for this one.
        let root = scope.root_turn.as_deref().and_then(|root| self.turns.get(root));
        for queue in known.chain(root.filter(|it| it.thread == thread)).flat_map(|it| &it.queues) {
            has_handle = true;
            wakers.extend(queue.push(line, change));
        }
        if matches!(change, Some((Phase::Completed, _))) {
            self.turns.remove(turn);
        }
        if let Some(starting) = self.starting.get_mut(thread) {
            starting.push(Early::new(scope, turn, line, change, has_handle, claimed));
            claimed = true;
        }
        claimed || has_handle
    }

    /// Begins to keep what arrives for `thread`, until [`Router::leave`]. Gives the position from
    /// which on it concerns the caller, and what orders those who start turns there.
    pub(crate) fn expect(&mut self, thread: &str) -> (usize, StartLock) {
        self.starting.entry(thread.into()).or_default().enter()
    }

    /// The turn that the server started on `thread` since `position`, if it has done so. Turns that
    /// have a handle are not meant.
    pub(crate) fn started_by_server(&self, thread: &str, position: usize) -> Option<String> {
        self.starting.get(thread)?.started_by_server(position)
    }

    /// Makes a queue of what was kept for `turn` since `position`, which goes on receiving until
    /// the turn has completed, even if nobody reads it any more.
    pub(crate) fn claim(&mut self, thread: &str, position: usize, turn: &str) -> Arc<Queue> {
        let queue = Arc::new(Queue::default());
        let other = self.turns.get(turn).and_then(|it| it.queues.first());
        queue.begin_at(other.map(|other| other.progress().borrow().clone()).unwrap_or_default());
        if let Some(starting) = self.starting.get_mut(thread) {
            starting.claim(position, turn, &queue);
        }
        if let Some(reason) = &self.closed {
            let _ = queue.close(reason);
        } else if self.detached.contains(thread) {
            let _ = queue.detach(&thread.into());
        } else if !queue.has_completed() {
            let known = self.turns.entry(turn.into());
            let known = known.or_insert_with(|| Turn { thread: thread.into(), queues: Vec::new() });
            known.queues.push(Arc::clone(&queue));
        }
        queue
    }

    /// Whether a turn of `thread` has a handle and is not known to have ended.
    pub(crate) fn has_turn(&self, thread: &str) -> bool {
        self.turns.values().any(|turn| turn.thread == thread)
    }

    /// Whether `turn` has another handle than that of `queue`, and is not known to have ended.
    pub(crate) fn has_other(&self, turn: &str, queue: &Arc<Queue>) -> bool {
        let queues = self.turns.get(turn).map_or(&[][..], |it| &it.queues);
        queues.iter().any(|it| !Arc::ptr_eq(it, queue))
    }

    /// Takes back what [`Router::claim`] gave.
    pub(crate) fn forget(&mut self, turn: &str, queue: &Arc<Queue>) {
        if let Some(known) = self.turns.get_mut(turn) {
            known.queues.retain(|it| !Arc::ptr_eq(it, queue));
            if known.queues.is_empty() {
                self.turns.remove(turn);
            }
        }
    }

    /// Ends what [`Router::expect`] began at `position`. Gives the lines that turned out to be
    /// nobody's.
    #[must_use]
    pub(crate) fn leave(&mut self, thread: &str, position: usize) -> Vec<String> {
        let Some(starting) = self.starting.get_mut(thread) else { return Vec::new() };
        let nobodys = starting.leave(position);
        if starting.is_empty() {
            self.starting.remove(thread);
        }
        nobodys
    }

    /// A queue of all turns of `thread` from now on, or `None` if there is one already.
    pub(crate) fn follow(&mut self, thread: &str) -> Option<Arc<Queue>> {
        if self.followed.contains_key(thread) {
            return None;
        }
        let queue = self.new_queue();
        self.followed.insert(thread.into(), Arc::clone(&queue));
        Some(queue)
    }

    pub(crate) fn unfollow(&mut self, thread: &str) {
        self.followed.remove(thread);
    }

    /// A queue of what `stream` sends from now on.
    pub(crate) fn listen(&mut self, stream: Stream<'static>) -> Arc<Queue> {
        let queue = self.new_queue();
        self.streams.insert(stream, Arc::clone(&queue));
        queue
    }

    pub(crate) fn unlisten(&mut self, stream: &Stream<'static>) {
        self.streams.remove(stream);
    }

    fn new_queue(&self) -> Arc<Queue> {
        let queue = Arc::new(Queue::new(Span::Connection));
        if let Some(reason) = &self.closed {
            let _ = queue.close(reason);
        }
        queue
    }

    /// The feed of what concerns `thread` and no turn that has a handle.
    pub(crate) fn feed(&mut self, thread: &str) -> broadcast::Receiver<FeedItem> {
        if self.closed.is_some() {
            // A feed without a sender says at once that it is closed.
            return broadcast::channel(1).1;
        }
        self.feeds.retain(|_, feed| feed.receiver_count() > 0);
        let feed = self.feeds.entry(thread.into());
        feed.or_insert_with(|| broadcast::channel(FEED_CAPACITY).0).subscribe()
    }

    /// Gives an event to the feed of `thread`. False if nobody listens there.
    pub(crate) fn publish(&self, thread: &str, item: impl FnOnce() -> FeedItem) -> bool {
        self.feeds
            .get(thread)
            .is_some_and(|feed| feed.receiver_count() > 0 && feed.send(item()).is_ok())
    }

    /// Ends what waits for events of `thread`: the runtime was told not to send them.
    pub(crate) fn detach(&mut self, thread: &str, wakers: &mut Vec<Waker>) {
        self.detached.insert(thread.into());
        let name: Arc<str> = thread.into();
        let turns = self.turns.extract_if(|_, turn| turn.thread == thread);
        let queues = turns.flat_map(|(_, turn)| turn.queues);
        wakers.extend(queues.chain(self.followed.remove(thread)).filter_map(|it| it.detach(&name)));
    }

    /// The runtime sends the events of `thread` again.
    pub(crate) fn reattach(&mut self, thread: &str) {
        self.detached.remove(thread);
    }

    pub(crate) fn is_detached(&self, thread: &str) -> bool {
        self.detached.contains(thread)
    }

    /// Ends every queue with `reason`, also those that are still to come.
    pub(crate) fn close(&mut self, reason: &CloseReason, wakers: &mut Vec<Waker>) {
        self.closed = Some(reason.clone());
        self.feeds.clear();
        let turns = self.turns.drain().flat_map(|(_, turn)| turn.queues);
        let followed = self.followed.drain().map(|(_, queue)| queue);
        let streams = self.streams.drain().map(|(_, queue)| queue);
        for queue in turns.chain(followed).chain(streams) {
            wakers.extend(queue.close(reason));
        }
    }
}

fn is_about_goal(method: &str) -> bool {
    matches!(
        method,
        protocol::ThreadGoalUpdatedNotification::METHOD
            | protocol::ThreadGoalClearedNotification::METHOD
    )
}

/// Nothing that runs under these locks can leave the data half changed, so poison means nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
