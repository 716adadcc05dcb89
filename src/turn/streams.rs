//! Parts of the events of a turn.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::error::Result;
use crate::protocol::{ServerNotification, ThreadItem};

use super::{TurnEvent, TurnHandle};

/// The text that the agent says, piece by piece: [`TurnHandle::text_deltas`].
///
/// The pieces of all messages of the turn follow each other; [`TurnView`](super::TurnView) keeps
/// them apart.
#[derive(Debug)]
#[must_use = "a stream does nothing until it is read"]
pub struct TextDeltas<'a> {
    turn: &'a mut TurnHandle,
}

impl<'a> TextDeltas<'a> {
    pub(super) fn new(turn: &'a mut TurnHandle) -> Self {
        TextDeltas { turn }
    }

    /// Waits for the next piece. After the end of the turn there is `None`.
    ///
    /// # Errors
    ///
    /// As [`TurnHandle::next`].
    ///
    /// # Cancel safety
    ///
    /// No event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<String>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<String>>> {
        poll_picked(self.turn, cx, |event| match event.into_notification() {
            Some(ServerNotification::AgentMessageDelta(it)) => Some(it.delta),
            _ => None,
        })
    }
}

impl Stream for TextDeltas<'_> {
    type Item = Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

/// The items of a turn as they are completed: [`TurnHandle::completed_items`].
#[derive(Debug)]
#[must_use = "a stream does nothing until it is read"]
pub struct CompletedItems<'a> {
    turn: &'a mut TurnHandle,
}

impl<'a> CompletedItems<'a> {
    pub(super) fn new(turn: &'a mut TurnHandle) -> Self {
        CompletedItems { turn }
    }

    /// Waits for the next item. After the end of the turn there is `None`.
    ///
    /// # Errors
    ///
    /// As [`TurnHandle::next`].
    ///
    /// # Cancel safety
    ///
    /// No event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<ThreadItem>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ThreadItem>>> {
        poll_picked(self.turn, cx, |event| match event.into_notification() {
            Some(ServerNotification::ItemCompleted(it)) => Some(it.item),
            _ => None,
        })
    }
}

impl Stream for CompletedItems<'_> {
    type Item = Result<ThreadItem>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

/// Reads events until `pick` finds something, or one is broken, or there are no more.
fn poll_picked<T>(
    turn: &mut TurnHandle,
    cx: &mut Context<'_>,
    pick: impl Fn(TurnEvent) -> Option<T>,
) -> Poll<Option<Result<T>>> {
    loop {
        let picked = match ready!(turn.poll_event(cx)) {
            Some(Ok(event)) => pick(event).map(Ok),
            Some(Err(error)) => Some(Err(error)),
            None => return Poll::Ready(None),
        };
        if picked.is_some() {
            return Poll::Ready(picked);
        }
    }
}
