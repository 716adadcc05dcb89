//! Replies that fail.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    reply::{Content, Reply},
    script::Ending,
};

/// Streams that do not end well. Each of these comes after everything else in the reply, and
/// leaves a streamed message unfinished. The last one given counts.
impl Reply {
    /// Ends with `response.failed`. [`Reply`] lists what the runtime makes of the codes.
    pub fn failed(self, code: impl Into<String>, message: impl Into<String>) -> Self {
        self.ending(Ending::Failed { code: code.into(), message: message.into() })
    }

    /// Ends with `response.incomplete`, for example for `max_output_tokens` or `content_filter`.
    pub fn incomplete(self, reason: impl Into<String>) -> Self {
        self.ending(Ending::Incomplete { reason: reason.into() })
    }

    /// Ends the response cleanly, only without `response.completed`.
    pub fn truncated(self) -> Self {
        self.ending(Ending::Truncated)
    }

    /// Closes the connection in the middle of the response. All events before are sent first.
    pub fn disconnected(self) -> Self {
        self.ending(Ending::Disconnect)
    }

    /// A stream that fails because the conversation is too long for the model.
    pub fn context_length_exceeded() -> Self {
        Self::new().failed(
            "context_length_exceeded",
            "Your input exceeds the context window of this model.",
        )
    }

    fn ending(mut self, ending: Ending) -> Self {
        self.events().ending = ending;
        self
    }
}

/// Replies that are no streams: HTTP errors and silence.
///
/// The runtime repeats a request after 5xx and after no response if `request_max_retries` of the
/// provider allows it, and a turn after these and most others if `stream_max_retries` does; each
/// repetition takes the next reply. [`MockModel::config`](super::MockModel::config) sets both to 0.
/// A 400 is never repeated.
impl Reply {
    /// An HTTP error with a JSON body. [`Reply`] lists what the runtime makes of it.
    ///
    /// # Panics
    ///
    /// If `status` is not from 400 to 599.
    pub fn http_error(status: u16, body: Value) -> Self {
        let status = StatusCode::from_u16(status)
            .ok()
            .filter(|status| status.is_client_error() || status.is_server_error())
            .expect("the status of an HTTP error is from 400 to 599");
        Self::with(Content::Error { status, body, holds: Vec::new() })
    }

    /// 401: the API key is wrong.
    pub fn unauthorized() -> Self {
        Self::api_error(401, "invalid_api_key", "Incorrect API key provided.")
    }

    /// 429: too many requests.
    pub fn rate_limited() -> Self {
        Self::api_error(429, "rate_limit_exceeded", "Rate limit reached for requests.")
    }

    /// 429: the limit of the user's plan is used up.
    pub fn usage_limit_reached() -> Self {
        Self::api_error(429, "usage_limit_reached", "The usage limit has been reached.")
    }

    /// 500: the server failed.
    pub fn server_error() -> Self {
        Self::api_error(500, "server_error", "The server had an error.")
    }

    /// Closes the connection without any response.
    pub fn no_response() -> Self {
        Self::with(Content::Nothing { holds: Vec::new() })
    }

    fn api_error(status: u16, code: &str, message: &str) -> Self {
        let error = json!({ "type": code, "code": code, "message": message });
        Self::http_error(status, json!({ "error": error }))
    }
}
