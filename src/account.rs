//! What happens to the account.

use std::fmt;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::connection::Link;
use crate::error::{Error, Result};
use crate::feed::FeedItem;
use crate::protocol::{self, ServerNotification, envelope};
use crate::trace;

/// The events of the account: [`Codex::account_events`](crate::Codex::account_events).
///
/// Like [`Notifications`](crate::Notifications) it is bounded, and does not keep the connection open.
pub struct AccountEvents {
    link: Link,
    receiver: Receiver<FeedItem>,
    ended: bool,
}

/// What happened to the account.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AccountEvent {
    /// Somebody has logged in or out, or the plan has changed (`account/updated`).
    Updated(protocol::AccountUpdatedNotification),
    /// How much of the limits is used up (`account/rateLimits/updated`), after each turn. What is
    /// `None` in it is not known, and no reason to forget what
    /// [`Codex::rate_limits`](crate::Codex::rate_limits) gave.
    RateLimits(Box<protocol::AccountRateLimitsUpdatedNotification>),
    /// The login to a gateway has changed (`account/gatewayOAuth/changed`).
    GatewayOAuth(protocol::GatewayOAuthChangedNotification),
    /// One of these in a form that this version of the protocol does not know.
    Unrecognized(protocol::RawMessage),
    /// This many events were lost, because they were not read in time.
    Lagged(u64),
}

impl AccountEvents {
    pub(crate) fn new(link: &Link) -> AccountEvents {
        AccountEvents { link: link.clone(), receiver: link.feed_of_account(), ended: false }
    }

    /// Waits for the next event. After the connection has ended there is one error that says why,
    /// then `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] when the connection has ended.
    ///
    /// # Cancel safety
    ///
    /// No event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<AccountEvent>> {
        while !self.ended {
            match self.receiver.recv().await {
                Ok(FeedItem::Line(line)) => match decode(&line) {
                    Some(event) => return Some(Ok(event)),
                    None => self.link.count_malformed(),
                },
                // A report of what was no message or was refused is nothing of the account.
                Ok(FeedItem::Event(_)) => (),
                Err(RecvError::Lagged(count)) => {
                    trace::event!(warn, count, "events were lost that nobody read in time");
                    return Some(Ok(AccountEvent::Lagged(count)));
                }
                Err(RecvError::Closed) => {
                    self.ended = true;
                    return Some(Err(Error::Closed(self.link.closed().await)));
                }
            }
        }
        None
    }
}

fn decode(line: &str) -> Option<AccountEvent> {
    let (notification, _) = envelope::decode_notification(line).ok()?;
    Some(match notification {
        ServerNotification::AccountUpdated(it) => AccountEvent::Updated(*it),
        ServerNotification::AccountRateLimitsUpdated(it) => AccountEvent::RateLimits(it),
        ServerNotification::GatewayOAuthChanged(it) => AccountEvent::GatewayOAuth(*it),
        ServerNotification::Unrecognized(it) => AccountEvent::Unrecognized(it),
        _ => return None,
    })
}

impl fmt::Debug for AccountEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountEvents")
            .field("waiting", &self.receiver.len())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
