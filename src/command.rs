//! Commands that the runtime runs for its client, outside of any thread.

mod handle;

use std::fmt;
use std::future::IntoFuture;
use std::path::Path;
use std::time::Duration;

use crate::codex::{BoxFuture, Codex};
use crate::error::{Error, Result};
use crate::path;
use crate::protocol;

pub use self::handle::{CommandControl, CommandHandle, CommandOutput};

impl Codex {
    /// Runs a command in the sandbox of the runtime, without a thread (`command/exec`): await it
    /// for its whole output, or [`CommandExec::spawn`] it to talk to it while it runs.
    ///
    /// ```no_run
    /// # async fn example(codex: codexkit::Codex) -> codexkit::Result<()> {
    /// let listing = codex.command(["git", "status", "--short"]).await?;
    /// println!("{} {}", listing.exit_code, listing.stdout);
    /// # Ok(())
    /// # }
    /// ```
    pub fn command<A: Into<String>>(&self, argv: impl IntoIterator<Item = A>) -> CommandExec {
        let argv: Vec<String> = argv.into_iter().map(Into::into).collect();
        let params = protocol::CommandExecParams::new(argv);
        CommandExec { codex: self.clone(), params, problem: None }
    }
}

/// A command that is run when it is awaited or spawned (`command/exec`).
#[derive(Clone)]
#[must_use = "a command is only run when it is awaited or spawned"]
pub struct CommandExec {
    codex: Codex,
    params: protocol::CommandExecParams,
    problem: Option<String>,
}

impl CommandExec {
    /// The working directory. The default is that of the runtime.
    pub fn cwd(mut self, path: impl AsRef<Path>) -> Self {
        match path::text(path.as_ref()) {
            Ok(path) => self.params.cwd = Some(path),
            Err(problem) => {
                self.problem.get_or_insert(problem);
            }
        }
        self
    }

    /// Sets an environment variable.
    pub fn env(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.set_env(key.into(), Some(value.into()))
    }

    /// Keeps the command from inheriting an environment variable of the runtime.
    pub fn env_remove(self, key: impl Into<String>) -> Self {
        self.set_env(key.into(), None)
    }

    /// What the command may do: a [`Sandbox`](crate::Sandbox), or any policy of the protocol. The
    /// default is the configuration of the runtime.
    pub fn sandbox(self, policy: impl Into<protocol::SandboxPolicy>) -> Self {
        self.params(|params| params.sandbox_policy(policy))
    }

    /// How long it may run; then it is killed, and its exit code is 124. For a command that is
    /// awaited the runtime's own limit of 10 s is the default, for one that is spawned none is.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        let millis = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        self.params.disable_timeout = None;
        self.params(|params| params.timeout_ms(millis))
    }

    /// Lets it run for as long as it takes.
    pub fn no_timeout(mut self) -> Self {
        self.params.timeout_ms = None;
        self.params(|params| params.disable_timeout(true))
    }

    /// How many bytes of each of its outputs are kept; what follows is lost. For a command that is
    /// awaited the runtime's own limit of 1 MiB is the default, for one that is spawned none is.
    pub fn output_cap(mut self, bytes: u64) -> Self {
        self.params.disable_output_cap = None;
        self.params(|params| params.output_bytes_cap(bytes))
    }

    /// Keeps all of its output.
    pub fn no_output_cap(mut self) -> Self {
        self.params.output_bytes_cap = None;
        self.params(|params| params.disable_output_cap(true))
    }

    /// Changes the params of the request as they will be sent, for everything that has no method
    /// of its own here. The process id is set afterwards.
    pub fn params(
        mut self,
        change: impl FnOnce(protocol::CommandExecParams) -> protocol::CommandExecParams,
    ) -> Self {
        self.params = change(self.params);
        self
    }

    /// Starts the command with pipes for its input and its output.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for an empty command, [`Error::Closed`] if the connection has ended,
    /// [`Error::Timeout`] if too many others run all the while. That it cannot be run is an error of [`CommandHandle::next`] and [`CommandHandle::wait`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is started when the future is dropped.
    pub async fn spawn(self) -> Result<CommandHandle> {
        self.start(|params| params.stream_stdin(true).stream_stdout_stderr(true)).await
    }

    /// Starts the command with a pseudoterminal of this size in characters.
    ///
    /// # Errors
    ///
    /// As [`CommandExec::spawn`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is started when the future is dropped.
    pub async fn spawn_tty(self, rows: u16, cols: u16) -> Result<CommandHandle> {
        let size = protocol::CommandExecTerminalSize::new(cols, rows);
        self.start(|params| params.tty(true).size(size)).await
    }

    async fn start(
        self,
        streams: impl FnOnce(protocol::CommandExecParams) -> protocol::CommandExecParams,
    ) -> Result<CommandHandle> {
        let CommandExec { codex, mut params, .. } = self.checked()?;
        if params.timeout_ms.is_none() {
            params.disable_timeout = Some(true);
        }
        if params.output_bytes_cap.is_none() {
            params.disable_output_cap = Some(true);
        }
        CommandHandle::start(&codex.connection, streams(params)).await
    }

    fn set_env(mut self, key: String, value: Option<String>) -> Self {
        self.params.env.get_or_insert_default().insert(key, value);
        self
    }

    fn checked(self) -> Result<CommandExec> {
        if self.params.command.first().is_none_or(String::is_empty) {
            let problem = "the command is empty: its first word is the program to run";
            return Err(Error::InvalidInput(problem.into()));
        }
        match self.problem {
            Some(problem) => Err(Error::InvalidInput(problem)),
            None => Ok(self),
        }
    }
}

impl IntoFuture for CommandExec {
    type Output = Result<protocol::CommandExecResponse>;
    type IntoFuture = BoxFuture<Self::Output>;

    /// # Errors
    ///
    /// [`Error::InvalidInput`] for an empty command, [`Error::Rpc`] if it cannot be run, and what
    /// can happen to any request. An exit code that is not 0 is no error.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after the request was sent, the command runs to its end.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let CommandExec { codex, mut params, .. } = self.checked()?;
            params.process_id = None;
            codex.request(params).no_timeout().await
        })
    }
}

impl fmt::Debug for CommandExec {
    /// Leaves out the params: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandExec").finish_non_exhaustive()
    }
}
