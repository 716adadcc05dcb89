//! JSON-RPC errors of the runtime, and what they mean.

use std::fmt;

use serde_json::Value;

use super::account::LOG_IN;
use crate::protocol::{self, envelope};

/// A JSON-RPC error that the runtime sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RpcError {
    /// The method of the request.
    pub method: &'static str,
    /// The JSON-RPC code. The runtime uses -32600 for nearly everything.
    pub code: i64,
    /// The text of the runtime.
    pub message: String,
    /// What the runtime added, if anything.
    pub data: Option<Value>,
    info: Option<protocol::CodexErrorInfo>,
}

impl RpcError {
    pub(crate) fn new(
        method: &'static str,
        code: i64,
        message: String,
        data: Option<Value>,
    ) -> RpcError {
        let info = data.as_ref().and_then(error_info);
        let info = info.and_then(|it| serde_json::from_value(it.clone()).ok());
        RpcError { method, code, message, data, info }
    }

    /// What went wrong, as far as code, data and message tell. The runtime has hardly any codes, so
    /// that most kinds are known by the words of the pinned version.
    pub fn kind(&self) -> RpcErrorKind {
        if self.code == OVERLOADED || self.data.as_ref().is_some_and(says_overloaded) {
            return RpcErrorKind::Overloaded;
        }
        if self.data.as_ref().is_some_and(|it| it["input_error_code"] == "input_too_large") {
            return RpcErrorKind::InputTooLarge;
        }
        if matches!(self.info, Some(protocol::CodexErrorInfo::ActiveTurnNotSteerable(_))) {
            return RpcErrorKind::NotSteerable;
        }
        self.kind_in_words().unwrap_or(match self.code {
            envelope::METHOD_NOT_FOUND => RpcErrorKind::UnknownMethod,
            envelope::INVALID_PARAMS => RpcErrorKind::InvalidParams,
            INTERNAL => RpcErrorKind::Internal,
            _ => RpcErrorKind::Other,
        })
    }

    /// The cause that the runtime gave for machines, if any.
    pub fn codex_error_info(&self) -> Option<&protocol::CodexErrorInfo> {
        self.info.as_ref()
    }

    /// The turn that runs, when another one was asked for ([`RpcErrorKind::OtherTurnActive`]).
    pub fn active_turn(&self) -> Option<&str> {
        let (_, found) = self.message.strip_prefix(OTHER_TURN)?.split_once(" but found ")?;
        Some(found.trim_matches('`'))
    }

    /// Whether the runtime refused the request before it did anything, for lack of capacity. Any
    /// other overload may have come in the middle of it.
    pub(crate) fn was_refused_by_overload(&self) -> bool {
        self.code == OVERLOADED
    }

    fn kind_in_words(&self) -> Option<RpcErrorKind> {
        let words = self.message.as_str();
        let unknown = format!("Invalid request: unknown variant `{}`,", self.method);
        if words.starts_with(&unknown) {
            return Some(RpcErrorKind::UnknownMethod);
        }
        // A list that is not there for one thread, not a method that is not there.
        if self.code == envelope::METHOD_NOT_FOUND && words.ends_with(" is not supported yet") {
            return Some(RpcErrorKind::ThreadNotPersisted);
        }
        let lower = words.to_ascii_lowercase();
        if OF_THE_SERVER.contains(&self.code)
            && ["retry limit", "too many failed attempts"].iter().any(|it| lower.contains(it))
        {
            return Some(RpcErrorKind::RetryLimitExceeded);
        }
        let found = WORDS.iter().find(|(_, place, part)| place.holds(words, part));
        found.map(|(kind, ..)| *kind)
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RpcError { method, code, message, .. } = self;
        write!(f, "`{method}` failed: {} ({code})", Shown(message))?;
        match self.kind().advice() {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RpcError {}

/// What a JSON-RPC error of the runtime means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RpcErrorKind {
    /// The runtime, or the model behind it, has too much to do: try again later.
    Overloaded,
    /// The runtime has tried often enough to reach the model.
    RetryLimitExceeded,
    /// The input is longer than the runtime takes; the data of the error say by how much.
    InputTooLarge,
    /// This runtime has not loaded the thread: it is to be resumed first, or does not exist.
    ThreadNotFound,
    /// Nothing of the thread is stored: it has had no turn yet, is ephemeral or does not exist.
    ThreadNotPersisted,
    /// An ephemeral thread does not have what was asked for.
    EphemeralThread,
    /// The thread is archived.
    ThreadArchived,
    /// The thread is loaded by a runtime, mostly by another one, that may write to it.
    ActiveWriter,
    /// No turn runs that could be steered or interrupted.
    NoActiveTurn,
    /// Another turn runs than the one that was meant: [`RpcError::active_turn`].
    OtherTurnActive,
    /// The turn is of a kind that takes no input while it runs, such as a review.
    NotSteerable,
    /// The turn that runs, which the input would join, has another output schema, or none.
    OutputSchemaMismatch,
    /// There is no account, or none of the kind that has what was asked for.
    AccountRequired,
    /// The client has logged in with tokens of its own, which no other login replaces.
    ExternalTokensActive,
    /// The request uses something experimental, which the client did not ask for.
    ExperimentalApi,
    /// The configuration of the runtime, or what the request changes of it, cannot be loaded.
    InvalidConfig,
    /// The runtime has no such method.
    UnknownMethod,
    /// The params of the request do not have the form that the runtime expects.
    InvalidParams,
    /// The runtime failed at what it was asked for.
    Internal,
    /// Anything else.
    Other,
}

impl RpcErrorKind {
    /// What to do about it.
    fn advice(self) -> Option<&'static str> {
        Some(match self {
            RpcErrorKind::Overloaded => {
                "try again later, or let `CodexBuilder::retry_overloaded` do that"
            }
            RpcErrorKind::InputTooLarge => "put what is long into a file that the agent can read",
            RpcErrorKind::ThreadNotFound => {
                "open the thread with `Codex::thread_resume` first, if it exists"
            }
            RpcErrorKind::ThreadNotPersisted => {
                "a thread is stored with its first turn, and never if it is ephemeral"
            }
            RpcErrorKind::EphemeralThread => "start the thread without `ephemeral` for that",
            RpcErrorKind::ThreadArchived => {
                "bring the thread back with `Codex::thread_unarchive` first"
            }
            RpcErrorKind::ActiveWriter => {
                "close it where it is open, or fork it with `Codex::thread_fork`"
            }
            RpcErrorKind::OtherTurnActive => "the turn has ended, or has not begun yet",
            RpcErrorKind::NotSteerable => "wait until the turn has ended",
            RpcErrorKind::OutputSchemaMismatch => "wait until the turn that runs has ended",
            RpcErrorKind::AccountRequired => LOG_IN,
            RpcErrorKind::ExternalTokensActive => "log out with `Codex::logout` first",
            RpcErrorKind::ExperimentalApi => {
                "leave it out, or turn on `CodexBuilder::experimental_api`"
            }
            RpcErrorKind::UnknownMethod => {
                "the runtime may be older than this crate: see `RuntimeInfo::matches_pin`"
            }
            _ => return None,
        })
    }
}

/// As much of a text of the runtime as is shown: it answers an unknown method with the names of all.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl Shown<'_> {
    /// In characters.
    const MOST: usize = 1000;
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(Self::MOST) {
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
            None => f.write_str(self.0),
        }
    }
}

