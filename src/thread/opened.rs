//! What the runtime says of a thread that it opens.

use std::path::Path;

use crate::protocol;

/// What the runtime said of a thread when it was started, resumed or forked: how it is set up in the
/// end, from what was asked for, its history and the configuration. It is not kept up to date.
///
/// The variants hold the whole answer; the methods are what all three have.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "a thread has one, behind a pointer")]
pub enum ThreadOpened {
    /// The answer to `thread/start`.
    Started(protocol::ThreadStartResponse),
    /// The answer to `thread/resume`.
    Resumed(protocol::ThreadResumeResponse),
    /// The answer to `thread/fork`.
    Forked(protocol::ThreadForkResponse),
}

/// The same field of every answer.
macro_rules! field {
    ($opened:ident, $field:ident) => {
        match $opened {
            ThreadOpened::Started(it) => &it.$field,
            ThreadOpened::Resumed(it) => &it.$field,
            ThreadOpened::Forked(it) => &it.$field,
        }
    };
}

impl ThreadOpened {
    /// The thread as it was then: its name, status, times, and the turns if they were asked for.
    pub fn thread(&self) -> &protocol::Thread {
        field!(self, thread)
    }

    /// The slug of the model.
    pub fn model(&self) -> &str {
        field!(self, model)
    }

    /// The name of the provider of the model.
    pub fn model_provider(&self) -> &str {
        field!(self, model_provider)
    }

    /// How much the model reasons, if that is set.
    pub fn reasoning_effort(&self) -> Option<&protocol::ReasoningEffort> {
        field!(self, reasoning_effort).as_ref()
    }

    /// The service tier, if that is set.
    pub fn service_tier(&self) -> Option<&str> {
        field!(self, service_tier).as_deref()
    }

    /// The directory that the agent works in.
    pub fn cwd(&self) -> &Path {
        Path::new(field!(self, cwd))
    }

    /// Where the commands of the agent may write.
    pub fn sandbox(&self) -> &protocol::SandboxPolicy {
        field!(self, sandbox)
    }

    /// When the agent asks before it does something.
    pub fn approval_policy(&self) -> &protocol::AskForApproval {
        field!(self, approval_policy)
    }

    /// Whom it asks.
    pub fn approvals_reviewer(&self) -> &protocol::ApprovalsReviewer {
        field!(self, approvals_reviewer)
    }

    /// The files with instructions that the agent has read, such as `AGENTS.md`.
    pub fn instruction_sources(&self) -> impl Iterator<Item = &Path> {
        field!(self, instruction_sources).iter().map(Path::new)
    }

    /// Where the turns of a resumed thread end: the [`cursor`](crate::List::cursor) with which
    /// [`Thread::turns`](crate::Thread::turns) goes back from what was there when it was resumed.
    pub fn turns_backwards_cursor(&self) -> Option<&str> {
        match self {
            ThreadOpened::Resumed(it) => it.turns_backwards_cursor.as_deref(),
            _ => None,
        }
    }

    /// Where the items of a resumed thread end: the [`cursor`](crate::List::cursor) with which
    /// [`Thread::items`](crate::Thread::items), newest first, goes back from there.
    pub fn items_backwards_cursor(&self) -> Option<&str> {
        match self {
            ThreadOpened::Resumed(it) => it.items_backwards_cursor.as_deref(),
            _ => None,
        }
    }
}
