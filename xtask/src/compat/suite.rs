//! The tests of the real runtime, run with a runtime of any version.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, ensure};
use serde::Deserialize;

use crate::{
    cargo,
    compat::{
        areas::AREAS,
        libtest::{Output, Verdict},
    },
    runtime::progress::Progress,
};

/// How often the output of a run is looked at.
const TICK: Duration = Duration::from_millis(250);

/// The compiled tests, and how they are run.
pub(super) struct Suite {
    executable: PathBuf,
    root: PathBuf,
    deadline: Duration,
    /// For the test runner.
    args: Vec<String>,
}

/// What a runtime made of the tests.
pub(super) struct Run {
    pub(super) version: String,
    pub(super) took: Duration,
    /// The tests, or why nothing can be told.
    pub(super) output: Result<Output, String>,
}

/// What cargo says while it builds.
#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

impl Suite {
    /// Compiles the tests once for all runtimes.
    pub(super) fn build(
        root: &Path,
        deadline: Duration,
        args: Vec<String>,
    ) -> anyhow::Result<Suite> {
        let mut command =
            cargo::cargo(root, ["test", "--locked", "--package", "codexkit", "--all-features"]);
        command.args([
            "--test",
            "runtime",
            "--no-run",
            "--message-format",
            "json-render-diagnostics",
        ]);
        let output = command.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
        ensure!(output.status.success(), "the tests cannot be compiled ({})", output.status);
        let executable = String::from_utf8_lossy(&output.stdout)
            .lines()
            .find_map(executable)
            .context("cargo has compiled the tests, and does not say where they are")?;
        Ok(Suite { executable, root: root.to_owned(), deadline, args })
    }

    /// Runs the tests of all areas, and those that fail once more: on a busy machine some may take
    /// too long. Their output is kept below `target/compat`.
    pub(super) fn run(&self, version: &str, binary: &Path) -> anyhow::Result<Run> {
        let started = Instant::now();
        let modules = AREAS.iter().flat_map(|it| it.modules).map(|it| format!("{it}::"));
        let mut output = self.once(version, binary, modules.collect(), "")?;
        output = output.and_then(check_areas);
        if let Ok(first) = &mut output
            && first.failed().next().is_some()
        {
            let failed = first.failed().map(|it| it.0.to_owned());
            let args = ["--exact".to_owned()].into_iter().chain(failed).collect();
            match self.once(version, binary, args, ".again")? {
                Ok(second) => first.add_second(&second),
                Err(reason) => output = Err(reason),
            }
        }
        let took = started.elapsed();
        match &output {
            Ok(it) => eprintln!(
                "compat: {version}: {} of {} tests pass, after {} s",
                it.count(Verdict::Passed),
                it.tests.len(),
                took.as_secs()
            ),
            Err(_) => eprintln!("compat: {version}: the tests tell nothing"),
        }
        Ok(Run { version: version.to_owned(), took, output })
    }

    /// Runs some tests: their output, or why it tells nothing.
    fn once(
        &self,
        version: &str,
        binary: &Path,
        tests: Vec<String>,
        suffix: &str,
    ) -> anyhow::Result<Result<Output, String>> {
        let logs = self.root.join("target/compat");
        fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
        let name = format!("{version}{suffix}");
        let log = logs.join(format!("{name}.txt"));
        let child = Command::new(&self.executable)
            .args(tests)
            .args(["--color", "never"])
            .args(&self.args)
            .current_dir(&self.root)
            .env("CODEX_BIN", binary)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            // Files and no pipes: what the tests leave behind may hold them open, and nobody waits.
            .stdout(File::create(&log)?)
            .stderr(File::create(logs.join(format!("{name}.stderr.txt")))?)
            .spawn()
            .with_context(|| format!("cannot run {}", self.executable.display()))?;
        let status = self.wait(child, &name, &log)?;
        let output = verdict(status, self.deadline, read(&log)?);
        Ok(output.map_err(|err| format!("{err:#}; target/compat/{name}.txt has its output")))
    }

    /// Waits for the end of the tests; none if they take too long, and then they are ended.
    fn wait(&self, mut child: Child, name: &str, log: &Path) -> anyhow::Result<Option<ExitStatus>> {
        let mut progress =
            Progress::on_stderr(format!("compat: {name}"), |it| format!("{it:>4} tests"));
        let started = Instant::now();
        let mut status = None;
        while status.is_none() && started.elapsed() < self.deadline {
            thread::sleep(TICK);
            status = child.try_wait()?;
            progress.update(read(log)?.tests.len() as u64);
        }
        if status.is_none() {
            // Their runtimes end with their standard input.
            child.kill()?;
            child.wait()?;
        }
        progress.finish(read(log)?.tests.len() as u64);
        Ok(status)
    }
}

fn executable(line: &str) -> Option<PathBuf> {
    let message: Message = serde_json::from_str(line).ok()?;
    let target = message.target.filter(|_| message.reason == "compiler-artifact")?;
    let found = target.name == "runtime" && target.kind.iter().any(|it| it == "test");
    message.executable.filter(|_| found)
}

fn read(log: &Path) -> anyhow::Result<Output> {
    let text = fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    Ok(Output::parse(&String::from_utf8_lossy(&text)))
}

/// Refuses what is not the output of tests that ran to their end.
fn verdict(
    status: Option<ExitStatus>,
    deadline: Duration,
    output: Output,
) -> anyhow::Result<Output> {
    let status = status.ok_or_else(|| {
        anyhow!("the tests were not done after {} s, and were ended", deadline.as_secs())
    })?;
    output.check_whole().with_context(|| format!("the test runner ended with {status}"))?;
    let failed = output.failed().count();
    ensure!(
        status.success() == (failed == 0),
        "the test runner ended with {status}, though {failed} tests failed"
    );
    Ok(output)
}

fn check_areas(output: Output) -> Result<Output, String> {
    match AREAS.iter().find(|area| !output.tests.keys().any(|it| area.has(it))) {
        Some(area) => Err(format!("no test of the area `{}` was run", area.name)),
        None => Ok(output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_that_of_the_tests() {
        let line = |reason: &str, kind: &str, name: &str| {
            let target = serde_json::json!({ "kind": [kind], "name": name, "more": 1 });
            let message = serde_json::json!(
                { "reason": reason, "target": target, "executable": "/tests", "fresh": true }
            );
            message.to_string()
        };
        let found = executable(&line("compiler-artifact", "test", "runtime"));
        assert_eq!(found, Some("/tests".into()));
        assert_eq!(executable(&line("compiler-artifact", "example", "runtime")), None);
        assert_eq!(executable(&line("compiler-artifact", "test", "wire")), None);
        assert_eq!(executable(&line("build-script-executed", "test", "runtime")), None);
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#), None);
        assert_eq!(executable("warning: no JSON"), None);
    }
}
