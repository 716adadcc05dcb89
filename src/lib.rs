//! Typed protocol bindings and an async client for `codex app-server`.

#[cfg(feature = "testing")]
pub mod testing;
