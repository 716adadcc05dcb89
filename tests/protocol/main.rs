//! The generated protocol, without a server.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

#[path = "../../src/protocol/arbitrary.rs"]
mod arbitrary;
mod elements;
mod exact;
mod experimental;
mod hostile;
mod lists;
mod methods;
mod mutation;
mod open;
mod params;
mod places;
mod random;
mod recorded;
mod registry;
mod releases;
mod roots;
mod same;
mod streaming;
