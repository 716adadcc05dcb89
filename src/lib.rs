//! Typed protocol bindings and an async client for `codex app-server`.

pub mod protocol;

#[cfg(feature = "client")]
mod codex;
#[cfg(feature = "client")]
mod config;
#[cfg(feature = "client")]
mod connection;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod feed;
#[cfg(feature = "client")]
mod input;
#[cfg(feature = "client")]
mod preset;
#[cfg(feature = "client")]
mod request;
#[cfg(feature = "client")]
mod router;
#[cfg(feature = "client")]
mod thread;
#[cfg(feature = "client")]
mod transport;
#[cfg(feature = "client")]
mod turn;

#[cfg(feature = "testing")]
pub mod testing;

pub use protocol::RUNTIME_VERSION;

#[cfg(feature = "client")]
pub use self::{
    codex::{Call, Codex, RuntimeInfo},
    config::{CodexBuilder, VersionPolicy},
    error::{CloseReason, Error, Result, RpcError, StartError, StartErrorSource, TurnFailure},
    feed::{ConnectionEvent, Notifications},
    input::Input,
    preset::{ApprovalMode, Sandbox},
    thread::{Thread, ThreadStart},
    turn::{TurnControl, TurnEvent, TurnHandle, TurnResult, TurnStart},
};
