//! A program that downloads, and what a person sees of it.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};

use crate::runtime::progress::{Progress, megabytes};

/// How often the size of a download is looked at.
const TICK: Duration = Duration::from_millis(250);

/// Lines of a failed command that are shown.
const LOG_LINES: usize = 20;

/// Runs a download with its progress on stderr; its own output is shown only when it fails.
pub(super) fn run(
    mut command: Command,
    label: String,
    grows: &Path,
    log: &Path,
) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = File::create(log)?;
    let child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("cannot run {name}"))?;
    let status = wait_shown(child, label, grows)?;
    if status.success() {
        return Ok(());
    }
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.trim_end().lines().collect();
    let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n  ");
    Err(anyhow!("{name} failed ({status}) and said:\n  {tail}"))
}

fn wait_shown(mut child: Child, label: String, grows: &Path) -> anyhow::Result<ExitStatus> {
    let mut progress = Progress::on_stderr(label, megabytes);
    let (done, status) = mpsc::channel();
    let waiter = thread::spawn(move || done.send(child.wait()));
    let mut largest = 0;
    let status = loop {
        let status = status.recv_timeout(TICK);
        largest = largest.max(size_of(grows));
        match status {
            Err(RecvTimeoutError::Timeout) => progress.update(largest),
            Err(RecvTimeoutError::Disconnected) => bail!("the thread that waits has died"),
            Ok(status) => break status,
        }
    };
    progress.finish(largest);
    let _ = waiter.join();
    Ok(status?)
}

/// Bytes of all files below a folder that others are writing to.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|it| match it.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&it.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
