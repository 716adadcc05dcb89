//! A command that runs.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures_core::Stream;
use tokio::time::timeout;

use crate::codex::BoxFuture;
use crate::connection::{Connection, Listening, Place};
use crate::error::{Error, Result};
use crate::protocol::{self, Notification, Request, ServerNotification, envelope};
use crate::turn::EventReader;

/// A command that runs, with its output: [`CommandExec::spawn`](super::CommandExec::spawn).
///
/// The output is kept until it is read, however long that takes. Dropping the handle stops the
/// output, not the command, unless [`CommandHandle::terminate_on_drop`] says otherwise; the command
/// ends with the connection in any case.
///
/// As many commands can be spawned at a time as requests can be in flight
/// ([`CodexBuilder::max_in_flight`](crate::CodexBuilder::max_in_flight)); they count apart.
#[must_use = "dropping the handle ends the delivery of the output"]
pub struct CommandHandle {
    control: CommandControl,
    events: EventReader,
    response: Option<Response>,
    /// How it ended, once that is known, until it was told.
    end: Option<Result<i32>>,
    exit: Option<i32>,
    terminate_on_drop: bool,
    /// Until the command has ended.
    listening: Option<Listening>,
}

type Response = BoxFuture<Result<protocol::CommandExecResponse>>;

/// Bytes that a command wrote.
#[derive(Clone, PartialEq, Eq)]
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
        let (what, after) = (protocol::CommandExecParams::METHOD, connection.request_timeout());
        let response = timeout(after, connection.begin(&params, Place::Process)).await;
        let response = response.unwrap_or(Err(Error::Timeout { what, after }))?;
        Ok(CommandHandle {
            control: CommandControl { connection: connection.clone(), process: process.into() },
            events: EventReader::new(connection.link().clone(), Arc::clone(&listening.queue)),
            response: Some(Box::pin(response.answer())),
            end: None,
            exit: None,
            terminate_on_drop: false,
            listening: Some(listening),
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
            && let Poll::Ready(answer) = response.as_mut().poll(cx)
        {
            self.response = None;
            self.end = Some(answer.map(|answer| answer.exit_code));
        }
        match self.events.poll_next(cx) {
            Poll::Ready(Some(Ok(event))) => Poll::Ready(event.into_notification().map(output)),
            Poll::Ready(Some(Err(error @ Error::Decode { .. }))) => Poll::Ready(Some(Err(error))),
            // The answer tells how it ended, also if that is with the connection.
            _ if self.response.is_some() => Poll::Pending,
            _ => Poll::Ready(match self.end.take() {
                Some(Ok(exit)) => {
                    self.exit = Some(exit);
                    None
                }
                Some(Err(error)) => Some(Err(error)),
                None => None,
            }),
        }
    }
}

impl fmt::Debug for CommandOutput {
    /// Leaves out the bytes: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandOutput")
            .field("stream", &self.stream)
            .field("len", &self.bytes.len())
            .field("cap_reached", &self.cap_reached)
            .finish()
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
        let (Some(response), Some(listening)) = (self.response.take(), self.listening.take())
        else {
            return;
        };
        let (link, process) =
            (self.control.connection.link().clone(), self.control.process.clone());
        let terminate = self.terminate_on_drop;
        // The rest of the output is thrown away, until there is no more.
        self.control.connection.spawn(async move {
            if terminate {
                // It may have ended just now.
                drop(link.control(&protocol::CommandExecTerminateParams::new(&*process)).await);
            }
            drop(response.await);
            drop(listening);
        });
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
