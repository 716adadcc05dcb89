//! A turn: the agent at work on one input.

mod begin;
mod control;
mod deadline;
mod reader;
mod result;
mod start;
mod streams;
#[cfg(feature = "schemars")]
mod typed;
mod view;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use crate::connection::{Connection, Subscription};
use crate::error::{Error, Result};
use crate::input::Input;
use crate::protocol;
use crate::request::ServerRequest;
use crate::trace::TurnSpan;

pub(crate) use self::begin::SERVER_START;
pub(crate) use self::control::REFUSAL_GRACE;
pub use self::control::TurnControl;
use self::deadline::Deadline;
pub(crate) use self::reader::{End, EventReader};
pub(crate) use self::result::Collected;
pub use self::result::TurnResult;
pub use self::start::TurnStart;
pub use self::streams::{CompletedItems, TextDeltas};
#[cfg(feature = "schemars")]
pub use self::typed::TypedResult;
pub use self::view::{ItemView, TurnView};

/// A running turn, with its events. Dropping it throws away the events that are still to come and
/// lets the turn go on, unless [`TurnHandle::interrupt_on_drop`] says otherwise.
///
/// The events are kept until they are read, however long that takes: none is lost, and one that is
/// not read takes about as many bytes as its line had. Completed items are kept as well, for
/// [`TurnHandle::result`].
///
/// What happens to an item after its turn has ended, such as a command that goes on in the
/// background, is in [`Thread::events`](crate::Thread::events).
#[must_use = "dropping the handle ends the delivery of the events"]
pub struct TurnHandle {
    control: TurnControl,
    events: EventReader,
    collected: Collected,
    deadline: Option<Deadline>,
    interrupt_on_drop: bool,
    span: TurnSpan,
}

/// An event of a turn.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "nearly all of them are notifications")]
pub enum TurnEvent {
    /// A notification of the server.
    #[non_exhaustive]
    Notification {
        /// What happened.
        notification: protocol::ServerNotification,
        /// When the server says that it sent it, in milliseconds since the Unix epoch.
        emitted_at_ms: Option<i64>,
    },
    /// The server asks something, and waits for the answer. Only a turn that
    /// [parks](TurnStart::park_requests) its requests has these. Whoever drops the event refuses the
    /// request.
    Request(ServerRequest),
}

impl TurnEvent {
    /// What happened; `None` if the server asks something.
    pub fn notification(&self) -> Option<&protocol::ServerNotification> {
        match self {
            TurnEvent::Notification { notification, .. } => Some(notification),
            TurnEvent::Request(_) => None,
        }
    }

    /// When the server says that it sent a notification, in milliseconds since the Unix epoch.
    pub fn emitted_at_ms(&self) -> Option<i64> {
        match self {
            TurnEvent::Notification { emitted_at_ms, .. } => *emitted_at_ms,
            TurnEvent::Request(_) => None,
        }
    }

    /// What happened. If the server asks something this is `None`, and the request is refused.
    pub fn into_notification(self) -> Option<protocol::ServerNotification> {
        match self {
            TurnEvent::Notification { notification, .. } => Some(notification),
            TurnEvent::Request(_) => None,
        }
    }
}

impl TurnHandle {
    pub(crate) fn new(
        connection: &Connection,
        thread: &str,
        subscription: Subscription,
    ) -> TurnHandle {
        let queue = Arc::clone(&subscription.queue);
        let span = TurnSpan::new(thread, &subscription.turn);
        TurnHandle {
            control: TurnControl::new(connection, thread, subscription),
            events: EventReader::new(connection.link().clone(), queue),
            collected: Collected::default(),
            deadline: None,
            interrupt_on_drop: false,
            span,
        }
    }

    /// The id of the turn.
    pub fn id(&self) -> &str {
        self.control.id()
    }

