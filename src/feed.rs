//! What no turn claims: notifications of threads, the account and the server, and reports of what
//! could not be understood or was refused.

mod failure;
mod reader;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde_json::Value;
use serde_json::error::Category;

use crate::connection::Link;
use crate::error::{Error, Result};
use crate::protocol::{self, envelope};

pub(crate) use self::failure::RequestFailure;
pub(crate) use self::reader::{Read, Reader};

/// How many events a reader may be behind before it loses the oldest ones.
pub(crate) const FEED_CAPACITY: usize = 256;

/// How many characters of a line that nobody understands are kept.
const LINE_HEAD: usize = 256;

/// The events of a connection, or of one thread, that belong to no turn that has a handle:
/// [`Codex::notifications`](crate::Codex::notifications), [`Thread::events`](crate::Thread::events).
///
/// The feed is bounded: who reads too slowly gets [`ConnectionEvent::Lagged`] instead of the events
/// that were lost. It does not keep the connection open.
#[must_use = "a feed does nothing until it is read"]
pub struct Notifications {
    link: Link,
    /// Whose events these are, if not those of the whole connection.
    thread: Option<String>,
    /// What comes before everything that the feed has.
    first: Option<ConnectionEvent>,
    reader: Reader,
}

/// An event that belongs to no turn that somebody listens to.
#[derive(Clone)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// The runtime is not the version from whose schema the types of this crate were made. This
    /// comes once, and first. What such a runtime lacks is refused before it is sent
    /// ([`Error::UnsupportedByRuntime`]), what it has beyond that arrives as unknown.
    /// [`RuntimeInfo::compare_to_pin`](crate::RuntimeInfo::compare_to_pin) tells which it is.
    #[non_exhaustive]
    RuntimeVersion {
        /// The version of the runtime; empty if it could not be told.
        found: String,
        /// [`RUNTIME_VERSION`](crate::RUNTIME_VERSION).
        pinned: &'static str,
    },
    /// A notification of the server.
    #[non_exhaustive]
    Notification {
        /// What happened.
        notification: Box<protocol::ServerNotification>,
        /// When the server says that it sent it, in milliseconds since the Unix epoch.
        emitted_at_ms: Option<i64>,
    },
    /// A request of the server that was refused without anybody having decided so: it was not
    /// understood, nobody was there to answer it, or whoever should have answered has failed.
    #[non_exhaustive]
    RequestRefused {
        /// The request.
        request: protocol::RawMessage,
        /// What is wrong with it, or with whoever should have answered it; `None` if there was
        /// nobody.
        problem: Option<String>,
        /// The error of the handler that should have answered it, if there is one.
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
    /// The handler of a request of the server failed after it had answered, or passed the request on.
    #[non_exhaustive]
    HandlerFailed {
        /// The request.
        request: protocol::RawMessage,
        /// What went wrong.
        problem: String,
        /// The error of the handler, if there is one.
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
    /// A request of the server with an id that another one has had before, and that was or will be
    /// answered. This one is not. What the runtime merely repeats, while it waits for the answer, is
    /// no event.
    #[non_exhaustive]
    RequestRepeated {
        /// The request.
        request: protocol::RawMessage,
    },
    /// A line that is no message. It was skipped.
    #[non_exhaustive]
    Malformed {
        /// Its beginning.
        head: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An answer to no request in flight, such as a second answer to the same request.
    #[non_exhaustive]
    UnmatchedResponse {
        /// The id that it carries.
        id: Value,
    },
    /// This many events were lost, because they were not read in time.
    Lagged(u64),
}

impl fmt::Debug for ConnectionEvent {
    /// Leaves out what came as it was: it may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectionEvent::RuntimeVersion { found, pinned } => f
                .debug_struct("RuntimeVersion")
                .field("found", found)
                .field("pinned", pinned)
                .finish(),
            ConnectionEvent::Notification { notification, .. } => {
                f.debug_tuple("Notification").field(notification).finish()
            }
            ConnectionEvent::RequestRefused { request, problem, .. } => f
                .debug_struct("RequestRefused")
                .field("method", &request.method)
                .field("problem", problem)
                .finish_non_exhaustive(),
            ConnectionEvent::HandlerFailed { request, problem, .. } => f
                .debug_struct("HandlerFailed")
                .field("method", &request.method)
                .field("problem", problem)
                .finish_non_exhaustive(),
            ConnectionEvent::RequestRepeated { request } => {
                f.debug_struct("RequestRepeated").field("request", request).finish()
            }
            ConnectionEvent::Malformed { problem, .. } => {
                f.debug_struct("Malformed").field("problem", problem).finish_non_exhaustive()
            }
            ConnectionEvent::UnmatchedResponse { id } => {
                f.debug_struct("UnmatchedResponse").field("id", id).finish()
            }
            ConnectionEvent::Lagged(count) => f.debug_tuple("Lagged").field(count).finish(),
        }
    }
}

