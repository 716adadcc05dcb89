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
        let end = tokio::time::timeout(after, self.wait()).await;
        end.unwrap_or(Err(Error::Timeout { what: END, after }))
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
        let (link, params) =
            (self.connection.link().clone(), CancelLoginAccountParams::new(&self.id));
        // Nobody is left who could be told how that went.
        self.connection.spawn(async move { drop(link.control(&params).await) });
    }
}
