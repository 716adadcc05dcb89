//! What the client tells `tracing` of what it does, if the feature of that name is on: methods, ids,
//! sizes and outcomes. Params, answers and what the runtime writes to its standard error are never
//! told, at no level: they may hold secrets.

use std::future::Future;

use crate::error::{CloseReason, Result};

/// Tells of something that happened, with the target `codexkit`.
#[cfg(feature = "tracing")]
macro_rules! event {
    ($level:ident, $($arg:tt)*) => { ::tracing::$level!(target: "codexkit", $($arg)*) };
}

#[cfg(not(feature = "tracing"))]
macro_rules! event {
    ($($arg:tt)*) => {};
}

pub(crate) use event;

/// Tells of a request: a span around it, and how it ended. Without an end it was dropped.
#[cfg(feature = "tracing")]
pub(crate) async fn request<T>(
    method: &'static str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    use tracing::Instrument;

    let span = tracing::debug_span!(target: "codexkit", "request", method);
    let started = tokio::time::Instant::now();
    let result = work.instrument(span.clone()).await;
    let elapsed = started.elapsed();
    span.in_scope(|| match &result {
        Ok(_) => event!(debug, ?elapsed, "answered"),
        Err(error) => event!(debug, ?elapsed, code = error.code(), kind = kind(error), "failed"),
    });
    result
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn request<T>(
    _: &'static str,
    work: impl Future<Output = Result<T>>,
) -> impl Future<Output = Result<T>> {
    work
}

/// What kind of error it is, without its text.
#[cfg(feature = "tracing")]
fn kind(error: &crate::error::Error) -> &'static str {
    use crate::error::Error;

    match error {
        Error::Rpc(_) => "refused",
        Error::Closed(_) => "closed",
        Error::Timeout { .. } => "timed out",
        Error::Encode { .. } | Error::Decode { .. } => "malformed",
        _ => "other",
    }
}

/// A span around a turn, from its acceptance until its handle is dropped.
pub(crate) struct TurnSpan {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl TurnSpan {
    #[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody is told"))]
    pub(crate) fn new(thread: &str, turn: &str) -> TurnSpan {
        TurnSpan {
            #[cfg(feature = "tracing")]
            span: tracing::debug_span!(target: "codexkit", "turn", thread, turn),
        }
    }

    /// Tells of the end of the turn.
    #[cfg_attr(
        not(feature = "tracing"),
        expect(unused_variables, clippy::unused_self, reason = "nobody is told")
    )]
    pub(crate) fn completed(&self, turn: &crate::protocol::Turn) {
        #[cfg(feature = "tracing")]
        self.span.in_scope(|| {
            event!(debug, status = %turn.status, duration_ms = turn.duration_ms, "completed");
        });
    }
}

/// What has arrived, to be told when no lock is held.
#[derive(Default)]
pub(crate) struct Arrivals {
    #[cfg(feature = "tracing")]
    arrivals: Vec<Arrival>,
}

#[cfg(feature = "tracing")]
enum Arrival {
    Notification { method: String, thread: Option<String>, bytes: usize },
    Asked { method: String, id: String },
    Rejected { method: String, id: String },
    Malformed { bytes: usize },
}

#[cfg_attr(
    not(feature = "tracing"),
    expect(unused_variables, clippy::unused_self, reason = "nobody is told")
)]
impl Arrivals {
    pub(crate) fn notification(&mut self, method: &str, thread: Option<&str>, bytes: usize) {
        #[cfg(feature = "tracing")]
        if tracing::enabled!(target: "codexkit", tracing::Level::TRACE) {
            let (method, thread) = (method.to_owned(), thread.map(str::to_owned));
            self.arrivals.push(Arrival::Notification { method, thread, bytes });
        }
    }

    pub(crate) fn asked(&mut self, method: &str, id: &str) {
        #[cfg(feature = "tracing")]
        if tracing::enabled!(target: "codexkit", tracing::Level::DEBUG) {
            let (method, id) = (method.to_owned(), id.to_owned());
            self.arrivals.push(Arrival::Asked { method, id });
        }
    }

    pub(crate) fn rejected(&mut self, method: &str, id: &str) {
        #[cfg(feature = "tracing")]
        if tracing::enabled!(target: "codexkit", tracing::Level::WARN) {
            let (method, id) = (method.to_owned(), id.to_owned());
            self.arrivals.push(Arrival::Rejected { method, id });
        }
    }

    pub(crate) fn malformed(&mut self, bytes: usize) {
        #[cfg(feature = "tracing")]
        self.arrivals.push(Arrival::Malformed { bytes });
    }

    pub(crate) fn tell(self) {
        #[cfg(feature = "tracing")]
        for arrival in self.arrivals {
            match arrival {
                Arrival::Notification { method, thread, bytes } => {
                    event!(trace, %method, thread, bytes, "notification");
                }
                Arrival::Asked { method, id } => {
                    event!(debug, %method, id, "the server asks");
                }
                Arrival::Rejected { method, id } => {
                    event!(warn, %method, id, "a request of the server was not understood");
                }
                Arrival::Malformed { bytes } => {
                    event!(warn, bytes, "skipped a line that is no message");
                }
            }
        }
    }
}

/// Tells why the connection ended, without the last words of the process.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody is told"))]
pub(crate) fn connection_ended(reason: &CloseReason) {
    #[cfg(feature = "tracing")]
    match reason {
        CloseReason::Local => event!(debug, "connection closed by this side"),
        CloseReason::Eof => event!(warn, "connection closed by the other side"),
        CloseReason::Exited { status: Some(status), .. } => {
            event!(warn, %status, "the runtime ended");
        }
        CloseReason::Exited { status: None, .. } => event!(warn, "the runtime closed its output"),
        CloseReason::Io(error) => event!(warn, %error, "the transport failed"),
    }
}
