//! An attempt to log in, and its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::connection::{Connection, LoginOutcome};
use crate::error::{Error, Result};
use crate::login::LoginFailure;
use crate::protocol::{
    AccountLoginCompletedNotification, CancelLoginAccountParams, CancelLoginAccountStatus,
    Notification, envelope,
};

/// The method whose notification ends an attempt.
const END: &str = AccountLoginCompletedNotification::METHOD;

pub(super) struct Attempt {
    connection: Connection,
    id: String,
    outcome: LoginOutcome,
    cancel_on_drop: AtomicBool,
}

impl Attempt {
    /// An attempt that is cancelled when it is dropped.
    pub(super) fn new(connection: &Connection, outcome: LoginOutcome, id: String) -> Attempt {
        let cancel_on_drop = AtomicBool::new(true);
        Attempt { connection: connection.clone(), id, outcome, cancel_on_drop }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn cancel_on_drop(&self, yes: bool) {
        self.cancel_on_drop.store(yes, Ordering::Relaxed);
    }

    pub(super) async fn wait(&self) -> Result<AccountLoginCompletedNotification> {
        let Some(line) = self.outcome.wait().await else {
            return Err(Error::Closed(self.connection.closed().await));
        };
        let completed: AccountLoginCompletedNotification =
            envelope::decode_params(&line).map_err(|source| Error::decode(END, source))?;
        if completed.success {
            return Ok(completed);
        }
        Err(Error::LoginFailed(Box::new(LoginFailure { login_id: self.id.clone(), completed })))
    }

    pub(super) async fn wait_timeout(
        &self,
        after: Duration,
    ) -> Result<AccountLoginCompletedNotification> {
        let end = {
            let _context = self.connection.enter();
            tokio::time::timeout(after, self.wait())
        };
        end.await.unwrap_or(Err(Error::LoginTimeout { after }))
    }

    pub(super) async fn cancel(&self) -> Result<CancelLoginAccountStatus> {
        let params = CancelLoginAccountParams::new(&self.id);
        Ok(self.connection.control(&params).await?.status)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !*self.cancel_on_drop.get_mut() || self.outcome.is_there() {
            return;
        }
        // Nobody is left who could be told how that went.
        self.connection.post(&CancelLoginAccountParams::new(&self.id));
    }
}

/// What every handle of an attempt can do.
macro_rules! attempt_methods {
    ($($handle:ident)*) => {$(
        impl $handle {
            /// The id of the attempt.
            pub fn login_id(&self) -> &str {
                self.attempt.id()
            }

            /// Waits until the login has succeeded, and tells what the runtime says of it
            /// (`account/login/completed`). It may be called by several tasks, and again.
            ///
            /// # Errors
            ///
            /// [`Error::LoginFailed`] if it was refused, failed, was cancelled, or another login or
            /// a logout took its place; [`Error::Closed`] if the connection has ended;
            /// [`Error::Decode`] if what the runtime says of it cannot be understood.
            ///
            /// # Cancel safety
            ///
            /// Can be dropped and called again. The attempt goes on.
            pub async fn wait(&self) -> Result<protocol::AccountLoginCompletedNotification> {
                self.attempt.wait().await
            }

            /// The same, but no longer than `timeout`. The attempt goes on all the same.
            ///
            /// # Errors
            ///
            /// [`Error::LoginTimeout`], and as [`wait`](Self::wait).
            ///
            /// # Cancel safety
            ///
            /// Can be dropped and called again. The attempt goes on.
            pub async fn wait_timeout(
                &self,
                timeout: std::time::Duration,
            ) -> Result<protocol::AccountLoginCompletedNotification> {
                self.attempt.wait_timeout(timeout).await
            }

            /// Gives the attempt up (`account/login/cancel`), so that [`wait`](Self::wait) fails. An
            /// attempt that has ended is not found.
            ///
            /// # Errors
            ///
            /// What can happen to any call.
            ///
            /// # Cancel safety
            ///
            /// Dropping the future does not take back a request that was already sent.
            pub async fn cancel(&self) -> Result<protocol::CancelLoginAccountStatus> {
                self.attempt.cancel().await
            }

            /// Whether the attempt is given up when the last clone of this handle is dropped before
            /// its end. Otherwise it goes on, and
            /// [`Codex::account_events`](crate::Codex::account_events) tells of the account that it
            /// leads to.
            pub fn cancel_on_drop(self, yes: bool) -> Self {
                self.attempt.cancel_on_drop(yes);
                self
            }
        }
    )*};
}
