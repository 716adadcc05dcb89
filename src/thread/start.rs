//! Starting a thread.

use std::future::IntoFuture;

use crate::codex::{BoxFuture, Codex};
use crate::error::Result;
use crate::protocol;

use super::{Thread, ThreadAnswering, ThreadOpened};

/// A new thread, which is started when it is awaited (`thread/start`). What is not set is as the
/// configuration of the runtime says. What is set is stored with the thread, so that it is found
/// again when the thread is resumed, unless the method says otherwise; a turn can change it.
#[derive(Clone)]
#[must_use = "a thread is only started when it is awaited"]
pub struct ThreadStart {
    codex: Codex,
    params: protocol::ThreadStartParams,
    /// Why the request cannot be sent.
    problem: Option<String>,
    answering: ThreadAnswering,
}

thread_options! { ThreadStart, ThreadStartParams }

impl ThreadStart {
    pub(crate) fn new(codex: Codex) -> ThreadStart {
        let (params, answering) = Default::default();
        ThreadStart { codex, params, problem: None, answering }
    }

    /// Replaces the instructions that the model gets from the runtime.
    pub fn base_instructions(self, text: impl Into<String>) -> Self {
        self.params(|params| params.base_instructions(text))
    }

    /// Instructions of the developer, in addition to those of the runtime.
    pub fn developer_instructions(self, text: impl Into<String>) -> Self {
        self.params(|params| params.developer_instructions(text))
    }

    /// Whether the thread is forgotten when the runtime ends: it has no file, is not listed, and
    /// cannot be resumed.
    pub fn ephemeral(self, yes: bool) -> Self {
        self.params(|params| params.ephemeral(yes))
    }

    /// The name under which the work of this thread is accounted.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        self.params(|params| params.service_name(name))
    }

    /// Whether the session begins with this thread or goes on after it was cleared. The model's
    /// server is told so.
    pub fn session_start_source(self, source: impl Into<protocol::ThreadStartSource>) -> Self {
        self.params(|params| params.session_start_source(source))
    }

    /// What kind of thread this is, in the words of the client. It is stored, and the model's
    /// server is told.
    pub fn thread_source(self, source: impl Into<protocol::ThreadSource>) -> Self {
        self.params(|params| params.thread_source(source))
    }
}

impl ThreadStart {
    /// Tells the runtime of the tools.
    #[cfg(feature = "experimental")]
    fn with_tools(mut self) -> Self {
        let specs = self.answering.tools.specs();
        if !specs.is_empty() {
            self.params.dynamic_tools.get_or_insert_default().extend(specs);
        }
        self
    }

    #[cfg(not(feature = "experimental"))]
    fn with_tools(self) -> Self {
        self
    }
}

impl IntoFuture for ThreadStart {
    type Output = Result<Thread>;
    type IntoFuture = BoxFuture<Result<Thread>>;

    /// # Errors
    ///
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) for a path that is not UTF-8 and for two tools
    /// of one name, [`Error::ExperimentalApi`](crate::Error::ExperimentalApi) for tools without the
    /// experimental API,
    /// [`Error::Rpc`](crate::Error::Rpc) if the runtime does not accept the params or has a
    /// configuration that it cannot load, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the thread may have been started, but nobody knows its id.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (codex, response) = self.with_tools().open().await?;
            Ok(Thread::opened_as(codex, ThreadOpened::Started(response)))
        })
    }
}
