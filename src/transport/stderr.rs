//! Keeps the last bytes that the runtime wrote to its standard error.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

/// How much of the end is kept.
const TAIL: usize = 8 * 1024;

/// The end of a stream that is always drained, so that its writer never blocks.
#[derive(Clone, Default)]
pub(crate) struct StderrTail(Arc<Mutex<VecDeque<u8>>>);

impl StderrTail {
    /// Reads until the end of the file or an error.
    pub(crate) async fn drain(self, mut reader: impl AsyncRead + Unpin) {
        let mut chunk = vec![0; 4 * 1024];
        while let Ok(count @ 1..) = reader.read(&mut chunk).await {
            let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            tail.extend(&chunk[..count]);
            let excess = tail.len().saturating_sub(TAIL);
            tail.drain(..excess);
        }
    }

    /// The end as text, terminal colours removed, beginning with a whole line where there is one.
    pub(crate) fn text(&self) -> String {
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = tail.len() == TAIL;
        let bytes = &*tail.make_contiguous();
        let begin = if cut { memchr::memchr(b'\n', bytes).map_or(0, |at| at + 1) } else { 0 };
        without_escapes(&String::from_utf8_lossy(&bytes[begin..])).trim_end().to_owned()
    }
}

/// Drops the escape sequences with which the runtime colours its log.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, sequence)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = sequence.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = rest.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn tail_of(bytes: &[u8]) -> String {
        let tail = StderrTail::default();
        tail.clone().drain(bytes).await;
        tail.text()
    }

    #[tokio::test]
    async fn the_newest_lines_are_kept_whole() {
        let lines: Vec<_> = (0..5000).map(|n| format!("line {n}\n")).collect();
        let tail = tail_of(lines.concat().as_bytes()).await;
        assert!(tail.len() <= TAIL, "{}", tail.len());
        assert!(tail.ends_with("line 4998\nline 4999"), "{tail}");
        assert!(tail.starts_with("line "), "{tail}");
    }

    #[tokio::test]
    async fn colours_are_removed_and_other_text_is_not() {
        let tail =
            tail_of("\x1b[2m12:00\x1b[0m \x1b[31;1mERROR\x1b[0m héllo [x]\n".as_bytes()).await;
        assert_eq!(tail, "12:00 ERROR héllo [x]");
    }

    #[tokio::test]
    async fn invalid_utf8_does_not_stop_the_drain() {
        assert_eq!(tail_of(b"a\xffb\nend").await, "a\u{fffd}b\nend");
    }
}
