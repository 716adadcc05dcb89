//! Decides who receives a notification, and keeps what nobody has asked for yet.

mod logins;
mod parking;
mod queue;
mod reviews;
mod starting;
mod topic;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::{broadcast, watch};

use crate::error::CloseReason;
use crate::feed::{FEED_CAPACITY, FeedItem};
use crate::protocol::envelope::{Scope, Stream};
use crate::protocol::{self, Notification};

pub(crate) use self::logins::{Claim, Logins, Outcome};
pub(crate) use self::queue::{Phase, Progress, Pulled, Queue, Segment, Span};
use self::starting::{Early, Starting};
pub(crate) use self::topic::Topic;

/// Who receives what. One lives in each connection, under its lock.
///
/// A notification goes to the narrowest that listens: to the handles of its turn and to whoever
/// follows its thread, or else to the feed of its thread, or else to that of the connection.
#[derive(Default)]
pub(crate) struct Router {
    turns: HashMap<String, Turn>,
    /// The turn that runs on a thread, as far as it was seen to start.
    running: HashMap<String, Running>,
    /// The review that has begun on a thread and whose turn was not seen to start.
    reviews: HashMap<String, String>,
    /// The threads on which somebody is starting a turn, whose id is not known yet.
    starting: HashMap<String, Starting>,
    /// The queues of all turns of a thread, whoever starts them.
    followed: HashMap<String, Vec<Arc<Queue>>>,
    streams: HashMap<Stream<'static>, Arc<Queue>>,
    /// The attempts to log in.
    pub(crate) logins: Logins,
    /// The bounded feeds of threads and of the account.
    feeds: HashMap<Topic<'static>, broadcast::Sender<FeedItem>>,
    /// The threads whose events the runtime was told not to send.
    detached: HashSet<String>,
    closed: Option<CloseReason>,
}

/// The senders of feeds and of the ends of logins.
pub(crate) type Senders = (Vec<broadcast::Sender<FeedItem>>, Vec<watch::Sender<Outcome>>);

/// A turn that somebody listens to. One that was joined has several queues.
struct Turn {
    thread: String,
    queues: Vec<Arc<Queue>>,
    /// Whether the runtime has said that there is such a turn.
    is_known: bool,
}

struct Running {
    turn: String,
    /// The turn for which it does the work.
    root: Option<String>,
}

