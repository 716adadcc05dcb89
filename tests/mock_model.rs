//! `MockModel` as an HTTP client sees it.

#![allow(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

#[path = "mock_model/client.rs"]
mod client;
#[path = "mock_model/endings.rs"]
mod endings;
#[path = "mock_model/holds.rs"]
mod holds;
#[path = "mock_model/replies.rs"]
mod replies;
#[path = "mock_model/requests.rs"]
mod requests;
#[path = "mock_model/server.rs"]
mod server;
