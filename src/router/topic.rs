//! What feeds are about.

use std::borrow::Cow;

use crate::protocol::envelope::Scope;
use crate::protocol::{self, Notification};

/// What a feed is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic<'a> {
    Thread(Cow<'a, str>),
    Account,
}

impl<'a> Topic<'a> {
    /// What a notification is about, if there may be a feed for it.
    pub(crate) fn of(method: &str, scope: &Scope<'a>) -> Option<Topic<'a>> {
        let is_about_account = matches!(
            method,
            protocol::AccountUpdatedNotification::METHOD
                | protocol::AccountRateLimitsUpdatedNotification::METHOD
                | protocol::GatewayOAuthChangedNotification::METHOD
        );
        if is_about_account {
            return Some(Topic::Account);
        }
        scope.thread.clone().map(Topic::Thread)
    }
}
