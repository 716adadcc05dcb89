//! What is allowed without asking anybody.

use std::fmt;
use std::sync::Arc;

use crate::protocol::{
    CommandExecutionRequestApprovalParams, FileChangeRequestApprovalParams,
    McpServerElicitationRequestParams, PermissionGrantScope, PermissionsRequestApprovalParams,
};

use super::elicitation::is_tool_approval;
use super::*;

/// Decides approvals by rules: a [`ServerRequestHandler`] that allows what it was told to, and
/// declines everything else that is to be approved. Other requests are passed on.
///
/// ```
/// use codexkit::{Codex, RequestPolicy};
///
/// let policy = RequestPolicy::deny_all()
///     .allow_file_changes()
///     .allow_commands_if(|asked| asked.command.as_deref() == Some("/bin/bash -lc 'cargo test'"));
/// let builder = Codex::builder().handler(policy);
/// ```
#[derive(Clone, Default)]
#[must_use = "a policy does nothing until a client, a thread or a turn has it"]
pub struct RequestPolicy {
    commands: Rule<CommandExecutionRequestApprovalParams>,
    file_changes: Rule<FileChangeRequestApprovalParams>,
    permissions: Rule<PermissionsRequestApprovalParams>,
    mcp_tools: Rule<McpServerElicitationRequestParams>,
    passes_the_rest: bool,
}

impl RequestPolicy {
    /// Allows nothing.
    pub fn deny_all() -> RequestPolicy {
        RequestPolicy::default()
    }

    /// Lets every command run for which the agent asks, also outside of the sandbox.
    pub fn allow_commands(self) -> RequestPolicy {
        self.allow_commands_if(|_| true)
    }

    /// Lets the commands run that fit. `command` is the whole command line of a shell, in which
    /// more may follow what it begins with. A request may also ask for something else:
    /// for the network (`networkApprovalContext`), for input to a command that runs or for the
    /// decision of a person (`kind`), or for more permissions (`additionalPermissions`).
    pub fn allow_commands_if(
        mut self,
        fits: impl Fn(&CommandExecutionRequestApprovalParams) -> bool + Send + Sync + 'static,
    ) -> RequestPolicy {
        self.commands.add(fits);
        self
    }

    /// Lets every change be made to files for which the agent asks, also outside of the sandbox.
    pub fn allow_file_changes(self) -> RequestPolicy {
        self.allow_file_changes_if(|_| true)
    }

    /// Lets the changes to files be made that fit. What is changed is in the item with the id
    /// `itemId`, which the turn has told of before.
    pub fn allow_file_changes_if(
        mut self,
        fits: impl Fn(&FileChangeRequestApprovalParams) -> bool + Send + Sync + 'static,
    ) -> RequestPolicy {
        self.file_changes.add(fits);
        self
    }

    /// Grants all permissions for which the agent asks, for the turn.
    pub fn allow_permissions(self) -> RequestPolicy {
        self.allow_permissions_if(|_| true)
    }

    /// Grants the permissions of requests that fit, for the turn.
    pub fn allow_permissions_if(
        mut self,
        fits: impl Fn(&PermissionsRequestApprovalParams) -> bool + Send + Sync + 'static,
    ) -> RequestPolicy {
        self.permissions.add(fits);
        self
    }

    /// Lets every tool of an MCP server be called for which the runtime asks.
    pub fn allow_mcp_tools(self) -> RequestPolicy {
        self.allow_mcp_tools_if(|_| true)
    }

    /// Lets the tools of MCP servers be called that fit.
    pub fn allow_mcp_tools_if(
        mut self,
        fits: impl Fn(&McpServerElicitationRequestParams) -> bool + Send + Sync + 'static,
    ) -> RequestPolicy {
        self.mcp_tools.add(fits);
        self
    }

    /// Passes on what is not allowed, so that somebody else decides, rather than decline it.
    pub fn pass_the_rest(mut self) -> RequestPolicy {
        self.passes_the_rest = true;
        self
    }

    /// What becomes of a request that is not allowed.
    fn deny<C: Kind>(&self, request: PendingRequest<C>) -> HandlerResult {
        if self.passes_the_rest {
            request.pass();
        } else {
            request.refuse()?;
        }
        Ok(())
    }
}

impl ServerRequestHandler for RequestPolicy {
    async fn command_approval(&self, request: CommandApproval) -> HandlerResult {
        if self.commands.allows(&request) { Ok(request.accept()?) } else { self.deny(request) }
    }

    async fn file_change_approval(&self, request: FileChangeApproval) -> HandlerResult {
        if self.file_changes.allows(&request) { Ok(request.accept()?) } else { self.deny(request) }
    }

    async fn permissions_approval(&self, request: PermissionsApproval) -> HandlerResult {
        if self.permissions.allows(&request) {
            Ok(request.grant_all(PermissionGrantScope::Turn)?)
        } else {
            self.deny(request)
        }
    }

    async fn elicitation(&self, request: Elicitation) -> HandlerResult {
        if !is_tool_approval(&request) {
            request.pass();
            return Ok(());
        }
        if self.mcp_tools.allows(&request) { Ok(request.accept()?) } else { self.deny(request) }
    }

    async fn legacy_command_approval(&self, request: LegacyCommandApproval) -> HandlerResult {
        self.deny(request)
    }

    async fn legacy_patch_approval(&self, request: LegacyPatchApproval) -> HandlerResult {
        self.deny(request)
    }
}

impl fmt::Debug for RequestPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestPolicy")
            .field("commands", &self.commands)
            .field("file_changes", &self.file_changes)
            .field("permissions", &self.permissions)
            .field("mcp_tools", &self.mcp_tools)
            .field("passes_the_rest", &self.passes_the_rest)
            .finish()
    }
}

/// What is allowed of one kind: whatever fits one of these.
struct Rule<C>(Vec<Arc<dyn Fn(&C) -> bool + Send + Sync>>);

impl<C> Rule<C> {
    fn add(&mut self, fits: impl Fn(&C) -> bool + Send + Sync + 'static) {
        self.0.push(Arc::new(fits));
    }

    fn allows(&self, asked: &C) -> bool {
        self.0.iter().any(|fits| fits(asked))
    }
}

impl<C> Clone for Rule<C> {
    fn clone(&self) -> Self {
        Rule(self.0.clone())
    }
}

impl<C> Default for Rule<C> {
    fn default() -> Self {
        Rule(Vec::new())
    }
}

impl<C> fmt::Debug for Rule<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            0 => f.write_str("nothing"),
            n => write!(f, "what fits one of {n}"),
        }
    }
}
