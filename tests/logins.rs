//! Logins and the account, on runtimes that answer late, twice, wrongly or not at all.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "logins/account.rs"]
mod account;
#[path = "logins/api_key.rs"]
mod api_key;
#[path = "logins/cancelling.rs"]
mod cancelling;
#[path = "logins/dropped_starts.rs"]
mod dropped_starts;
#[path = "logins/endings.rs"]
mod endings;
#[path = "logins/events.rs"]
mod events;
#[path = "logins/feed.rs"]
mod feed;
#[path = "logins/hostile.rs"]
mod hostile;
#[path = "logins/last_handles.rs"]
mod last_handles;
#[path = "shared/polls.rs"]
mod polls;
#[path = "logins/random.rs"]
mod random;
#[path = "logins/starts.rs"]
mod starts;
#[path = "logins/support.rs"]
mod support;
#[path = "logins/tokens.rs"]
mod tokens;
#[path = "logins/waiting.rs"]
mod waiting;
#[path = "logins/wakes.rs"]
mod wakes;
