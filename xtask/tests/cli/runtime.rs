//! `cargo xtask runtime`.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
};

use crate::fixture::{Ended, Fixture, NPM, PYTHON, SLOW_NPM, in_time, write_executable};

#[test]
fn the_pinned_binary_is_fetched_once() {
    let fixture = Fixture::new();
    fixture.program("npm", NPM);
    let first = fixture.run(&["runtime"]);
    first.assert_success();
    let binary = fixture.home().join("bin/codex");
    assert_eq!(first.stdout, format!("{}\n", binary.display()));
    assert!(first.stderr.contains("with npm"), "{}", first.stderr);
    assert!(!first.stderr.contains("npm noise"), "{}", first.stderr);

    let second = fixture.run(&["runtime"]);
    second.assert_success();
    assert_eq!(second.stdout, first.stdout);
    assert_eq!(second.stderr, "runtime: 9.9.9 is already there\n");
    assert_eq!(fs::read_to_string(fixture.path("calls")).unwrap(), "call\n");
    assert!(!fixture.path("target/runtime.partial").exists());
}

#[test]
fn a_damaged_runtime_is_fetched_again() {
    let fixture = Fixture::new();
    fixture.program("npm", NPM);
    fixture.run(&["runtime"]).assert_success();
    let binary = fixture.home().join("bin/codex");
    let whole = fs::read(&binary).unwrap();
    fs::write(&binary, &whole[..10]).unwrap();
    fixture.run(&["runtime"]).assert_success();
    assert_eq!(fs::read(&binary).unwrap(), whole);
}

#[test]
fn a_tarball_that_is_not_the_pinned_one_is_never_unpacked() {
    let fixture = Fixture::new();
    fixture.program("npm", NPM);
    let whole = fs::read(fixture.path("package.tgz")).unwrap();
    let mut tampered = whole.clone();
    tampered[20] ^= 1;
    for tarball in [&tampered[..], &whole[..whole.len() - 1], b""] {
        fs::write(fixture.path("package.tgz"), tarball).unwrap();
        let ended = fixture.run(&["runtime"]);
        ended.assert_failure(&[
            "is not the pinned tarball and was not unpacked",
            "expected sha512-",
        ]);
        assert!(!ended.stderr.contains("unpacking"));
        assert!(!fixture.home().exists());
        assert!(!fixture.path("target/runtime.partial").exists());
    }
}

#[test]
fn npm_that_fails_is_quoted() {
    let fixture = Fixture::new();
    fixture.program("npm", "echo npm error E404 >&2\nexit 3");
    let ended = fixture.run(&["runtime"]);
    ended.assert_failure(&["npm failed (exit status: 3) and said:\n  npm error E404\n"]);
    assert!(!fixture.home().exists());
}

#[test]
fn npm_that_packs_nothing_is_a_failure() {
    let fixture = Fixture::new();
    fixture.program("npm", "exit 0");
    fixture.run(&["runtime"]).assert_failure(&["npm pack left 0 files instead of one tarball"]);
}

#[test]
fn a_binary_of_another_version_is_not_installed() {
    let fixture = Fixture::with_codex("#!/bin/sh\necho codex-cli 9.9.8\n");
    fixture.program("npm", NPM);
    let complaint = "the fetched binary calls itself `codex-cli 9.9.8`, the pin says 9.9.9";
    fixture.run(&["runtime"]).assert_failure(&[complaint]);
    assert!(!fixture.home().exists());
}

#[test]
fn without_npm_the_wheel_is_taken() {
    let fixture = Fixture::new();
    fixture.program("python3", PYTHON);
    let ended = fixture.run(&["runtime"]);
    ended.assert_success();
    assert!(ended.stderr.contains("openai-codex-cli-bin==9.9.9 with pip"), "{}", ended.stderr);
    assert!(fixture.home().join("bin/codex").exists());
}

#[test]
fn a_wheel_with_other_files_is_not_installed() {
    let fixture = Fixture::new();
    fixture.program("python3", PYTHON);
    fs::write(fixture.path("wheel/bin/codex"), "#!/bin/sh\necho codex-cli 9.9.9\n").unwrap();
    let complaints = ["does not fit the pin and is not used; install npm", "has the sha256"];
    fixture.run(&["runtime"]).assert_failure(&complaints);
    assert!(!fixture.home().exists());
}

