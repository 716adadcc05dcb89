//! `MockIssuer` as the real runtime of the pinned version sees it.

#![allow(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

#[path = "issuer/backend.rs"]
mod backend;
#[path = "issuer/browser.rs"]
mod browser;
#[path = "issuer/device.rs"]
mod device;
#[path = "issuer/secrets.rs"]
mod secrets;
#[path = "issuer/support.rs"]
mod support;
