//! `cargo xtask demo`: the quickstart example on the pinned runtime.

use std::process::ExitCode;

use crate::{cargo, runtime};

pub(crate) const HELP: &str = "\
Runs examples/quickstart.rs on the pinned runtime, which is fetched if needed.

usage: cargo xtask demo [arguments of the example]

Without arguments the example talks to an embedded model: no account and no network are needed,
and nothing outside of a temporary folder is touched. The exit code is that of the example.
";

pub(crate) const EXAMPLE: &str = "quickstart";

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let root = crate::root();
    runtime::ensure(&root)?;
    let mut command = cargo::cargo(&root, ["run", "--locked", "--example", EXAMPLE]);
    command.args(["--features", "testing", "--"]).args(args);
    Ok(cargo::exit_code(cargo::status(&mut command)?))
}
