//! Typed protocol bindings and an async client for `codex app-server`, the JSON-RPC interface of
//! the Codex agent.
//!
//! [`Codex`] starts the runtime, [`Thread`] is a conversation with the agent, and a turn is the
//! agent at work on one input: [`Thread::run`] waits for its [`TurnResult`], [`Thread::turn`] gives
//! a [`TurnHandle`] with its events.
//!
//! ```no_run
//! use codexkit::protocol::ServerNotification;
//! # #[cfg(feature = "client")]
//! use codexkit::{Codex, Sandbox};
//!
//! # #[cfg(feature = "client")]
//! # async fn example() -> codexkit::Result<()> {
//! let codex = Codex::start().await?;
//! let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).await?;
//! let mut turn = thread.turn("Which tests are missing here?").await?;
//! while let Some(event) = turn.next().await {
//!     match event?.notification {
//!         ServerNotification::AgentMessageDelta(delta) => print!("{}", delta.delta),
//!         ServerNotification::ItemStarted(started) => println!("{:?}", started.item.id()),
//!         _ => (),
//!     }
//! }
//! println!("{:?}", turn.result().await?.status);
//! codex.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! What has a method of its own here is the usual; everything else that the runtime can do is a
//! request with typed params: [`Codex::request`] with a type of [`protocol`].
//!
//! # The runtime
//!
//! The types are those of runtime [`RUNTIME_VERSION`]. Another version usually works as well:
//! what it sends that is not known here is kept as JSON, and [`RuntimeInfo::matches_pin`] tells.
//!
//! # When the agent asks
//!
//! The runtime asks its client whether a command may run, a file may change, a permission is
//! granted. The answer is no: the agent is told so and goes on. [`Codex::notifications`] shows what
//! was refused ([`ConnectionEvent::RequestRefused`]).
//!
//! # Features
//!
//! - `client` (default): the client. Without it the crate is [`protocol`] alone, without tokio.
//! - `experimental` (default): the part of the protocol that the runtime only takes from a client
//!   that asks for it. Without the feature it does not exist here, and what the runtime sends of it
//!   arrives like anything unknown. With the feature,
//!   [`CodexBuilder::experimental_api`] turns it off for one client.
//! - `schemars`: `Thread::run_typed`, a turn whose answer is a Rust type.
//! - `testing`: `MockModel`, a scripted model for the real runtime; `TestHome`, a home of its own
//!   for it; `FakeServer`, a scripted runtime in memory.

#![cfg_attr(
    not(feature = "client"),
    allow(rustdoc::broken_intra_doc_links, reason = "the text above is about the client")
)]

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
mod retry;
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

#[cfg(feature = "schemars")]
pub use self::{error::OutputError, turn::TypedResult};

#[cfg(feature = "client")]
pub use self::{
    codex::{Call, Codex, RuntimeInfo},
    config::{CodexBuilder, VersionPolicy},
    error::{
        CloseReason, Error, Result, RpcError, RpcErrorKind, StartError, StartErrorSource,
        TurnFailure,
    },
    feed::{ConnectionEvent, Notifications},
    input::{ExternalMessage, Input, TurnInput},
    preset::{ApprovalMode, Sandbox},
    retry::{RetryPolicy, retry_on_overload},
    thread::{Thread, ThreadStart},
    turn::{TurnControl, TurnEvent, TurnHandle, TurnResult, TurnStart},
};
