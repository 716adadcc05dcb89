//! The generated protocol, without a server.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod examples;
mod experimental;
mod methods;
mod open;
mod params;
mod recorded;
mod registry;
mod streaming;
