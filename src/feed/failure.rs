//! What went wrong with a request of the server, as long as nobody has read it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::ConnectionEvent;
use crate::protocol;

/// What went wrong with a request of the server. The type of the error is the user's, and what is not
/// read in time is dropped under locks: it may do then what takes the same ones, so that it is dropped
/// elsewhere.
#[derive(Clone)]
pub(crate) struct RequestFailure {
    pub(crate) request: protocol::RawMessage,
    pub(crate) problem: Option<String>,
    pub(crate) source: Option<Arc<dyn Error + Send + Sync>>,
    /// Whether that is why the request was refused.
    pub(crate) is_refused: bool,
    pub(crate) runtime: Handle,
}

impl RequestFailure {
    pub(super) fn into_event(mut self) -> ConnectionEvent {
        let request = self.request.clone();
        let (problem, source) = (self.problem.take(), self.source.take());
        if self.is_refused {
            return ConnectionEvent::RequestRefused { request, problem, source };
        }
        ConnectionEvent::HandlerFailed { request, problem: problem.unwrap_or_default(), source }
    }
}

impl Drop for RequestFailure {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            self.runtime.spawn_blocking(move || drop(source));
        }
    }
}

impl fmt::Debug for RequestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestFailure").field("request", &self.request).finish_non_exhaustive()
    }
}
