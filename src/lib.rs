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
//!     match event?.into_notification() {
//!         Some(ServerNotification::AgentMessageDelta(delta)) => print!("{}", delta.delta),
//!         Some(ServerNotification::ItemStarted(started)) => println!("{:?}", started.item.id()),
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
//! The types are those of runtime [`RUNTIME_VERSION`]. Another version usually works as well: what
//! it sends that is not known here is kept as JSON, and what it is too old for is refused before it
//! is sent ([`Error::UnsupportedByRuntime`]). [`Codex::notifications`] says so first
//! ([`ConnectionEvent::RuntimeVersion`]), [`RuntimeInfo::compare_to_pin`] at any time, and
//! [`CodexBuilder::version_policy`] can refuse it. Of a runtime that was built from a checkout, and
//! says `0.0.0`, or that names no version, nothing is known: to it everything is sent.
//!
//! # Logins
//!
//! The runtime keeps the account, for itself and for every other client of its home.
//! [`Codex::require_account`] says whether a login is needed, [`Codex::login_api_key`],
//! [`Codex::login_chatgpt`] and [`Codex::login_chatgpt_device_code`] are the usual ways, and
//! [`Codex::account_events`] tells what becomes of it. The other ways, all experimental, are cases of
//! [`protocol::LoginAccountParams`] for [`Codex::request`]: ChatGPT tokens that the client has by
//! itself, which the runtime keeps in its memory alone
//! ([`CodexBuilder::chatgpt_token_provider`] renews them), and two kinds of keys of Amazon Bedrock,
//! with which the runtime also changes the model provider in its configuration. Their end has no id,
//! and so is in [`Codex::notifications`].
//!
//! ```no_run
//! # #[cfg(all(feature = "client", feature = "experimental"))]
//! # async fn example(codex: codexkit::Codex) -> Result<(), Box<dyn std::error::Error>> {
//! use codexkit::protocol::{AmazonBedrockLoginAccountParams, LoginAccountParams};
//!
//! let key = std::env::var("AWS_BEARER_TOKEN_BEDROCK")?;
//! let login = AmazonBedrockLoginAccountParams::new(key, "us-east-1");
//! codex.request(LoginAccountParams::from(login)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # When the agent asks
//!
//! The runtime asks its client: may this command run, may these files change, what does the user
//! say, what does this tool give. Whom nobody answers is refused: the agent is told so and goes on,
//! and [`Codex::notifications`] shows it ([`ConnectionEvent::RequestRefused`]). There are three ways
//! to answer.
//!
//! - A [`RequestPolicy`] allows what fits its rules.
//! - A [`ServerRequestHandler`] is code for each kind of request; [`Handlers`] is one from closures.
//! - A turn that parks its requests ([`TurnStart::park_requests`]) gives them among its events, each
//!   with a [`PendingRequest`] that is answered whenever and wherever: when a person has decided.
//!
//! Policies and handlers are those of a client, a thread or a turn, and the narrowest is asked first.
//! Tools of the client (`Tool`) belong to a thread, and answer for themselves.
//!
//! ```no_run
//! # #[cfg(feature = "client")]
//! # async fn example() -> codexkit::Result<()> {
//! use codexkit::{ApprovalMode, Codex, RequestPolicy};
//!
//! let codex = Codex::start().await?;
//! let policy = RequestPolicy::deny_all().allow_file_changes();
//! let thread = codex.thread_start().approval_mode(ApprovalMode::Ask).handler(policy).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! - `browser`: `open_browser` of the logins.
//! - `client` (default): the client. Without it the crate is [`protocol`] alone, without tokio.
//! - `experimental` (default): the part of the protocol that the runtime only takes from a client
//!   that asks for it. Without the feature it does not exist here, and what the runtime sends of it
//!   arrives like anything unknown. With the feature,
//!   [`CodexBuilder::experimental_api`] turns it off for one client.
//! - `schemars`: `Thread::run_typed`, a turn whose answer is a Rust type; `Tool::new`, a tool from a
//!   function (with `experimental`).
//! - `tracing`: spans and events of what the client does, for subscribers of the crate of that name:
//!   requests, turns, requests of the server, the end of the runtime; with methods, ids, sizes and
//!   outcomes, and never with contents.
//! - `testing`: `MockModel`, a scripted model for the real runtime; `MockIssuer`, where it logs in,
//!   with `CallbackPort`; `TestHome`, a home of its own for it; `FakeServer`, a scripted runtime in
//!   memory.

#![cfg_attr(
    not(feature = "client"),
    allow(rustdoc::broken_intra_doc_links, reason = "the text above is about the client")
)]

pub mod protocol;

#[cfg(feature = "client")]
mod account;
#[cfg(feature = "client")]
mod codex;
#[cfg(feature = "client")]
mod command;
#[cfg(feature = "client")]
mod config;
#[cfg(feature = "client")]
mod connection;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod feed;
#[cfg(feature = "client")]
mod fs;
#[cfg(feature = "client")]
mod goal;
#[cfg(feature = "client")]
mod input;
#[cfg(feature = "client")]
mod list;
#[cfg(feature = "client")]
mod login;
#[cfg(feature = "client")]
mod path;
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
#[cfg(all(feature = "client", feature = "experimental"))]
mod tool;
#[cfg(feature = "client")]
mod trace;
#[cfg(feature = "client")]
mod transport;
#[cfg(feature = "client")]
mod turn;

#[cfg(feature = "testing")]
pub mod testing;

pub use protocol::RUNTIME_VERSION;

#[cfg(feature = "schemars")]
pub use self::{error::OutputError, turn::TypedResult};

#[cfg(all(feature = "client", feature = "experimental"))]
pub use self::{
    request::CurrentTime,
    tool::{Tool, ToolNamespace, ToolOutput},
};

#[cfg(feature = "client")]
pub use secrecy::SecretString;

#[cfg(feature = "client")]
pub use self::{
    account::{AccountEvent, AccountEvents},
    codex::{Call, Codex, RuntimeInfo},
    command::{CommandControl, CommandExec, CommandHandle, CommandOutput},
    config::{CodexBuilder, VersionPolicy},
    error::{
        CloseReason, Error, Result, RpcError, RpcErrorKind, StartError, StartErrorSource,
        TurnFailure,
    },
    feed::{ConnectionEvent, Notifications},
    fs::{FileWatch, Fs},
    goal::{GoalControl, GoalResult, GoalRun, GoalStart},
    input::{ExternalMessage, Input, TurnInput},
    list::{Items, List},
    login::{ChatgptLoginHandle, DeviceCodeLoginHandle, LoginFailure, LoginStart},
    preset::{ApprovalMode, Sandbox},
    request::{
        Attestation, CommandApproval, Elicitation, FileChangeApproval, HandlerResult, Handlers,
        LegacyCommandApproval, LegacyPatchApproval, PendingRequest, PermissionsApproval,
        RequestPolicy, Resolution, ServerRequest, ServerRequestHandler, TokenRefresh, ToolCall,
        UserInput,
    },
    retry::{RetryPolicy, retry_on_overload},
    thread::{Thread, ThreadFork, ThreadOpened, ThreadResume, ThreadStart},
    turn::{
        CompletedItems, ItemView, TextDeltas, TurnControl, TurnEvent, TurnHandle, TurnResult,
        TurnStart, TurnView,
    },
};