/// What JSON-RPC calls an internal error.
const INTERNAL: i64 = -32603;

/// The code with which the runtime says that it has too much to do.
const OVERLOADED: i64 = -32001;

/// The codes that JSON-RPC leaves to the server.
const OF_THE_SERVER: std::ops::RangeInclusive<i64> = -32099..=-32000;

/// The spellings of the property that says what kind of error it is.
const INFO_KEYS: [&str; 3] = ["codexErrorInfo", "codex_error_info", "errorInfo"];

/// Where in a message words have to be.
#[derive(Clone, Copy)]
enum At {
    Start,
    End,
    Anywhere,
}

impl At {
    fn holds(self, words: &str, part: &str) -> bool {
        match self {
            At::Start => words.starts_with(part),
            At::End => words.ends_with(part),
            At::Anywhere => words.contains(part),
        }
    }
}

const OTHER_TURN: &str = "expected active turn id ";

/// What the pinned runtime says. The first entry that fits counts.
const WORDS: &[(RpcErrorKind, At, &str)] = &[
    (RpcErrorKind::ThreadNotFound, At::Start, "thread not found: "),
    (RpcErrorKind::ThreadNotFound, At::Start, "thread not loaded: "),
    (RpcErrorKind::ThreadNotPersisted, At::Start, "no rollout found for thread id "),
    (RpcErrorKind::ThreadNotPersisted, At::Anywhere, " is not materialized yet"),
    (RpcErrorKind::EphemeralThread, At::Start, "ephemeral thread"),
    (RpcErrorKind::ThreadArchived, At::Anywhere, " is archived. Run "),
    (RpcErrorKind::ActiveWriter, At::End, " already has an active writer"),
    (RpcErrorKind::NoActiveTurn, At::Start, "no active turn to "),
    (RpcErrorKind::OtherTurnActive, At::Start, OTHER_TURN),
    (RpcErrorKind::NotSteerable, At::Anywhere, "ActiveTurnNotSteerable"),
    (RpcErrorKind::OutputSchemaMismatch, At::Anywhere, "ActiveTurnOutputSchemaMismatch"),
    (RpcErrorKind::AccountRequired, At::Anywhere, " authentication required to "),
    (RpcErrorKind::ExternalTokensActive, At::Start, "External auth is active."),
    (RpcErrorKind::ExperimentalApi, At::End, " requires experimentalApi capability"),
    (RpcErrorKind::InvalidConfig, At::Start, "failed to load configuration: "),
    (RpcErrorKind::InvalidConfig, At::Start, "Invalid configuration: "),
    (RpcErrorKind::InvalidParams, At::Start, "Invalid request: "),
    (RpcErrorKind::InvalidParams, At::Start, "invalid "),
];

/// The machine-readable cause, wherever it is.
fn error_info(data: &Value) -> Option<&Value> {
    match data {
        Value::Object(fields) => {
            let own = INFO_KEYS.iter().find_map(|key| fields.get(*key).filter(|it| !it.is_null()));
            own.or_else(|| fields.values().find_map(error_info))
        }
        Value::Array(elements) => elements.iter().find_map(error_info),
        _ => None,
    }
}

/// Whether data say `serverOverloaded`: as all there is, or anywhere below the cause.
fn says_overloaded(data: &Value) -> bool {
    fn is_it(word: &str) -> bool {
        word.replace('_', "").eq_ignore_ascii_case("serverOverloaded")
    }
    fn says(value: &Value, is_cause: bool) -> bool {
        match value {
            Value::String(word) => is_cause && is_it(word),
            Value::Array(elements) => elements.iter().any(|it| says(it, is_cause)),
            Value::Object(fields) => fields.iter().any(|(key, value)| {
                let is_cause = is_cause || INFO_KEYS.contains(&key.as_str());
                (is_cause && is_it(key)) || says(value, is_cause)
            }),
            _ => false,
        }
    }
    says(data, !data.is_object())
}

#[cfg(test)]
mod tests;
