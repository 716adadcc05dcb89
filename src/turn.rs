//! A turn: the agent at work on one input.

mod result;
mod start;
#[cfg(feature = "schemars")]
mod typed;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use crate::connection::Subscription;
use crate::error::{CloseReason, Error, Result};
use crate::input::Input;
use crate::protocol::{self, envelope};
use crate::router::{Phase, Pulled, Segment};

use self::result::Collected;
pub use self::result::TurnResult;
pub use self::start::TurnStart;
#[cfg(feature = "schemars")]
pub use self::typed::TypedResult;

/// How long a turn may take to start or to end after the runtime has refused to interrupt it. It
/// was seen to take up to 20 ms.
const REFUSAL_GRACE: Duration = Duration::from_secs(5);

/// A running turn, with its events. Dropping it throws away the events that are still to come and
/// lets the turn go on.
///
/// The events are kept until they are read, however long that takes: none is lost, and one that is
/// not read takes about as many bytes as its line had. Completed items are kept as well, for
/// [`TurnHandle::result`].
#[must_use = "dropping the handle ends the delivery of the events"]
pub struct TurnHandle {
    control: TurnControl,
    segment: Segment,
    collected: Collected,
    end: Option<End>,
}

/// Why there are no more events.
enum End {
    Completed,
    Closed(CloseReason),
}

/// An event of a turn.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TurnEvent {
    /// What happened.
    pub notification: protocol::ServerNotification,
    /// When the server says that it sent it, in milliseconds since the Unix epoch.
    pub emitted_at_ms: Option<i64>,
}

impl TurnHandle {
    fn new(thread: &str, subscription: Subscription) -> TurnHandle {
        let control = TurnControl { thread: thread.into(), subscription: Arc::new(subscription) };
        TurnHandle {
            control,
            segment: Segment::default(),
            collected: Collected::default(),
            end: None,
        }
    }

    /// The id of the turn.
    pub fn id(&self) -> &str {
        self.control.id()
    }

    /// A handle that steers and interrupts the turn, and does not keep its events.
    pub fn control(&self) -> TurnControl {
        self.control.clone()
    }

    /// Gives the agent more input while it works: see [`TurnControl::steer`].
    ///
    /// # Errors
    ///
    /// As [`TurnControl::steer`].
    ///
    /// # Cancel safety
    ///
    /// As [`TurnControl::steer`].
    pub async fn steer(&self, input: impl Into<Input>) -> Result<()> {
        self.control.steer(input).await
    }

    /// Ends the turn early: see [`TurnControl::interrupt`].
    ///
    /// # Errors
    ///
    /// As [`TurnControl::interrupt`].
    ///
    /// # Cancel safety
    ///
    /// As [`TurnControl::interrupt`].
    pub async fn interrupt(&self) -> Result<()> {
        self.control.interrupt().await
    }

