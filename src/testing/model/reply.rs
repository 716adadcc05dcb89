//! What the model answers.

use bytes::Bytes;
use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use super::{
    hold::{Hold, HoldPoint},
    script::{Ending, Events, Part},
};

/// What the model answers to one request.
///
/// A reply is written in the order in which it is sent:
///
/// ```
/// use codexkit::testing::{Phase, Reply, Usage};
///
/// let (reply, hold) = Reply::new()
///     .reasoning("Thinking about a name", "")
///     .phase(Phase::FinalAnswer)
///     .deltas(["Fer", "ris"])
///     .hold();
/// // The runtime has both deltas and waits, until `hold` is released.
/// let reply = reply.delta("!").usage(Usage::new(120, 12));
/// # let _ = (reply, hold);
/// ```
///
/// `response.created` comes first by itself. At the end an open message is finished and
/// `response.completed` sent, unless the reply ends in another way:
///
/// | reply | `codexErrorInfo` of the failed turn (runtime 0.169.0, no retries) |
/// |---|---|
/// | [`failed`](Self::failed) with `context_length_exceeded` | `contextWindowExceeded` |
/// | … `rate_limit_exceeded` | `rateLimitExceeded` |
/// | … `insufficient_quota`, `usage_not_included` | `usageLimitExceeded` |
/// | … `server_is_overloaded` | `serverOverloaded` |
/// | … `cyber_policy` | `cyberPolicy` |
/// | … any other code | `other`, with the message |
/// | [`incomplete`](Self::incomplete), [`truncated`](Self::truncated), [`disconnected`](Self::disconnected), [`no_response`](Self::no_response) | `other` |
/// | [`http_error`](Self::http_error) 400 | `other`, with the body as the message |
/// | … 401, 403, 404, 422, 501 | `httpConnectionFailed` with the status |
/// | … 429 | `responseTooManyFailedAttempts` |
/// | … 429 of type `usage_limit_reached`, `insufficient_quota`, `usage_not_included` | `usageLimitExceeded` |
/// | … 500 | `internalServerError`, without the body's message |
/// | … 503 with code `server_is_overloaded` | `serverOverloaded` |
///
/// After `contextWindowExceeded` the runtime takes the thread for full: its next turn first makes
/// a request to compact it, which takes a reply of its own.
///
/// A copy of a reply shares its [holds](Self::hold).
#[derive(Debug, Clone)]
#[must_use = "a reply does nothing until it is given to a `MockModel`"]
pub struct Reply {
    pub(super) headers: HeaderMap,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Events(Events),
    Error { status: StatusCode, body: Value, holds: Vec<HoldPoint> },
    Nothing { holds: Vec<HoldPoint> },
}

/// Streamed replies.
///
/// # Panics
///
/// Everything here but [`hold`](Self::hold) and [`header`](Self::header) panics on a reply that
/// has no stream of events: [`http_error`](Self::http_error), the errors built on it, and
/// [`no_response`](Self::no_response).
impl Reply {
    /// A reply without any output yet.
    pub fn new() -> Self {
        let events = Events {
            id: None,
            usage: None,
            created: true,
            parts: Vec::new(),
            ending: Ending::Completed,
        };
        Self::with(Content::Events(events))
    }

    /// A reply of exactly the events that are added, with neither `response.created` nor
    /// `response.completed`.
    pub fn bare() -> Self {
        let mut reply = Self::new().truncated();
        reply.events().created = false;
        reply
    }

