//! How a login fails.

use std::fmt;

use crate::error::Shown;
use crate::protocol::AccountLoginCompletedNotification;

/// A login that was not completed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LoginFailure {
    /// The id of the attempt.
    pub login_id: String,
    /// What the runtime says of it.
    pub completed: AccountLoginCompletedNotification,
}

impl LoginFailure {
    /// Whether nobody refused it and nothing went wrong: it was cancelled, or another login or a
    /// logout took its place. The runtime makes no difference between these, and says so in words
    /// that are those of the pinned version.
    pub fn is_cancelled(&self) -> bool {
        let error = self.completed.error.as_deref().unwrap_or_default();
        CANCELLED.iter().any(|words| error.ends_with(words))
    }
}

/// What the runtime says of an attempt that was cancelled by this client, and by another runtime
/// that wants its port.
const CANCELLED: [&str; 2] = ["Login was not completed", "Login cancelled"];

impl fmt::Display for LoginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "login {} failed", self.login_id)?;
        match &self.completed.error {
            Some(error) => write!(f, ": {}", Shown(error)),
            None => f.write_str(": no reason given"),
        }
    }
}

impl std::error::Error for LoginFailure {}
