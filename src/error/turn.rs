//! Turns that fail.

use std::fmt;

use super::account::{LOG_IN, is_unauthorized};
use crate::turn::TurnResult;

/// A turn that ended with status `failed`.
#[derive(Debug)]
#[non_exhaustive]
pub struct TurnFailure {
    /// The turn with what it produced before it failed.
    pub turn: TurnResult,
}

impl fmt::Display for TurnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.turn.id;
        let Some(error) = &self.turn.error else {
            return write!(f, "turn {id} failed: no reason given");
        };
        write!(f, "turn {id} failed: {}", error.message)?;
        match &error.additional_details {
            Some(details) if !details.is_empty() => write!(f, "; {details}")?,
            _ => (),
        }
        if error.codex_error_info.as_ref().is_some_and(is_unauthorized) {
            write!(f, "; if its provider uses the account of the runtime, {LOG_IN}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TurnFailure {}
