//! The one door to the runtime: requests go down through it, and what arrives comes up through the
//! router.

mod pending;
mod shared;
mod tasks;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

use crate::error::{CloseReason, Error, Result, RpcError};
use crate::feed::FeedItem;
use crate::protocol::{Request, envelope};
use crate::retry::RetryPolicy;
use crate::router::TurnQueue;
use crate::transport::Transport;

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

/// Whether a request counts among those in flight.
#[derive(Clone, Copy)]
enum Place {
    Shared,
    Extra,
}

/// A handle of the connection. The last one that is dropped ends it.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    limits: Limits,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("close_reason", &self.close_reason()).finish()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stop(None);
    }
}

impl Connection {
    /// Takes over `transport`. Must be called inside of a tokio runtime.
    pub(crate) fn open(transport: Transport, limits: Limits) -> Connection {
        let (shared, outgoing) = Shared::new(limits.in_flight);
        let shared = Arc::new(shared);
        tasks::spawn(&shared, transport, outgoing, limits.close_grace);
        Connection(Arc::new(Handle { shared, limits }))
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer. Before the request was queued for writing nothing is
    /// sent; afterwards it takes effect, and keeps its place among the requests in flight until it
    /// is answered or its time is over.
    pub(crate) async fn request<R: Request>(
        &self,
        params: &R,
        timeout: Option<Duration>,
    ) -> Result<R::Response> {
        self.send(params, timeout, Place::Shared).await
    }

    /// The same for a request that controls a turn. It does not wait for a place among those in
    /// flight, which may all be taken by requests that only end when the turn does.
    pub(crate) async fn control<R: Request>(&self, params: &R) -> Result<R::Response> {
        self.send(params, Some(self.request_timeout()), Place::Extra).await
    }

    async fn send<R: Request>(
        &self,
        params: &R,
        timeout: Option<Duration>,
        place: Place,
    ) -> Result<R::Response> {
        let method = R::METHOD;
        if !self.0.limits.experimental_api
            && let Some(what) = params.experimental()
        {
            return Err(Error::ExperimentalApi { what });
        }
        let line = match timeout {
            Some(after) => tokio::time::timeout(after, self.attempt(params, after, place))
                .await
                .map_err(|_| Error::Timeout { what: method, after })??,
            None => self.attempt(params, self.request_timeout(), place).await?,
        };
        envelope::decode_result(&line).map_err(|source| Error::decode(method, source))
    }

    /// Sends a request, and again if it was refused for lack of capacity and the limits say so.
    async fn attempt<R: Request>(
        &self,
        params: &R,
        abandoned_for: Duration,
        place: Place,
    ) -> Result<String> {
        let mut attempts = 1;
        loop {
            let error = match self.exchange(params, abandoned_for, place).await? {
                Ok(line) => return Ok(line),
                Err(line) => rpc_error(R::METHOD, &line),
            };
            let retry = self.0.limits.retry.as_ref().filter(|_| was_refused_by_overload(&error));
            let Some(delay) = retry.and_then(|it| it.delay_after(attempts)) else {
                return Err(error);
            };
            attempts += 1;
            tokio::select! {
                () = tokio::time::sleep(delay) => (),
                reason = self.closed() => return Err(Error::Closed(reason)),
            }
        }
    }

    /// Sends a request, and waits for the line that answers it: `Err` if it says that it failed.
    async fn exchange<R: Request>(
        &self,
        params: &R,
        abandoned_for: Duration,
        place: Place,
    ) -> Result<Result<String, String>> {
        let shared = &self.0.shared;
        let id = shared.next_id();
        let line = envelope::request_line(id, R::METHOD, params)
            .map_err(|source| Error::Encode { method: R::METHOD, source })?;
        let slot = match place {
            Place::Shared => match Arc::clone(&shared.slots).acquire_owned().await {
                Ok(slot) => Some(slot),
                Err(_) => return Err(shared.closed_error().await),
            },
            Place::Extra => None,
        };
        let reply = match shared.send_request(id, line, slot, abandoned_for) {
            Some(waiter) => waiter.await,
            None => None,
        };
        match reply {
            Some(reply) => Ok(reply),
            None => Err(shared.closed_error().await),
        }
    }

    /// How long a request may take, unless it says otherwise itself.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.0.limits.request_timeout
    }

    /// Sends a notification without params.
    pub(crate) async fn notify(&self, method: &'static str) -> Result<()> {
        let line = envelope::notification_line(method)
            .map_err(|source| Error::Encode { method, source })?;
        let shared = &self.0.shared;
        if shared.send(line) { Ok(()) } else { Err(shared.closed_error().await) }
    }

    /// Begins to keep what arrives for `thread`, before the request that causes it is sent.
    pub(crate) fn expect_turn(&self, thread: &str) -> ExpectedTurn {
        let position = self.0.shared.state().router.expect(thread);
        ExpectedTurn { connection: self.clone(), thread: thread.into(), position }
    }

    /// Everything that no turn claimed, from the start of the connection for the first caller and
    /// from now on for each further one.
    pub(crate) fn feed(&self) -> broadcast::Receiver<FeedItem> {
        self.0.shared.feed()
    }

    /// What can be told of the connection without keeping it open.
    pub(crate) fn observer(&self) -> Observer {
        Observer(Arc::clone(&self.0.shared))
    }

    /// Ends the connection and waits until the process is gone. It has `grace` to end by itself,
    /// or what the limits say.
    pub(crate) async fn close(&self, grace: Option<Duration>) {
        self.0.shared.stop(grace);
        self.0.shared.finished().await;
    }

    /// Waits until the connection has ended.
    pub(crate) async fn closed(&self) -> CloseReason {
        self.0.shared.closed().await
    }

    /// Why the connection has ended, if it has.
    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        self.0.shared.close_reason()
    }
}

/// A view of a connection that does not keep it open.
pub(crate) struct Observer(Arc<Shared>);

impl Observer {
    /// Waits until the connection has ended.
    pub(crate) async fn closed(&self) -> CloseReason {
        self.0.closed().await
    }

    /// How many lines were no messages.
    pub(crate) fn malformed_lines(&self) -> u64 {
        self.0.malformed_lines()
    }

    /// The beginning of the first line that was no message.
    pub(crate) fn first_malformed(&self) -> Option<&str> {
        self.0.first_malformed()
    }

    /// Counts a line whose reader found that it is broken.
    pub(crate) fn count_malformed(&self) {
        self.0.count_malformed();
    }
}

/// A turn that is being started: what arrives for its thread is kept until its id is known.
pub(crate) struct ExpectedTurn {
    connection: Connection,
    thread: String,
    position: usize,
}

impl ExpectedTurn {
    /// Subscribes to the turn, from the moment at which it was first expected.
    pub(crate) fn claim(self, turn: &str) -> Subscription {
        let shared = &self.connection.0.shared;
        let queue = shared.state().router.claim(&self.thread, self.position, turn);
        Subscription { connection: self.connection.clone(), turn: turn.into(), queue }
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
    pub(crate) queue: Arc<TurnQueue>,
}

fn was_refused_by_overload(error: &Error) -> bool {
    matches!(error, Error::Rpc(error) if error.was_refused_by_overload())
}

fn rpc_error(method: &'static str, line: &str) -> Error {
    match envelope::decode_error(line) {
        Ok((code, message, data)) => {
            Error::Rpc(Box::new(RpcError::new(method, code, message, data)))
        }
        Err(source) => Error::decode(method, source),
    }
}
