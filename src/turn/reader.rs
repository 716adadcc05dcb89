//! Reads the events of a queue.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::connection::Link;
use crate::error::{CloseReason, Error, Result};
use crate::protocol::envelope;
use crate::protocol::{self, Notification};
use crate::router::{Pulled, Queue, Segment};

use super::TurnEvent;
use super::deadline::END_GRACE;

/// Reads the events of a queue, up to its end.
pub(crate) struct EventReader {
    link: Link,
    queue: Arc<Queue>,
    segment: Segment,
    end: Option<End>,
}

/// Why there are no more events.
pub(crate) enum End {
    Completed,
    Expired,
    Detached(Arc<str>),
    Closed(CloseReason),
}

impl EventReader {
    pub(crate) fn new(link: Link, queue: Arc<Queue>) -> EventReader {
        EventReader { link, queue, segment: Segment::default(), end: None }
    }

    /// The next event. After the last one of a turn there is `None`; a connection that ends gives
    /// its reason once, and then `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], or [`Error::Decode`] for an event whose line is broken.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<TurnEvent>>> {
        loop {
            if let Some(line) = self.segment.next_line() {
                let Ok(line) = line else {
                    // What needs no answer any more is of no use.
                    match self.queue.next_request().filter(|it| it.resolution().is_none()) {
                        Some(request) => return Poll::Ready(Some(Ok(TurnEvent::Request(request)))),
                        None => continue,
                    }
                };
                let decoded = envelope::decode_notification(line);
                return Poll::Ready(Some(match decoded {
                    Ok((notification, emitted_at_ms)) => {
                        Ok(TurnEvent::Notification { notification, emitted_at_ms })
                    }
                    Err(source) => {
                        self.link.count_malformed();
                        Err(Error::decode(envelope::method_of(line), source))
                    }
                }));
            }
            if self.end.is_some() {
                return Poll::Ready(None);
            }
            match ready!(self.queue.poll_pull(&mut self.segment, cx)) {
                Pulled::Lines => (),
                Pulled::Completed => self.end = Some(End::Completed),
                Pulled::Expired => {
                    self.end = Some(End::Expired);
                    let what = protocol::TurnCompletedNotification::METHOD;
                    return Poll::Ready(Some(Err(Error::Timeout { what, after: END_GRACE })));
                }
                Pulled::Detached(thread) => {
                    self.end = Some(End::Detached(Arc::clone(&thread)));
                    return Poll::Ready(Some(Err(Error::detached(&thread))));
                }
                Pulled::Closed(reason) => {
                    self.end = Some(End::Closed(reason.clone()));
                    return Poll::Ready(Some(Err(Error::Closed(reason))));
                }
            }
        }
    }

    /// Why there are no more events, once that is so.
    pub(crate) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }
}

impl Drop for EventReader {
    fn drop(&mut self) {
        self.queue.discard();
    }
}