#[test]
fn a_wheel_that_pypi_does_not_have_ends_with_what_to_install() {
    let fixture = Fixture::new();
    let script = "[ \"$3\" = --version ] && exit 0\necho ERROR: no matching distribution\nexit 1";
    fixture.program("python3", script);
    fixture.run(&["runtime"]).assert_failure(&[
        "npm is missing and pip cannot get openai-codex-cli-bin==9.9.9; install npm",
        "or set CODEX_BIN to a codex 9.9.9",
        "ERROR: no matching distribution",
    ]);
}

#[test]
fn without_npm_and_pip_it_is_said_what_to_install() {
    let complaints = ["neither npm nor pip is there; install npm", "or set CODEX_BIN"];
    Fixture::new().run(&["runtime"]).assert_failure(&complaints);
    let without_pip = Fixture::new();
    without_pip.program("python3", "exit 1");
    without_pip.run(&["runtime"]).assert_failure(&complaints);
}

#[test]
fn a_run_that_is_killed_leaves_nothing_that_looks_finished() {
    let fixture = Fixture::new();
    fixture.program("npm", SLOW_NPM);
    let (started, release) = (fixture.pipe("started"), fixture.pipe("release"));
    let mut killed = fixture.spawn(&["runtime"]);
    in_time(move || fs::read(started)).unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    in_time(move || fs::write(release, "\n")).unwrap();
    assert!(!fixture.home().exists());

    fixture.program("npm", NPM);
    fixture.run(&["runtime"]).assert_success();
    assert!(fixture.home().join("bin/codex").exists());
    assert!(!fixture.path("target/runtime.partial").exists());
}

#[test]
fn a_second_run_waits_for_the_first_and_fetches_nothing() {
    let fixture = Fixture::new();
    fixture.program("npm", &format!("{SLOW_NPM}{NPM}"));
    let (started, release) = (fixture.pipe("started"), fixture.pipe("release"));
    let first = fixture.spawn(&["runtime"]);
    in_time(move || fs::read(started)).unwrap();

    let mut second = fixture.spawn(&["runtime"]);
    let mut stderr = BufReader::new(second.stderr.take().unwrap());
    let (line, mut stderr) = in_time(move || {
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        (line, stderr)
    });
    assert_eq!(line, "runtime: waiting for another run that fetches it\n");

    in_time(move || fs::write(release, "\n")).unwrap();
    Ended::of(&first.wait_with_output().unwrap()).assert_success();
    assert!(second.wait().unwrap().success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "runtime: 9.9.9 is there now\n");
    assert_eq!(fs::read_to_string(fixture.path("calls")).unwrap(), "call\n");
}

#[test]
fn a_binary_of_the_user_is_taken_as_it_is() {
    let fixture = Fixture::new();
    let binary = fixture.path("own codex");
    write_executable(&binary, "#!/bin/sh\necho codex-cli 9.9.9\n");
    let run =
        || Ended::of(&fixture.command(&["runtime"]).env("CODEX_BIN", &binary).output().unwrap());
    let ended = run();
    ended.assert_success();
    assert_eq!(ended.stdout, format!("{}\n", binary.display()));
    assert_eq!(
        ended.stderr,
        format!("runtime: CODEX_BIN is {}: codex-cli 9.9.9\n", binary.display())
    );

    write_executable(&binary, "#!/bin/sh\necho codex-cli 9.10.0\n");
    let ended = run();
    ended.assert_success();
    assert!(ended.stderr.contains("warning: the pin is 9.9.9"), "{}", ended.stderr);
}

#[test]
fn a_binary_of_the_user_that_does_not_work_is_refused() {
    let fixture = Fixture::new();
    let run = |binary: &str| {
        let mut command = fixture.command(&["runtime"]);
        Ended::of(&command.env("CODEX_BIN", fixture.path(binary)).output().unwrap())
    };
    let complaint = "CODEX_BIN is set, but not to a codex that works";
    run("missing").assert_failure(&[complaint, "No such file"]);
    run("schema/pin.json").assert_failure(&[complaint, "Permission denied"]);
    fixture.program("broken", "echo sorry >&2\nexit 1");
    run("bin/broken").assert_failure(&[complaint, "says no version (exit status: 1): sorry"]);
}
