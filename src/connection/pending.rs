//! Requests that wait for their answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::shared::Shared;

/// The line that answered a request: `Err` if it carries a JSON-RPC error.
pub(super) type Reply = Result<String, String>;

/// A request in flight. It holds its place until it is answered or given up.
pub(super) struct Pending {
    reply: oneshot::Sender<Reply>,
    _slot: OwnedSemaphorePermit,
}

impl Pending {
    pub(super) fn new(slot: OwnedSemaphorePermit) -> (Pending, oneshot::Receiver<Reply>) {
        let (reply, receiver) = oneshot::channel();
        (Pending { reply, _slot: slot }, receiver)
    }

    /// Wakes the caller, if it still waits.
    pub(super) fn answer(self, reply: Reply) {
        // The caller may have given up; then there is nobody to tell.
        let _ = self.reply.send(reply);
    }
}

/// The caller's side of a request in flight. `None` if the connection ended first.
pub(super) struct Waiter {
    id: i64,
    shared: Arc<Shared>,
    receiver: oneshot::Receiver<Reply>,
    give_up_at: Instant,
    done: bool,
}

impl Waiter {
    pub(super) fn new(
        id: i64,
        shared: &Arc<Shared>,
        receiver: oneshot::Receiver<Reply>,
        abandoned_for: Duration,
    ) -> Waiter {
        let give_up_at = Instant::now() + abandoned_for;
        Waiter { id, shared: Arc::clone(shared), receiver, give_up_at, done: false }
    }
}

impl Future for Waiter {
    type Output = Option<Reply>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Reply>> {
        let reply = std::task::ready!(Pin::new(&mut self.receiver).poll(cx));
        self.done = true;
        Poll::Ready(reply.ok())
    }
}

impl Drop for Waiter {
    /// The runtime still works on a request that nobody waits for any more, so that it keeps its
    /// place among those in flight until it is answered or its time is over.
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let (id, give_up_at) = (self.id, self.give_up_at);
        if give_up_at <= Instant::now() {
            self.shared.give_up(id);
            return;
        }
        let shared = Arc::downgrade(&self.shared);
        self.shared.runtime.spawn(async move {
            tokio::time::sleep_until(give_up_at).await;
            if let Some(shared) = shared.upgrade() {
                shared.give_up(id);
            }
        });
    }
}
