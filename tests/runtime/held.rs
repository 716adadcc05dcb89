//! What the server asks, in the hands of a test.

use codexkit::{HandlerResult, Thread};
use tokio::sync::{mpsc, oneshot};

use crate::support::{SOON, within};

/// A request whose handler waits until the test lets it go on with `T`.
pub(crate) struct Held<R, T = HandlerResult> {
    pub(crate) request: R,
    reply: oneshot::Sender<T>,
}

impl<R, T> Held<R, T> {
    /// Has the handler end with this.
    pub(crate) fn release(self, reply: T) {
        assert!(self.reply.send(reply).is_ok(), "the handler is gone");
    }

    /// Waits until the future of the handler is dropped.
    pub(crate) async fn dropped(&mut self) {
        within(SOON, self.reply.closed()).await;
    }
}

/// Where handlers give what they are asked.
pub(crate) struct Desk<R, T = HandlerResult>(mpsc::UnboundedSender<Held<R, T>>);

/// What the handlers of a desk were asked, in this order.
pub(crate) struct Tray<R, T = HandlerResult>(mpsc::UnboundedReceiver<Held<R, T>>);

pub(crate) fn desk<R, T>() -> (Desk<R, T>, Tray<R, T>) {
    let (desk, tray) = mpsc::unbounded_channel();
    (Desk(desk), Tray(tray))
}

impl<R, T> Desk<R, T> {
    /// Gives the request to the test and waits for what it says.
    pub(crate) fn hold(&self, request: R) -> impl Future<Output = T> + use<R, T> {
        let (reply, released) = oneshot::channel();
        let is_held = self.0.send(Held { request, reply }).is_ok();
        async move {
            assert!(is_held, "the test does not wait for this");
            // A test that lets go of it wants it to wait for ever.
            match released.await {
                Ok(reply) => reply,
                Err(_) => std::future::pending().await,
            }
        }
    }
}

impl<R, T> Tray<R, T> {
    pub(crate) async fn next(&mut self) -> Held<R, T> {
        within(SOON, self.0.recv()).await.unwrap()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Shows that the thread and its client are not harmed. The model has to say `ok`.
pub(crate) async fn still_talks(thread: &Thread) {
    let result = thread.run("Are you still there?").await.unwrap();
    assert_eq!(result.final_response.as_deref(), Some("ok"));
}
