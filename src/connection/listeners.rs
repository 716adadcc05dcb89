//! Those who listen to what arrives.

use std::sync::Arc;
use std::task::Waker;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};

use super::Connection;
use crate::error::{Error, Result};
use crate::protocol::envelope::Stream;
use crate::router::{Queue, StartLock};

impl Connection {
    /// Begins to keep what arrives for `thread`, before the request that causes it is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Detached`] if nothing of the thread would arrive.
    pub(crate) async fn expect_turn(&self, thread: &str) -> Result<ExpectedTurn> {
        let (mut expected, lock) = self.expect(thread)?;
        expected.guard = Some(StartGuard::Shared(lock.read_owned().await));
        Ok(expected)
    }

    /// The same for a turn that the server starts by itself, so that its id is in no reply: nobody
    /// else starts a turn on that thread through this connection as long as this lives.
    pub(crate) async fn expect_server_turn(&self, thread: &str) -> Result<ExpectedTurn> {
        let (mut expected, lock) = self.expect(thread)?;
        expected.guard = Some(StartGuard::Alone(lock.write_owned().await));
        Ok(expected)
    }

    fn expect(&self, thread: &str) -> Result<(ExpectedTurn, StartLock)> {
        let mut state = self.0.shared.state();
        if state.router.is_detached(thread) {
            return Err(Error::detached(thread));
        }
        let (position, lock) = state.router.expect(thread);
        let thread = thread.into();
        Ok((ExpectedTurn { connection: self.clone(), thread, position, guard: None }, lock))
    }

    /// Ends what waits for events of `thread`: the runtime was told not to send them.
    pub(crate) fn detach(&self, thread: &str) {
        let mut wakers = Vec::new();
        self.0.shared.state().router.detach(thread, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The runtime sends the events of `thread` again.
    pub(crate) fn reattach(&self, thread: &str) {
        self.0.shared.state().router.reattach(thread);
    }

    /// Listens to all turns of `thread`, whoever starts them; `None` if somebody does so already.
    pub(crate) fn follow(&self, thread: &str) -> Option<Following> {
        let queue = self.0.shared.state().router.follow(thread)?;
        Some(Following { connection: self.clone(), thread: thread.into(), queue })
    }

    /// Whether a turn of `thread` was started through this connection and is not known to have
    /// ended. The runtime says so only a little later.
    pub(crate) fn has_turn(&self, thread: &str) -> bool {
        self.0.shared.state().router.has_turn(thread)
    }

    /// Listens to what `stream` sends.
    pub(crate) fn listen(&self, stream: Stream<'static>) -> Listening {
        let queue = self.0.shared.state().router.listen(stream.clone());
        Listening { connection: self.clone(), stream, queue }
    }
}

/// A turn that is being started: what arrives for its thread is kept until its id is known.
pub(crate) struct ExpectedTurn {
    connection: Connection,
    thread: String,
    position: usize,
    guard: Option<StartGuard>,
}

/// Keeps those apart who would take each other's turns for their own.
#[expect(dead_code, reason = "they are only held")]
enum StartGuard {
    Shared(OwnedRwLockReadGuard<()>),
    Alone(OwnedRwLockWriteGuard<()>),
}

impl ExpectedTurn {
    /// Subscribes to the turn, from the moment at which it was first expected.
    pub(crate) fn claim(self, turn: &str) -> Subscription {
        let shared = &self.connection.0.shared;
        let queue = shared.state().router.claim(&self.thread, self.position, turn);
        Subscription { connection: self.connection.clone(), turn: turn.into(), queue }
    }

    /// Waits for the turn that the server starts, and subscribes to it.
    pub(crate) async fn claim_server_turn(self) -> Result<Subscription> {
        let shared = Arc::clone(&self.connection.0.shared);
        let mut starts = shared.turn_starts();
        loop {
            let started = shared.state().router.started_by_server(&self.thread, self.position);
            if let Some(turn) = started {
                return Ok(self.claim(&turn));
            }
            tokio::select! {
                _ = starts.changed() => (),
                reason = shared.closed() => return Err(Error::Closed(reason)),
            }
        }
    }
}

impl Drop for ExpectedTurn {
    fn drop(&mut self) {
        self.connection.0.shared.leave(&self.thread, self.position);
    }
}

/// One listener of one turn.
pub(crate) struct Subscription {
    pub(crate) connection: Connection,
    pub(crate) turn: String,
    pub(crate) queue: Arc<Queue>,
}

impl Subscription {
    /// Takes the subscription back again, unless it turns out to be one to a turn that runs.
    pub(crate) fn tentative(self) -> Tentative {
        Tentative(Some(self))
    }
}

/// A subscription to what may be no turn, of which nothing may ever come.
pub(crate) struct Tentative(Option<Subscription>);

impl Tentative {
    /// Whether somebody else listens to the turn, which is not known to have ended.
    pub(crate) fn is_shared(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|it| it.connection.0.shared.state().router.has_other(&it.turn, &it.queue))
    }

    /// Whether the end of the turn has arrived.
    pub(crate) fn has_completed(&self) -> bool {
        self.0.as_ref().is_some_and(|it| it.queue.has_completed())
    }

    pub(crate) fn keep_if(mut self, runs: bool) -> Option<Subscription> {
        if runs { self.0.take() } else { None }
    }
}

impl Drop for Tentative {
    fn drop(&mut self) {
        if let Some(it) = self.0.take() {
            it.connection.0.shared.state().router.forget(&it.turn, &it.queue);
        }
    }
}

/// The listener of all turns of a thread.
pub(crate) struct Following {
    pub(crate) connection: Connection,
    pub(crate) thread: String,
    pub(crate) queue: Arc<Queue>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.connection.0.shared.state().router.unfollow(&self.thread);
    }
}

/// The listener of one stream.
pub(crate) struct Listening {
    connection: Connection,
    stream: Stream<'static>,
    pub(crate) queue: Arc<Queue>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.connection.0.shared.state().router.unlisten(&self.stream);
    }
}
