//! What can go wrong, and why a connection ended.

mod account;
#[cfg(feature = "schemars")]
mod output;
mod rpc;
mod turn;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use crate::login::LoginFailure;
use crate::protocol;
use crate::request::Resolution;
use crate::turn::TurnResult;

use self::account::LOG_IN;
#[cfg(feature = "schemars")]
pub use self::output::OutputError;
pub(crate) use self::rpc::Shown;
pub use self::rpc::{RpcError, RpcErrorKind};
pub use self::turn::TurnFailure;

/// The result of a call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The runtime could not be started, or did not complete the `initialize` handshake.
    Start(Box<StartError>),
    /// The connection has ended; every pending and later call gets the same reason.
    Closed(CloseReason),
    /// The runtime answered with a JSON-RPC error.
    Rpc(Box<RpcError>),
    /// The parameters could not be written as JSON, so nothing was sent.
    #[non_exhaustive]
    Encode {
        /// The method of the request.
        method: &'static str,
        /// What is wrong with the parameters.
        source: serde_json::Error,
    },
    /// A message of the runtime does not have the shape that its schema promises.
    #[non_exhaustive]
    Decode {
        /// The method of the request or notification; empty if the message does not even name one.
        method: String,
        /// The place inside the message, and what is wrong there.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The turn ended with status `failed`.
    TurnFailed(Box<TurnFailure>),
    /// A login was not completed.
    LoginFailed(Box<LoginFailure>),
    /// The login was not completed in the time that the caller gave it. It goes on.
    #[non_exhaustive]
    LoginTimeout {
        /// How long that was.
        after: Duration,
    },
    /// The model provider asks for an account, and the runtime has none.
    AccountRequired,
    /// No browser could be opened. Needs the feature `browser`.
    #[cfg(feature = "browser")]
    Browser(io::Error),
    /// The thread was unsubscribed, closed or put away, so that nothing of it arrives here any more.
    #[non_exhaustive]
    Detached {
        /// The id of the thread.
        thread: String,
    },
    /// The turn was not done when its deadline passed, and was interrupted.
    #[non_exhaustive]
    TurnTimeout {
        /// How long it was given.
        after: Duration,
        /// What there is of it. Its status is `inProgress` if it could not be interrupted, either.
        turn: Box<TurnResult>,
    },
    /// The turn ended without an answer of the type that was asked for.
    #[cfg(feature = "schemars")]
    Output(Box<OutputError>),
    /// No answer came in time. The request may still take effect.
    #[non_exhaustive]
    Timeout {
        /// The method whose answer was waited for.
        what: &'static str,
        /// How long.
        after: Duration,
    },
    /// A request of the server was answered that needs no answer any more. Nothing was sent.
    #[non_exhaustive]
    RequestResolved {
        /// The method of the request.
        method: String,
        /// What has become of it.
        resolution: Resolution,
    },
    /// The runtime is a version that the [`VersionPolicy`](crate::VersionPolicy) refuses.
    #[non_exhaustive]
    VersionMismatch {
        /// What the runtime says that it is; empty if that could not be told.
        found: String,
    },
    /// The request uses something that came with a later runtime than this one. Nothing was sent.
    #[non_exhaustive]
    UnsupportedByRuntime {
        /// The method, or the path of a property, such as `turn/start.turnTrigger`.
        what: String,
        /// The first release of the runtime that takes it.
        needed: protocol::Release,
        /// The version of the runtime.
        found: String,
        /// Turning on [`CodexBuilder::experimental_api`](crate::CodexBuilder::experimental_api) would
        /// do as well: it was experimental before that release.
        or_experimental: bool,
    },
    /// The request uses something experimental, and
    /// [`CodexBuilder::experimental_api`](crate::CodexBuilder::experimental_api) is off. Nothing was
    /// sent.
    #[non_exhaustive]
    ExperimentalApi {
        /// The method, or the path of a property, such as `thread/start.environments`.
        what: String,
    },
    /// The caller asked for something that cannot be sent; nothing was.
    InvalidInput(String),
}

