//! What happens to the account.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::connection::Link;
use crate::error::{Error, Result};
use crate::feed::{FeedItem, Read, Reader};
use crate::protocol::{self, ServerNotification, envelope};

/// The events of the account: [`Codex::account_events`](crate::Codex::account_events).
///
/// Like [`Notifications`](crate::Notifications) it is bounded, and does not keep the connection open.
#[must_use = "a feed does nothing until it is read"]
pub struct AccountEvents {
    link: Link,
    reader: Reader,
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
        AccountEvents { link: link.clone(), reader: Reader::new(link.feed_of_account()) }
    }

    /// Waits for the next event. After the connection has ended there is one error that says why,
    /// then `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] when the connection has ended, [`Error::Decode`] for an event that cannot be
    /// read, after which the others go on.
    ///
    /// # Cancel safety
    ///
    /// No event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<AccountEvent>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<AccountEvent>>> {
        loop {
            let Some(read) = ready!(self.reader.poll_next(cx)) else { return Poll::Ready(None) };
            return Poll::Ready(Some(match read {
                Read::Item(FeedItem::Line(line)) => match decode(&line) {
                    Ok(Some(event)) => Ok(event),
                    Ok(None) => continue,
                    Err(error) => {
                        self.link.count_malformed();
                        Err(Error::decode(envelope::method_of(&line), error))
                    }
                },
                // A report of what was no message or was refused is nothing of the account.
                Read::Item(FeedItem::Event(_) | FeedItem::Failure(_)) => continue,
                Read::Lagged(count) => Ok(AccountEvent::Lagged(count)),
                Read::Closed => Err(self.link.closed_error()),
            }));
        }
    }
}

impl Stream for AccountEvents {
    type Item = Result<AccountEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

fn decode(line: &str) -> serde_json::Result<Option<AccountEvent>> {
    let (notification, _) = envelope::decode_notification(line)?;
    Ok(Some(match notification {
        ServerNotification::AccountUpdated(it) => AccountEvent::Updated(*it),
        ServerNotification::AccountRateLimitsUpdated(it) => AccountEvent::RateLimits(it),
        ServerNotification::GatewayOAuthChanged(it) => AccountEvent::GatewayOAuth(*it),
        ServerNotification::Unrecognized(it) => AccountEvent::Unrecognized(it),
        _ => return Ok(None),
    }))
}

impl fmt::Debug for AccountEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountEvents").finish_non_exhaustive()
    }
}
