//! The three tasks of a connection: one reads, one writes, one sees to the end of both.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::outgoing::{Line, write};
use super::shared::Shared;
use crate::error::CloseReason;
use crate::transport::Transport;
use crate::transport::lines::LineBuffer;
use crate::transport::process::Process;

/// How long the output may take to end after the process, and the process after its output.
const SETTLE: Duration = Duration::from_millis(500);

type Task = JoinHandle<io::Result<()>>;

pub(super) fn spawn(
    shared: &Arc<Shared>,
    transport: Transport,
    outgoing: UnboundedReceiver<Line>,
    close_grace: Duration,
) {
    let Transport { reader, writer, process } = transport;
    let reader = tokio::spawn(read(reader, Arc::clone(shared)));
    let writer = tokio::spawn(write(writer, outgoing));
    // Made here, so that it is there even if the supervisor never gets to run.
    let finish = Finish(Arc::clone(shared));
    tokio::spawn(supervise(finish, reader, writer, process, close_grace));
}

/// Never runs user code and never waits for a user.
async fn read(
    mut reader: Box<dyn AsyncRead + Send + Unpin>,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let mut buffer = LineBuffer::default();
    while buffer.fill(&mut *reader).await? > 0 {
        shared.accept(buffer.lines());
        // On a runtime with one thread the consumers would otherwise wait for the pipe to be empty.
        tokio::task::yield_now().await;
    }
    shared.accept(buffer.rest());
    Ok(())
}

/// Why the tasks have to end.
enum Cause {
    Stopped,
    Output(io::Result<()>),
    Input(io::Error),
    Exited(io::Result<ExitStatus>),
}

/// The guard comes first, so that it is dropped last: after the process.
async fn supervise(
    finish: Finish,
    mut reader: Task,
    mut writer: Task,
    mut process: Option<Process>,
    close_grace: Duration,
) {
    let shared = &finish.0;
    let cause = tokio::select! {
        biased;
        () = shared.stopped() => Cause::Stopped,
        end = &mut reader => Cause::Output(flatten(end)),
        status = exited(process.as_mut()) => Cause::Exited(status),
        error = failed(&mut writer) => Cause::Input(error),
    };
    let reason = reason_for(cause, &mut reader, process.as_mut()).await;
    shared.end(&reason);
    // What was queued is written and the pipe closed, unless the other side does not read.
    if !writer.is_finished() && timeout(SETTLE, &mut writer).await.is_err() {
        writer.abort();
    }
    if let Some(process) = process {
        let _ = process.end(shared.grace().unwrap_or(close_grace)).await;
    }
    reader.abort();
    drop(finish);
}

/// Leaves nobody waiting, also when the supervisor goes away with its async runtime.
struct Finish(Arc<Shared>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.end(&CloseReason::Local);
        self.0.finish();
    }
}

/// Finds out as much as can be known shortly after the fact.
async fn reason_for(cause: Cause, reader: &mut Task, process: Option<&mut Process>) -> CloseReason {
    let (error, process) = match (cause, process) {
        (Cause::Stopped, _) => return CloseReason::Local,
        (Cause::Output(Err(error)) | Cause::Exited(Err(error)), _)
        | (Cause::Input(error), None) => {
            return CloseReason::Io(Arc::new(error));
        }
        (Cause::Output(Ok(())) | Cause::Exited(Ok(_)), None) => return CloseReason::Eof,
        (Cause::Output(Ok(())) | Cause::Exited(Ok(_)), Some(process)) => (None, process),
        (Cause::Input(error), Some(process)) => (Some(error), process),
    };
    let status = timeout(SETTLE, process.wait()).await.ok().and_then(Result::ok);
    if let (None, Some(error)) = (status, error) {
        return CloseReason::Io(Arc::new(error));
    }
    if status.is_some() && !reader.is_finished() {
        // What it wrote before it ended is still in the pipe.
        let _ = timeout(SETTLE, reader).await;
    }
    let _ = timeout(SETTLE, process.drained()).await;
    CloseReason::Exited { status, stderr: process.stderr_tail().into() }
}

async fn exited(process: Option<&mut Process>) -> io::Result<ExitStatus> {
    match process {
        Some(process) => process.wait().await,
        None => std::future::pending().await,
    }
}

/// Ends only when the writer has failed: its other end is that the connection ended first.
async fn failed(writer: &mut Task) -> io::Error {
    match writer.await {
        Ok(Err(error)) => error,
        Err(error) => error.into(),
        Ok(Ok(())) => std::future::pending().await,
    }
}

fn flatten(end: Result<io::Result<()>, tokio::task::JoinError>) -> io::Result<()> {
    end.unwrap_or_else(|error| Err(error.into()))
}
