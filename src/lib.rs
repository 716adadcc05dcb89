//! Typed protocol bindings and an async client for `codex app-server`.

pub mod protocol;

#[cfg(feature = "testing")]
pub mod testing;
