//! Code of the user's that answers requests of the server.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::codex::BoxFuture;

#[allow(clippy::wildcard_imports, reason = "a name for each kind of request")]
use super::*;

/// How a handler ended. An error refuses the request, and is in
/// [`ConnectionEvent::RequestRefused`](crate::ConnectionEvent::RequestRefused); if the request was
/// answered or passed on already, in
/// [`ConnectionEvent::HandlerFailed`](crate::ConnectionEvent::HandlerFailed). The server is not told
/// of it.
pub type HandlerResult = Result<(), Box<dyn Error + Send + Sync>>;

/// How long a tool may take.
pub(crate) const TOOL_TIME: Duration = Duration::from_secs(300);

/// How long something may take for which nobody has to be asked. The runtime waits 10 s for tokens.
const PROMPT_TIME: Duration = Duration::from_secs(9);

macro_rules! server_request_handler {
    ($($(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])? $name:ident $method:ident $case:ident($params:ident);)*) => {
        /// Answers requests of the server: one method per kind of request, of which each
        /// [passes](PendingRequest::pass) the request on, so that it is refused if nobody else
        /// answers it. [`Handlers`] is the same from closures, and [`RequestPolicy`] decides by
        /// rules.
        ///
        /// A handler is that of a client ([`CodexBuilder::handler`](crate::CodexBuilder::handler)),
        /// of a thread ([`ThreadStart::handler`](crate::ThreadStart::handler),
        /// [`Thread::set_handler`](crate::Thread::set_handler)) or of a turn
        /// ([`TurnStart::handler`](crate::TurnStart::handler)). The narrowest is asked first.
        ///
        /// Each request has a task of its own, so that a handler may take its time and call the
        /// client ([`PendingRequest::codex`]); like any async code it must not block its thread. If it
        /// fails or panics, or drops the request without an answer, the request is refused, and
        /// [`ConnectionEvent::RequestRefused`](crate::ConnectionEvent::RequestRefused) says why. A
        /// request may also be kept, and answered after the method has returned. When the request is
        /// resolved without this handler, its turn ends, its [deadline](Self::deadline) passes or the
        /// connection ends, the future is dropped; what has to be finished is spawned.
        ///
        /// What agents of the agent ask, on threads of their own, goes to the handler of such a thread,
        /// if it has one, or else to that of the client.
        ///
        /// `Arc<H>` is a handler as well, so that an application can keep the other half.
        ///
        /// ```
        /// use codexkit::{CommandApproval, HandlerResult, ServerRequestHandler};
        ///
        /// struct OnlyListing;
        ///
        /// impl ServerRequestHandler for OnlyListing {
        ///     async fn command_approval(&self, request: CommandApproval) -> HandlerResult {
        ///         let command = request.command.as_deref().unwrap_or_default();
        ///         let is_listing = command == "/bin/bash -lc ls";
        ///         Ok(if is_listing { request.accept()? } else { request.decline()? })
        ///     }
        /// }
        ///
        /// let builder = codexkit::Codex::builder().handler(OnlyListing);
        /// ```
        pub trait ServerRequestHandler: Send + Sync + 'static {
            $(
                $(#[doc = $doc])* $(#[cfg($cfg)])?
                fn $method(&self, request: $name) -> impl Future<Output = HandlerResult> + Send {
                    request.pass();
                    std::future::ready(Ok(()))
                }
            )*

            /// How long this may take to answer a request, from when it is asked; then it is refused.
            /// A handler to which the request is passed on has a time of its own. By default there is
            /// no such limit for what a person has to answer, 5 minutes for a tool, and 9 s for
            /// everything else.
            fn deadline(&self, request: &ServerRequest) -> Option<Duration> {
                default_deadline(request)
            }
        }

        impl<H: ServerRequestHandler> ServerRequestHandler for Arc<H> {
            $(
                $(#[cfg($cfg)])?
                fn $method(&self, request: $name) -> impl Future<Output = HandlerResult> + Send {
                    H::$method(self, request)
                }
            )*

            fn deadline(&self, request: &ServerRequest) -> Option<Duration> {
                H::deadline(self, request)
            }
        }

        impl<H: ServerRequestHandler> Handler for H {
            fn handle(self: Arc<Self>, request: ServerRequest) -> BoxFuture<HandlerResult> {
                Box::pin(async move {
                    match request {
                        $($(#[cfg($cfg)])? ServerRequest::$name(it) => self.$method(it).await,)*
                    }
                })
            }

            fn deadline(&self, request: &ServerRequest) -> Option<Duration> {
                ServerRequestHandler::deadline(self, request)
            }
        }
    };
}
kinds!(server_request_handler);

/// The same, whatever it is.
pub(crate) trait Handler: Send + Sync {
    fn handle(self: Arc<Self>, request: ServerRequest) -> BoxFuture<HandlerResult>;

    fn deadline(&self, request: &ServerRequest) -> Option<Duration>;
}

pub(crate) type SharedHandler = Arc<dyn Handler>;

pub(super) fn default_deadline(request: &ServerRequest) -> Option<Duration> {
    match request {
        ServerRequest::ToolCall(_) => Some(TOOL_TIME),
        ServerRequest::TokenRefresh(_) | ServerRequest::Attestation(_) => Some(PROMPT_TIME),
        #[cfg(feature = "experimental")]
        ServerRequest::CurrentTime(_) => Some(PROMPT_TIME),
        _ => None,
    }
}
