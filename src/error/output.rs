//! An answer that is not of the type that was asked for.

use std::fmt;

use crate::turn::TurnResult;

/// A turn that ended without an answer of the type that was asked for.
#[derive(Debug)]
#[non_exhaustive]
pub struct OutputError {
    /// The turn, with what it produced.
    pub turn: TurnResult,
    /// Where the answer is not of the type; `None` if there is no answer.
    pub source: Option<serde_json::Error>,
}

impl OutputError {
    /// The answer; `None` if there is none.
    pub fn text(&self) -> Option<&str> {
        self.turn.final_response.as_deref()
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TurnResult { id, status, .. } = &self.turn;
        match self.source {
            Some(_) => write!(f, "the answer of turn {id} is not of the type that was asked for"),
            None => write!(f, "turn {id} ended without an answer; its status is {status}"),
        }
    }
}

impl std::error::Error for OutputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}
