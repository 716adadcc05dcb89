//! A refusal that nobody has read yet.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::ConnectionEvent;
use crate::protocol;

/// A request that was refused because its handler failed, with the error of that. The type of the
/// error is the user's, and what is not read in time is dropped under locks: it may do then what
/// takes the same ones, so that it is dropped elsewhere.
#[derive(Clone)]
pub(crate) struct Refusal {
    request: protocol::RawMessage,
    problem: Option<String>,
    source: Option<Arc<dyn Error + Send + Sync>>,
    runtime: Handle,
}

impl Refusal {
    pub(crate) fn new(
        request: protocol::RawMessage,
        problem: Option<String>,
        source: Option<Arc<dyn Error + Send + Sync>>,
        runtime: &Handle,
    ) -> Refusal {
        Refusal { request, problem, source, runtime: runtime.clone() }
    }

    pub(super) fn into_event(mut self) -> ConnectionEvent {
        let request = self.request.clone();
        let (problem, source) = (self.problem.take(), self.source.take());
        ConnectionEvent::RequestRefused { request, problem, source }
    }
}

impl Drop for Refusal {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            self.runtime.spawn(async move { drop(source) });
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal").field("request", &self.request).finish_non_exhaustive()
    }
}
