//! What is allowed without asking anybody.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::protocol::approval::first_unknown;
use crate::protocol::{
    CommandExecutionApprovalKind, CommandExecutionRequestApprovalParams,
    FileChangeRequestApprovalParams, McpServerElicitationRequestParams, NetworkApprovalContext,
    PermissionGrantScope, PermissionsRequestApprovalParams,
};

use super::elicitation::is_tool_approval;
use super::{
    CommandApproval, Elicitation, FileChangeApproval, HandlerResult, Kind, LegacyCommandApproval,
    LegacyPatchApproval, PendingRequest, PermissionsApproval, ServerRequestHandler,
};

/// Decides approvals by rules: a [`ServerRequestHandler`] that allows what it was told to, and
/// declines everything else that is to be approved. Other requests are passed on.
///
/// What is declined is no event; only what has a property that is not known here, as of a later
/// runtime, is in [`ConnectionEvent::RequestRefused`](crate::ConnectionEvent::RequestRefused).
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
    network: Rule<NetworkApprovalContext>,
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

    /// Lets every command run for which the agent asks, also outside of the sandbox. As in all rules
    /// for commands, what comes with something else is not meant: more permissions
    /// (`additionalPermissions`), a network address, input to a command that runs, the decision of a
    /// person that somebody has ordered, or what is not known here.
    pub fn allow_commands(self) -> RequestPolicy {
        self.allow_commands_if(|_| true)
    }

    /// Lets the commands run that fit. `command` is the whole command line of a shell, in which
    /// more may follow what it begins with.
    pub fn allow_commands_if(
        mut self,
        fits: impl Fn(&CommandExecutionRequestApprovalParams) -> bool + Send + Sync + 'static,
    ) -> RequestPolicy {
        self.commands.add(fits);
        self
    }

    /// Lets commands use the network to reach what fits (`networkApprovalContext`), this once.
    pub fn allow_network_if(
        mut self,
        fits: impl Fn(&NetworkApprovalContext) -> bool + Send + Sync + 'static,
    ) -> RequestPolicy {
        self.network.add(fits);
        self
    }

    /// Lets every change be made to files for which the agent asks, also outside of the sandbox. As
    /// in all rules for files, one that asks for a whole directory (`grantRoot`) is not meant.
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

    /// Lets the tools of this MCP server, by its name in the configuration, be called. The server can
    /// make questions of its own look like that, so that this trusts the server: what it asks for
    /// without a form to fill in is agreed to as well.
    pub fn allow_mcp_tools_of(mut self, server: impl Into<String>) -> RequestPolicy {
        let server = server.into();
        self.mcp_tools.add(move |asked| asked.server_name() == Some(&server));
        self
    }

    /// Passes on what is not allowed, so that somebody else decides, rather than decline it.
    pub fn pass_the_rest(mut self) -> RequestPolicy {
        self.passes_the_rest = true;
        self
    }

    /// What becomes of a request that fits, now that it was answered with yes.
    fn allow<C: Kind>(&self, request: PendingRequest<C>, answered: Result<()>) -> HandlerResult {
        match answered {
            // It cannot be answered like that: somebody else may know another way.
            Err(Error::InvalidInput(_)) if self.passes_the_rest => request.pass(),
            answered => answered?,
        }
        Ok(())
    }

    /// What becomes of a request that is not allowed. One that nobody can look at as a whole, because
    /// it has a property that is not known here, is not declined in silence.
    fn deny<C: Kind>(&self, request: PendingRequest<C>, unknown: Option<&str>) -> HandlerResult {
        match unknown {
            _ if self.passes_the_rest => request.pass(),
            Some(unknown) => return Err(format!("`{unknown}` is not known here").into()),
            None => request.refuse()?,
        }
        Ok(())
    }
}

impl ServerRequestHandler for RequestPolicy {
    async fn command_approval(&self, request: CommandApproval) -> HandlerResult {
        let unknown = request.unknown().map(str::to_owned);
        let is_allowed = unknown.is_none()
            && is_plain(&request)
            && match (&request.network_approval_context, &request.command) {
                (Some(network), None) => self.network.allows(network),
                (None, Some(_)) => self.commands.allows(&request),
                // Both at once, or neither, is nothing that is known.
                _ => false,
            };
        if is_allowed {
            let answered = request.accept();
            self.allow(request, answered)
        } else {
            self.deny(request, unknown.as_deref())
        }
    }

    async fn file_change_approval(&self, request: FileChangeApproval) -> HandlerResult {
        let unknown = first_unknown(&request.unrecognized).map(str::to_owned);
        let is_plain = unknown.is_none() && request.grant_root.is_none();
        if is_plain && self.file_changes.allows(&request) {
            let answered = request.accept();
            self.allow(request, answered)
        } else {
            self.deny(request, unknown.as_deref())
        }
    }

    async fn permissions_approval(&self, request: PermissionsApproval) -> HandlerResult {
        if self.permissions.allows(&request) {
            let answered = request.grant_all(PermissionGrantScope::Turn);
            self.allow(request, answered)
        } else {
            self.deny(request, None)
        }
    }

    async fn elicitation(&self, request: Elicitation) -> HandlerResult {
        if !is_tool_approval(&request) {
            request.pass();
            return Ok(());
        }
        if self.mcp_tools.allows(&request) {
            let answered = request.accept();
            self.allow(request, answered)
        } else {
            self.deny(request, None)
        }
    }

    async fn legacy_command_approval(&self, request: LegacyCommandApproval) -> HandlerResult {
        self.deny(request, None)
    }

    async fn legacy_patch_approval(&self, request: LegacyPatchApproval) -> HandlerResult {
        self.deny(request, None)
    }
}

/// Whether nothing is asked for beside it.
fn is_plain(asked: &CommandExecutionRequestApprovalParams) -> bool {
    #[cfg(feature = "experimental")]
    if asked.additional_permissions.is_some() {
        return false;
    }
    asked.kind == CommandExecutionApprovalKind::Command
}

impl fmt::Debug for RequestPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestPolicy")
            .field("commands", &self.commands)
            .field("network", &self.network)
            .field("file_changes", &self.file_changes)
            .field("permissions", &self.permissions)
            .field("mcp_tools", &self.mcp_tools)
            .field("passes_the_rest", &self.passes_the_rest)
            .finish()
    }
}

/// What is allowed of one kind: whatever fits one of these.
struct Rule<C>(Vec<Predicate<C>>);

type Predicate<C> = Arc<dyn Fn(&C) -> bool + Send + Sync>;

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