impl Error {
    pub(crate) fn detached(thread: &str) -> Error {
        Error::Detached { thread: thread.to_owned() }
    }

    pub(crate) fn decode(
        method: &str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Error {
        Error::Decode { method: method.to_owned(), source: Box::new(source) }
    }

    /// What is not on offer, by a runtime whose version is `found`.
    pub(crate) fn unavailable(it: protocol::Unavailable, found: String) -> Error {
        let protocol::Unavailable { what, need } = it;
        let (needed, or_experimental) = match need {
            protocol::Need::ExperimentalApi => return Error::ExperimentalApi { what },
            protocol::Need::Release(needed) => (needed, false),
            protocol::Need::ReleaseOrExperimentalApi(needed) => (needed, true),
        };
        Error::UnsupportedByRuntime { what, needed, found, or_experimental }
    }

    /// True when the connection has ended, so that only a new [`Codex`](crate::Codex) can help.
    pub fn is_closed(&self) -> bool {
        matches!(self, Error::Closed(_))
    }

    /// True when the runtime, or the model behind it, has too much to do: it says so of a request,
    /// or a turn failed of it.
    pub fn is_overloaded(&self) -> bool {
        match self {
            Error::Rpc(error) => error.kind() == RpcErrorKind::Overloaded,
            _ => self.codex_error_info() == Some(&protocol::CodexErrorInfo::ServerOverloaded),
        }
    }

    /// True when the same call may well succeed a little later: [`is_overloaded`](Self::is_overloaded),
    /// or [`RpcErrorKind::RetryLimitExceeded`].
    pub fn is_retryable(&self) -> bool {
        self.is_overloaded() || self.kind() == Some(RpcErrorKind::RetryLimitExceeded)
    }

    /// What a JSON-RPC error means.
    pub fn kind(&self) -> Option<RpcErrorKind> {
        match self {
            Error::Rpc(error) => Some(error.kind()),
            _ => None,
        }
    }

    /// The code of a JSON-RPC error.
    pub fn code(&self) -> Option<i64> {
        match self {
            Error::Rpc(error) => Some(error.code),
            _ => None,
        }
    }

    /// What is known of the turn that failed, took too long, or whose answer is of no use: its
    /// items, usage and error.
    pub fn turn(&self) -> Option<&TurnResult> {
        match self {
            Error::TurnFailed(failure) => Some(&failure.turn),
            Error::TurnTimeout { turn, .. } => Some(turn),
            #[cfg(feature = "schemars")]
            Error::Output(error) => Some(&error.turn),
            _ => None,
        }
    }

    /// The machine-readable cause of a failed turn, or of a JSON-RPC error that has one.
    pub fn codex_error_info(&self) -> Option<&protocol::CodexErrorInfo> {
        match self {
            Error::Rpc(error) => error.codex_error_info(),
            _ => self.turn()?.error.as_ref()?.codex_error_info.as_ref(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Start(error) => error.fmt(f),
            Error::Closed(reason) => write!(f, "the connection has ended: {reason}"),
            Error::Rpc(error) => error.fmt(f),
            Error::Encode { method, .. } => write!(f, "cannot encode the params of `{method}`"),
            Error::Decode { method, .. } => write!(f, "cannot decode a message of `{method}`"),
            Error::TurnFailed(failure) => failure.fmt(f),
            Error::LoginFailed(failure) => failure.fmt(f),
            Error::LoginTimeout { after } => write!(
                f,
                "the login was not completed within {after:?} and goes on; wait again, or cancel it"
            ),
            Error::AccountRequired => {
                write!(f, "the model provider asks for an account, and there is none; {LOG_IN}")
            }
            #[cfg(feature = "browser")]
            Error::Browser(_) => {
                f.write_str("no browser could be opened; show the address instead")
            }
            Error::Detached { thread } => write!(
                f,
                "nothing more of thread {thread} is sent here: it was unsubscribed or put away; take \
                 it up again with `Codex::thread_resume`"
            ),
            Error::TurnTimeout { after, turn } => {
                let what = if turn.status == protocol::TurnStatus::InProgress {
                    "could not be interrupted"
                } else {
                    "was interrupted"
                };
                write!(f, "turn {} was not done within {after:?} and {what}", turn.id)
            }
            #[cfg(feature = "schemars")]
            Error::Output(error) => error.fmt(f),
            Error::Timeout { what, after } => {
                write!(f, "no answer to `{what}` within {after:?}")
            }
            Error::RequestResolved { method, resolution } => {
                write!(f, "`{method}` needs no answer any more: {resolution}; nothing was sent")
            }
            Error::VersionMismatch { found } => {
                let pinned = protocol::RUNTIME_VERSION;
                match found.as_str() {
                    "" => write!(f, "the runtime does not say that it is the pinned {pinned}")?,
                    found => write!(f, "the runtime is version {found}, not the pinned {pinned}")?,
                }
                f.write_str("; install that one, or allow any with `VersionPolicy::Any`")
            }
            Error::UnsupportedByRuntime { what, needed, found, or_experimental } => {
                write!(f, "`{what}` needs runtime {needed}, and this is {found}; update it, ")?;
                if *or_experimental {
                    f.write_str("turn on `CodexBuilder::experimental_api`, ")?;
                }
                f.write_str("or leave that out")
            }
            Error::ExperimentalApi { what } => write!(
                f,
                "`{what}` is experimental; leave it out, or turn on \
                 `CodexBuilder::experimental_api`"
            ),
            Error::InvalidInput(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Start(error) => error.source(),
            #[cfg(feature = "browser")]
            Error::Browser(source) => Some(source),
            Error::Encode { source, .. } => Some(source),
            Error::Decode { source, .. } => Some(&**source),
            #[cfg(feature = "schemars")]
            Error::Output(error) => error.source(),
            _ => None,
        }
    }
}

/// The runtime could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub struct StartError {
    /// What was started, or looked for.
    pub program: PathBuf,
    /// What the user can do about it.
    pub help: String,
    /// What happened.
    pub source: StartErrorSource,
}

/// What happened when the runtime was started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartErrorSource {
    /// The operating system could not run the program.
    Io(io::Error),
    /// The program ran, but the `initialize` handshake failed.
    Handshake(Box<Error>),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.program.display();
        match &self.source {
            StartErrorSource::Io(_) => write!(f, "cannot start `{program}`")?,
            StartErrorSource::Handshake(_) => {
                write!(f, "`{program}` did not complete the app-server handshake")?;
            }
        }
        write!(f, "; {}", self.help)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.source {
            StartErrorSource::Io(error) => Some(error),
            StartErrorSource::Handshake(error) => Some(&**error),
        }
    }
}

/// Why the connection ended. Cheap to clone; everyone who waited gets the same one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side closed it: [`Codex::close`](crate::Codex::close) was called, or the last handle
    /// was dropped, or the async runtime that the connection was opened on went away.
    Local,
    /// The process ended, or closed its output, without being asked to.
    #[non_exhaustive]
    Exited {
        /// How it ended; `None` if it closed its output and went on running.
        status: Option<ExitStatus>,
        /// The end of what it wrote to its standard error.
        stderr: Arc<str>,
    },
    /// The other side of a connection without a process closed it.
    Eof,
    /// Reading from or writing to the transport failed.
    Io(Arc<io::Error>),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Local => f.write_str("closed by this side"),
            CloseReason::Exited { status, stderr } => {
                match status {
                    Some(status) => write!(f, "the runtime ended with {status}")?,
                    None => f.write_str("the runtime closed its output")?,
                }
                if stderr.is_empty() {
                    return Ok(());
                }
                write!(f, "; its last words were: {stderr}")
            }
            CloseReason::Eof => f.write_str("closed by the other side"),
            CloseReason::Io(error) => write!(f, "the transport failed: {error}"),
        }
    }
}

#[cfg(test)]
mod tests;
