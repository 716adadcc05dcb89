//! What the runtime says of approvals beside what the schema has.

use super::{CommandExecutionApprovalDecision, CommandExecutionRequestApprovalParams, ExtraFields};

/// Where the runtime says, in the `_meta` of a question of an MCP server, what is to be approved.
pub(crate) const APPROVAL_KIND: &str = "codex_approval_kind";

/// That it is the call of a tool.
pub(crate) const TOOL_CALL_APPROVAL: &str = "mcp_tool_call";

/// How long an approval holds, in the `_meta` of what is asked and of the answer.
pub(crate) const PERSIST: &str = "persist";

/// That it holds as long as the thread is loaded.
pub(crate) const PERSIST_SESSION: &str = "session";

/// What the stable schema lacks, and the runtime sends all the same.
#[cfg(not(feature = "experimental"))]
const AVAILABLE_DECISIONS: &str = "availableDecisions";

impl CommandExecutionRequestApprovalParams {
    /// The decisions on offer, if the runtime says so.
    #[cfg(feature = "experimental")]
    pub(crate) fn offer(&self) -> Option<Vec<CommandExecutionApprovalDecision>> {
        self.available_decisions.clone()
    }

    /// The decisions on offer, if the runtime says so.
    #[cfg(not(feature = "experimental"))]
    pub(crate) fn offer(&self) -> Option<Vec<CommandExecutionApprovalDecision>> {
        let offer = self.unrecognized.get(AVAILABLE_DECISIONS)?;
        // What makes no sense offers nothing.
        (!offer.is_null()).then(|| serde_json::from_value(offer.clone()).unwrap_or_default())
    }

    /// The first property that is not known here.
    pub(crate) fn unknown(&self) -> Option<&str> {
        #[cfg(not(feature = "experimental"))]
        return self
            .unrecognized
            .iter()
            .map(|(name, _)| name)
            .find(|it| *it != AVAILABLE_DECISIONS);
        #[cfg(feature = "experimental")]
        first_unknown(&self.unrecognized)
    }
}

/// The first property that is not known here.
pub(crate) fn first_unknown(unrecognized: &ExtraFields) -> Option<&str> {
    unrecognized.iter().map(|(name, _)| name).next()
}
