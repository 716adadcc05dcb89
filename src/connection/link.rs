//! What can be done with a connection.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::Limits;
use super::outgoing::Line;
use super::pending::{GiveUp, Pending, Waiter};
use super::questions::ThreadScope;
use super::shared::Shared;
use crate::codex::RuntimeInfo;
use crate::error::{CloseReason, Error, Result, RpcError};
use crate::feed::{ConnectionEvent, FeedItem};
use crate::protocol::{LoginAccountParams, Offer, Request, envelope};
use crate::request::SharedHandler;
use crate::trace;

/// What can be done with a connection, without keeping it open.
#[derive(Clone)]
pub(crate) struct Link(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) shared: Arc<Shared>,
    limits: Limits,
    /// Known after the handshake.
    runtime: OnceLock<Arc<RuntimeInfo>>,
    /// What the first reader of the feed is told before anything else.
    greeting: Mutex<Option<ConnectionEvent>>,
}

/// Among which requests in flight a request counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    #[default]
    Shared,
    /// Among those that stand for a process, and are answered when it ends.
    Process,
    /// Among none.
    Extra,
}

/// What changes with the answer to a request, if it is not that the request failed.
#[derive(Clone)]
pub(crate) enum Effect {
    /// No more events of this thread are sent.
    Detach(String),
    /// The events of the thread in the answer are sent, and what is asked about it is answered like
    /// this.
    Open(ThreadScope),
}

impl Effect {
    /// What is left of it when it has taken effect.
    pub(super) fn into_handlers(self) -> impl Iterator<Item = SharedHandler> {
        let scope = match self {
            Effect::Detach(_) => None,
            Effect::Open(scope) => Some(scope),
        };
        scope.into_iter().flat_map(ThreadScope::into_handlers)
    }
}

/// How a request is sent.
#[derive(Default)]
struct Terms {
    place: Place,
    effect: Option<Effect>,
}

