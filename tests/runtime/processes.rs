//! Which processes belong to the runtime of a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The processes that were started with a certain `CODEX_HOME`, including those that the runtime
/// started itself.
pub(crate) fn of_home(codex_home: &Path) -> Vec<u32> {
    let variable = format!("CODEX_HOME={}", codex_home.display());
    let ids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let id: u32 = entry.unwrap().file_name().to_str()?.parse().ok()?;
        // What has just ended or belongs to somebody else cannot be read, and is not ours.
        let environment = fs::read(directory(id).join("environ")).ok()?;
        let mut variables = environment.split(|&byte| byte == 0);
        variables.any(|it| it == variable.as_bytes()).then_some(id)
    });
    ids.collect()
}

/// The runtime itself.
pub(crate) fn runtime_of(codex_home: &Path) -> u32 {
    let is_ours = |id: &u32| parent(*id) == Some(std::process::id());
    let runtimes: Vec<_> = of_home(codex_home).into_iter().filter(is_ours).collect();
    match runtimes[..] {
        [id] => id,
        _ => panic!("one runtime was expected in {}: {runtimes:?}", codex_home.display()),
    }
}

/// Ends a process in the way that it cannot see coming.
pub(crate) fn kill(id: u32) {
    signal(id, "-KILL");
}

/// Asks a process to end.
pub(crate) fn terminate(id: u32) {
    signal(id, "-TERM");
}

fn signal(id: u32, signal: &str) {
    let status = Command::new("kill").args([signal, &id.to_string()]).status().unwrap();
    assert!(status.success(), "cannot send {signal} to process {id}");
}

/// Waits until none of `ids` is left, not even dead and not reaped, and nothing else that was
/// started with this `CODEX_HOME`.
pub(crate) async fn end_within(limit: Duration, ids: &[u32], codex_home: &Path) {
    let begin = Instant::now();
    loop {
        let mut left = of_home(codex_home);
        left.extend(ids.iter().filter(|&&id| directory(id).exists()));
        if left.is_empty() {
            return;
        }
        assert!(begin.elapsed() < limit, "still there after {limit:?}: {left:?}");
        // Nothing tells about the end of a process that nobody has a handle of.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn parent(id: u32) -> Option<u32> {
    let status = fs::read_to_string(directory(id).join("status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn directory(id: u32) -> PathBuf {
    Path::new("/proc").join(id.to_string())
}
