//! Requests of the server: every one gets exactly one answer, and the answer is no, unless the user
//! has said otherwise.

use std::error::Error;
use std::sync::Arc;

use serde_json::Value;

use crate::login::TokenProvider;
use crate::protocol::{self, ServerCall, envelope};

/// A request that the user's code answers.
pub(crate) struct Question {
    /// The JSON of its id.
    pub(crate) id: String,
    pub(crate) request: protocol::RawMessage,
    pub(crate) params: protocol::ChatgptAuthTokensRefreshParams,
    pub(crate) provider: TokenProvider,
}

/// Why the user's code gave no answer.
pub(crate) struct Unanswered {
    pub(crate) problem: String,
    pub(crate) source: Option<Arc<dyn Error + Send + Sync>>,
}

/// A request that was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) request: protocol::RawMessage,
    /// What is wrong with the request, if it was not understood.
    pub(crate) problem: Option<String>,
    /// The error of the user's code that should have answered it.
    pub(crate) source: Option<Arc<dyn Error + Send + Sync>>,
    answer: Answer,
}

/// What goes back: a result, or code and message of a JSON-RPC error.
type Answer = Result<Value, (i64, String)>;

impl Refusal {
    /// A request that the user's code should have answered. What went wrong there is not for the
    /// runtime.
    pub(crate) fn of(request: protocol::RawMessage, unanswered: Unanswered) -> Refusal {
        let Unanswered { problem, source } = unanswered;
        let answer = Err((envelope::REFUSED, "the client has no answer".to_owned()));
        Refusal { request, problem: Some(problem), source, answer }
    }

    /// The answer to the request with this id.
    pub(crate) fn line(&self, id: &str) -> serde_json::Result<String> {
        let answer = self.answer.as_ref().map_err(|(code, message)| (*code, message.as_str()));
        envelope::answer_line(id, answer)
    }
}

/// Finds out who answers a request, or refuses it in the way that its method provides for.
pub(crate) fn take(
    method: &str,
    id: &str,
    params: &str,
    token_provider: Option<&TokenProvider>,
) -> Result<Question, Box<Refusal>> {
    let params: Value = serde_json::from_str(params).unwrap_or_default();
    let request = protocol::RawMessage { method: method.to_owned(), params };
    let decoded = protocol::ServerRequest::try_decode(method, &request.params);
    let (answer, problem) = match (decoded, token_provider) {
        (Ok(protocol::ServerRequest::ChatgptAuthTokensRefresh(params)), Some(provider)) => {
            let (id, provider) = (id.to_owned(), provider.clone());
            return Ok(Question { id, request, params, provider });
        }
        (Ok(request), _) => (refusal_of(&request), None),
        (Err(error), _) => {
            let problem = with_source(&error);
            let code = match error {
                protocol::ServerRequestError::UnknownMethod { .. } => envelope::METHOD_NOT_FOUND,
                protocol::ServerRequestError::InvalidParams { .. } => envelope::INVALID_PARAMS,
            };
            (Err((code, problem.clone())), Some(problem))
        }
    };
    Err(Box::new(Refusal { request, problem, source: None, answer }))
}

fn refusal_of(request: &protocol::ServerRequest) -> Answer {
    match request {
        protocol::ServerRequest::CommandExecutionRequestApproval(call) => {
            let decision = protocol::CommandExecutionApprovalDecision::Decline;
            answer(call, protocol::CommandExecutionRequestApprovalResponse::new(decision))
        }
        protocol::ServerRequest::FileChangeRequestApproval(call) => {
            let decision = protocol::FileChangeApprovalDecision::Decline;
            answer(call, protocol::FileChangeRequestApprovalResponse::new(decision))
        }
        protocol::ServerRequest::ApplyPatchApproval(call) => {
            answer(call, protocol::ApplyPatchApprovalResponse::new(denied()))
        }
        protocol::ServerRequest::ExecCommandApproval(call) => {
            answer(call, protocol::ExecCommandApprovalResponse::new(denied()))
        }
        protocol::ServerRequest::PermissionsRequestApproval(call) => {
            let nothing = protocol::GrantedPermissionProfile::default();
            answer(call, protocol::PermissionsRequestApprovalResponse::new(nothing))
        }
        protocol::ServerRequest::ToolRequestUserInput(call) => {
            answer(call, protocol::ToolRequestUserInputResponse::new([]))
        }
        protocol::ServerRequest::McpServerElicitationRequest(call) => {
            let action = protocol::McpServerElicitationAction::Decline;
            answer(call, protocol::McpServerElicitationRequestResponse::new(action))
        }
        protocol::ServerRequest::DynamicToolCall(call) => {
            answer(call, protocol::DynamicToolCallResponse::new(Vec::new(), false))
        }
        // The rest has no answer that means no.
        _ => {
            Err((envelope::REFUSED, format!("the client does not provide `{}`", request.method())))
        }
    }
}

fn denied() -> protocol::ReviewDecision {
    protocol::ReviewDecision::Denied(protocol::DeniedReviewDecision::new(
        "the client grants nothing",
    ))
}

/// What is wrong, and where.
fn with_source(error: &protocol::ServerRequestError) -> String {
    match Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Ties the answer to the method that it belongs to.
fn answer<C: ServerCall>(_: &C, response: C::Response) -> Answer {
    serde_json::to_value(response)
        .map_err(|error| (envelope::REFUSED, format!("cannot encode the refusal: {error}")))
}
