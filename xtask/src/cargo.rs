//! Cargo as a child process.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus},
};

use anyhow::{Context, ensure};
use serde::Deserialize;

/// A cargo command on the workspace, with the cargo that runs this.
pub(crate) fn cargo<'a>(root: &Path, args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut it = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    it.args(args).current_dir(root);
    it
}

/// Says what is run, runs it with the streams of this process, and returns how it ended.
pub(crate) fn status(command: &mut Command) -> anyhow::Result<ExitStatus> {
    let shown = shown(command);
    eprintln!("$ {shown}");
    command.status().with_context(|| format!("cannot run `{shown}`"))
}

/// As [`status`], and fails when the command does.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = status(command)?;
    ensure!(status.success(), "`{}` failed ({status})", shown(command));
    Ok(())
}

/// The exit code of a child, to be passed on; 1 when a signal ended it.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// What `cargo metadata` says about the workspace and everything that it depends on.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

pub(crate) fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    let mut command =
        cargo(root, ["metadata", "--locked", "--format-version", "1", "--all-features"]);
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`{}` failed ({})", shown(&command), output.status);
    serde_json::from_slice(&output.stdout).context("cargo metadata printed no metadata")
}

impl Metadata {
    /// The package that this workspace is about.
    pub(crate) fn codexkit(&self) -> anyhow::Result<&Package> {
        self.packages
            .iter()
            .find(|it| it.name == "codexkit")
            .context("the workspace has no package codexkit")
    }
}

impl Package {
    /// Names of its targets of a kind, such as `example`, sorted.
    pub(crate) fn targets(&self, kind: &str) -> Vec<&str> {
        let mut names: Vec<_> = self
            .targets
            .iter()
            .filter(|it| it.kind.iter().any(|it| it == kind))
            .map(|it| it.name.as_str())
            .collect();
        names.sort_unstable();
        names
    }
}

fn shown(command: &Command) -> String {
    let args: Vec<_> = command.get_args().map(|it| it.to_string_lossy()).collect();
    format!("cargo {}", args.join(" "))
}
