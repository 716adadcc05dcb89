//! How to start the runtime and how to talk to it.

mod launch;
mod version;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::codex::{Codex, RuntimeInfo};
use crate::connection::{Connection, Limits};
use crate::error::{CloseReason, Error, Result, StartError, StartErrorSource};
use crate::protocol::{self, Notification};
use crate::request::{ServerRequestHandler, SharedHandler};
use crate::retry::RetryPolicy;
use crate::transport::Transport;
use crate::transport::process::Process;

pub use self::version::VersionPolicy;

/// The variable of the runtime for the directory of its configuration and its history.
const CODEX_HOME: &str = "CODEX_HOME";

/// How long a start that failed may take to end its process gently.
const FAILED_START_GRACE: Duration = Duration::from_millis(500);

/// Without these a turn would never be seen to start, produce anything or end, nor a thread to, nor a
/// request of the server to need no answer any more.
const INDISPENSABLE: [&str; 8] = [
    protocol::TurnStartedNotification::METHOD,
    protocol::TurnCompletedNotification::METHOD,
    protocol::ItemCompletedNotification::METHOD,
    protocol::ThreadTokenUsageUpdatedNotification::METHOD,
    protocol::ServerRequestResolvedNotification::METHOD,
    protocol::ThreadClosedNotification::METHOD,
    protocol::ThreadArchivedNotification::METHOD,
    protocol::ThreadDeletedNotification::METHOD,
];

/// How to start the runtime and how to talk to it. Everything has a default.
///
/// ```no_run
/// # async fn example() -> codexkit::Result<()> {
/// use codexkit::Codex;
///
/// let codex = Codex::builder()
///     .cwd("/home/user/project")
///     .config("model_reasoning_effort", "low")
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it is started or connected"]
pub struct CodexBuilder {
    binary: Option<PathBuf>,
    args: Vec<OsString>,
    config: Vec<(String, Value)>,
    cwd: Option<PathBuf>,
    env_clear: bool,
    /// `None` removes a variable that would be inherited.
    env: BTreeMap<OsString, Option<OsString>>,
    client_info: protocol::ClientInfo,
    capabilities: protocol::InitializeCapabilities,
    version_policy: VersionPolicy,
    start_timeout: Duration,
    limits: Limits,
    pub(crate) token_provider: Option<SharedHandler>,
    handler: Option<SharedHandler>,
}

impl Default for CodexBuilder {
    fn default() -> CodexBuilder {
        let name = env!("CARGO_PKG_NAME");
        let client_info = protocol::ClientInfo::new(name, env!("CARGO_PKG_VERSION")).title(name);
        CodexBuilder {
            binary: None,
            args: Vec::new(),
            config: Vec::new(),
            cwd: None,
            env_clear: false,
            env: BTreeMap::new(),
            client_info,
            capabilities: protocol::InitializeCapabilities::default(),
            version_policy: VersionPolicy::default(),
            start_timeout: Duration::from_secs(30),
            limits: Limits::default(),
            token_provider: None,
            handler: None,
        }
    }
}

impl CodexBuilder {
    /// The program to run. The default is what `CODEX_BIN` names, or else `codex` on `PATH`.
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Self {
        self.binary = Some(path.into());
        self
    }

    /// One more argument after `app-server`.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Overrides a value of the configuration of the runtime for this process (`-c key=value`).
    /// The key may be dotted.
    pub fn config(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.config.push((key.into(), value.into()));
        self
    }

    /// The working directory of the process, and so the default one of its threads.
    pub fn cwd(mut self, path: impl Into<PathBuf>) -> Self {
        self.cwd = Some(path.into());
        self
    }

