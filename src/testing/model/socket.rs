//! A socket that can tell when everything that was given to it is written.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// The accepted connection as hyper sees it.
///
/// hyper flushes a socket only once its own buffer is empty, so the end of a flush is the moment
/// at which all events so far are on their way to the client.
pub(super) struct Socket<S> {
    stream: TokioIo<S>,
    flush: Flush,
}

/// Waits for the next complete flush of a [`Socket`]. It works only inside the task that drives
/// the connection, which is where hyper polls a response body.
#[derive(Debug, Clone, Default)]
pub(super) struct Flush(Arc<AtomicU8>);

const IDLE: u8 = 0;
const WANTED: u8 = 1;
const DONE: u8 = 2;

impl<S> Socket<S> {
    pub(super) fn new(stream: S) -> (Self, Flush) {
        let flush = Flush::default();
        (Self { stream: TokioIo::new(stream), flush: flush.clone() }, flush)
    }
}

impl Flush {
    pub(super) async fn done(&self) {
        self.0.store(WANTED, Ordering::Relaxed);
        std::future::poll_fn(|_| match self.0.load(Ordering::Relaxed) {
            DONE => Poll::Ready(()),
            _ => Poll::Pending,
        })
        .await;
        self.0.store(IDLE, Ordering::Relaxed);
    }

    fn report(&self, cx: &Context<'_>) {
        let wanted =
            self.0.compare_exchange(WANTED, DONE, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if wanted {
            // The body was polled before this flush and is waiting for it in this very task.
            cx.waker().wake_by_ref();
        }
    }
}

impl<S: AsyncWrite + Unpin> Write for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.flush.report(cx);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}

impl<S: AsyncRead + Unpin> Read for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}
