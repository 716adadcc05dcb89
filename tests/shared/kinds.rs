//! The kinds of requests of the server.

/// Gives the method of a handler for each kind, and the request that it takes, to a macro.
macro_rules! each_kind {
    ($use:ident) => {
        $use! {
            command_approval CommandApproval,
            file_change_approval FileChangeApproval,
            permissions_approval PermissionsApproval,
            user_input UserInput,
            elicitation Elicitation,
            tool_call ToolCall,
            token_refresh TokenRefresh,
            current_time CurrentTime,
            attestation Attestation,
            legacy_command_approval LegacyCommandApproval,
            legacy_patch_approval LegacyPatchApproval,
        }
    };
}
pub(crate) use each_kind;
