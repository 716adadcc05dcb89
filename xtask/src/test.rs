//! `cargo xtask test`: every test, on the pinned runtime.

mod leftover;

use std::process::ExitCode;

use crate::{cargo, runtime, test::leftover::Watch};

pub(crate) const HELP: &str = "\
Runs every test of the workspace on the pinned runtime, which is fetched if needed.

usage: cargo xtask test [arguments of cargo test]

Unit tests, integration tests and doc examples, with all features. A runtime that cannot be had is
a failure, nothing is skipped. A process of the runtime that is left after the tests is a failure,
too (looked for on Linux only, and not when CODEX_BIN is a script: what that starts may live
anywhere).

  cargo xtask test routing             tests with `routing` in their name
  cargo xtask test --test wire         one file of tests
  cargo xtask test -- --test-threads 1 arguments of the test runner
";

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let root = crate::root();
    let runtime = runtime::ensure(&root)?;
    let watch = Watch::start(&runtime)?;
    let mut command = cargo::cargo(&root, ["test", "--locked", "--workspace", "--all-features"]);
    let status = cargo::status(command.args(args))?;
    // Nothing is printed after a success: the closing line of the test runner is the last one.
    watch.finish()?;
    Ok(cargo::exit_code(status))
}
