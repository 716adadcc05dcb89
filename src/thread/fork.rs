//! Going on from the history of another thread.

use std::future::IntoFuture;

use crate::codex::{BoxFuture, Codex};
use crate::error::Result;
use crate::protocol;

use super::{Thread, ThreadAnswering, ThreadOpened};

/// A new thread with the history of another one, which is made when it is awaited (`thread/fork`).
/// The directory, the sandbox, who approves and the instructions are those of the other thread if
/// they are not set; the model, its effort and the service tier are those of the configuration. The
/// other thread stays as it is.
#[derive(Clone)]
#[must_use = "a thread is only forked when it is awaited"]
pub struct ThreadFork {
    codex: Codex,
    params: protocol::ThreadForkParams,
    /// Why the request cannot be sent.
    problem: Option<String>,
    answering: ThreadAnswering,
}

thread_options! { ThreadFork, ThreadForkParams }
thread_history_options! { ThreadFork, ThreadForkParams }

impl ThreadFork {
    /// Replaces the instructions that the model gets from the runtime.
    pub fn base_instructions(self, text: impl Into<String>) -> Self {
        self.params(|params| params.base_instructions(text))
    }

    /// Instructions of the developer, in the place of those that the thread has. The model is told
    /// when its context is made anew, as by compaction; until then its history has the earlier ones.
    pub fn developer_instructions(self, text: impl Into<String>) -> Self {
        self.params(|params| params.developer_instructions(text))
    }

    /// Takes the history up to this turn, and this turn, without what came after it. The turn must
    /// have ended.
    pub fn last_turn_id(self, id: impl Into<String>) -> Self {
        self.params(|params| params.last_turn_id(id))
    }

    /// Whether the thread is forgotten when the runtime ends. It cannot be had together with
    /// [`include_turns`](Self::include_turns).
    pub fn ephemeral(self, yes: bool) -> Self {
        self.params(|params| params.ephemeral(yes))
    }

    /// What kind of thread this is, in the words of the client. It is stored, and the model's
    /// server is told.
    pub fn thread_source(self, source: impl Into<protocol::ThreadSource>) -> Self {
        self.params(|params| params.thread_source(source))
    }
}

impl IntoFuture for ThreadFork {
    type Output = Result<Thread>;
    type IntoFuture = BoxFuture<Result<Thread>>;

    /// # Errors
    ///
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) for a path that is not UTF-8,
    /// [`Error::Rpc`](crate::Error::Rpc) if there is no such thread or turn, or the runtime does not
    /// accept the params, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the thread may have been made, but nobody knows its id.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (codex, response) = self.open().await?;
            Ok(Thread::opened_as(codex, ThreadOpened::Forked(response)))
        })
    }
}
