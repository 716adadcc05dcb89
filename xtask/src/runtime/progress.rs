//! What a person sees of a long download, or of something else that takes its time.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// How far it is and seconds, in one redrawn line. Where lines cannot be redrawn, what is done and no
/// more.
pub(crate) struct Progress<W: Write> {
    out: W,
    terminal: bool,
    label: String,
    amount: fn(u64) -> String,
    started: Instant,
}

impl Progress<io::Stderr> {
    /// Shows what `amount` says of each number, in a fixed width: a line covers the one before it.
    pub(crate) fn on_stderr(label: String, amount: fn(u64) -> String) -> Progress<io::Stderr> {
        let terminal = io::stderr().is_terminal();
        Progress::new(io::stderr(), terminal, label, amount)
    }
}

impl<W: Write> Progress<W> {
    fn new(out: W, terminal: bool, label: String, amount: fn(u64) -> String) -> Progress<W> {
        let mut it = Progress { out, terminal, label, amount, started: Instant::now() };
        if !terminal {
            it.write(&format!("{}\n", it.label));
        }
        it
    }

    pub(crate) fn update(&mut self, number: u64) {
        self.update_at(number, self.started.elapsed());
    }

    /// Ends the redrawn line.
    pub(crate) fn finish(mut self, number: u64) {
        if self.terminal {
            let line = self.line(number, self.started.elapsed());
            self.write(&format!("\r{line}\n"));
        }
    }

    fn update_at(&mut self, number: u64, elapsed: Duration) {
        if self.terminal {
            let line = self.line(number, elapsed);
            self.write(&format!("\r{line}"));
        }
    }

    fn line(&self, number: u64, elapsed: Duration) -> String {
        format!("{}: {}, {:>3} s", self.label, (self.amount)(number), elapsed.as_secs())
    }

    fn write(&mut self, text: &str) {
        // A closed stderr is no reason to stop a download.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// Bytes, as a person reads them.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:>4} MB", bytes / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(terminal: bool) -> String {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, terminal, "fetching".to_owned(), megabytes);
        for second in 0..12 {
            progress.update_at(second * 7_000_000, Duration::from_secs(second));
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_has_one_line_that_is_redrawn() {
        let text = shown(true);
        assert_eq!(text.matches('\r').count(), 12);
        assert!(!text.contains('\n'));
        assert!(text.ends_with("\rfetching:   77 MB,  11 s"), "{text}");
    }

    #[test]
    fn a_log_has_one_line_and_no_progress() {
        assert_eq!(shown(false), "fetching\n");
    }
}