impl ConnectionEvent {
    pub(crate) fn other_version(found: &str) -> ConnectionEvent {
        let pinned = protocol::RUNTIME_VERSION;
        ConnectionEvent::RuntimeVersion { found: found.to_owned(), pinned }
    }
}

impl Notifications {
    pub(crate) fn new(link: &Link) -> Notifications {
        let (first, reader) = (link.take_greeting(), Reader::new(link.feed()));
        Notifications { link: link.clone(), thread: None, first, reader }
    }

    pub(crate) fn of_thread(link: &Link, thread: &str) -> Notifications {
        let (reader, thread) = (Reader::new(link.feed_of(thread)), Some(thread.to_owned()));
        Notifications { link: link.clone(), thread, first: None, reader }
    }

    /// Waits for the next event. After the connection has ended there is one error that says why,
    /// then `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] when the connection has ended, [`Error::Detached`] when the thread whose
    /// events these are was unsubscribed.
    ///
    /// # Cancel safety
    ///
    /// No event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<ConnectionEvent>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ConnectionEvent>>> {
        if let Some(event) = self.first.take() {
            return Poll::Ready(Some(Ok(event)));
        }
        let Some(read) = ready!(self.reader.poll_next(cx)) else { return Poll::Ready(None) };
        Poll::Ready(Some(match read {
            Read::Item(FeedItem::Line(line)) => Ok(self.decode(&line)),
            Read::Item(FeedItem::Event(event)) => Ok(event),
            Read::Item(FeedItem::Failure(failure)) => Ok(failure.into_event()),
            Read::Lagged(count) => Ok(ConnectionEvent::Lagged(count)),
            Read::Closed => Err(match &self.thread {
                Some(thread) if self.link.close_reason().is_none() => Error::detached(thread),
                _ => self.link.closed_error(),
            }),
        }))
    }

    fn decode(&self, line: &str) -> ConnectionEvent {
        match envelope::decode_notification(line) {
            Ok((notification, emitted_at_ms)) => {
                let notification = Box::new(notification);
                ConnectionEvent::Notification { notification, emitted_at_ms }
            }
            Err(error) => {
                self.link.count_malformed();
                ConnectionEvent::Malformed { head: head(line), problem: problem(&error) }
            }
        }
    }
}

impl Stream for Notifications {
    type Item = Result<ConnectionEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications").field("thread", &self.thread).finish_non_exhaustive()
    }
}

/// What the reader hands over: a notification is decoded by whoever reads it.
#[derive(Clone, Debug)]
pub(crate) enum FeedItem {
    Line(Box<str>),
    Event(ConnectionEvent),
    Failure(RequestFailure),
}

impl FeedItem {
    pub(crate) fn notification(line: &str) -> FeedItem {
        FeedItem::Line(line.into())
    }

    pub(crate) fn refused(request: protocol::RawMessage, problem: String) -> FeedItem {
        let (problem, source) = (Some(problem), None);
        FeedItem::Event(ConnectionEvent::RequestRefused { request, problem, source })
    }

    pub(crate) fn repeated(request: protocol::RawMessage) -> FeedItem {
        FeedItem::Event(ConnectionEvent::RequestRepeated { request })
    }

    pub(crate) fn malformed(head: String, problem: String) -> FeedItem {
        FeedItem::Event(ConnectionEvent::Malformed { head, problem })
    }

    pub(crate) fn unmatched(id: Value) -> FeedItem {
        FeedItem::Event(ConnectionEvent::UnmatchedResponse { id })
    }
}

/// What is wrong with a line. What serde says of a value of the wrong type repeats that.
pub(crate) fn problem(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Data => format!("no message of JSON-RPC (seen at column {})", error.column()),
        _ => error.to_string(),
    }
}

/// As much of a line as is shown to somebody who wants to know what is wrong with it.
pub(crate) fn head(line: &str) -> String {
    line.chars().take(LINE_HEAD).collect()
}
