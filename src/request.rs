//! Requests of the server: every one gets exactly one answer, and the answer is no.

use serde_json::Value;

use crate::protocol::{
    ApplyPatchApprovalResponse, CommandExecutionApprovalDecision,
    CommandExecutionRequestApprovalResponse, DeniedReviewDecision, DynamicToolCallResponse,
    ExecCommandApprovalResponse, FileChangeApprovalDecision, FileChangeRequestApprovalResponse,
    GrantedPermissionProfile, McpServerElicitationAction, McpServerElicitationRequestResponse,
    PermissionsRequestApprovalResponse, RawMessage, ReviewDecision, ServerCall, ServerRequest,
    ServerRequestError, ToolRequestUserInputResponse, envelope,
};

/// A request that was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) request: RawMessage,
    /// What is wrong with the request, if it was not understood.
    pub(crate) problem: Option<String>,
    pub(crate) answer: Answer,
}

/// What goes back: a result, or code and message of a JSON-RPC error.
pub(crate) type Answer = Result<Value, (i64, String)>;

/// Refuses a request in the way that its method provides for.
pub(crate) fn refuse(method: &str, params: &str) -> Refusal {
    let params: Value = serde_json::from_str(params).unwrap_or_default();
    let request = RawMessage { method: method.to_owned(), params };
    let (answer, problem) = match ServerRequest::try_decode(method, &request.params) {
        Ok(request) => (refusal_of(&request), None),
        Err(error) => {
            let problem = error.to_string();
            let code = match error {
                ServerRequestError::UnknownMethod { .. } => envelope::METHOD_NOT_FOUND,
                ServerRequestError::InvalidParams { .. } => envelope::INVALID_PARAMS,
            };
            (Err((code, problem.clone())), Some(problem))
        }
    };
    Refusal { request, problem, answer }
}

fn refusal_of(request: &ServerRequest) -> Answer {
    match request {
        ServerRequest::CommandExecutionRequestApproval(call) => {
            let decision = CommandExecutionApprovalDecision::Decline;
            answer(call, CommandExecutionRequestApprovalResponse::new(decision))
        }
        ServerRequest::FileChangeRequestApproval(call) => {
            let decision = FileChangeApprovalDecision::Decline;
            answer(call, FileChangeRequestApprovalResponse::new(decision))
        }
        ServerRequest::ApplyPatchApproval(call) => {
            answer(call, ApplyPatchApprovalResponse::new(denied()))
        }
        ServerRequest::ExecCommandApproval(call) => {
            answer(call, ExecCommandApprovalResponse::new(denied()))
        }
        ServerRequest::PermissionsRequestApproval(call) => {
            let nothing = GrantedPermissionProfile::default();
            answer(call, PermissionsRequestApprovalResponse::new(nothing))
        }
        ServerRequest::ToolRequestUserInput(call) => {
            answer(call, ToolRequestUserInputResponse::new([]))
        }
        ServerRequest::McpServerElicitationRequest(call) => {
            let action = McpServerElicitationAction::Decline;
            answer(call, McpServerElicitationRequestResponse::new(action))
        }
        ServerRequest::DynamicToolCall(call) => {
            answer(call, DynamicToolCallResponse::new(Vec::new(), false))
        }
        // The rest has no answer that means no.
        _ => {
            Err((envelope::REFUSED, format!("the client does not provide `{}`", request.method())))
        }
    }
}

fn denied() -> ReviewDecision {
    ReviewDecision::Denied(DeniedReviewDecision::new("the client grants nothing"))
}

/// Ties the answer to the method that it belongs to.
fn answer<C: ServerCall>(_: &C, response: C::Response) -> Answer {
    serde_json::to_value(response)
        .map_err(|error| (envelope::REFUSED, format!("cannot encode the refusal: {error}")))
}
