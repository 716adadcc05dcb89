//! Requests that wait for their answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};

use super::link::Effect;
use super::shared::Shared;

/// The line that answered a request: `Err` if it carries a JSON-RPC error.
pub(super) type Reply = Result<String, String>;

/// A request in flight. It holds its place, if it has one, until it is answered or given up.
pub(super) struct Pending {
    reply: Option<oneshot::Sender<Reply>>,
    slot: Option<OwnedSemaphorePermit>,
    effect: Option<Effect>,
}

impl Pending {
    pub(super) fn new(slot: Option<OwnedSemaphorePermit>, effect: Option<Effect>) -> Pending {
        Pending { reply: None, slot, effect }
    }

    pub(super) fn waiter(&mut self) -> oneshot::Receiver<Reply> {
        let (reply, receiver) = oneshot::channel();
        self.reply = Some(reply);
        receiver
    }

    /// What changes now that the request has succeeded.
    pub(super) fn take_effect(&mut self) -> Option<Effect> {
        self.effect.take()
    }

    /// Makes place for another request, although the answer is still waited for.
    #[must_use]
    pub(super) fn release(&mut self) -> Option<OwnedSemaphorePermit> {
        self.slot.take()
    }

    pub(super) fn has_effect(&self) -> bool {
        self.effect.is_some()
    }

    /// Wakes the caller, if it still waits.
    pub(super) fn answer(self, reply: Reply) {
        if let Some(waiter) = self.reply {
            // The caller may have given up; then there is nobody to tell.
            let _ = waiter.send(reply);
        }
    }
}

/// When a request is given up that nobody waits for any more.
#[derive(Clone, Copy)]
pub(super) enum GiveUp {
    /// `None` is too far away to be a point in time.
    At(Option<Instant>),
    /// So long after nobody waits for it any more.
    After(Duration),
}

impl GiveUp {
    pub(super) fn new(timeout: Option<Duration>, usual: Duration) -> GiveUp {
        match timeout {
            Some(timeout) => GiveUp::At(Instant::now().checked_add(timeout)),
            None => GiveUp::After(usual),
        }
    }

    fn deadline(self) -> Option<Instant> {
        match self {
            GiveUp::At(at) => at,
            GiveUp::After(time) => Instant::now().checked_add(time),
        }
    }
}

/// The caller's side of a request in flight. Gives `None` if the connection ended first.
pub(super) struct Waiter {
    id: i64,
    shared: Arc<Shared>,
    /// Gone once it has given something.
    receiver: Option<oneshot::Receiver<Reply>>,
    give_up: GiveUp,
}

impl Waiter {
    pub(super) fn new(
        id: i64,
        shared: &Arc<Shared>,
        receiver: oneshot::Receiver<Reply>,
        give_up: GiveUp,
    ) -> Waiter {
        Waiter { id, shared: Arc::clone(shared), receiver: Some(receiver), give_up }
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
        let Some(give_up_at) = self.give_up.deadline() else { return };
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
