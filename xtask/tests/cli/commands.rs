//! The command line, and the commands that run cargo.

use std::fs;

use crate::fixture::{Ended, Fixture, NPM};

/// Stands for cargo: says how it was called.
const CARGO: &str = "echo \"cargo $*\"\nexit 7";

pub(crate) fn run_with_cargo(fixture: &Fixture, args: &[&str], script: &str) -> Ended {
    let cargo = fixture.program("cargo", script);
    Ended::of(&fixture.command(args).env("CARGO", cargo).output().unwrap())
}

#[test]
fn help_goes_to_stdout() {
    let fixture = Fixture::new();
    for (args, start) in [
        (&["help"][..], "Chores of this repository."),
        (&["--help"], "Chores of this repository."),
        (&["-h"], "Chores of this repository."),
        (&["help", "runtime"], "Fetches the codex binary"),
        (&["codegen", "--help"], "Writes the protocol types"),
        (&["compat", "--help"], "Runs the tests of the real runtime"),
        (&["demo", "--help"], "Runs examples/quickstart.rs"),
        (&["test", "-h"], "Runs every test"),
        (&["ci", "--help"], "Runs everything that has to pass"),
    ] {
        let ended = fixture.run(args);
        ended.assert_success();
        assert!(ended.stdout.starts_with(start), "{}", ended.stdout);
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2_and_the_usage_on_stderr() {
    let fixture = Fixture::new();
    for (args, complaint) in [
        (&[][..], "error: no command given"),
        (&["deploy"], "error: unknown command `deploy`"),
        (&["help", "deploy"], "error: unknown command `deploy`"),
        (&["runtime", "now"], "error: unexpected argument `now`"),
        (&["codegen", "--schema"], "error: --schema needs a folder"),
        (&["ci", "coffee"], "error: unknown step `coffee`"),
    ] {
        let ended = fixture.run(args);
        assert_eq!(ended.code, Some(2));
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.starts_with(complaint), "{}", ended.stderr);
        assert!(ended.stderr.contains("usage: cargo xtask <command>"), "{}", ended.stderr);
    }
}

#[test]
fn without_a_runtime_no_test_and_no_demo_is_run() {
    let fixture = Fixture::new();
    for command in ["test", "demo"] {
        let ended = run_with_cargo(&fixture, &[command], CARGO);
        ended.assert_failure(&["cannot fetch the runtime"]);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn arguments_and_the_exit_code_pass_through() {
    let fixture = Fixture::new();
    fixture.program("npm", NPM);
    let ended = run_with_cargo(&fixture, &["test", "routing", "--", "--nocapture"], CARGO);
    assert_eq!(ended.code, Some(7));
    let expected = "cargo test --locked --workspace --all-features routing -- --nocapture\n";
    assert_eq!(ended.stdout, expected);

    let ended = run_with_cargo(&fixture, &["demo", "some prompt"], CARGO);
    assert_eq!(ended.code, Some(7));
    let expected = "cargo run --locked --example quickstart --features testing -- some prompt\n";
    assert_eq!(ended.stdout, expected);
}

#[test]
fn a_script_as_runtime_is_said_to_hide_what_it_leaves() {
    let fixture = Fixture::new();
    let script = fixture.program("codex", "echo codex-cli 9.9.9");
    let cargo = fixture.program("cargo", CARGO);
    let mut command = fixture.command(&["test"]);
    let output = command.env("CARGO", cargo).env("CODEX_BIN", script).output().unwrap();
    let ended = Ended::of(&output);
    assert_eq!(ended.code, Some(7));
    let note = "note: CODEX_BIN is a script";
    assert_eq!(ended.stderr.contains(note), cfg!(target_os = "linux"), "{}", ended.stderr);
}

#[test]
fn nothing_follows_the_closing_line_of_the_test_runner() {
    let fixture = Fixture::new();
    fixture.program("npm", NPM);
    fixture.run(&["runtime"]).assert_success();
    let script = "echo 'test result: ok. 3 passed' | tee \"$ROOT/closing\" >&2";
    for command in [&["test"][..], &["ci", "test"]] {
        let ended = run_with_cargo(&fixture, command, script);
        ended.assert_success();
        assert!(ended.stderr.ends_with("test result: ok. 3 passed\n"), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        fs::remove_file(fixture.path("closing")).unwrap();
    }
}

#[test]
fn ci_stops_at_the_first_failure_and_says_how_to_reproduce_it() {
    let fixture = Fixture::new();
    let ended = run_with_cargo(&fixture, &["ci", "fmt", "doc"], CARGO);
    ended.assert_failure(&[
        "ci: 1/2 fmt, after ",
        "error: ci: fmt failed after ",
        "`cargo fmt --all --check` failed (exit status: 7)\nreproduce it with: cargo xtask ci fmt\n",
    ]);
    assert_eq!(ended.stdout, "cargo fmt --all --check\n");
}

#[test]
fn ci_says_what_passed_and_how_long_it_took() {
    let fixture = Fixture::new();
    let ended = run_with_cargo(&fixture, &["ci", "fmt", "doc"], "exit 0");
    ended.assert_success();
    for start in ["ci: 1/2 fmt passed in ", "ci: 2/2 doc passed in "] {
        let took = ended.stderr.lines().find_map(|it| it.strip_prefix(start)?.strip_suffix(" s"));
        assert!(took.is_some_and(|it| it.parse::<f64>().is_ok()), "{}", ended.stderr);
    }
}

#[test]
fn bundles_that_are_not_those_of_the_pin_fail_offline() {
    let fixture = Fixture::new();
    for name in ["stable.json", "experimental.json"] {
        fs::write(fixture.path("schema").join(name), "{}").unwrap();
    }
    let ended = fixture.run(&["ci", "schema"]);
    ended.assert_failure(&["not everything fits the pinned schema", "cargo xtask ci schema"]);
    let line = "drift: bundles: schema/experimental.json is not the pinned one";
    assert!(ended.stdout.starts_with(line), "{}", ended.stdout);
}
