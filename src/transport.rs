//! Bytes to lines and back: what lies between the connection and the runtime.

pub(crate) mod lines;
pub(crate) mod process;
pub(crate) mod stderr;

use tokio::io::{AsyncRead, AsyncWrite};

use self::process::Process;

/// A byte stream in each direction, and the child process behind them if there is one.
pub(crate) struct Transport {
    pub(crate) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) writer: Box<dyn AsyncWrite + Send + Unpin>,
    pub(crate) process: Option<Process>,
}
