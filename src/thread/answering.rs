//! Who answers what the server asks about a thread.

use std::sync::Arc;

use crate::connection::ThreadScope;
use crate::error::Result;
use crate::request::{ServerRequestHandler, SharedHandler};
#[cfg(feature = "experimental")]
use crate::tool::ToolSet;

use super::Thread;

/// Who is to answer what the server asks about a thread that is not there yet.
#[derive(Clone, Default)]
pub(crate) struct ThreadAnswering {
    handler: Option<SharedHandler>,
    #[cfg(feature = "experimental")]
    pub(super) tools: ToolSet,
}

impl ThreadAnswering {
    pub(super) fn set_handler(&mut self, handler: impl ServerRequestHandler) {
        self.handler = Some(Arc::new(handler));
    }

    #[cfg_attr(
        not(feature = "experimental"),
        expect(clippy::unnecessary_wraps, reason = "tools alone may be wrong")
    )]
    pub(super) fn scope(&mut self) -> Result<ThreadScope> {
        #[cfg(not(feature = "experimental"))]
        let tools = None;
        #[cfg(feature = "experimental")]
        let tools = std::mem::take(&mut self.tools).handler()?;
        #[cfg(feature = "experimental")]
        let tools = tools.map(|it| Arc::new(it) as SharedHandler);
        Ok(ThreadScope { handler: self.handler.take(), tools })
    }
}

impl Thread {
    /// Answers the requests of the server about this thread, from now on, before the handler of the
    /// client is asked: see [`ServerRequestHandler`]. One that the thread has already, such as that of
    /// [`ThreadStart::handler`](crate::ThreadStart::handler), is replaced.
    ///
    /// The handler is let go of when the thread is closed or unsubscribed, or the connection ends.
    /// Until then it must not hold a [`Codex`](crate::Codex) of this connection, nor what belongs to
    /// one, which would keep itself open like that:
    /// [`PendingRequest::codex`](crate::PendingRequest::codex) gives one.
    pub fn set_handler(&self, handler: impl ServerRequestHandler) {
        let scope = ThreadScope { handler: Some(Arc::new(handler)), tools: None };
        self.codex.connection.set_scope(self.id(), scope);
    }

    /// Takes the handler of this thread away. Requests that it is answering stay with it.
    pub fn remove_handler(&self) {
        self.codex.connection.remove_handler(self.id());
    }
}
