//! Handlers from closures.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::codex::BoxFuture;

use super::handler::default_deadline;
#[allow(clippy::wildcard_imports, reason = "a name for each kind of request")]
use super::*;

/// A closure that answers one kind of request.
type Closure<Request> = Arc<dyn Fn(Request) -> BoxFuture<HandlerResult> + Send + Sync>;

fn closure<Request, F, Fut, E>(answer: F) -> Closure<Request>
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    Arc::new(move |request| {
        let answer = answer(request);
        Box::pin(async move { answer.await.map_err(Into::into) })
    })
}

macro_rules! handlers {
    ($($(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])? $name:ident $method:ident $case:ident($params:ident);)*) => {
        /// A [`ServerRequestHandler`] from a closure per kind of request. What has none is passed
        /// on.
        ///
        /// ```
        /// use codexkit::{Codex, Handlers};
        ///
        /// let builder = Codex::builder().handler(
        ///     Handlers::new()
        ///         .command_approval(async |request| request.decline())
        ///         .file_change_approval(async |request| request.accept()),
        /// );
        /// ```
        ///
        /// A closure that uses something clones it for each request:
        ///
        /// ```
        /// use codexkit::{CommandApproval, Handlers};
        ///
        /// # fn example(log: std::sync::mpsc::Sender<String>) -> Handlers {
        /// Handlers::new().command_approval(move |request: CommandApproval| {
        ///     let log = log.clone();
        ///     async move {
        ///         log.send(request.command.clone().unwrap_or_default())?;
        ///         request.decline()?;
        ///         Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        ///     }
        /// })
        /// # }
        /// ```
        #[derive(Clone, Default)]
        #[must_use = "handlers do nothing until a client, a thread or a turn has them"]
        pub struct Handlers {
            deadline: Option<Duration>,
            $($(#[cfg($cfg)])? $method: Option<Closure<$name>>,)*
        }

        impl Handlers {
            $(
                /// Sets what answers this, in the place of what did before:
                ///
                $(#[doc = $doc])* $(#[cfg($cfg)])?
                pub fn $method<F, Fut, E>(mut self, answer: F) -> Handlers
                where
                    F: Fn($name) -> Fut + Send + Sync + 'static,
                    Fut: Future<Output = Result<(), E>> + Send + 'static,
                    E: Into<Box<dyn Error + Send + Sync>>,
                {
                    self.$method = Some(closure(answer));
                    self
                }
            )*
        }

        impl ServerRequestHandler for Handlers {
            $(
                $(#[cfg($cfg)])?
                async fn $method(&self, request: $name) -> HandlerResult {
                    match &self.$method {
                        Some(answer) => answer(request).await,
                        None => {
                            request.pass();
                            Ok(())
                        }
                    }
                }
            )*

            fn deadline(&self, request: &ServerRequest) -> Option<Duration> {
                self.deadline.or_else(|| default_deadline(request))
            }
        }

        impl fmt::Debug for Handlers {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut handlers = f.debug_struct("Handlers");
                $($(#[cfg($cfg)])? handlers.field(stringify!($method), &self.$method.is_some());)*
                handlers.field("deadline", &self.deadline).finish()
            }
        }
    };
}
kinds!(handlers);

impl Handlers {
    /// Handlers of nothing.
    pub fn new() -> Handlers {
        Handlers::default()
    }

    /// How long each of them may take, in the place of
    /// [what holds otherwise](ServerRequestHandler::deadline).
    pub fn deadline(mut self, after: Duration) -> Handlers {
        self.deadline = Some(after);
        self
    }
}
