//! The child process: started in its own group, ended gently if it can be and always reaped.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::stderr::StderrTail;
use crate::trace;

/// How long the runtime has after SIGTERM before it is killed. It was seen to need 0.07 s.
const TERM_GRACE: Duration = Duration::from_secs(1);

/// A running child. Dropping it kills the whole group at once; [`Process::end`] asks first.
pub(crate) struct Process {
    child: Child,
    stderr: StderrTail,
    drain: Option<JoinHandle<()>>,
    group: Group,
}

impl Process {
    /// Starts `command` with all three standard streams piped.
    pub(crate) fn spawn(mut command: Command) -> io::Result<(Process, ChildStdin, ChildStdout)> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let group = Group::led_by(&child);
        let stdin = child.stdin.take().ok_or_else(|| io::Error::other("no pipe for stdin"))?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no pipe for stdout"))?;
        let stderr = StderrTail::default();
        let drain = child.stderr.take().map(|pipe| tokio::spawn(stderr.clone().drain(pipe)));
        Ok((Process { child, stderr, drain, group }, stdin, stdout))
    }

    /// Waits until all that the process wrote to its standard error has been read.
    pub(crate) async fn drained(&mut self) {
        if let Some(drain) = &mut self.drain {
            let _ = drain.await;
            self.drain = None;
        }
    }

    /// The end of what the process wrote to its standard error.
    pub(crate) fn stderr_tail(&self) -> String {
        self.stderr.text()
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Cancel safety
    ///
    /// Can be dropped and called again.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // Whatever the runtime started and left behind must not outlive it. Once is enough: later
        // the number of the group may be that of another.
        self.group.kill();
        self.group = Group::none();
        Ok(status)
    }

    /// Ends the process, whose standard input has been closed by the caller: waits for `grace`,
    /// then sends SIGTERM, then SIGKILL to the group.
    pub(crate) async fn end(mut self, grace: Duration) -> io::Result<ExitStatus> {
        if let Ok(status) = timeout(grace, self.wait()).await {
            trace::event!(debug, ?status, "the runtime ended by itself");
            return status;
        }
        trace::event!(debug, ?grace, "the runtime does not end: SIGTERM");
        self.group.terminate();
        if let Ok(status) = timeout(TERM_GRACE, self.wait()).await {
            return status;
        }
        trace::event!(warn, "the runtime does not end: SIGKILL");
        self.group.kill();
        self.child.start_kill()?;
        self.wait().await
    }
}

impl Drop for Process {
    /// Reached without [`Process::end`] only when the async runtime itself goes away.
    fn drop(&mut self) {
        // A process that left the group may still hold the pipe.
        if let Some(drain) = &self.drain {
            drain.abort();
        }
        if self.child.id().is_none() {
            return;
        }
        self.group.kill();
        let _ = self.child.start_kill();
        // A killed process ends within a few milliseconds; nobody else is left to reap it.
        for _ in 0..200 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The process group that the child leads.
#[cfg(unix)]
struct Group(Option<rustix::process::Pid>);

#[cfg(unix)]
impl Group {
    fn led_by(child: &Child) -> Group {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Group(id.and_then(rustix::process::Pid::from_raw))
    }

    fn none() -> Group {
        Group(None)
    }

    fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    fn kill(&self) {
        self.signal(rustix::process::Signal::KILL);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(leader) = self.0 {
            // The only failure that can be is that the group is already empty.
            let _ = rustix::process::kill_process_group(leader, signal);
        }
    }
}

/// Elsewhere there are no groups and no signals: the child itself is ended by `start_kill`.
#[cfg(not(unix))]
struct Group;

#[cfg(not(unix))]
#[allow(clippy::unused_self, reason = "the same methods as where there are groups")]
impl Group {
    fn led_by(_: &Child) -> Group {
        Group
    }

    fn none() -> Group {
        Group
    }

    fn terminate(&self) {}

    fn kill(&self) {}
}