impl Link {
    pub(super) fn new(shared: Arc<Shared>, limits: Limits) -> Link {
        let (runtime, greeting) = (OnceLock::new(), Mutex::default());
        Link(Arc::new(Inner { shared, limits, runtime, greeting }))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// What the runtime said of itself, once it has.
    pub(crate) fn runtime(&self) -> Option<&Arc<RuntimeInfo>> {
        self.0.runtime.get()
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

    /// Sends a request and waits for its answer; for ever, if there is no time limit.
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
        self.send(params, timeout, &Terms::default()).await
    }

    /// The same with the usual time limit.
    pub(crate) async fn call<R: Request>(&self, params: &R) -> Result<R::Response> {
        self.request(params, Some(self.request_timeout())).await
    }

    /// The same for a request that controls a turn. It does not wait for a place among those in
    /// flight, which may all be taken by requests that only end when the turn does.
    pub(crate) async fn control<R: Request>(&self, params: &R) -> Result<R::Response> {
        let terms = Terms { place: Place::Extra, ..Terms::default() };
        self.send(params, Some(self.request_timeout()), &terms).await
    }

    /// The same for a request that may change who receives what. That happens with the answer,
    /// whoever still waits for it.
    pub(crate) async fn change<R: Request>(
        &self,
        params: &R,
        effect: Option<Effect>,
    ) -> Result<R::Response> {
        let terms = Terms { effect, ..Terms::default() };
        self.send(params, Some(self.request_timeout()), &terms).await
    }

    /// Sends a request whose answer nobody waits for, before this returns.
    pub(crate) fn post<R: Request>(&self, params: &R) {
        let shared = &self.0.shared;
        let id = shared.next_id();
        if let Ok(line) = envelope::request_line(id, R::METHOD, params) {
            let give_up = GiveUp::new(Some(self.request_timeout()), self.request_timeout());
            drop(shared.send_request(id, Line::Plain(line), Pending::new(None, None), give_up));
        }
    }

    /// Sends a request whose answer is waited for by somebody else. Nothing is sent if the future is
    /// dropped.
    pub(crate) async fn begin<R: Request>(&self, params: &R, place: Place) -> Result<InFlight<R>> {
        self.supports(params)?;
        let terms = Terms { place, ..Terms::default() };
        let (id, waiter) = self.write(params, None, &terms).await?;
        Ok(InFlight { link: self.clone(), id, place, waiter, request: PhantomData })
    }

    /// Waits before a request is repeated that has failed, or gives back the error if it is not to
    /// be. `attempts` counts those that have failed.
    pub(super) async fn before_retry(&self, error: Error, attempts: &mut u32) -> Result<()> {
        *attempts += 1;
        let refused = matches!(&error, Error::Rpc(error) if error.was_refused_by_overload());
        let retry = self.0.limits.retry.as_ref().filter(|_| refused);
        let Some(delay) = retry.and_then(|it| it.delay_after(*attempts)) else { return Err(error) };
        trace::event!(debug, ?delay, attempts, "overloaded, trying again");
        tokio::select! {
            () = tokio::time::sleep(delay) => Ok(()),
            reason = self.closed() => Err(Error::Closed(reason)),
        }
    }

    async fn send<R: Request>(
        &self,
        params: &R,
        timeout: Option<Duration>,
        terms: &Terms,
    ) -> Result<R::Response> {
        self.supports(params)?;
        let method = R::METHOD;
        let answer = async {
            let attempts = self.attempt(params, timeout, terms);
            let line = match timeout {
                Some(after) => tokio::time::timeout(after, attempts)
                    .await
                    .map_err(|_| Error::Timeout { what: method, after })??,
                None => attempts.await?,
            };
            envelope::decode_result(&line).map_err(|source| Error::decode(method, source))
        };
        trace::request(method, answer).await
    }

    /// Sends a request, and again if it was refused for lack of capacity and the limits say so.
    async fn attempt<R: Request>(
        &self,
        params: &R,
        timeout: Option<Duration>,
        terms: &Terms,
    ) -> Result<String> {
        let mut attempts = 0;
        loop {
            let (_, waiter) = self.write(params, timeout, terms).await?;
            let error = match waiter.await {
                Some(Ok(line)) => return Ok(line),
                Some(Err(line)) => rpc_error(R::METHOD, &line),
                None => return Err(self.0.shared.closed_error().await),
            };
            self.before_retry(error, &mut attempts).await?;
        }
    }

    /// Queues a request for writing. Nothing is sent if this is dropped. An answer that nobody waits
    /// for any more is given up when `timeout` has passed since now or, without one, the usual time
    /// since nobody waits.
    async fn write<R: Request>(
        &self,
        params: &R,
        timeout: Option<Duration>,
        terms: &Terms,
    ) -> Result<(i64, Waiter)> {
        let shared = &self.0.shared;
        let id = shared.next_id();
        // What logs in is wiped once it is written.
        let line = if R::METHOD == LoginAccountParams::METHOD {
            envelope::secret_request_line(id, R::METHOD, params).map(Line::Secret)
        } else {
            envelope::request_line(id, R::METHOD, params).map(Line::Plain)
        };
        let line = line.map_err(|source| Error::Encode { method: R::METHOD, source })?;
        let slots = match terms.place {
            Place::Shared => Some(&shared.slots),
            Place::Process => Some(&shared.processes),
            Place::Extra => None,
        };
        let slot = match slots {
            Some(slots) => match Arc::clone(slots).acquire_owned().await {
                Ok(slot) => Some(slot),
                Err(_) => return Err(shared.closed_error().await),
            },
            None => None,
        };
        let give_up = GiveUp::new(timeout, self.request_timeout());
        match shared.send_request(id, line, Pending::new(slot, terms.effect.clone()), give_up) {
            Some(waiter) => Ok((id, waiter)),
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
        if shared.send(Line::Plain(line)) { Ok(()) } else { Err(shared.closed_error().await) }
    }

    /// A number that no other request and no stream of this connection has.
    pub(crate) fn next_id(&self) -> i64 {
        self.0.shared.next_id()
    }

    /// Lets timers be made, also if this is not inside of an async runtime.
    pub(crate) fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self.0.shared.runtime.enter()
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

    /// Why nothing more arrives, for whoever has found that out.
    pub(crate) fn closed_error(&self) -> Error {
        Error::Closed(self.close_reason().unwrap_or(CloseReason::Local))
    }

    /// How many lines were no messages.
    pub(crate) fn malformed_lines(&self) -> u64 {
        self.0.shared.malformed_lines()
    }

    /// The beginning of the first line that was no message.
    pub(crate) fn first_malformed(&self) -> Option<&str> {
        self.0.shared.first_malformed()
    }

    /// Counts a line whose reader found that it is broken.
    pub(crate) fn count_malformed(&self) {
        self.0.shared.count_malformed();
    }
}

/// A request that was sent.
pub(crate) struct InFlight<R> {
    link: Link,
    id: i64,
    place: Place,
    waiter: Waiter,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> InFlight<R> {
    /// Waits for the answer as long as the connection lasts. After the usual time the request no
    /// longer counts among those in flight, unless it stands for a process.
    pub(crate) async fn answer(mut self) -> Result<R::Response> {
        let (method, shared) = (R::METHOD, &self.link.0.shared);
        let answer = async {
            if self.place == Place::Shared {
                match timeout(self.link.request_timeout(), &mut self.waiter).await {
                    Ok(line) => return decode::<R>(shared, line).await,
                    Err(_) => shared.release(self.id),
                }
            }
            decode::<R>(shared, self.waiter.await).await
        };
        trace::request(method, answer).await
    }
}

async fn decode<R: Request>(
    shared: &Shared,
    line: Option<Result<String, String>>,
) -> Result<R::Response> {
    let method = R::METHOD;
    match line {
        Some(Ok(line)) => {
            envelope::decode_result(&line).map_err(|source| Error::decode(method, source))
        }
        Some(Err(line)) => Err(rpc_error(method, &line)),
        None => Err(shared.closed_error().await),
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