    /// A whole message, sent at once. The runtime reports its item without any delta.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.part(Part::Text(text.into()))
    }

    /// A piece of a streamed message: the first one begins the message, and whatever comes next
    /// that is not a delta, an event or a hold finishes it.
    pub fn delta(self, text: impl Into<String>) -> Self {
        self.part(Part::Delta(text.into()))
    }

    /// Several [deltas](Self::delta).
    pub fn deltas(self, texts: impl IntoIterator<Item: Into<String>>) -> Self {
        texts.into_iter().fold(self, Self::delta)
    }

    /// Finishes a streamed message here, where nothing that comes next would.
    pub fn end_message(self) -> Self {
        self.part(Part::EndMessage)
    }

    /// The phase of the messages from here on. Without it they have none.
    pub fn phase(self, phase: Phase) -> Self {
        self.part(Part::Phase(phase))
    }

    /// A reasoning item, streamed: its summary and its text, each left out if empty.
    pub fn reasoning(self, summary: impl Into<String>, text: impl Into<String>) -> Self {
        self.part(Part::Reasoning { summary: summary.into(), text: text.into() })
    }

    /// A call of a function tool. The runtime runs it and reports with one more request, where
    /// [`ModelRequest::tool_output`](super::ModelRequest::tool_output) finds the output by
    /// `call_id`; the id must differ from those of other calls of the thread.
    ///
    /// A shell command is a call of `exec_command` with `{"cmd": "…"}`.
    pub fn function_call(self, call_id: &str, name: &str, arguments: impl Into<Value>) -> Self {
        let arguments = arguments.into().to_string();
        self.item(json!({
            "type": "function_call", "call_id": call_id, "name": name, "arguments": arguments,
        }))
    }

    /// A call of a tool that takes text instead of JSON. As for
    /// [`function_call`](Self::function_call), one more request reports the output.
    ///
    /// A change of files is a call of `apply_patch`:
    ///
    /// ```
    /// # use codexkit::testing::Reply;
    /// let patch = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch";
    /// let reply = Reply::new().custom_tool_call("call_1", "apply_patch", patch);
    /// # let _ = reply;
    /// ```
    pub fn custom_tool_call(self, call_id: &str, name: &str, input: &str) -> Self {
        self.item(json!({
            "type": "custom_tool_call", "call_id": call_id, "name": name, "input": input,
        }))
    }

    /// Any other finished output item.
    pub fn item(self, item: Value) -> Self {
        self.part(Part::Item(item))
    }

    /// Any other event. Its `type` also names it on the wire.
    pub fn event(self, event: Value) -> Self {
        self.part(Part::Event(event))
    }

    /// Bytes as they are, for what is no event at all.
    pub fn raw(self, bytes: impl Into<Bytes>) -> Self {
        self.part(Part::Raw(bytes.into()))
    }

    /// Stops here until the test lets it go on. In a reply without events this comes before the
    /// status line.
    pub fn hold(mut self) -> (Self, Hold) {
        let (hold, point) = Hold::new();
        match &mut self.content {
            Content::Events(events) => events.parts.push(Part::Hold(point)),
            Content::Error { holds, .. } | Content::Nothing { holds } => holds.push(point),
        }
        (self, hold)
    }

    /// The tokens that `response.completed` reports. Without it the runtime sends no
    /// `thread/tokenUsage/updated`.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.events().usage = Some(usage);
        self
    }

    /// The response id. Without it one is made from the number of the request.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.events().id = Some(id.into());
        self
    }

    /// Adds a response header.
    ///
    /// The runtime reads `x-codex-primary-used-percent`, `x-codex-primary-window-minutes` and
    /// `x-codex-primary-reset-at` into `account/rateLimits/updated`, and takes another model in
    /// `openai-model` for a `model/rerouted`.
    ///
    /// # Panics
    ///
    /// If the name or the value cannot be sent.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header name is an HTTP token");
        let value = HeaderValue::try_from(value).expect("a header value is printable text");
        self.headers.append(name, value);
        self
    }

    pub(super) fn with(content: Content) -> Self {
        Self { headers: HeaderMap::new(), content }
    }

    pub(super) fn events(&mut self) -> &mut Events {
        match &mut self.content {
            Content::Events(events) => events,
            Content::Error { .. } | Content::Nothing { .. } => {
                panic!("this reply has no events; start from `Reply::new()`")
            }
        }
    }

    fn part(mut self, part: Part) -> Self {
        self.events().parts.push(part);
        self
    }
}

impl Default for Reply {
    fn default() -> Self {
        Self::new()
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

/// Where in a turn the model says that a message belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Said along the way.
    Commentary,
    /// The answer to the user.
    FinalAnswer,
}

impl Phase {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Commentary => "commentary",
            Self::FinalAnswer => "final_answer",
        }
    }
}

/// The token counts of one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a usage does nothing until it is given to `Reply::usage`"]
pub struct Usage {
    input: u64,
    cached: u64,
    output: u64,
    reasoning: u64,
    total: u64,
}

impl Usage {
    /// The tokens read and written, with their sum as the total.
    pub const fn new(input: u64, output: u64) -> Self {
        Self { input, cached: 0, output, reasoning: 0, total: input + output }
    }

    /// How many of the input tokens came from the cache.
    pub const fn cached(mut self, tokens: u64) -> Self {
        self.cached = tokens;
        self
    }

    /// How many of the output tokens were reasoning.
    pub const fn reasoning(mut self, tokens: u64) -> Self {
        self.reasoning = tokens;
        self
    }

    /// A total that is not the sum.
    pub const fn total(mut self, tokens: u64) -> Self {
        self.total = tokens;
        self
    }

    pub(super) fn to_json(self) -> Value {
        json!({
            "input_tokens": self.input,
            "input_tokens_details": { "cached_tokens": self.cached },
            "output_tokens": self.output,
            "output_tokens_details": { "reasoning_tokens": self.reasoning },
            "total_tokens": self.total,
        })
    }
}
