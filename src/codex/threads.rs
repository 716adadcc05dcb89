//! The threads of the runtime.

use crate::error::Result;
use crate::list::List;
use crate::protocol;
use crate::thread::{Thread, ThreadFork, ThreadResume, ThreadStart};

use super::Codex;

impl Codex {
    /// Starts a new thread (`thread/start`): set what should differ from the configuration of the
    /// runtime, then await it.
    pub fn thread_start(&self) -> ThreadStart {
        ThreadStart::new(self.clone())
    }

    /// Takes up the thread of this id (`thread/resume`): set what should differ from its last turn,
    /// then await it.
    ///
    /// ```no_run
    /// # async fn example(codex: codexkit::Codex, id: String) -> codexkit::Result<()> {
    /// let thread = codex.thread_resume(id).await?;
    /// let result = thread.run("Where were we?").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn thread_resume(&self, id: impl Into<String>) -> ThreadResume {
        ThreadResume::new(self.clone(), id.into())
    }

    /// Starts a new thread with the history of the one of this id (`thread/fork`): set what should
    /// differ from it, then await it. The other thread need not be loaded, and may be in use
    /// elsewhere.
    pub fn thread_fork(&self, id: impl Into<String>) -> ThreadFork {
        ThreadFork::new(self.clone(), id.into())
    }

    /// The thread of this id, without asking the runtime for it: to read it, list its history or
    /// give it a name. Only a thread that is loaded can have turns, so
    /// [`thread_resume`](Self::thread_resume) comes before them.
    pub fn thread(&self, id: impl AsRef<str>) -> Thread {
        Thread::new(self.clone(), id.as_ref())
    }

    /// The stored threads, the newest first (`thread/list`). Ephemeral ones are not stored, and a
    /// thread without a turn is not listed, though one that has a name is stored and can be resumed.
    pub fn thread_list(&self) -> List<protocol::ThreadListParams> {
        self.list(protocol::ThreadListParams::default())
    }

    /// The ids of the threads that this runtime has loaded (`thread/loaded/list`).
    pub fn thread_loaded_list(&self) -> List<protocol::ThreadLoadedListParams> {
        self.list(protocol::ThreadLoadedListParams::default())
    }

    /// Puts a thread away (`thread/archive`): it is unloaded, its turn interrupted, and it is listed
    /// among the [archived](List::archived) ones only.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if there is no such stored thread or another process has it
    /// loaded, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn thread_archive(&self, id: impl Into<String>) -> Result<()> {
        self.request(protocol::ThreadArchiveParams::new(id)).await.map(drop)
    }

    /// Gets a thread back from the archive (`thread/unarchive`), and gives it as it is stored. It is
    /// not loaded by this: [`thread_resume`](Self::thread_resume) does that.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if there is no such archived thread
    /// ([`RpcErrorKind::ActiveWriter`](crate::RpcErrorKind::ActiveWriter) for one that is loaded and
    /// was not archived), and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn thread_unarchive(&self, id: impl Into<String>) -> Result<protocol::Thread> {
        Ok(self.request(protocol::ThreadUnarchiveParams::new(id)).await?.thread)
    }

    /// Deletes a thread and its history for good (`thread/delete`). Its turn is interrupted.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if there is no such thread, if it is ephemeral, if another
    /// process has it loaded, or if there is a fork that needs its history; and what can happen to
    /// any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn thread_delete(&self, id: impl Into<String>) -> Result<()> {
        self.request(protocol::ThreadDeleteParams::new(id)).await.map(drop)
    }
}