    /// Waits for the next event: each notification that names this turn, in the order in which the
    /// runtime sent them. After `turn/completed` there is `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] once, if the connection ended before the turn did. [`Error::Decode`] for
    /// an event whose line is broken; the next one is not affected.
    ///
    /// # Cancel safety
    ///
    /// No event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<TurnEvent>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Reads the remaining events and gives what the whole turn produced, including what was
    /// already read.
    ///
    /// # Errors
    ///
    /// [`Error::TurnFailed`] with the turn if it failed, [`Error::Closed`] if the connection ended
    /// first, [`Error::Decode`] if the end of the turn could not be understood. An interrupted turn
    /// is no error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the handle: the turn goes on without a listener.
    pub async fn result(mut self) -> Result<TurnResult> {
        while let Some(event) = self.next().await {
            // Any other error is that of one broken event, which harms only itself and is counted.
            if let Err(error @ Error::Closed(_)) = event {
                return Err(error);
            }
        }
        let collected = std::mem::take(&mut self.collected);
        match std::mem::take(&mut self.end) {
            Some(End::Closed(reason)) => Err(Error::Closed(reason)),
            Some(End::Completed) | None => collected.into_result(self.id()),
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<TurnEvent>>> {
        loop {
            if let Some(line) = self.segment.next_line() {
                let decoded = envelope::decode_notification(line);
                return Poll::Ready(Some(match decoded {
                    Ok((notification, emitted_at_ms)) => {
                        let event = TurnEvent { notification, emitted_at_ms };
                        self.collected.observe(&event);
                        Ok(event)
                    }
                    Err(source) => {
                        self.collected.observe_broken(&source);
                        self.control.subscription.connection.observer().count_malformed();
                        Err(Error::decode("", source))
                    }
                }));
            }
            if self.end.is_some() {
                return Poll::Ready(None);
            }
            match ready!(self.control.subscription.queue.poll_pull(&mut self.segment, cx)) {
                Pulled::Lines => (),
                Pulled::Completed => self.end = Some(End::Completed),
                Pulled::Closed(reason) => {
                    self.end = Some(End::Closed(reason.clone()));
                    return Poll::Ready(Some(Err(Error::Closed(reason))));
                }
            }
        }
    }
}

impl Stream for TurnHandle {
    type Item = Result<TurnEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl Drop for TurnHandle {
    fn drop(&mut self) {
        self.control.subscription.queue.discard();
    }
}

impl fmt::Debug for TurnHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Steers and interrupts a turn, from anywhere. Cheap to clone.
#[derive(Clone)]
pub struct TurnControl {
    thread: Arc<str>,
    subscription: Arc<Subscription>,
}

impl TurnControl {
    /// The id of the turn.
    pub fn id(&self) -> &str {
        &self.subscription.turn
    }

    /// The id of its thread.
    pub fn thread_id(&self) -> &str {
        &self.thread
    }

    /// Gives the agent more input while it works (`turn/steer`). It stops what it says and goes on
    /// with the new input in mind.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] if the input is empty or contradicts itself, [`Error::Rpc`] if the
    /// turn has ended or is of a kind that cannot be steered, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn steer(&self, input: impl Into<Input>) -> Result<()> {
        let input = input.into().into_items()?;
        let params = protocol::TurnSteerParams::new(self.thread_id(), self.id(), input);
        self.subscription.connection.control(&params).await.map(drop)
    }

    /// Ends the turn early (`turn/interrupt`): it completes with status `interrupted`, which
    /// [`TurnHandle::result`] gives as a result. A turn that has already ended is left alone.
    ///
    /// The runtime does not accept this before it has sent `turn/started`, a few milliseconds after
    /// the turn was accepted, nor in the milliseconds before it sends `turn/completed`: if it says
    /// no, this waits for the one and asks once more, or for the other and is content.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if the runtime refuses it all the same, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn interrupt(&self) -> Result<()> {
        let params = protocol::TurnInterruptParams::new(self.thread_id(), self.id());
        let mut phase = self.subscription.queue.phase();
        loop {
            let asked_in = *phase.borrow_and_update();
            if asked_in == Phase::Completed {
                return Ok(());
            }
            let asked = self.subscription.connection.control(&params).await;
            let Err(error) = asked else { return Ok(()) };
            if error.code() != Some(envelope::INVALID_REQUEST) {
                return Err(error);
            }
            self.until_later_than(asked_in, &mut phase, error).await?;
        }
    }

    /// Waits until the turn is known to be further than it was when a request was refused.
    async fn until_later_than(
        &self,
        asked_in: Phase,
        phase: &mut tokio::sync::watch::Receiver<Phase>,
        refused: Error,
    ) -> Result<()> {
        let connection = &self.subscription.connection;
        let news = phase.wait_for(|phase| *phase > asked_in);
        tokio::select! {
            _ = news => Ok(()),
            reason = connection.closed() => Err(Error::Closed(reason)),
            // Nothing says that the turn goes on: what the runtime said stands.
            () = tokio::time::sleep(REFUSAL_GRACE) => Err(refused),
        }
    }
}

impl fmt::Debug for TurnControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnControl")
            .field("thread", &self.thread)
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
