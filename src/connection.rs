//! The one door to the runtime: requests go down through it, and what arrives comes up through the
//! router.

mod listeners;
mod pending;
mod shared;
mod tasks;

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::task::AbortHandle;

use crate::codex::RuntimeInfo;
use crate::error::{CloseReason, Error, Result, RpcError};
use crate::feed::{ConnectionEvent, FeedItem};
use crate::protocol::{Offer, Request, envelope};
use crate::retry::RetryPolicy;
use crate::trace;
use crate::transport::Transport;

pub(crate) use self::listeners::{ExpectedTurn, Following, Listening, Subscription};
use self::pending::Waiter;
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
    /// Known after the handshake.
    runtime: OnceLock<Arc<RuntimeInfo>>,
    /// What the first reader of the feed is told before anything else.
    greeting: Mutex<Option<ConnectionEvent>>,
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
        let (runtime, greeting) = (OnceLock::new(), Mutex::default());
        Connection(Arc::new(Handle { shared, limits, runtime, greeting }))
    }

    /// Takes in what the runtime said of itself, which sets what may be sent to it.
    pub(crate) fn introduce(&self, runtime: Arc<RuntimeInfo>) {
        trace::event!(info, version = runtime.version, "connected to the runtime");
        if !runtime.matches_pin() {
            trace::event!(
                warn,
                pinned = crate::RUNTIME_VERSION,
                "the runtime is not the pinned one"
            );
            let event = ConnectionEvent::other_version(&runtime.version);
            *self.0.greeting.lock().unwrap_or_else(PoisonError::into_inner) = Some(event);
        }
        // There is one handshake.
        let _ = self.0.runtime.set(runtime);
    }

    /// What the first reader of the feed is told before anything else.
    pub(crate) fn take_greeting(&self) -> Option<ConnectionEvent> {
        self.0.greeting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Fails if the request has something in it that this runtime lacks, or that it takes only with
    /// the experimental API.
    pub(crate) fn supports<R: Request>(&self, params: &R) -> Result<()> {
        let runtime = self.0.runtime.get();
        let offer = match runtime {
            Some(runtime) => runtime.offer(self.0.limits.experimental_api),
            None if self.0.limits.experimental_api => Offer::EVERYTHING,
            None => Offer::EVERYTHING.without_experimental(),
        };
        match params.unavailable(&offer) {
            None => Ok(()),
            Some(it) => {
                let found = runtime.map(|runtime| runtime.version.clone()).unwrap_or_default();
                Err(Error::unavailable(it, found))
            }
        }
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
        self.supports(params)?;
        let method = R::METHOD;
        let answer = async {
            let line = match timeout {
                Some(after) => tokio::time::timeout(after, self.attempt(params, after, place))
                    .await
                    .map_err(|_| Error::Timeout { what: method, after })??,
                None => self.attempt(params, self.request_timeout(), place).await?,
            };
            envelope::decode_result(&line).map_err(|source| Error::decode(method, source))
        };
        trace::request(method, answer).await
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
            let Some(delay) = self.retry_after(&error, attempts) else { return Err(error) };
            attempts += 1;
            trace::event!(debug, ?delay, attempts, "overloaded, trying again");
            tokio::select! {
                () = tokio::time::sleep(delay) => (),
                reason = self.closed() => return Err(Error::Closed(reason)),
            }
        }
    }

    /// After which pause a request is repeated that has failed, if it is.
    pub(crate) fn retry_after(&self, error: &Error, attempts: u32) -> Option<Duration> {
        let refused = matches!(error, Error::Rpc(error) if error.was_refused_by_overload());
        self.0.limits.retry.as_ref().filter(|_| refused)?.delay_after(attempts)
    }

    /// Sends a request whose answer is waited for as long as the connection lasts. Nothing is sent
    /// if the future is dropped.
    pub(crate) async fn begin<R: Request>(&self, params: &R) -> Result<InFlight<R>> {
        self.supports(params)?;
        let waiter = self.write(params, self.request_timeout(), Place::Shared).await?;
        Ok(InFlight { connection: self.clone(), waiter, request: PhantomData })
    }

    /// Sends a request, and waits for the line that answers it: `Err` if it says that it failed.
    async fn exchange<R: Request>(
        &self,
        params: &R,
        abandoned_for: Duration,
        place: Place,
    ) -> Result<Result<String, String>> {
        let waiter = self.write(params, abandoned_for, place).await?;
        match waiter.await {
            Some(reply) => Ok(reply),
            None => Err(self.0.shared.closed_error().await),
        }
    }

    /// Queues a request for writing. Nothing is sent if this is dropped.
    async fn write<R: Request>(
        &self,
        params: &R,
        abandoned_for: Duration,
        place: Place,
    ) -> Result<Waiter> {
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
        match shared.send_request(id, line, slot, abandoned_for) {
            Some(waiter) => Ok(waiter),
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

    /// A number that no other request and no stream of this connection has.
    pub(crate) fn next_id(&self) -> i64 {
        self.0.shared.next_id()
    }

    /// What concerns `thread` and no turn that has a handle, from now on.
    pub(crate) fn feed_of(&self, thread: &str) -> broadcast::Receiver<FeedItem> {
        self.0.shared.state().router.feed(thread)
    }

    /// Runs `task` in the background, also if this is not inside of an async runtime.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.0.shared.runtime.spawn(task).abort_handle()
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

/// A request that was sent.
pub(crate) struct InFlight<R> {
    connection: Connection,
    waiter: Waiter,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> InFlight<R> {
    /// Waits for the answer.
    pub(crate) async fn answer(self) -> Result<R::Response> {
        let method = R::METHOD;
        let answer = async {
            match self.waiter.await {
                Some(Ok(line)) => {
                    envelope::decode_result(&line).map_err(|source| Error::decode(method, source))
                }
                Some(Err(line)) => Err(rpc_error(method, &line)),
                None => Err(self.connection.0.shared.closed_error().await),
            }
        };
        trace::request(method, answer).await
    }
}

fn rpc_error(method: &'static str, line: &str) -> Error {
    match envelope::decode_error(line) {
        Ok((code, message, data)) => {
            Error::Rpc(Box::new(RpcError::new(method, code, message, data)))
        }
        Err(source) => Error::decode(method, source),
    }
}
