//! Those who listen to what arrives.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use super::Link;
use super::questions::ThreadScope;
use super::state::Effects;
use crate::error::{Error, Result};
use crate::feed::FeedItem;
use crate::protocol::envelope::Stream;
use crate::request::SharedHandler;
use crate::router::{Known, Outcome, Queue, Topic};

impl Link {
    /// Begins to keep what arrives for `thread`, before the request that causes it is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Detached`] if nothing of the thread would arrive.
    pub(crate) fn expect_turn(&self, thread: &str) -> Result<ExpectedTurn> {
        let mut state = self.0.shared.state();
        if state.router.is_detached(thread) {
            return Err(Error::detached(thread));
        }
        let position = state.router.expect(thread);
        Ok(ExpectedTurn { link: self.clone(), thread: thread.into(), position })
    }

    /// Subscribes to a turn that runs or may run, from now on. `None` if it does not.
    pub(crate) fn attach(&self, thread: &str, turn: &str) -> Option<Attached> {
        let mut state = self.0.shared.state();
        let (turn, is_known) = match state.router.known(thread, turn) {
            Known::Runs(turn) => (turn, true),
            Known::Perhaps => (turn.to_owned(), false),
            Known::Not => return None,
        };
        let queue = state.router.attach(thread, &turn, is_known);
        drop(state);
        let subscription = Subscription { turn, queue };
        Some(Attached { link: self.clone(), subscription: Some(subscription), is_known })
    }

    /// Listens to all turns of `thread`, whoever starts them.
    pub(crate) fn follow(&self, thread: &str) -> Following {
        let queue = self.0.shared.state().router.follow(thread);
        Following { link: self.clone(), thread: thread.into(), queue }
    }

    /// Whether a turn of `thread` runs, or was started through this connection and is not known to
    /// have ended. The runtime says so only a little later.
    pub(crate) fn has_turn(&self, thread: &str) -> bool {
        self.0.shared.state().router.has_turn(thread)
    }

    /// Whether `turn` has a handle.
    pub(crate) fn has_handle(&self, turn: &str) -> bool {
        self.0.shared.state().router.has_handle(turn)
    }

    /// Listens to what `stream` sends.
    pub(crate) fn listen(&self, stream: Stream<'static>) -> Listening {
        let queue = self.0.shared.state().router.listen(stream.clone());
        Listening { link: self.clone(), stream, queue }
    }

    /// What is asked about `thread` is answered like this.
    pub(crate) fn set_scope(&self, thread: &str, scope: ThreadScope) {
        let replaced = self.0.shared.state().questions.set_thread(thread, scope);
        drop(replaced);
    }

    /// Nobody answers for `thread` any more but its tools.
    pub(crate) fn remove_handler(&self, thread: &str) {
        let removed = self.0.shared.state().questions.remove_handler(thread);
        drop(removed);
    }

    /// Whether the runtime was told to send no more events of `thread`.
    pub(crate) fn is_detached(&self, thread: &str) -> bool {
        self.0.shared.state().router.is_detached(thread)
    }

    /// What concerns `thread` and no turn that has a handle, from now on.
    pub(crate) fn feed_of(&self, thread: &str) -> broadcast::Receiver<FeedItem> {
        self.0.shared.state().router.feed(Topic::Thread(thread.to_owned().into()))
    }

    /// What concerns the account, from now on.
    pub(crate) fn feed_of_account(&self) -> broadcast::Receiver<FeedItem> {
        self.0.shared.state().router.feed(Topic::Account)
    }

    /// Begins to keep ends of attempts to log in, before the request is sent that starts one.
    pub(crate) fn expect_login(&self) -> ExpectedLogin {
        let position = self.0.shared.state().router.logins.expect();
        ExpectedLogin { link: self.clone(), position }
    }
}

/// An attempt to log in that is being started: ends of attempts are kept until its id is known.
pub(crate) struct ExpectedLogin {
    link: Link,
    position: usize,
}

impl ExpectedLogin {
    /// Listens for the end of the attempt, which may have arrived already.
    pub(crate) fn claim(self, login: &str) -> LoginOutcome {
        let mut state = self.link.0.shared.state();
        let outcome = state.router.logins.claim(self.position, login);
        drop(state);
        LoginOutcome { link: self.link.clone(), login: login.into(), outcome: Some(outcome) }
    }
}

impl Drop for ExpectedLogin {
    fn drop(&mut self) {
        self.link.0.shared.leave_login(self.position);
    }
}