/// What is known of a turn that somebody asks for.
pub(crate) enum Known {
    /// It runs, under this id.
    Runs(String),
    /// Another one does.
    Not,
    Perhaps,
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
        if let Some(queue) = scope.stream.as_ref().and_then(|stream| self.streams.get(stream)) {
            wakers.extend(queue.push(line, None));
            return true;
        }
        let Some(thread) = scope.thread.as_deref() else { return false };
        let change = Phase::after(method).zip(scope.turn.as_deref());
        let mut followed = false;
        if scope.turn.is_some() || is_about_goal(method) {
            for queue in self.followed.get(thread).into_iter().flatten() {
                followed |= queue.is_read();
                wakers.extend(queue.push(line, change));
            }
        }
        if is_end_of_thread(method) {
            self.end_thread(thread, wakers);
        }
        let Some(turn) = scope.turn.as_deref() else { return followed };
        let known = self.turns.get(turn).into_iter();
        // Turns of other threads may have the same root: those of agents that work for this one.
        let root = scope.root_turn.as_deref().and_then(|root| self.turns.get(root));
        let mut claimed = false;
        for queue in known.chain(root.filter(|it| it.thread == thread)).flat_map(|it| &it.queues) {
            claimed = true;
            wakers.extend(queue.push(line, change));
        }
        if !self.detached.contains(thread) {
            self.note(thread, scope, change);
        }
        if let Some(starting) = self.starting.get_mut(thread) {
            let mut early = Early::new(method, scope, turn, line);
            (early.claimed, early.followed) = (claimed, followed);
            starting.push(early);
            return true;
        }
        claimed || followed
    }

    /// Takes note of a turn that starts or completes.
    fn note(&mut self, thread: &str, scope: &Scope<'_>, change: Option<(Phase, &str)>) {
        match change {
            Some((Phase::Started, turn)) => {
                let root = scope.root_turn.as_deref().map(Into::into);
                self.running.insert(thread.into(), Running { turn: turn.into(), root });
            }
            Some((Phase::Completed, turn)) => {
                self.turns.remove(turn);
                if self.running.get(thread).is_some_and(|it| it.is(turn)) {
                    self.running.remove(thread);
                }
            }
            _ => (),
        }
    }

    /// Whether somebody is starting a turn that a message may concern.
    pub(crate) fn is_starting(&self, scope: &Scope<'_>) -> bool {
        scope.thread.as_deref().is_some_and(|thread| self.is_starting_on(thread))
    }

    /// Whether somebody is starting a turn of this thread.
    pub(crate) fn is_starting_on(&self, thread: &str) -> bool {
        self.starting.contains_key(thread)
    }

    /// Begins to keep what arrives for `thread`, until [`Router::leave`]. Gives the position from
    /// which on it concerns the caller.
    pub(crate) fn expect(&mut self, thread: &str) -> usize {
        self.starting.entry(thread.into()).or_default().enter()
    }

    /// The turn without a handle that has begun to sum up `thread` since `position`.
    pub(crate) fn compaction(&self, thread: &str, position: usize) -> Option<String> {
        self.starting.get(thread)?.compaction(position)
    }

    /// Makes a queue of what was kept for `turn` since `position`, which goes on receiving until
    /// the turn has completed, even if nobody reads it any more.
    pub(crate) fn claim(&mut self, thread: &str, position: usize, turn: &str) -> Arc<Queue> {
        self.listen_to(thread, turn, true, |starting, queue| {
            if let Some(starting) = starting {
                starting.claim(position, turn, queue);
            }
        })
    }

    /// What is known of `turn`.
    pub(crate) fn known(&self, thread: &str, turn: &str) -> Known {
        let has_handle =
            |id: &str| self.turns.get(id).is_some_and(|it| it.is_known && it.thread == thread);
        match self.running.get(thread) {
            Some(running) if running.is(turn) => {
                Known::Runs(running.root.as_ref().unwrap_or(&running.turn).clone())
            }
            _ if has_handle(turn) => Known::Runs(turn.into()),
            Some(_) => Known::Not,
            None => Known::Perhaps,
        }
    }

    /// Makes a queue of what arrives for `turn` from now on.
    pub(crate) fn attach(&mut self, thread: &str, turn: &str, is_known: bool) -> Arc<Queue> {
        self.listen_to(thread, turn, is_known, |_, _| ())
    }

    fn listen_to(
        &mut self,
        thread: &str,
        turn: &str,
        is_known: bool,
        fill: impl FnOnce(Option<&mut Starting>, &Queue),
    ) -> Arc<Queue> {
        let queue = Arc::new(Queue::default());
        let other = self.turns.get(turn).and_then(|it| it.queues.first());
        let mut progress = other.map(|other| other.progress().borrow().clone()).unwrap_or_default();
        if let Some(running) = self.running.get(thread).filter(|it| it.is(turn)) {
            let active = Some(running.turn.as_str().into());
            progress = Progress { phase: Phase::Started, active, ..progress };
        }
        queue.begin_at(progress);
        fill(self.starting.get_mut(thread), &queue);
        if let Some(reason) = &self.closed {
            let _ = queue.close(reason);
        } else if self.detached.contains(thread) {
            let _ = queue.detach(&thread.into());
        } else if !queue.has_completed() {
            let known = self.turns.entry(turn.into()).or_insert_with(|| Turn {
                thread: thread.into(),
                queues: Vec::new(),
                is_known: false,
            });
            known.is_known |= is_known;
            known.queues.push(Arc::clone(&queue));
        }
        queue
    }

    /// The runtime has said that there is such a turn.
    pub(crate) fn confirm(&mut self, turn: &str) {
        if let Some(known) = self.turns.get_mut(turn) {
            known.is_known = true;
        }
    }

    /// Takes back what [`Router::attach`] gave.
    pub(crate) fn forget(&mut self, turn: &str, queue: &Arc<Queue>) {
        if let Some(known) = self.turns.get_mut(turn) {
            known.queues.retain(|it| !Arc::ptr_eq(it, queue));
            if known.queues.is_empty() {
                self.turns.remove(turn);
            }
        }
    }

    /// Whether a turn of `thread` runs, or has a handle and is not known to have ended.
    pub(crate) fn has_turn(&self, thread: &str) -> bool {
        self.running.contains_key(thread)
            || self.turns.values().any(|turn| turn.thread == thread && turn.is_known)
    }

    /// Whether `turn` has a handle.
    pub(crate) fn has_handle(&self, turn: &str) -> bool {
        self.turns.contains_key(turn)
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

    /// A queue of all turns of `thread` from now on.
    pub(crate) fn follow(&mut self, thread: &str) -> Arc<Queue> {
        let queue = self.new_queue();
        if self.detached.contains(thread) {
            let _ = queue.detach(&thread.into());
        }
        self.followed.entry(thread.into()).or_default().push(Arc::clone(&queue));
        queue
    }

    pub(crate) fn unfollow(&mut self, thread: &str, queue: &Arc<Queue>) {
        if let Some(queues) = self.followed.get_mut(thread) {
            queues.retain(|it| !Arc::ptr_eq(it, queue));
            if queues.is_empty() {
                self.followed.remove(thread);
            }
        }
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

    /// The feed of what is about `topic` and concerns no turn that has a handle.
    pub(crate) fn feed(&mut self, topic: Topic<'static>) -> broadcast::Receiver<FeedItem> {
        let is_detached = matches!(&topic, Topic::Thread(id) if self.detached.contains(&**id));
        if self.closed.is_some() || is_detached {
            // A feed without a sender says at once that it is closed.
            return broadcast::channel(1).1;
        }
        self.feeds.retain(|_, feed| feed.receiver_count() > 0);
        let feed = self.feeds.entry(topic);
        feed.or_insert_with(|| broadcast::channel(FEED_CAPACITY).0).subscribe()
    }

    /// Gives an event to the feed of `topic`. False if nobody listens there.
    pub(crate) fn publish(&self, topic: &Topic<'_>, item: impl FnOnce() -> FeedItem) -> bool {
        self.feeds
            .get(topic)
            .is_some_and(|feed| feed.receiver_count() > 0 && feed.send(item()).is_ok())
    }

    /// Ends what waits for events of `thread`: the runtime was told not to send them. The sender that
    /// is given back ends its feed when it is dropped.
    pub(crate) fn detach(
        &mut self,
        thread: &str,
        wakers: &mut Vec<Waker>,
    ) -> Option<broadcast::Sender<FeedItem>> {
        self.detached.insert(thread.into());
        self.end_thread(thread, wakers);
        self.feeds.remove(&Topic::Thread(thread.to_owned().into()))
    }

    /// Ends what waits for the turns of `thread`: no more of them is going to be sent.
    fn end_thread(&mut self, thread: &str, wakers: &mut Vec<Waker>) {
        self.running.remove(thread);
        self.reviews.remove(thread);
        let name: Arc<str> = thread.into();
        let turns = self.turns.extract_if(|_, turn| turn.thread == thread);
        let queues = turns.flat_map(|(_, turn)| turn.queues);
        let followed = self.followed.remove(thread).into_iter().flatten();
        wakers.extend(queues.chain(followed).filter_map(|it| it.detach(&name)));
    }

    /// The runtime sends the events of `thread` again.
    pub(crate) fn reattach(&mut self, thread: &str) {
        self.detached.remove(thread);
    }

    pub(crate) fn is_detached(&self, thread: &str) -> bool {
        self.detached.contains(thread)
    }

    /// Ends every queue with `reason`, also those that are still to come. The senders that are given
    /// back end feeds and logins when they are dropped.
    pub(crate) fn close(&mut self, reason: &CloseReason, wakers: &mut Vec<Waker>) -> Senders {
        self.closed = Some(reason.clone());
        let turns = self.turns.drain().flat_map(|(_, turn)| turn.queues);
        let followed = self.followed.drain().flat_map(|(_, queues)| queues);
        let streams = self.streams.drain().map(|(_, queue)| queue);
        for queue in turns.chain(followed).chain(streams) {
            wakers.extend(queue.close(reason));
        }
        (self.feeds.drain().map(|(_, feed)| feed).collect(), self.logins.close())
    }
}

impl Running {
    fn is(&self, turn: &str) -> bool {
        self.turn == turn || self.root.as_deref() == Some(turn)
    }
}

/// Whether nothing of the thread is sent after this. One that is put away is not closed as well.
pub(crate) fn is_end_of_thread(method: &str) -> bool {
    matches!(
        method,
        protocol::ThreadClosedNotification::METHOD
            | protocol::ThreadArchivedNotification::METHOD
            | protocol::ThreadDeletedNotification::METHOD
    )
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
