//! Why a message cannot be decoded.

use std::{error::Error, fmt};

use serde_json::Value;

/// A JSON value that does not have the shape that its type asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(Box<Repr>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Repr {
    path: String,
    message: String,
}

impl DecodeError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Repr { path: String::new(), message: message.into() }))
    }

    pub(crate) fn expected(what: &str, found: &Value) -> Self {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        Self::new(format!("expected {what}, found {found}"))
    }

    /// The same error, seen from the object that has the property `key`.
    pub(crate) fn at_key(mut self, key: &str) -> Self {
        let dot = if self.0.path.is_empty() || self.0.path.starts_with('[') { "" } else { "." };
        self.0.path.insert_str(0, dot);
        self.0.path.insert_str(0, key);
        self
    }

    /// The same error, seen from the array that has the element `index`.
    pub(crate) fn at_index(mut self, index: usize) -> Self {
        let dot = if self.0.path.is_empty() || self.0.path.starts_with('[') { "" } else { "." };
        self.0.path.insert_str(0, &format!("[{index}]{dot}"));
        self
    }

    /// Where in the value, such as `turn.items[3].status`; empty for the value itself.
    pub fn path(&self) -> &str {
        &self.0.path
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.path.is_empty() {
            write!(f, "`{}`: ", self.0.path)?;
        }
        f.write_str(&self.0.message)
    }
}

impl Error for DecodeError {}

/// Why a request of the server cannot be turned into a [`ServerRequest`](super::ServerRequest).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerRequestError {
    /// This version of the protocol has no such method.
    UnknownMethod {
        /// The method on the wire.
        method: String,
    },
    /// The params do not have the shape that the method asks for.
    InvalidParams {
        /// The method on the wire.
        method: String,
        /// The place and the reason.
        source: DecodeError,
    },
}

impl fmt::Display for ServerRequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMethod { method } => write!(f, "unknown method `{method}`"),
            Self::InvalidParams { method, .. } => write!(f, "invalid params of `{method}`"),
        }
    }
}

impl Error for ServerRequestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::UnknownMethod { .. } => None,
            Self::InvalidParams { source, .. } => Some(source),
        }
    }
}
