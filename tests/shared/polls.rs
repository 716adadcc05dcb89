//! Futures that are begun and not waited for.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Polls `future` once, which must not be enough for it.
pub(crate) async fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) {
    let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
    assert!(!polled, "it was ready at once");
}
