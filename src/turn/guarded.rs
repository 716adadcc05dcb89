//! Starting a turn that is not to run without a listener.

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::protocol::{self, Request};
use crate::thread::Thread;

use super::TurnHandle;

/// Starts a turn. If the future is dropped when the request was sent, the turn is interrupted as
/// soon as its id is known; if it was not sent, it never will be.
pub(super) async fn start(
    thread: &Thread,
    params: &protocol::TurnStartParams,
) -> Result<TurnHandle> {
    let connection = &thread.codex().connection;
    let after = connection.request_timeout();
    let attempts = async {
        let mut attempts = 1;
        loop {
            let error = match attempt(connection, thread.id(), params).await {
                Ok(turn) => return Ok(turn),
                Err(error) => error,
            };
            let Some(delay) = connection.retry_after(&error, attempts) else { return Err(error) };
            attempts += 1;
            sleep(delay).await;
        }
    };
    let what = protocol::TurnStartParams::METHOD;
    timeout(after, attempts).await.unwrap_or(Err(Error::Timeout { what, after }))
}

async fn attempt(
    connection: &Connection,
    thread: &str,
    params: &protocol::TurnStartParams,
) -> Result<TurnHandle> {
    let expected = connection.expect_turn(thread).await?;
    let request = connection.begin(params).await?;
    let (sender, turn) = oneshot::channel();
    let (thread, limit) = (thread.to_owned(), connection.request_timeout());
    // The answer is waited for by a task of its own, which nobody can drop.
    connection.spawn(async move {
        let Ok(response) = timeout(limit, request.answer()).await else { return };
        let turn = response.map(|response| {
            let mut turn = TurnHandle::new(&thread, expected.claim(&response.turn.id));
            turn.interrupt_on_drop(true);
            turn
        });
        // If nobody waits for it any more, the handle is dropped here.
        drop(sender.send(turn));
    });
    match turn.await {
        Ok(turn) => turn,
        Err(_) => Err(Error::Closed(connection.closed().await)),
    }
}
