//! The one door to the runtime: requests go down through it, and what arrives comes up through the
//! router.

mod accept;
mod ask;
mod link;
mod listeners;
mod outgoing;
mod pending;
mod questions;
mod shared;
mod state;
mod tasks;

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::request::SharedHandler;
use crate::retry::RetryPolicy;
use crate::transport::Transport;

pub(crate) use self::ask::Ask;
pub(crate) use self::link::{Effect, Link, Place};
pub(crate) use self::listeners::{Answering, Following, Listening, LoginOutcome, Subscription};
pub(crate) use self::outgoing::Line;
pub(crate) use self::questions::ThreadScope;
use self::shared::Shared;

/// How a connection behaves.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// How long a request may take, unless it says otherwise itself.
    pub(crate) request_timeout: Duration,
    /// How many requests may be without an answer at a time; more wait.
    pub(crate) in_flight: usize,
    /// How long the process may take to end after its standard input was closed.
    pub(crate) close_grace: Duration,
    /// Whether the server was asked for the experimental API.
    pub(crate) experimental_api: bool,
    /// How requests are repeated that were refused because of an overload, if at all.
    pub(crate) retry: Option<Box<RetryPolicy>>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            request_timeout: Duration::from_secs(60),
            // The runtime drops replies when about 140 requests are pending.
            in_flight: 64,
            // The runtime was seen to need 5 s to end when it has no network.
            close_grace: Duration::from_secs(7),
            experimental_api: cfg!(feature = "experimental"),
            retry: None,
        }
    }
}

/// A handle of the connection. The last one that is dropped ends it.
#[derive(Clone)]
pub(crate) struct Connection {
    link: Link,
    owner: Arc<Owner>,
}

/// Ends the connection when nobody has it any more.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.stop(None);
    }
}

/// A handle of the connection that does not keep it open: for what runs in the background.
#[derive(Clone)]
pub(crate) struct WeakConnection {
    link: Link,
    owner: Weak<Owner>,
}

impl Connection {
    /// Takes over `transport`. Must be called inside of a tokio runtime.
    pub(crate) fn open(
        transport: Transport,
        limits: Limits,
        handlers: Vec<SharedHandler>,
    ) -> Connection {
        let (shared, outgoing) = Shared::new(limits.in_flight, handlers);
        let (shared, close_grace) = (Arc::new(shared), limits.close_grace);
        let owner = Arc::new(Owner(Arc::clone(&shared)));
        let connection = Connection { link: Link::new(Arc::clone(&shared), limits), owner };
        shared.state().questions.open(connection.downgrade());
        tasks::spawn(&shared, transport, outgoing, close_grace);
        connection
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    pub(crate) fn downgrade(&self) -> WeakConnection {
        WeakConnection { link: self.link.clone(), owner: Arc::downgrade(&self.owner) }
    }
}

impl WeakConnection {
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// The connection, unless everybody else has let go of it.
    pub(crate) fn upgrade(&self) -> Option<Connection> {
        let owner = self.owner.upgrade()?;
        Some(Connection { link: self.link.clone(), owner })
    }
}

impl Deref for Connection {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("close_reason", &self.close_reason()).finish()
    }
}
