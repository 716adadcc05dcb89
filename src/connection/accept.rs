//! Requests that begin something, whoever waits for it.

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Connection, Link, Place};
use crate::error::{CloseReason, Error, Result};
use crate::protocol::Request;

/// How many times as long as usual an answer may take that nobody waits for any more, as long as
/// what arrives for its thread is kept.
const LATE: u32 = 5;

impl Connection {
    /// Sends a request and makes something of its response, in a task of its own.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before the request was sent, it never will be. If it is dropped
    /// afterwards, what was made is dropped as soon as it is there.
    pub(crate) async fn accepted<R: Request + 'static, T: Send + 'static>(
        &self,
        params: R,
        make: impl FnOnce(&Connection, R::Response) -> T + Send + 'static,
    ) -> Result<T> {
        let (mut sender, outcome) = oneshot::channel();
        let (link, weak) = (self.link().clone(), self.downgrade());
        self.spawn(async move {
            let Some(response) = accept(&link, &params, &mut sender).await else { return };
            let outcome = response.and_then(|response| match weak.upgrade() {
                Some(connection) => Ok(make(&connection, response)),
                None => Err(Error::Closed(CloseReason::Local)),
            });
            drop(sender.send(outcome));
        });
        let (what, after) = (R::METHOD, self.request_timeout());
        let outcome = async {
            match outcome.await {
                Ok(outcome) => outcome,
                Err(_) => Err(Error::Closed(self.closed().await)),
            }
        };
        timeout(after, outcome).await.unwrap_or(Err(Error::Timeout { what, after }))
    }
}

/// Sends the request, and again if the runtime is overloaded and the user wants that. Gives nothing
/// if nobody waits for it any more before it was sent.
async fn accept<R: Request, T>(
    link: &Link,
    params: &R,
    sender: &mut oneshot::Sender<T>,
) -> Option<Result<R::Response>> {
    let after = link.request_timeout().saturating_mul(LATE);
    let mut attempts = 0;
    loop {
        let request = tokio::select! {
            biased;
            () = sender.closed() => return None,
            request = link.begin(params, Place::Shared) => request,
        };
        let answer = match request {
            Ok(request) => timeout(after, request.answer()).await,
            Err(error) => Ok(Err(error)),
        };
        let error = match answer {
            Ok(Ok(response)) => return Some(Ok(response)),
            Ok(Err(error)) => error,
            Err(_) => return Some(Err(Error::Timeout { what: R::METHOD, after })),
        };
        let again = tokio::select! {
            () = sender.closed() => return None,
            again = link.before_retry(error, &mut attempts) => again,
        };
        if let Err(error) = again {
            return Some(Err(error));
        }
    }
}
