//! Processes of the runtime that the tests left behind.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::runtime::Runtime;

/// How long a runtime may take to notice that its client is gone.
///
/// It needs less than 0.1 s after the end of its stdin; one that is stuck never ends.
const GRACE: Duration = Duration::from_secs(2);

const POLL: Duration = Duration::from_millis(20);

/// Knows which processes of a runtime were there before the tests.
pub(crate) struct Watch {
    /// The folder of the runtime, or its executable if the user chose it.
    place: PathBuf,
    before: BTreeSet<Process>,
}

impl Watch {
    pub(crate) fn start(runtime: &Runtime) -> anyhow::Result<Watch> {
        let place = runtime.home.as_ref().unwrap_or(&runtime.binary);
        // The kernel reports executables without links in their paths.
        let place = fs::canonicalize(place)?;
        if !cfg!(target_os = "linux") {
            eprintln!("note: whether the tests leave processes behind is checked on Linux only");
        } else if runtime.home.is_none() && is_script(&place)? {
            eprintln!(
                "note: CODEX_BIN is a script, so processes that the tests leave behind cannot be \
                 told; set it to the binary that the script starts to have them looked for"
            );
        }
        let before = processes_of(&place)?;
        Ok(Watch { place, before })
    }

    /// Fails when a process has come that does not go.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.finish_within(GRACE)
    }

    fn finish_within(self, grace: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + grace;
        loop {
            let mut left = processes_of(&self.place)?;
            left.retain(|it| !self.before.contains(it));
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let left: Vec<_> = left.iter().map(|it| format!("\n  {it}")).collect();
                bail!("the tests left these processes of the runtime behind:{}", left.concat());
            }
            // The end of a process that is no child of ours can only be polled for.
            thread::sleep(POLL);
        }
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    pid: u32,
    /// Tells a process from a later one with the same id: clock ticks since the boot.
    started: String,
    command: String,
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.pid, self.command)
    }
}

/// The kernel runs it with an interpreter, which is then the executable of its process.
fn is_script(binary: &Path) -> anyhow::Result<bool> {
    let mut start = Vec::new();
    let file = File::open(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    file.take(2).read_to_end(&mut start)?;
    Ok(start == b"#!")
}

/// Processes whose executable is `place` or in it; none where there is no `/proc` to ask.
fn processes_of(place: &Path) -> anyhow::Result<BTreeSet<Process>> {
    if !cfg!(target_os = "linux") {
        return Ok(BTreeSet::new());
    }
    let entries = fs::read_dir("/proc").context("cannot list /proc")?;
    let pids = entries.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok());
    // A process that ends while it is looked at is not left behind.
    Ok(pids.filter_map(|it| process_of(it, place).ok().flatten()).collect())
}

fn process_of(pid: u32, place: &Path) -> io::Result<Option<Process>> {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    if !fs::read_link(folder.join("exe"))?.starts_with(place) {
        return Ok(None);
    }
    let started = start_of(&fs::read_to_string(folder.join("stat"))?);
    let command = fs::read(folder.join("cmdline"))?;
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    Ok(Some(Process { pid, started, command: command.trim().to_owned() }))
}

fn start_of(stat: &str) -> String {
    // The name of the program stands in brackets and may hold anything, brackets too; the start is
    // the 20th field after it.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().nth(19).unwrap_or_default().to_owned()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use super::*;

    /// A folder with a program in it that runs until its stdin ends.
    fn a_runtime() -> (tempfile::TempDir, Runtime) {
        let home = tempfile::tempdir().unwrap();
        let binary = home.path().join("codex");
        // Not `fs::copy`: a child that another test starts meanwhile would inherit the open file,
        // and what is open for writing cannot be run.
        let copied = Command::new("cp").arg("/bin/cat").arg(&binary).status().unwrap();
        assert!(copied.success());
        let runtime = Runtime { binary, home: Some(home.path().to_owned()) };
        (home, runtime)
    }

    /// Waits for a sign of life: until the program runs, the kernel does not know its arguments.
    fn spawn(runtime: &Runtime) -> std::process::Child {
        let mut command = Command::new(&runtime.binary);
        let mut child =
            command.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        child
    }

    #[test]
    fn a_process_that_stays_is_named() {
        let (home, runtime) = a_runtime();
        let watch = Watch::start(&runtime).unwrap();
        let mut child = spawn(&runtime);
        let err = watch.finish_within(Duration::ZERO).unwrap_err().to_string();
        child.kill().unwrap();
        child.wait().unwrap();
        let binary = home.path().join("codex");
        assert!(err.ends_with(&format!(":\n  {}: {} -", child.id(), binary.display())), "{err}");
    }

    #[test]
    fn a_process_that_ends_in_time_is_not_left_behind() {
        let (_home, runtime) = a_runtime();
        let watch = Watch::start(&runtime).unwrap();
        let mut child = spawn(&runtime);
        let stdin = child.stdin.take();
        let reaper = thread::spawn(move || child.wait());
        let finisher = thread::spawn(move || watch.finish());
        drop(stdin);
        finisher.join().unwrap().unwrap();
        assert!(reaper.join().unwrap().unwrap().success());
    }

    #[test]
    fn a_process_from_before_and_one_of_another_runtime_do_not_count() {
        let ((_home, runtime), (_other_home, other)) = (a_runtime(), a_runtime());
        let mut old = spawn(&runtime);
        let watch = Watch::start(&runtime).unwrap();
        let mut foreign = spawn(&other);
        watch.finish_within(Duration::ZERO).unwrap();
        for child in [&mut old, &mut foreign] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn the_start_is_found_behind_a_name_with_brackets() {
        let fields: Vec<_> = (3..=30).map(|it| it.to_string()).collect();
        assert_eq!(start_of(&format!("7 (a) b) {}", fields.join(" "))), "22");
    }
}