    /// The id of its thread.
    pub fn thread_id(&self) -> &str {
        self.control.thread_id()
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

    /// Interrupts the turn in the background when this handle is dropped before its end. Off by
    /// default; with several handles of one turn each decides for itself.
    pub fn interrupt_on_drop(&mut self, yes: bool) {
        self.interrupt_on_drop = yes;
    }

    /// Whether the requests of the server about this turn come among its events from now on, as
    /// [`TurnStart::park_requests`] has it from the start on. With several handles of one turn each
    /// decides for itself, and all that want a request have the same one.
    pub fn park_requests(&mut self, yes: bool) {
        self.control.line().park_requests(yes);
    }

    /// Interrupts the turn if it is not done after this time, counted from now: its events go on
    /// to its end, and then [`TurnHandle::result`] gives [`Error::TurnTimeout`]. If it does not end
    /// within ten seconds after that, the events end without it.
    ///
    /// A second deadline replaces the first, and dropping the handle takes it back.
    pub fn set_deadline(&mut self, after: Duration) {
        self.deadline = Some(Deadline::new(after, self.control.line()));
    }

    /// Waits for the next event: each notification that names this turn, in the order in which the
    /// runtime sent them, and among them the requests of the server, if the turn
    /// [parks](TurnStart::park_requests) them and they still need an answer. After `turn/completed`
    /// there is `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] once, if the connection ended before the turn did. [`Error::Decode`] for
    /// an event whose line is broken; the next one is not affected. [`Error::Detached`] once, if
    /// the thread was unsubscribed. [`Error::Timeout`] once, if the
    /// turn did not even end after its deadline had passed.
    ///
    /// # Cancel safety
    ///
    /// No event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<TurnEvent>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// The text that the agent says, as it comes: the deltas of its messages. What else happens is
    /// still collected for [`TurnHandle::result`].
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// let mut turn = thread.turn("Write a haiku about borrowing.").await?;
    /// let mut text = turn.text_deltas();
    /// while let Some(delta) = text.next().await {
    ///     print!("{}", delta?);
    /// }
    /// println!("\n{:?}", turn.result().await?.status);
    /// # Ok(())
    /// # }
    /// ```
    pub fn text_deltas(&mut self) -> TextDeltas<'_> {
        TextDeltas::new(self)
    }

    /// The items of the turn as they are completed: messages, commands, file changes, ….
    pub fn completed_items(&mut self) -> CompletedItems<'_> {
        CompletedItems::new(self)
    }

    /// Reads the remaining events and gives what the whole turn produced, including what was
    /// already read.
    ///
    /// # Errors
    ///
    /// [`Error::TurnFailed`] with the turn if it failed, [`Error::TurnTimeout`] with what there is
    /// of it if its deadline passed, [`Error::Closed`] if the connection ended first,
    /// [`Error::Detached`] if the thread was unsubscribed first, [`Error::Decode`] if the end of the turn could not be understood. An interrupted turn is no
    /// error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the handle: the turn goes on without a listener, unless
    /// [`TurnHandle::interrupt_on_drop`] says otherwise.
    pub async fn result(mut self) -> Result<TurnResult> {
        // An error is that of one broken event, which harms only itself and is counted, or that of
        // the end.
        while self.next().await.is_some() {}
        let collected = std::mem::take(&mut self.collected);
        let after = |deadline: &Deadline| deadline.after;
        let (turn, after) = match self.events.end() {
            Some(End::Closed(reason)) => return Err(Error::Closed(reason.clone())),
            Some(End::Detached(thread)) => return Err(Error::detached(thread)),
            Some(End::Expired) => {
                let after = self.deadline.as_ref().map(after).unwrap_or_default();
                (collected.into_unfinished(self.id()), Some(after))
            }
            Some(End::Completed) | None => {
                let passed = self.deadline.as_ref().filter(|deadline| deadline.has_passed());
                let turn = collected.into_result(self.id())?;
                let is_interrupted = turn.status == protocol::TurnStatus::Interrupted;
                (turn, passed.filter(|_| is_interrupted).map(after))
            }
        };
        match after {
            Some(after) => Err(Error::TurnTimeout { after, turn: Box::new(turn) }),
            None => Ok(turn),
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<TurnEvent>>> {
        let next = ready!(self.events.poll_next(cx));
        match &next {
            Some(Ok(event)) => {
                if let Some(protocol::ServerNotification::TurnCompleted(it)) = event.notification()
                {
                    self.span.completed(&it.turn);
                }
                self.collected.observe(event);
            }
            Some(Err(Error::Decode { source, .. })) => self.collected.observe_broken(&**source),
            Some(Err(_)) | None => (),
        }
        Poll::Ready(next)
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
        let turn = self.control.line();
        if self.interrupt_on_drop && !turn.has_completed() {
            let interrupted = Arc::clone(turn);
            // Whoever dropped the handle does not wait for the answer.
            turn.spawn(async move { drop(interrupted.interrupt().await) });
        }
    }
}

impl fmt::Debug for TurnHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}
