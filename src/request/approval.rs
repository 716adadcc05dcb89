//! Approvals of commands and of changes to files.

use crate::error::Result;
use crate::protocol::{
    AcceptWithExecpolicyAmendmentCommandExecutionApprovalDecision as WithExecpolicy,
    ApplyNetworkPolicyAmendmentCommandExecutionApprovalDecision as WithNetworkPolicy,
    ApplyPatchApprovalParams, ApplyPatchApprovalResponse, CommandExecutionApprovalDecision,
    CommandExecutionRequestApprovalParams, CommandExecutionRequestApprovalResponse,
    DeniedReviewDecision, ExecCommandApprovalParams, ExecCommandApprovalResponse,
    FileChangeApprovalDecision, FileChangeRequestApprovalParams, FileChangeRequestApprovalResponse,
    NetworkPolicyAmendment, NetworkPolicyRuleAction, ReviewDecision,
};

use super::{
    CommandApproval, FileChangeApproval, Kind, LegacyCommandApproval, LegacyPatchApproval,
};

impl CommandApproval {
    /// What may be decided: what the server has offered (`availableDecisions`), and in any case to
    /// decline and to cancel.
    pub fn decisions(&self) -> Vec<CommandExecutionApprovalDecision> {
        let mut decisions = offered(self);
        for no in
            [CommandExecutionApprovalDecision::Decline, CommandExecutionApprovalDecision::Cancel]
        {
            if !decisions.contains(&no) {
                decisions.push(no);
            }
        }
        decisions
    }

    /// Answers with one of [`decisions`](Self::decisions).
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond): a decision that was not offered is invalid.
    pub fn decide(&self, decision: CommandExecutionApprovalDecision) -> Result<()> {
        self.respond(CommandExecutionRequestApprovalResponse::new(decision))
    }

    /// Lets the command run, this once.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn accept(&self) -> Result<()> {
        self.decide(CommandExecutionApprovalDecision::Accept)
    }

    /// Lets the command run, and the same command again, as long as the thread is loaded.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond): the server may not have offered this, as the pinned runtime does
    /// not for a plain command.
    pub fn accept_for_session(&self) -> Result<()> {
        self.decide(CommandExecutionApprovalDecision::AcceptForSession)
    }

    /// Does not let the command run. The agent is told so, and the turn goes on.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn decline(&self) -> Result<()> {
        self.decide(CommandExecutionApprovalDecision::Decline)
    }

    /// Does not let the command run, and interrupts the turn.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn cancel(&self) -> Result<()> {
        self.decide(CommandExecutionApprovalDecision::Cancel)
    }
}

impl FileChangeApproval {
    /// Answers with a decision.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn decide(&self, decision: FileChangeApprovalDecision) -> Result<()> {
        self.respond(FileChangeRequestApprovalResponse::new(decision))
    }

    /// Lets the changes be made, this once.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn accept(&self) -> Result<()> {
        self.decide(FileChangeApprovalDecision::Accept)
    }

    /// Lets the changes be made, and further ones to the same files, as long as the thread is loaded.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn accept_for_session(&self) -> Result<()> {
        self.decide(FileChangeApprovalDecision::AcceptForSession)
    }

    /// Does not let the changes be made. The agent is told so, and the turn goes on.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn decline(&self) -> Result<()> {
        self.decide(FileChangeApprovalDecision::Decline)
    }

    /// Does not let the changes be made, and interrupts the turn.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn cancel(&self) -> Result<()> {
        self.decide(FileChangeApprovalDecision::Cancel)
    }
}

impl LegacyCommandApproval {
    /// Answers with a decision.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn decide(&self, decision: ReviewDecision) -> Result<()> {
        self.respond(ExecCommandApprovalResponse::new(decision))
    }
}

impl LegacyPatchApproval {
    /// Answers with a decision.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn decide(&self, decision: ReviewDecision) -> Result<()> {
        self.respond(ApplyPatchApprovalResponse::new(decision))
    }
}

/// What the server offers, or would if it does not say. To deny something is possible in any case.
fn offered(asked: &CommandExecutionRequestApprovalParams) -> Vec<CommandExecutionApprovalDecision> {
    let network = asked.proposed_network_policy_amendments.iter().flatten();
    if let Some(mut decisions) = asked.offer() {
        let denials = network.filter(|it| it.action == NetworkPolicyRuleAction::Deny);
        for denial in denials.map(with_network_policy) {
            if !decisions.contains(&denial) {
                decisions.push(denial);
            }
        }
        return decisions;
    }
    let mut decisions = vec![
        CommandExecutionApprovalDecision::Accept,
        CommandExecutionApprovalDecision::AcceptForSession,
    ];
    let execpolicy = asked.proposed_execpolicy_amendment.iter();
    decisions.extend(execpolicy.map(|it| WithExecpolicy::new(it.clone()).into()));
    decisions.extend(network.map(with_network_policy));
    decisions
}

fn with_network_policy(amendment: &NetworkPolicyAmendment) -> CommandExecutionApprovalDecision {
    WithNetworkPolicy::new(amendment.clone()).into()
}

impl Kind for CommandExecutionRequestApprovalParams {
    fn no(&self) -> Option<CommandExecutionRequestApprovalResponse> {
        let decision = CommandExecutionApprovalDecision::Decline;
        Some(CommandExecutionRequestApprovalResponse::new(decision))
    }

    fn check(&self, response: &CommandExecutionRequestApprovalResponse) -> Result<(), String> {
        use CommandExecutionApprovalDecision::{Cancel, Decline};

        let decision = &response.decision;
        if matches!(decision, Decline | Cancel) || offered(self).contains(decision) {
            return Ok(());
        }
        Err("this decision was not offered: take one of `decisions()`".into())
    }
}

impl Kind for FileChangeRequestApprovalParams {
    fn no(&self) -> Option<FileChangeRequestApprovalResponse> {
        Some(FileChangeRequestApprovalResponse::new(FileChangeApprovalDecision::Decline))
    }
}

impl Kind for ExecCommandApprovalParams {
    fn no(&self) -> Option<ExecCommandApprovalResponse> {
        Some(ExecCommandApprovalResponse::new(denied()))
    }
}

impl Kind for ApplyPatchApprovalParams {
    fn no(&self) -> Option<ApplyPatchApprovalResponse> {
        Some(ApplyPatchApprovalResponse::new(denied()))
    }
}

fn denied() -> ReviewDecision {
    DeniedReviewDecision::new("the client does not grant it").into()
}
