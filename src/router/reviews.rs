//! Reviews of runtimes before 0.162, which do not say for which turn another one does the work.

use std::borrow::Cow;

use super::Router;
use crate::protocol::envelope::{self, Scope};
use crate::protocol::{
    ItemStartedNotification, Notification, ServerNotification, ThreadItem,
    TurnCompletedNotification, TurnStartedNotification,
};

impl Router {
    /// Completes the scope of a turn that starts to work for a review, whose first item has come
    /// before it.
    pub(crate) fn find_review(&mut self, method: &str, scope: &mut Scope<'_>, line: &str) {
        let (Some(thread), Some(turn)) = (scope.thread.as_deref(), scope.turn.as_deref()) else {
            return;
        };
        match method {
            // While a turn runs no review begins, so that few items have to be looked at.
            ItemStartedNotification::METHOD
                if !self.running.contains_key(thread) && enters_review(line) =>
            {
                self.reviews.insert(thread.into(), turn.into());
            }
            TurnStartedNotification::METHOD => {
                let review = self.reviews.remove(thread).filter(|it| it != turn);
                scope.root_turn = scope.root_turn.take().or(review.map(Cow::Owned));
            }
            TurnCompletedNotification::METHOD => _ = self.reviews.remove(thread),
            _ => (),
        }
    }
}

fn enters_review(line: &str) -> bool {
    matches!(
        envelope::decode_notification(line),
        Ok((ServerNotification::ItemStarted(it), _))
            if matches!(it.item, ThreadItem::EnteredReviewMode(_))
    )
}
