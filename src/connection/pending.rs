//! Requests that wait for their answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};

use super::shared::Shared;

/// The line that answered a request: `Err` if it carries a JSON-RPC error.
pub(super) type Reply = Result<String, String>;

/// A request in flight. It holds its place, if it has one, until it is answered or given up.
pub(super) struct Pending {
    reply: oneshot::Sender<Reply>,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Pending {
    pub(super) fn new(slot: Option<OwnedSemaphorePermit>) -> (Pending, oneshot::Receiver<Reply>) {
        let (reply, receiver) = oneshot::channel();
        (Pending { reply, _slot: slot }, receiver)
    }

    /// Wakes the caller, if it still waits.
    pub(super) fn answer(self, reply: Reply) {
        // The caller may have given up; then there is nobody to tell.
        let _ = self.reply.send(reply);
    }
}

/// The caller's side of a request in flight. Gives `None` if the connection ended first.
pub(super) struct Waiter {
    id: i64,
    shared: Arc<Shared>,
    /// Gone once it has given something.
    receiver: Option<oneshot::Receiver<Reply>>,
    /// `None` is too far away to be a point in time.
    give_up_at: Option<Instant>,
}

impl Waiter {
    pub(super) fn new(
        id: i64,
        shared: &Arc<Shared>,
        receiver: oneshot::Receiver<Reply>,
        abandoned_for: Duration,
    ) -> Waiter {
        let give_up_at = Instant::now().checked_add(abandoned_for);
        Waiter { id, shared: Arc::clone(shared), receiver: Some(receiver), give_up_at }
    }
}

impl Future for Waiter {
    type Output = Option<Reply>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Reply>> {
        let Some(receiver) = &mut self.receiver else { return Poll::Ready(None) };
        let reply = ready!(Pin::new(receiver).poll(cx));
        self.receiver = None;
        Poll::Ready(reply.ok())
    }
}

impl Drop for Waiter {
    /// The runtime still works on a request that nobody waits for any more, so that it keeps its
    /// place among those in flight until it is answered or its time is over.
    fn drop(&mut self) {
        let Some(mut receiver) = self.receiver.take() else { return };
        if !matches!(receiver.try_recv(), Err(TryRecvError::Empty)) {
            return;
        }
        let (id, shared) = (self.id, Arc::clone(&self.shared));
        let Some(give_up_at) = self.give_up_at else { return };
        if give_up_at <= Instant::now() {
            shared.give_up(id);
            return;
        }
        // Ends with the answer, with the connection or with the time.
        self.shared.runtime.spawn(async move {
            if timeout_at(give_up_at, receiver).await.is_err() {
                shared.give_up(id);
            }
        });
    }
}
