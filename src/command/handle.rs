//! A command that runs.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures_core::Stream;

use crate::codex::BoxFuture;
use crate::connection::{Connection, Listening};
use crate::error::{Error, Result};
use crate::protocol::{self, Notification, ServerNotification, envelope};
use crate::turn::EventReader;

/// A command that runs, with its output: [`CommandExec::spawn`](super::CommandExec::spawn).
///
/// The output is kept until it is read, however long that takes. Dropping the handle stops the
/// output, not the command, unless [`CommandHandle::terminate_on_drop`] says otherwise; the command
/// ends with the connection in any case.
#[must_use = "dropping the handle ends the delivery of the output"]
pub struct CommandHandle {
    control: CommandControl,
    events: EventReader,
    response: Option<BoxFuture<Result<protocol::CommandExecResponse>>>,
    exit: Option<i32>,
    terminate_on_drop: bool,
    _listening: Listening,
}

/// Bytes that a command wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandOutput {
    /// Where to: on a terminal everything is `stdout`.
    pub stream: protocol::CommandExecOutputStream,
    /// What.
    pub bytes: Vec<u8>,
    /// Whether these are the last ones of this stream that are kept, because of
    /// [`CommandExec::output_cap`](super::CommandExec::output_cap).
    pub cap_reached: bool,
}

/// Writes to a command, resizes its terminal and ends it, from anywhere. Cheap to clone.
#[derive(Clone)]
pub struct CommandControl {
    connection: Connection,
    process: Arc<str>,
}

impl CommandHandle {
    pub(super) async fn start(
        connection: &Connection,
        mut params: protocol::CommandExecParams,
    ) -> Result<CommandHandle> {
        let process = format!("codexkit-{}", connection.next_id());
        params.process_id = Some(process.clone());
        // Before the request is sent, so that no output is missed.
        let listening = connection.listen(envelope::Stream::Process(process.clone().into()));
        let response = connection.begin(&params).await?;
        Ok(CommandHandle {
            control: CommandControl { connection: connection.clone(), process: process.into() },
            events: EventReader::new(connection.clone(), Arc::clone(&listening.queue)),
            response: Some(Box::pin(response.answer())),
            exit: None,
            terminate_on_drop: false,
            _listening: listening,
        })
    }

    /// The id of the process, with which the protocol calls it.
    pub fn process_id(&self) -> &str {
        &self.control.process
    }

    /// A handle that writes to the command, resizes its terminal and ends it, while this one is
    /// being read.
    pub fn control(&self) -> CommandControl {
        self.control.clone()
    }

    /// Ends the command when this handle is dropped before its end. Off by default.
    pub fn terminate_on_drop(&mut self, yes: bool) {
        self.terminate_on_drop = yes;
    }

    /// Waits for more output. After the end of the command, when all of it was read, there is
    /// `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] once if the command could not be run, [`Error::Closed`] once if the
    /// connection ended first, [`Error::Decode`] for a message that is broken; the next one is not
    /// affected.
    ///
    /// # Cancel safety
    ///
    /// No output is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<CommandOutput>> {
        std::future::poll_fn(|cx| self.poll_output(cx)).await
    }

    /// Throws away the output that was not read, and waits for the exit code. It is that of the
    /// program, 124 after its time was over, or 128 and the number of the signal that ended it.
    ///
    /// # Errors
    ///
    /// As [`CommandHandle::next`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the handle.
    pub async fn wait(mut self) -> Result<i32> {
        while let Some(output) = self.next().await {
            match output {
                Err(error) if !matches!(error, Error::Decode { .. }) => return Err(error),
                _ => (),
            }
        }
        let method = protocol::CommandExecOutputDeltaNotification::METHOD;
        let missing = || Error::decode(method, protocol::DecodeError::new("there is no exit code"));
        self.exit.ok_or_else(missing)
    }

    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CommandOutput>>> {
        // The answer comes after all output: once it is here, the queue holds the rest.
        if let Some(response) = &mut self.response
            && let Poll::Ready(response_now) = response.as_mut().poll(cx)
        {
            self.response = None;
            match response_now {
                Ok(response) => self.exit = Some(response.exit_code),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        match self.events.poll_next(cx) {
            Poll::Ready(Some(Ok(event))) => Poll::Ready(Some(output(event.notification))),
            // The request has the same reason.
            Poll::Ready(Some(Err(Error::Closed(_))) | None) if self.response.is_none() => {
                Poll::Ready(None)
            }
            Poll::Pending if self.response.is_none() => Poll::Ready(None),
            Poll::Ready(Some(Err(Error::Closed(_))) | None) | Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
        }
    }
}

fn output(notification: ServerNotification) -> Result<CommandOutput> {
    let method = protocol::CommandExecOutputDeltaNotification::METHOD;
    match notification {
        ServerNotification::CommandExecOutputDelta(it) => {
            let bytes = BASE64_STANDARD.decode(&it.delta_base64);
            let bytes = bytes.map_err(|source| Error::decode(method, source))?;
            Ok(CommandOutput { stream: it.stream, bytes, cap_reached: it.cap_reached })
        }
        _ => Err(Error::decode(method, protocol::DecodeError::new("it does not fit its schema"))),
    }
}

impl Stream for CommandHandle {
    type Item = Result<CommandOutput>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_output(cx)
    }
}

impl Drop for CommandHandle {
    fn drop(&mut self) {
        if self.terminate_on_drop && self.response.is_some() {
            let control = self.control();
            // Whoever dropped the handle does not wait for the answer.
            self.control.connection.spawn(async move { drop(control.terminate().await) });
        }
    }
}

impl fmt::Debug for CommandHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandHandle")
            .field("process_id", &self.process_id())
            .finish_non_exhaustive()
    }
}

impl CommandControl {
    /// Writes to the standard input of the command, or to its terminal (`command/exec/write`).
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if the command has ended or its input was closed, and what can happen to any
    /// request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn write(&self, bytes: impl AsRef<[u8]>) -> Result<()> {
        let params = protocol::CommandExecWriteParams::new(&*self.process)
            .delta_base64(BASE64_STANDARD.encode(bytes));
        self.connection.control(&params).await.map(drop)
    }

    /// Closes the standard input of the command (`command/exec/write`).
    ///
    /// # Errors
    ///
    /// As [`CommandControl::write`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn close_stdin(&self) -> Result<()> {
        let params = protocol::CommandExecWriteParams::new(&*self.process).close_stdin(true);
        self.connection.control(&params).await.map(drop)
    }

    /// Changes the size of the terminal, in characters (`command/exec/resize`).
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] if the command has ended or has no terminal, and what can happen to any
    /// request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn resize(&self, rows: u16, cols: u16) -> Result<()> {
        let size = protocol::CommandExecTerminalSize::new(cols, rows);
        let params = protocol::CommandExecResizeParams::new(&*self.process, size);
        self.connection.control(&params).await.map(drop)
    }

    /// Ends the command (`command/exec/terminate`). One that has ended already is left alone.
    ///
    /// # Errors
    ///
    /// What can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn terminate(&self) -> Result<()> {
        let params = protocol::CommandExecTerminateParams::new(&*self.process);
        match self.connection.control(&params).await {
            // There is no such process any more.
            Err(error) if error.code() == Some(envelope::INVALID_REQUEST) => Ok(()),
            result => result.map(drop),
        }
    }
}

impl fmt::Debug for CommandControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandControl").field("process_id", &self.process).finish_non_exhaustive()
    }
}
