//! Lines on their way to the runtime.

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedReceiver;
use zeroize::Zeroizing;

/// How many queued lines are gathered into one write.
const LINES_PER_WRITE: usize = 64;

/// A line that is to be written.
pub(super) enum Line {
    Plain(String),
    /// One with a secret in it, which is wiped with the line.
    Secret(Zeroizing<Vec<u8>>),
}

/// Writes whole lines only, and closes its end when there can be no more of them.
pub(super) async fn write(
    mut writer: Box<dyn AsyncWrite + Send + Unpin>,
    mut outgoing: UnboundedReceiver<Line>,
) -> std::io::Result<()> {
    let mut lines = Vec::with_capacity(LINES_PER_WRITE);
    while outgoing.recv_many(&mut lines, LINES_PER_WRITE).await > 0 {
        let mut gathered = String::new();
        for line in lines.drain(..) {
            match line {
                Line::Plain(line) if gathered.is_empty() => gathered = line,
                Line::Plain(line) => gathered.push_str(&line),
                Line::Secret(line) => {
                    writer.write_all(std::mem::take(&mut gathered).as_bytes()).await?;
                    writer.write_all(&line).await?;
                }
            }
        }
        writer.write_all(gathered.as_bytes()).await?;
        writer.flush().await?;
    }
    writer.shutdown().await
}
