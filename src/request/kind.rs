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
