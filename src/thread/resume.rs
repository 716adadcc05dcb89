//! Taking up a thread that exists.

use std::future::IntoFuture;

use crate::codex::{BoxFuture, Codex};
use crate::error::Result;
use crate::protocol;

use super::{Thread, ThreadAnswering, ThreadOpened};

/// A stored thread, which is loaded when it is awaited (`thread/resume`): one that has had a turn or
/// was given a name. What is not set is as it was in the last turn of the thread.
///
/// A thread that this runtime has loaded already is joined: its events come to this client, and
/// what is set here is ignored, but for handler and tools. One that another process has loaded cannot
/// be resumed.
#[derive(Clone)]
#[must_use = "a thread is only resumed when it is awaited"]
pub struct ThreadResume {
    codex: Codex,
    params: protocol::ThreadResumeParams,
    /// Why the request cannot be sent.
    problem: Option<String>,
    answering: ThreadAnswering,
}

thread_options! { ThreadResume, ThreadResumeParams }
thread_history_options! { ThreadResume, ThreadResumeParams }

impl ThreadResume {
    /// Replaces the instructions that the model gets from the runtime, as long as
    /// this runtime has the thread loaded.
    pub fn base_instructions(self, text: impl Into<String>) -> Self {
        self.params(|params| params.base_instructions(text))
    }

    /// Instructions of the developer, in the place of those that the thread has. The model is told
    /// when its context is made anew, as by compaction; until then its history has the earlier ones.
    pub fn developer_instructions(self, text: impl Into<String>) -> Self {
        self.params(|params| params.developer_instructions(text))
    }
}

impl IntoFuture for ThreadResume {
    type Output = Result<Thread>;
    type IntoFuture = BoxFuture<Result<Thread>>;

    /// # Errors
    ///
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) for a path that is not UTF-8,
    /// [`Error::Rpc`](crate::Error::Rpc) if there is no such thread, if it never had a turn or a
    /// name, if it is archived, if another process has it loaded or the runtime does not accept the
    /// params, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the thread may have been loaded; it can be resumed again.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (codex, response) = self.open().await?;
            Ok(Thread::opened_as(codex, ThreadOpened::Resumed(response)))
        })
    }
}
