//! A conversation with the agent.

#[macro_use]
mod options;

mod answering;
mod fork;
mod history;
mod opened;
mod resume;
mod start;

use std::fmt;
use std::sync::Arc;

use crate::codex::Codex;
use crate::input::TurnInput;
use crate::turn::{TurnHandle, TurnResult, TurnStart};

use self::answering::ThreadAnswering;
pub use self::{fork::ThreadFork, opened::ThreadOpened, resume::ThreadResume, start::ThreadStart};

/// A conversation with the agent. Cheap to clone; it keeps its [`Codex`] alive.
///
/// [`Codex::thread_start`], [`Codex::thread_resume`] and [`Codex::thread_fork`] give a thread that
/// can have turns; [`Codex::thread`] gives one that is known by its id alone. What ends the thread
/// as such, [`Codex::thread_archive`] and [`Codex::thread_delete`], is a matter of the client.
#[derive(Clone)]
pub struct Thread {
    codex: Codex,
    id: Arc<str>,
    opened: Option<Arc<ThreadOpened>>,
}

impl Thread {
    pub(crate) fn new(codex: Codex, id: &str) -> Thread {
        Thread { codex, id: id.into(), opened: None }
    }

    fn opened_as(codex: Codex, opened: ThreadOpened) -> Thread {
        let id = opened.thread().id.as_str().into();
        Thread { codex, id, opened: Some(Arc::new(opened)) }
    }

    /// The id of the thread, with which it can be found again later.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The client that this thread belongs to.
    pub fn codex(&self) -> &Codex {
        &self.codex
    }

    /// What the runtime said of the thread when it was started, resumed or forked; `None` for a
    /// thread that is known by its id alone.
    ///
    /// ```no_run
    /// # async fn example(codex: codexkit::Codex) -> codexkit::Result<()> {
    /// let thread = codex.thread_start().await?;
    /// if let Some(opened) = thread.opened() {
    ///     println!("{} in {}", opened.model(), opened.cwd().display());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn opened(&self) -> Option<&ThreadOpened> {
        self.opened.as_deref()
    }

    /// Runs one turn to its end. Await it, after setting what should differ from the thread.
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// let result = thread.run("Which files are the largest?").effort("low").await?;
    /// println!("{:?}", result.final_response);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(&self, input: impl Into<TurnInput>) -> TurnStart<TurnResult> {
        TurnStart::new(self, input.into())
    }

    /// Starts a turn (`turn/start`) and gives its events as they come. Await it, after setting what
    /// should differ from the thread.
    ///
    /// On a thread that has a turn running the input joins that turn: the handle has its id, and
    /// gets its events from now on.
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// use codexkit::protocol::ServerNotification;
    ///
    /// let mut turn = thread.turn("Write a haiku about borrowing.").await?;
    /// while let Some(event) = turn.next().await {
    ///     if let Some(ServerNotification::AgentMessageDelta(delta)) = event?.into_notification() {
    ///         print!("{}", delta.delta);
    ///     }
    /// }
    /// let result = turn.result().await?;
    /// println!("\n{} items", result.items.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn turn(&self, input: impl Into<TurnInput>) -> TurnStart<TurnHandle> {
        TurnStart::new(self, input.into())
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").field("id", &self.id).finish_non_exhaustive()
    }
}
