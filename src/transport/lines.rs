//! Splits what was read into lines, without a limit on their length.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A pipe holds 64 KiB on Linux, so one read can rarely give more.
const READ_SIZE: usize = 64 * 1024;

/// A buffer that grew beyond this for one long line is given back afterwards.
const KEEP_CAPACITY: usize = 1024 * 1024;

/// Bytes read so far: complete lines first, then the beginning of the next one.
#[derive(Default)]
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
    /// Where the unfinished line begins: everything before it has been handed out.
    complete: usize,
}

impl LineBuffer {
    /// Reads once, at the end of what is there. Zero means end of file.
    pub(crate) async fn fill(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin + ?Sized),
    ) -> io::Result<usize> {
        self.bytes.drain(..self.complete);
        self.complete = 0;
        if self.bytes.is_empty() && self.bytes.capacity() > KEEP_CAPACITY {
            self.bytes = Vec::new();
        }
        self.bytes.reserve(READ_SIZE);
        let before = self.bytes.len();
        let count = reader.read_buf(&mut self.bytes).await?;
        let end_of_last_line = memchr::memrchr(b'\n', &self.bytes[before..]);
        self.complete = end_of_last_line.map_or(0, |at| before + at + 1);
        Ok(count)
    }

    /// The complete lines of the last read, newlines included; empty if none was completed.
    pub(crate) fn lines(&self) -> &[u8] {
        &self.bytes[..self.complete]
    }

    /// What follows the last newline. At the end of the file it is the last line.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.complete..]
    }
}

/// Calls `each` for every line of `bytes`, with `None` for a line that is not UTF-8. Line ends are
/// not part of a line; an empty line is skipped.
pub(crate) fn for_each_line<'a>(bytes: &'a [u8], mut each: impl FnMut(Result<&'a str, &'a [u8]>)) {
    // One check for everything is much cheaper than one per line, and rarely fails.
    if let Ok(text) = str::from_utf8(bytes) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]) {
            let line = &text[start..end];
            let line = line.strip_suffix('\r').unwrap_or(line);
            if !line.is_empty() {
                each(Ok(line));
            }
            start = (end + 1).min(bytes.len());
        }
    } else {
        for line in bytes.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            each(str::from_utf8(line).map_err(|_| line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<Result<&str, &[u8]>> {
        let mut seen = Vec::new();
        for_each_line(bytes, |line| seen.push(line));
        seen
    }

    #[test]
    fn line_ends_and_empty_lines_are_not_lines() {
        assert_eq!(lines(b"a\r\n\n\r\nb\nc"), [Ok("a"), Ok("b"), Ok("c")]);
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n"), []);
    }

    #[test]
    fn invalid_utf8_harms_only_its_own_line() {
        assert_eq!(lines(b"a\n\xff\xfe\nb\n"), [Ok("a"), Err(&b"\xff\xfe"[..]), Ok("b")]);
    }

    #[tokio::test]
    async fn a_line_may_arrive_in_pieces() {
        let mut input = tokio_test_reader(&[b"one\ntw", b"o\nth", b"ree"]);
        let mut buffer = LineBuffer::default();
        buffer.fill(&mut input).await.unwrap();
        assert_eq!((buffer.lines(), buffer.rest()), (&b"one\n"[..], &b"tw"[..]));
        buffer.fill(&mut input).await.unwrap();
        assert_eq!((buffer.lines(), buffer.rest()), (&b"two\n"[..], &b"th"[..]));
        buffer.fill(&mut input).await.unwrap();
        assert_eq!((buffer.lines(), buffer.rest()), (&b""[..], &b"three"[..]));
        assert_eq!(buffer.fill(&mut input).await.unwrap(), 0);
        assert_eq!(buffer.rest(), b"three");
    }

    #[tokio::test]
    async fn the_memory_of_a_huge_line_is_given_back() {
        let huge = [vec![b'x'; 4 * KEEP_CAPACITY], b"\n".to_vec()].concat();
        let mut input = &huge[..];
        let mut buffer = LineBuffer::default();
        while buffer.lines().is_empty() {
            assert_ne!(buffer.fill(&mut input).await.unwrap(), 0);
        }
        assert_eq!(buffer.lines().len(), huge.len());
        buffer.fill(&mut &b"next\n"[..]).await.unwrap();
        assert!(buffer.bytes.capacity() <= KEEP_CAPACITY);
        assert_eq!(buffer.lines(), b"next\n");
    }

    /// Gives one piece per read.
    fn tokio_test_reader(pieces: &'static [&'static [u8]]) -> impl AsyncRead + Unpin {
        struct Pieces(std::slice::Iter<'static, &'static [u8]>);
        impl AsyncRead for Pieces {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
                buf: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<io::Result<()>> {
                if let Some(piece) = self.0.next() {
                    buf.put_slice(piece);
                }
                std::task::Poll::Ready(Ok(()))
            }
        }
        Pieces(pieces.iter())
    }
}