/// The end of an attempt to log in, once it is there.
pub(crate) struct LoginOutcome {
    link: Link,
    login: String,
    /// Gone when this is dropped.
    outcome: Option<watch::Receiver<Outcome>>,
}

impl LoginOutcome {
    /// Waits for the line that tells of the end. `None` if the connection ended first.
    pub(crate) async fn wait(&self) -> Option<Box<str>> {
        let mut outcome = self.outcome.clone()?;
        let line = outcome.wait_for(Option::is_some).await.ok()?;
        line.clone()
    }

    pub(crate) fn is_there(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome.borrow().is_some())
    }
}

impl Drop for LoginOutcome {
    fn drop(&mut self) {
        // First, so that it does not count among those who wait.
        self.outcome = None;
        self.link.0.shared.state().router.logins.forget(&self.login);
    }
}

/// A turn that is being started: what arrives for its thread is kept until its id is known.
pub(crate) struct ExpectedTurn {
    link: Link,
    thread: String,
    position: usize,
}

impl ExpectedTurn {
    /// Subscribes to the turn, from the moment at which it was first expected. What is asked about it
    /// since then is answered as `answering` says.
    pub(crate) fn claim(self, turn: &str, answering: Answering) -> Subscription {
        let Answering { handler, parks } = answering;
        let shared = &self.link.0.shared;
        let mut effects = Effects::default();
        let mut state = shared.state();
        let queue = state.router.claim(&self.thread, self.position, turn);
        queue.set_parks(parks);
        let unused = match handler {
            Some(handler) if queue.awaits_completion() => {
                state.questions.set_turn(&self.thread, turn, handler)
            }
            unused => unused,
        };
        state.release(&self.thread, &mut effects);
        drop(state);
        drop(unused);
        shared.tell(effects);
        Subscription { turn: turn.into(), queue }
    }

    /// Waits for the turn that sums up the conversation, and subscribes to it.
    pub(crate) async fn claim_compaction(self) -> Result<Subscription> {
        let shared = Arc::clone(&self.link.0.shared);
        let mut news = shared.early_news();
        loop {
            {
                let state = shared.state();
                if state.router.is_detached(&self.thread) {
                    return Err(Error::detached(&self.thread));
                }
                if let Some(turn) = state.router.compaction(&self.thread, self.position) {
                    drop(state);
                    return Ok(self.claim(&turn, Answering::default()));
                }
            }
            tokio::select! {
                _ = news.changed() => (),
                reason = shared.closed() => return Err(Error::Closed(reason)),
            }
        }
    }
}

impl Drop for ExpectedTurn {
    fn drop(&mut self) {
        self.link.0.shared.leave(&self.thread, self.position);
    }
}

/// Who answers what is asked about a turn, besides those who answer for its thread.
#[derive(Clone, Default)]
pub(crate) struct Answering {
    pub(crate) handler: Option<SharedHandler>,
    /// The handle of the turn gets what the handler leaves.
    pub(crate) parks: bool,
}

/// One listener of one turn.
pub(crate) struct Subscription {
    pub(crate) turn: String,
    pub(crate) queue: Arc<Queue>,
}

/// A subscription to a turn that may not be one, of which nothing would ever come. It is taken back
/// unless it is kept.
pub(crate) struct Attached {
    link: Link,
    subscription: Option<Subscription>,
    is_known: bool,
}

impl Attached {
    /// Whether there is such a turn: it runs, or has just ended.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known || self.subscription.as_ref().is_some_and(|it| it.queue.has_completed())
    }

    pub(crate) fn keep(mut self) -> Option<Subscription> {
        let subscription = self.subscription.take()?;
        self.link.0.shared.state().router.confirm(&subscription.turn);
        Some(subscription)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(it) = self.subscription.take() {
            self.link.0.shared.state().router.forget(&it.turn, &it.queue);
        }
    }
}

/// The listener of all turns of a thread.
pub(crate) struct Following {
    link: Link,
    thread: String,
    pub(crate) queue: Arc<Queue>,
}

impl Following {
    /// Stops listening.
    pub(crate) fn end(&self) {
        self.link.0.shared.state().router.unfollow(&self.thread, &self.queue);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.end();
    }
}

/// The listener of one stream.
pub(crate) struct Listening {
    link: Link,
    stream: Stream<'static>,
    pub(crate) queue: Arc<Queue>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.link.0.shared.state().router.unlisten(&self.stream);
    }
}
