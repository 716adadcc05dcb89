//! `cargo xtask ci`: everything that has to pass before a merge.

mod consumer;
mod licences;
mod package;
mod parity;

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};

use crate::{cargo, runtime, schema};

pub(crate) const HELP: &str = "\
Runs everything that has to pass before a merge, and stops at the first step that fails.

usage: cargo xtask ci [step]...

Without steps, all of them in this order; the tests are last, so the output ends with the closing
lines of the test runner.

  fmt          the code is formatted
  schema       cargo xtask schema check
  licences     every dependency has a licence that deny.toml allows
  parity       PARITY.md has every row, and the tests that it names are there
  clippy       no lint fires: all features, default features, the client alone, no features
  stable       without the experimental part of the protocol, what is left works
  doc          the documentation builds without a warning, and its examples without features
  benches      the benchmarks compile
  package      the package holds what it should and no more
  consumer     a crate outside of the workspace compiles the first Rust example of the README on it
  runtime      cargo xtask schema check --runtime
  demo         cargo xtask demo
  examples     each other example runs against the embedded model
  test         cargo xtask test
";

struct Step {
    name: &'static str,
    run: fn(&Path) -> anyhow::Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", run: fmt },
    Step { name: "schema", run: schema::pinned },
    Step { name: "licences", run: licences::check },
    Step { name: "parity", run: parity::check },
    Step { name: "clippy", run: clippy },
    Step { name: "stable", run: stable },
    Step { name: "doc", run: doc },
    Step { name: "benches", run: benches },
    Step { name: "package", run: package::check },
    Step { name: "consumer", run: consumer::check },
    Step { name: "runtime", run: schema::runtime },
    Step { name: "demo", run: demo },
    Step { name: "examples", run: examples },
    Step { name: "test", run: test },
];

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let steps = chosen(args)?;
    let root = crate::root();
    let (started, count) = (Instant::now(), steps.len());
    for (n, step) in steps.into_iter().enumerate() {
        let (name, n) = (step.name, n + 1);
        eprintln!("ci: {n}/{count} {name}, after {}", seconds(started.elapsed()));
        let step_started = Instant::now();
        let res = (step.run)(&root);
        let took = seconds(step_started.elapsed());
        if let Err(err) = res {
            bail!(
                "ci: {name} failed after {took}: {err:#}\nreproduce it with: cargo xtask ci {name}"
            );
        }
        // The closing line of the test runner stays the last one.
        if name != "test" {
            eprintln!("ci: {n}/{count} {name} passed in {took}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Step>> {
    if names.is_empty() {
        return Ok(STEPS.iter().collect());
    }
    let step = |name: &String| {
        let step = STEPS.iter().find(|it| it.name == name);
        step.ok_or_else(|| {
            crate::usage(format!("unknown step `{name}`, see `cargo xtask help ci`"))
        })
    };
    names.iter().map(step).collect()
}

fn fmt(root: &Path) -> anyhow::Result<()> {
    cargo::run(&mut cargo::cargo(root, ["fmt", "--all", "--check"]))
}

fn clippy(root: &Path) -> anyhow::Result<()> {
    for what in [
        &["--workspace", "--all-targets", "--all-features"][..],
        &["--package", "codexkit", "--all-targets"],
        &["--package", "codexkit", "--all-targets", "--no-default-features"],
        &[
            "--package",
            "codexkit",
            "--all-targets",
            "--no-default-features",
            "--features",
            "client",
        ],
    ] {
        let mut command = cargo::cargo(root, ["clippy", "--locked"]);
        // Behind the dashes the flag reaches the workspace alone: RUSTFLAGS would rebuild the world.
        cargo::run(command.args(what).args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

fn stable(root: &Path) -> anyhow::Result<()> {
    let args = ["test", "--locked", "--package", "codexkit", "--no-default-features"];
    let mut command = cargo::cargo(root, args);
    command.args(["--features", "testing"]);
    cargo::run(command.args(["--test", "offers", "--test", "routing", "--test", "scope"]))
}

fn doc(root: &Path) -> anyhow::Result<()> {
    let mut command =
        cargo::cargo(root, ["doc", "--locked", "--workspace", "--all-features", "--no-deps"]);
    cargo::run(command.env("RUSTDOCFLAGS", "-D warnings"))?;
    // With all features they run among the tests.
    let args = ["test", "--locked", "--package", "codexkit", "--doc", "--no-default-features"];
    cargo::run(&mut cargo::cargo(root, args))
}

fn benches(root: &Path) -> anyhow::Result<()> {
    let metadata = cargo::metadata(root)?;
    let benches = metadata.codexkit()?.targets("bench");
    ensure!(!benches.is_empty(), "codexkit has no benchmarks to compile");
    let mut command = cargo::cargo(root, ["build", "--locked", "--workspace", "--all-features"]);
    cargo::run(command.args(benches.iter().flat_map(|it| ["--bench", it])))
}

fn demo(_: &Path) -> anyhow::Result<()> {
    let code = crate::demo::run(&[])?;
    ensure!(code == ExitCode::SUCCESS, "the quickstart example failed");
    Ok(())
}

fn examples(root: &Path) -> anyhow::Result<()> {
    runtime::ensure(root)?;
    let metadata = cargo::metadata(root)?;
    let examples = metadata.codexkit()?.targets("example");
    ensure!(!examples.is_empty(), "codexkit has no examples to run");
    let others = without_demo(examples);
    eprintln!("examples: {} beside the one of the demo", others.len());
    for example in others {
        let args = ["run", "--locked", "--all-features", "--example", example];
        cargo::run(&mut cargo::cargo(root, args))?;
    }
    Ok(())
}

/// The step before has run that of the demo.
fn without_demo(examples: Vec<&str>) -> Vec<&str> {
    examples.into_iter().filter(|&it| it != crate::demo::EXAMPLE).collect()
}

fn test(_: &Path) -> anyhow::Result<()> {
    let code = crate::test::run(&[])?;
    ensure!(code == ExitCode::SUCCESS, "the tests failed");
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Vec<&'static str> {
        let args: Vec<_> = args.iter().map(|&it| it.to_owned()).collect();
        chosen(&args).unwrap().iter().map(|it| it.name).collect()
    }

    #[test]
    fn without_names_every_step_runs_and_the_tests_are_last() {
        assert_eq!(names(&[]).len(), STEPS.len());
        assert_eq!(names(&[]).last(), Some(&"test"));
    }

    #[test]
    fn named_steps_run_in_the_order_that_was_asked_for() {
        assert_eq!(names(&["doc", "fmt"]), ["doc", "fmt"]);
        let err = chosen(&["docs".to_owned()]).err().unwrap();
        assert!(err.is::<crate::Usage>());
    }

    #[test]
    fn every_example_but_that_of_the_demo_is_run() {
        let root = crate::root();
        let metadata = cargo::metadata(&root).unwrap();
        let run = without_demo(metadata.codexkit().unwrap().targets("example"));
        let files = std::fs::read_dir(root.join("examples")).unwrap();
        let files = files.map(|it| it.unwrap().path().file_stem().unwrap().to_owned());
        let mut names: Vec<_> = files.map(|it| it.into_string().unwrap()).collect();
        names.retain(|it| it != crate::demo::EXAMPLE);
        names.sort();
        assert!(!names.is_empty());
        assert_eq!(run, names);
    }

    #[test]
    fn the_help_lists_the_steps_in_their_order() {
        let listed = HELP.lines().filter_map(|it| it.strip_prefix("  "));
        let listed: Vec<_> = listed.filter_map(|it| it.split_whitespace().next()).collect();
        assert_eq!(listed, names(&[]));
    }
}
