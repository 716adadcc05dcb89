//! Names for the usual choices of what the agent may do.

use crate::protocol;

/// Where the commands of the agent may write, as [`protocol::SandboxMode`] for a thread and as
/// [`protocol::SandboxPolicy`] for a turn.
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

impl From<Sandbox> for protocol::SandboxMode {
    fn from(sandbox: Sandbox) -> protocol::SandboxMode {
        match sandbox {
            Sandbox::ReadOnly => protocol::SandboxMode::ReadOnly,
            Sandbox::WorkspaceWrite => protocol::SandboxMode::WorkspaceWrite,
            Sandbox::FullAccess => protocol::SandboxMode::DangerFullAccess,
        }
    }
}

impl From<Sandbox> for protocol::SandboxPolicy {
    fn from(sandbox: Sandbox) -> protocol::SandboxPolicy {
        match sandbox {
            Sandbox::ReadOnly => protocol::SandboxPolicy::read_only(),
            Sandbox::WorkspaceWrite => protocol::SandboxPolicy::workspace_write(),
            Sandbox::FullAccess => protocol::SandboxPolicy::danger_full_access(),
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
    /// The client: a [`RequestPolicy`](crate::RequestPolicy), another
    /// [`ServerRequestHandler`](crate::ServerRequestHandler), or whoever reads the events of a turn
    /// that [parks](crate::TurnStart::park_requests) its requests. Without any of them it refuses.
    Ask,
}

impl ApprovalMode {
    /// Writes this to where it belongs in params. With nothing to review the reviewer stays as it
    /// was.
    pub(crate) fn apply(
        self,
        policy: &mut Option<protocol::AskForApproval>,
        reviewer: &mut Option<protocol::ApprovalsReviewer>,
    ) {
        *policy = Some(self.policy());
        *reviewer = self.reviewer().or(reviewer.take());
    }

    fn policy(self) -> protocol::AskForApproval {
        match self {
            ApprovalMode::DenyAll => protocol::AskForApproval::Never,
            ApprovalMode::AutoReview | ApprovalMode::Ask => protocol::AskForApproval::OnRequest,
        }
    }

    fn reviewer(self) -> Option<protocol::ApprovalsReviewer> {
        match self {
            ApprovalMode::DenyAll => None,
            ApprovalMode::AutoReview => Some(protocol::ApprovalsReviewer::AutoReview),
            ApprovalMode::Ask => Some(protocol::ApprovalsReviewer::User),
        }
    }
}
