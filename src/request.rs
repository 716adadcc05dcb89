//! Requests of the server: what it asks of its client, and who answers.

mod approval;
mod client;
mod elicitation;
mod handler;
mod handlers;
mod kind;
mod pending;
mod permissions;
mod policy;
mod user_input;

use std::sync::Arc;

use crate::connection::Ask;
use crate::protocol;

pub(crate) use self::handler::SharedHandler;
#[cfg(feature = "experimental")]
pub(crate) use self::handler::TOOL_TIME;
pub use self::handler::{HandlerResult, ServerRequestHandler};
pub use self::handlers::Handlers;
pub(crate) use self::kind::{Answer, Kind};
pub use self::pending::{PendingRequest, Resolution};
pub use self::policy::RequestPolicy;

/// Gives the kinds of requests to a macro: the name of each, that of its method, and the case of
/// [`protocol::ServerRequest`] with its params.
macro_rules! kinds {
    ($use:ident) => {
        $use! {
            /// May this command run, or this input go to one that runs?
            /// (`item/commandExecution/requestApproval`)
            CommandApproval command_approval
                CommandExecutionRequestApproval(CommandExecutionRequestApprovalParams);
            /// May these changes be made to files? (`item/fileChange/requestApproval`)
            FileChangeApproval file_change_approval
                FileChangeRequestApproval(FileChangeRequestApprovalParams);
            /// May the agent have these permissions besides those of its sandbox?
            /// (`item/permissions/requestApproval`)
            PermissionsApproval permissions_approval
                PermissionsRequestApproval(PermissionsRequestApprovalParams);
            /// What does the user say to these questions? (`item/tool/requestUserInput`)
            UserInput user_input
                ToolRequestUserInput(ToolRequestUserInputParams);
            /// What does the user say to an MCP server: to a form, or to a page that is to be
            /// opened? The runtime asks in the same way whether a tool of such a server may be
            /// called. (`mcpServer/elicitation/request`)
            Elicitation elicitation
                McpServerElicitationRequest(McpServerElicitationRequestParams);
            /// Call a tool that the client has declared. (`item/tool/call`)
            ToolCall tool_call
                DynamicToolCall(DynamicToolCallParams);
            /// Renew the ChatGPT tokens that the client has logged in with. It names no turn, whose
            /// end is not noticed: only its deadline ends it, or the connection.
            /// (`account/chatgptAuthTokens/refresh`)
            TokenRefresh token_refresh
                ChatgptAuthTokensRefresh(ChatgptAuthTokensRefreshParams);
            /// What time is it? It names no turn, whose end is not noticed: only its deadline ends
            /// it, or the connection. (`currentTime/read`)
            #[cfg(feature = "experimental")]
            CurrentTime current_time
                CurrentTimeRead(CurrentTimeReadParams);
            /// Attest that this client is what it says. Asked only of a client that has said in the
            /// handshake that it can. (`attestation/generate`)
            Attestation attestation
                AttestationGenerate(AttestationGenerateParams);
            /// May this command run, in the words of runtimes before turns? The pinned one does
            /// not ask like that. (`execCommandApproval`)
            LegacyCommandApproval legacy_command_approval
                ExecCommandApproval(ExecCommandApprovalParams);
            /// May this patch be applied, in the words of runtimes before turns? The pinned one
            /// does not ask like that. (`applyPatchApproval`)
            LegacyPatchApproval legacy_patch_approval
                ApplyPatchApproval(ApplyPatchApprovalParams);
        }
    };
}
pub(crate) use kinds;