    /// Sets an environment variable of the process.
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(key.into(), Some(value.into()));
        self
    }

    /// Keeps the process from inheriting an environment variable.
    pub fn env_remove(mut self, key: impl Into<OsString>) -> Self {
        self.env.insert(key.into(), None);
        self
    }

    /// Keeps the process from inheriting any environment variable. What [`CodexBuilder::env`] set
    /// stays.
    pub fn env_clear(mut self) -> Self {
        self.env_clear = true;
        self
    }

    /// The directory of the configuration and the history of the runtime (`CODEX_HOME`). It must
    /// exist, and its path must be absolute.
    pub fn codex_home(self, path: impl Into<PathBuf>) -> Self {
        self.env(CODEX_HOME, path.into())
    }

    /// Who this client is (`clientInfo` of `initialize`): it appears in the user agent.
    pub fn client_info(mut self, info: protocol::ClientInfo) -> Self {
        self.client_info = info;
        self
    }

    /// Whether to ask for the experimental API, so that the requests, fields and values may be used
    /// that the docs of [`protocol`] call experimental. Without it they are refused before anything
    /// is sent, with [`Error::ExperimentalApi`]. On by default; off if this crate is built without
    /// its feature `experimental`, which they are then no part of.
    pub fn experimental_api(mut self, yes: bool) -> Self {
        self.limits.experimental_api = yes;
        self
    }

    /// Notifications that the runtime should not send, by method. Those that the client cannot do
    /// without are refused when it is started: they tell of the start and the end of turns, of what
    /// they produce, and of the end of threads and of requests of the server.
    pub fn opt_out_notifications<M: Into<String>>(
        mut self,
        methods: impl IntoIterator<Item = M>,
    ) -> Self {
        let methods = methods.into_iter().map(Into::into);
        self.capabilities.opt_out_notification_methods.get_or_insert_default().extend(methods);
        self
    }

    /// Changes what the client says in the handshake that it can do, for everything that has no method
    /// of its own here: to attest itself (`requestAttestation`), to have a person decide on commands
    /// (`requiredHumanApproval`), to show more kinds of forms. The experimental API is turned on and
    /// off with [`experimental_api`](Self::experimental_api).
    pub fn capabilities(
        mut self,
        change: impl FnOnce(protocol::InitializeCapabilities) -> protocol::InitializeCapabilities,
    ) -> Self {
        self.capabilities = change(self.capabilities);
        self
    }

    /// Answers the requests of the server that no thread and no turn has a handler for: see
    /// [`ServerRequestHandler`]. Without it they are refused. Another one replaces it.
    ///
    /// The handler is let go of when the connection ends. Until then it must not hold a [`Codex`] of
    /// this connection, which would keep itself open like that:
    /// [`PendingRequest::codex`](crate::PendingRequest::codex) gives one.
    pub fn handler(mut self, handler: impl ServerRequestHandler) -> Self {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// What to do about a runtime that is not the pinned one. By default it is reported, no more.
    pub fn version_policy(mut self, policy: VersionPolicy) -> Self {
        self.version_policy = policy;
        self
    }

    /// How long the start may take, handshake included. 30 s by default.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// How long a request may take unless it says otherwise. 60 s by default.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.limits.request_timeout = timeout;
        self
    }

    /// How many requests may be without an answer at a time; more wait for their turn. 64 by
    /// default, and at least 1. The runtime begins to drop answers at about 140. Steering and
    /// interrupting a turn come on top, and as many commands that were
    /// [spawned](crate::CommandExec::spawn).
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.limits.in_flight = requests;
        self
    }

    /// Repeats every request that the runtime refuses because it has too much to do. It refuses
    /// with the code -32001 before it does anything, so that this is safe for each of them; any
    /// other error is not repeated, even if it speaks of an overload. The time that a request may
    /// take is for all attempts together. Off by default. Commands that are
    /// [spawned](crate::CommandExec::spawn) are the exception: their handle tells of the refusal.
    ///
    /// A command that was [spawned](crate::CommandExec::spawn) is not started again: its request is
    /// answered only when it ends, so that its handle gives the refusal.
    ///
    /// What fails of an overload of the model is a turn and no request: see
    /// [`retry_on_overload`](crate::retry_on_overload).
    pub fn retry_overloaded(mut self, policy: RetryPolicy) -> Self {
        self.limits.retry = Some(Box::new(policy));
        self
    }

    /// How long the process may take to end by itself after the connection was closed. 7 s by
    /// default: without a network the runtime needs 5 s.
    pub fn close_grace(mut self, grace: Duration) -> Self {
        self.limits.close_grace = grace;
        self
    }

    /// Starts the process and shakes hands.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for settings that cannot work, [`Error::Start`] if the program
    /// cannot be run or is no working app-server, [`Error::VersionMismatch`] if its version will not
    /// do. No process is left behind.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, a process that was already started is ended.
    pub async fn start(self) -> Result<Codex> {
        self.check()?;
        self.check_process()?;
        let (program, help) = self.program();
        let (process, stdin, stdout) = match Process::spawn(self.command(&program)?) {
            Ok(spawned) => spawned,
            Err(error) => {
                let source = StartErrorSource::Io(error);
                return Err(Error::Start(Box::new(StartError { program, help, source })));
            }
        };
        let transport =
            Transport { reader: Box::new(stdout), writer: Box::new(stdin), process: Some(process) };
        // The handshake would make the futures of everyone who starts a client large.
        Box::pin(self.open(transport)).await.map_err(|(error, wrote)| {
            let hint = match (wrote, &error) {
                (_, Error::VersionMismatch { .. }) => return error,
                (Some(line), _) => format!("it wrote `{line}` instead; "),
                (None, Error::Closed(CloseReason::Exited { stderr, .. })) if !stderr.is_empty() => {
                    "its last words, in the source of this error, should say why; if not, ".into()
                }
                _ => String::new(),
            };
            let help = format!("{hint}{help}");
            let source = StartErrorSource::Handshake(Box::new(error));
            Error::Start(Box::new(StartError { program, help, source }))
        })
    }

    /// Talks to a runtime that is already there, over any pair of byte streams with one JSON
    /// message per line. What concerns the process is ignored.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for settings that cannot work, [`Error::VersionMismatch`] if the
    /// version of the runtime will not do, and what can happen to any request: the handshake failed.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, both streams are closed.
    pub async fn connect(
        self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Codex> {
        self.check()?;
        let (reader, writer) = (Box::new(reader), Box::new(writer));
        let transport = Transport { reader, writer, process: None };
        Box::pin(self.open(transport)).await.map_err(|(error, _)| error)
    }

    fn check(&self) -> Result<()> {
        if tokio::runtime::Handle::try_current().is_err() {
            let problem =
                "there is no tokio runtime here: call this from async code that runs on one";
            return Err(Error::InvalidInput(problem.into()));
        }
        if let Some(policy) = &self.limits.retry {
            policy.check()?;
        }
        let mut opt_out = self.capabilities.opt_out_notification_methods.iter().flatten();
        match opt_out.find(|method| INDISPENSABLE.contains(&method.as_str())) {
            Some(method) => Err(Error::InvalidInput(format!(
                "the client cannot do without `{method}`: do not opt out of it"
            ))),
            None => Ok(()),
        }
    }

    /// Fails with the first line that was no message, if there was one.
    async fn open(self, transport: Transport) -> Result<Codex, (Error, Option<String>)> {
        let client_name = self.client_info.name.clone();
        let capabilities = self.capabilities.experimental_api(self.limits.experimental_api);
        let params = protocol::InitializeParams::new(self.client_info).capabilities(capabilities);
        let handlers = self.token_provider.into_iter().chain(self.handler).collect();
        let connection = Connection::open(transport, self.limits, handlers);
        let shake_hands = async {
            let response = connection.request(&params, Some(self.start_timeout)).await?;
            let runtime = Arc::new(RuntimeInfo::new(response, &client_name));
            self.version_policy.check(&runtime)?;
            connection.introduce(Arc::clone(&runtime));
            connection.notify(protocol::ClientNotification::Initialized.method()).await?;
            Ok(runtime)
        };
        match shake_hands.await {
            Ok(runtime) => Ok(Codex::new(connection, runtime)),
            Err(error) => {
                connection.close(Some(FAILED_START_GRACE)).await;
                Err((error, connection.first_malformed().map(str::to_owned)))
            }
        }
    }
}

impl fmt::Debug for CodexBuilder {
    /// Shows the names of variables and configuration values only: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodexBuilder")
            .field("binary", &self.binary)
            .field("cwd", &self.cwd)
            .field("config", &self.config.iter().map(|(key, _)| key).collect::<Vec<_>>())
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("client_info", &self.client_info)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_values_that_may_be_secret() {
        let builder = Codex::builder().env("API_KEY", "sk-1").config("token", "sk-2");
        let debug = format!("{builder:?}");
        assert!(debug.contains("API_KEY") && debug.contains("token"), "{debug}");
        assert!(!debug.contains("sk-"), "{debug}");
    }
}
