//! The client.

mod account;
mod config;
mod files;
mod runtime;
mod servers;
mod threads;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::CodexBuilder;
use crate::connection::Connection;
use crate::error::{CloseReason, Result};
use crate::feed::Notifications;
use crate::list::List;
use crate::protocol::{PagedRequest, Request};

pub use self::runtime::RuntimeInfo;

/// A boxed future, as the awaited builders give it.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A connection to a running `codex app-server`.
///
/// Cheap to clone; all clones, threads and turns share the connection. When the last of them is
/// dropped the runtime is ended in the background; [`Codex::close`] does the same and waits for it.
///
/// ```no_run
/// # async fn example() -> codexkit::Result<()> {
/// use codexkit::Codex;
///
/// let codex = Codex::start().await?;
/// let thread = codex.thread_start().await?;
/// let result = thread.run("Explain this repository in one sentence.").await?;
/// println!("{}", result.final_response.unwrap_or_default());
/// codex.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Codex {
    pub(crate) connection: Connection,
    runtime: Arc<RuntimeInfo>,
}

impl Codex {
    /// Starts the `codex` that `CODEX_BIN` names, or else the one on `PATH`, and shakes hands.
    ///
    /// # Errors
    ///
    /// [`Error::Start`](crate::Error::Start) if there is none, or it is not a working app-server;
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) outside of a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, a process that was already started is ended.
    pub async fn start() -> Result<Codex> {
        Codex::builder().start().await
    }

    /// Says how to start the runtime and how to talk to it.
    pub fn builder() -> CodexBuilder {
        CodexBuilder::default()
    }

    /// Talks to a runtime that is already there, over any pair of byte streams with one JSON
    /// message per line.
    ///
    /// # Errors
    ///
    /// The handshake failed.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, both streams are closed.
    pub async fn connect(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Codex> {
        Codex::builder().connect(reader, writer).await
    }

    /// A client of a connection whose runtime has introduced itself.
    pub(crate) fn of(connection: Connection) -> Option<Codex> {
        let runtime = Arc::clone(connection.link().runtime()?);
        Some(Codex { connection, runtime })
    }

    pub(crate) fn new(connection: Connection, runtime: Arc<RuntimeInfo>) -> Codex {
        Codex { connection, runtime }
    }

    /// What the runtime said of itself in the handshake.
    pub fn runtime(&self) -> &RuntimeInfo {
        &self.runtime
    }

    /// Sends any request of the protocol. Await it, after setting its deadline if the default is
    /// not right.
    ///
    /// ```no_run
    /// # async fn example(codex: codexkit::Codex) -> codexkit::Result<()> {
    /// use codexkit::protocol::ModelListParams;
    ///
    /// let models = codex.request(ModelListParams::default()).await?;
    /// println!("{} models", models.data.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn request<R: Request>(&self, params: R) -> Call<R> {
        let timeout = Some(self.connection.request_timeout());
        Call { connection: self.connection.clone(), params, timeout }
    }

    /// Any list of the protocol that comes page by page. Await it for one page, or go through
    /// [all](List::all) of its items.
    ///
    /// ```no_run
    /// # async fn example(codex: codexkit::Codex) -> codexkit::Result<()> {
    /// use codexkit::protocol::ThreadSectionListParams;
    ///
    /// let mut sections = codex.list(ThreadSectionListParams::default()).all();
    /// while let Some(section) = sections.next().await {
    ///     println!("{}", section?.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn list<R: PagedRequest>(&self, params: R) -> List<R> {
        List::new(self, params)
    }

    /// The events that belong to no turn and no thread that somebody listens to: see
    /// [`Thread::events`](crate::Thread::events). The first feed begins with the start of the
    /// connection, as far as its bound allows; each further one begins now.
    pub fn notifications(&self) -> Notifications {
        Notifications::new(self.connection.link())
    }

    /// How many lines were skipped because they were no messages.
    pub fn malformed_lines(&self) -> u64 {
        self.connection.malformed_lines()
    }

    /// Ends the runtime and waits until it is gone. Every pending and later call gets
    /// [`CloseReason::Local`] at once. Calling it again, or after the connection has ended by
    /// itself, does no harm.
    ///
    /// The process gets 7 s (or [`CodexBuilder::close_grace`]) to end after its standard input was
    /// closed, then one second after SIGTERM, then it is killed.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the runtime is ended all the same, in the background.
    pub async fn close(&self) {
        self.connection.close(None).await;
    }

    /// Waits until the connection has ended, and says why.
    ///
    /// # Cancel safety
    ///
    /// Can be dropped and called again.
    pub async fn closed(&self) -> CloseReason {
        self.connection.closed().await
    }

    /// Why the connection has ended; `None` as long as it has not.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.connection.close_reason()
    }
}

/// A request that is sent when it is awaited.
#[must_use = "a request is only sent when it is awaited"]
pub struct Call<R> {
    connection: Connection,
    params: R,
    timeout: Option<Duration>,
}

impl<R> Call<R> {
    /// Changes the params of the request as they will be sent.
    pub fn params(mut self, change: impl FnOnce(R) -> R) -> Self {
        self.params = change(self.params);
        self
    }

    /// Waits no longer than this for the answer.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Waits for the answer as long as the connection lasts: for what waits on a person or on a
    /// process.
    pub fn no_timeout(mut self) -> Self {
        self.timeout = None;
        self
    }
}

impl<R: Request> fmt::Debug for Call<R> {
    /// Leaves out the params: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &R::METHOD)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl<R: Request + 'static> IntoFuture for Call<R> {
    type Output = Result<R::Response>;
    type IntoFuture = BoxFuture<Self::Output>;

    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if the runtime says no,
    /// [`Error::UnsupportedByRuntime`](crate::Error::UnsupportedByRuntime) and
    /// [`Error::ExperimentalApi`](crate::Error::ExperimentalApi) for what it cannot take, and what
    /// can happen to any call: closed, timed out, cannot be encoded or decoded.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.connection.request(&self.params, self.timeout).await })
    }
}
