//! Lines on their way to the runtime.

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedReceiver;
use zeroize::Zeroizing;

/// How many queued lines are gathered into one write.
const LINES_PER_WRITE: usize = 64;

/// A line that is to be written.
pub(crate) enum Line {
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn lines_with_and_without_secrets_keep_their_order() {
        let (sender, lines) = mpsc::unbounded_channel();
        for (n, is_secret) in [false, false, true, true, false, true, false].into_iter().enumerate()
        {
            let line = format!("{n}\n");
            let line = if is_secret {
                Line::Secret(Zeroizing::new(line.into_bytes()))
            } else {
                Line::Plain(line)
            };
            assert!(sender.send(line).is_ok());
        }
        drop(sender);
        let (mut reader, writer) = tokio::io::duplex(64);
        write(Box::new(writer), lines).await.unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "0\n1\n2\n3\n4\n5\n6\n");
    }
}
