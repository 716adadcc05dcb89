//! What the kinds of requests have in common.

use serde_json::Value;

use crate::connection::Line;
use crate::protocol::{ServerCall, envelope};

use super::{PendingRequest, ServerRequest};

/// What goes back: a result, or code and message of a JSON-RPC error.
pub(crate) type Answer = Result<Value, (i64, String)>;

/// The params of something that the server asks. There are as many implementations as methods, and
/// no others can be made.
pub(crate) trait Kind: AnyKind + ServerCall + Send + Sync + Sized + 'static {
    /// The answer that means no; without one, an error has to say so.
    fn no(&self) -> Option<Self::Response>;

    /// Says what is wrong with an answer to this.
    fn check(&self, _response: &Self::Response) -> Result<(), String> {
        Ok(())
    }

    /// The line of an answer; `id` is the JSON of the id.
    fn encode(id: &str, response: &Self::Response) -> serde_json::Result<Line> {
        let value = serde_json::to_value(response)?;
        envelope::answer_line(id, Ok(&value)).map(Line::Plain)
    }

    /// Wipes what may be a secret in an answer.
    fn wipe(_response: &mut Self::Response) {}
}

/// The request among all the others.
pub(crate) trait AnyKind: Sized {
    fn any(request: PendingRequest<Self>) -> ServerRequest
    where
        Self: Kind;
}

pub(super) fn refusal<C: Kind>(params: &C) -> Answer {
    match params.no() {
        Some(response) => serde_json::to_value(response)
            .map_err(|error| (envelope::REFUSED, format!("cannot encode the refusal: {error}"))),
        None => Err((envelope::REFUSED, format!("the client does not provide `{}`", C::METHOD))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::{
        AttestationGenerateParams, AttestationGenerateResponse, ChatgptAuthTokensRefreshParams,
        ChatgptAuthTokensRefreshResponse, McpServerElicitationAction,
        McpServerElicitationRequestParams, McpServerElicitationRequestResponse,
        ToolRequestUserInputAnswer, ToolRequestUserInputParams, ToolRequestUserInputResponse,
    };

    /// The answer goes to a line that is wiped, and nothing of it is left in the response.
    fn assert_wiped<C: Kind>(mut response: C::Response, expected: &Value) {
        let Line::Secret(line) = C::encode("1", &response).unwrap() else {
            panic!("{} is written like anything else", C::METHOD);
        };
        let line: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(&line["result"], expected);
        assert!(line.to_string().contains("secret"), "{line}");
        C::wipe(&mut response);
        let left = serde_json::to_string(&response).unwrap();
        assert!(!left.contains("secret"), "{left}");
    }

    #[test]
    fn what_may_be_a_secret_in_an_answer_is_wiped() {
        let answers = [("q".to_owned(), ToolRequestUserInputAnswer::new(["secret".to_owned()]))];
        assert_wiped::<ToolRequestUserInputParams>(
            ToolRequestUserInputResponse::new(answers),
            &json!({"answers": {"q": {"answers": ["secret"]}}}),
        );
        let mut filled_in =
            McpServerElicitationRequestResponse::new(McpServerElicitationAction::Accept);
        filled_in.content = Some(json!({"a": ["secret"]}));
        assert_wiped::<McpServerElicitationRequestParams>(
            filled_in,
            &json!({"action": "accept", "content": {"a": ["secret"]}}),
        );
        assert_wiped::<ChatgptAuthTokensRefreshParams>(
            ChatgptAuthTokensRefreshResponse::new("a1", "secret"),
            &json!({"chatgptAccountId": "a1", "accessToken": "secret"}),
        );
        assert_wiped::<AttestationGenerateParams>(
            AttestationGenerateResponse::new("secret"),
            &json!({"token": "secret"}),
        );
    }
}
