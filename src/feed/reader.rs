//! Reads a feed item by item, where one may wait for the next.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::FeedItem;
use crate::trace;

/// What a feed gives.
pub(crate) enum Read {
    Item(FeedItem),
    /// This many were lost.
    Lagged(u64),
    /// There will be no more. This is said once.
    Closed,
}

pub(crate) struct Reader(Reading);

enum Reading {
    Idle(Receiver<FeedItem>),
    Waiting(Pin<Box<dyn Future<Output = Received> + Send + Sync>>),
    Ended,
}

type Received = (Receiver<FeedItem>, Result<FeedItem, RecvError>);

impl Reader {
    pub(crate) fn new(receiver: Receiver<FeedItem>) -> Reader {
        Reader(Reading::Idle(receiver))
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Read>> {
        let (receiver, read) = loop {
            match std::mem::replace(&mut self.0, Reading::Ended) {
                Reading::Idle(receiver) => self.0 = Reading::Waiting(Box::pin(receive(receiver))),
                Reading::Waiting(mut waiting) => match waiting.as_mut().poll(cx) {
                    Poll::Ready(received) => break received,
                    Poll::Pending => {
                        self.0 = Reading::Waiting(waiting);
                        return Poll::Pending;
                    }
                },
                Reading::Ended => return Poll::Ready(None),
            }
        };
        if !matches!(read, Err(RecvError::Closed)) {
            self.0 = Reading::Idle(receiver);
        }
        Poll::Ready(Some(match read {
            Ok(item) => Read::Item(item),
            Err(RecvError::Closed) => Read::Closed,
            Err(RecvError::Lagged(count)) => {
                trace::event!(warn, count, "events were lost that nobody read in time");
                Read::Lagged(count)
            }
        }))
    }
}

async fn receive(mut receiver: Receiver<FeedItem>) -> Received {
    let read = receiver.recv().await;
    (receiver, read)
}