macro_rules! server_request {
    ($($(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])? $name:ident $method:ident $case:ident($params:ident);)*) => {
        /// A request of the server that waits for its answer, with what may be known of it.
        ///
        /// It comes as [`TurnEvent::Request`](crate::TurnEvent::Request) of a turn that
        /// [parks](crate::TurnStart::park_requests) its requests. Dropping it refuses it.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum ServerRequest {
            $($(#[doc = $doc])* $(#[cfg($cfg)])? $name($name),)*
        }

        $(
            $(#[doc = $doc])* $(#[cfg($cfg)])?
            pub type $name = PendingRequest<protocol::$params>;

            $(#[cfg($cfg)])?
            impl kind::AnyKind for protocol::$params {
                fn any(request: $name) -> ServerRequest {
                    ServerRequest::$name(request)
                }
            }
        )*

        impl ServerRequest {
            pub(crate) fn new(
                request: protocol::ServerRequest,
                ask: impl FnOnce(Answer) -> Arc<Ask>,
            ) -> ServerRequest {
                match request {
                    $($(#[cfg($cfg)])? protocol::ServerRequest::$case(params) => {
                        let ask = ask(kind::refusal(&params));
                        ServerRequest::$name(PendingRequest::new(Arc::new(params), ask))
                    })*
                }
            }

            pub(crate) fn ask(&self) -> &Arc<Ask> {
                match self {
                    $($(#[cfg($cfg)])? ServerRequest::$name(request) => request.ask(),)*
                }
            }
        }
    };
}
kinds!(server_request);

impl ServerRequest {
    /// The method on the wire.
    pub fn method(&self) -> &str {
        &self.ask().message.method
    }

    /// The id of the request, which [`protocol::ServerRequestResolvedNotification`] names.
    pub fn id(&self) -> &protocol::RequestId {
        &self.ask().id
    }

    /// The thread that it is about, if it names one.
    pub fn thread_id(&self) -> Option<&str> {
        self.ask().scope.thread.as_deref()
    }

    /// The turn that it is about, if it names one.
    pub fn turn_id(&self) -> Option<&str> {
        self.ask().scope.turn.as_deref()
    }

    pub(crate) fn scope(&self) -> &RequestScope {
        &self.ask().scope
    }

    /// As [`PendingRequest::refuse`].
    ///
    /// # Errors
    ///
    /// As [`PendingRequest::refuse`].
    pub fn refuse(&self) -> crate::Result<()> {
        self.ask().refuse_by_hand()
    }

    /// As [`PendingRequest::pass`].
    pub fn pass(self) {
        self.ask().pass();
    }

    /// As [`PendingRequest::resolved`].
    ///
    /// # Cancel safety
    ///
    /// Can be dropped and called again.
    pub async fn resolved(&self) -> Resolution {
        self.ask().resolved().await
    }

    /// As [`PendingRequest::resolution`].
    pub fn resolution(&self) -> Option<Resolution> {
        self.ask().resolution()
    }
}

/// The thread and the turn that a request is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestScope {
    pub(crate) thread: Option<String>,
    pub(crate) turn: Option<String>,
    /// The turn for which that one does the work.
    pub(crate) root: Option<String>,
}

impl RequestScope {
    /// The turns whose end is the end of the request, and whose handles may have it.
    pub(crate) fn turns(&self) -> impl Iterator<Item = &str> {
        self.turn.as_deref().into_iter().chain(self.root.as_deref())
    }

    pub(crate) fn of(request: &protocol::ServerRequest) -> RequestScope {
        use protocol::ServerRequest as Asked;

        let (thread, turn) = match request {
            Asked::CommandExecutionRequestApproval(it) => (&it.thread_id, Some(&it.turn_id)),
            Asked::FileChangeRequestApproval(it) => (&it.thread_id, Some(&it.turn_id)),
            Asked::PermissionsRequestApproval(it) => (&it.thread_id, Some(&it.turn_id)),
            Asked::ToolRequestUserInput(it) => (&it.thread_id, Some(&it.turn_id)),
            Asked::DynamicToolCall(it) => (&it.thread_id, Some(&it.turn_id)),
            Asked::McpServerElicitationRequest(it) => return elicitation::scope(it),
            #[cfg(feature = "experimental")]
            Asked::CurrentTimeRead(it) => (&it.thread_id, None),
            Asked::ExecCommandApproval(it) => (&it.conversation_id, None),
            Asked::ApplyPatchApproval(it) => (&it.conversation_id, None),
            Asked::ChatgptAuthTokensRefresh(_) | Asked::AttestationGenerate(_) => {
                return RequestScope::default();
            }
        };
        RequestScope { thread: Some(thread.clone()), turn: turn.cloned(), root: None }
    }
}
