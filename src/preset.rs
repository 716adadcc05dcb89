//! Names for the usual choices of what the agent may do.

use crate::protocol::{
    ApprovalsReviewer, AskForApproval, ReadOnlySandboxPolicy, SandboxMode, SandboxPolicy,
    WorkspaceWriteSandboxPolicy,
};

/// Where the commands of the agent may write, as [`SandboxMode`] for a thread and as
/// [`SandboxPolicy`] for a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sandbox {
    /// Nowhere.
    ReadOnly,
    /// In the working directory and in temporary directories.
    WorkspaceWrite,
    /// Everywhere, with access to the network: there is no sandbox.
    FullAccess,
}

impl From<Sandbox> for SandboxMode {
    fn from(sandbox: Sandbox) -> SandboxMode {
        match sandbox {
            Sandbox::ReadOnly => SandboxMode::ReadOnly,
            Sandbox::WorkspaceWrite => SandboxMode::WorkspaceWrite,
            Sandbox::FullAccess => SandboxMode::DangerFullAccess,
        }
    }
}

impl From<Sandbox> for SandboxPolicy {
    fn from(sandbox: Sandbox) -> SandboxPolicy {
        match sandbox {
            Sandbox::ReadOnly => SandboxPolicy::ReadOnly(ReadOnlySandboxPolicy::default()),
            Sandbox::WorkspaceWrite => {
                SandboxPolicy::WorkspaceWrite(WorkspaceWriteSandboxPolicy::default())
            }
            Sandbox::FullAccess => SandboxPolicy::DangerFullAccess,
        }
    }
}

/// Who decides when the agent wants to do more than its sandbox allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApprovalMode {
    /// Nobody: it is not done.
    DenyAll,
    /// A reviewer model of the runtime.
    AutoReview,
    /// The client. Without anything that answers, it refuses.
    Ask,
}

impl ApprovalMode {
    pub(crate) fn policy(self) -> AskForApproval {
        match self {
            ApprovalMode::DenyAll => AskForApproval::Never,
            ApprovalMode::AutoReview | ApprovalMode::Ask => AskForApproval::OnRequest,
        }
    }

    /// The reviewer; with nothing to review it stays as it was.
    pub(crate) fn reviewer(self) -> Option<ApprovalsReviewer> {
        match self {
            ApprovalMode::DenyAll => None,
            ApprovalMode::AutoReview => Some(ApprovalsReviewer::AutoReview),
            ApprovalMode::Ask => Some(ApprovalsReviewer::User),
        }
    }
}
