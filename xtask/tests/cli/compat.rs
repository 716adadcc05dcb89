//! `cargo xtask compat`.

use std::fs;

use serde_json::{Value, json};

use crate::{
    commands::run_with_cargo,
    fixture::{Ended, Fixture, integrity, tarball},
};

/// Stands for npm: knows and packs what `publish` has put there.
const NPM: &str = r#"
echo "$*" >> "$ROOT/npm-calls"
version=${2#@openai/codex@}
version=$ROOT/published/${version%%-*}
case "$1 $2" in
    "view @openai/codex") echo '"9.9.10"'; exit;;
esac
[ -f "$version" ] || { echo "npm error 404 No match found for version ${2##*@}" >&2; exit 1; }
[ "$1" = view ] && { sed 's/..*/"&"/' "$version.integrity"; exit; }
while [ $# -gt 0 ]; do
    [ "$1" = --pack-destination ] && destination=$2
    shift
done
cp "$version" "$destination/codex.tgz"
"#;

/// Stands for cargo: says where the tests are.
const CARGO: &str = r#"
echo "$*" >> "$ROOT/cargo-calls"
echo '{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"codexkit"},"executable":null}'
target='{"kind":["test"],"name":"runtime"}'
echo '{"reason":"compiler-artifact","target":'"$target"',"executable":"'"$ROOT/bin/tests"'"}'
echo '{"reason":"build-finished","success":true}'
"#;

/// Stands for the tests: one of each module, and the one of goals fails where `$ROOT/failing` has
/// the version.
const TESTS: &str = r#"
version=$("$CODEX_BIN" --version)
passed=0 failed=0
for arg; do
    case $arg in
        goals::*)
            arg=goals::
            if grep -qxF "$version" "$ROOT/failing"; then
                echo "test goals::works ... FAILED"
                failed=1
                continue
            fi;;
        *::) ;;
        *) continue;;
    esac
    echo "test ${arg}works ... ok"
    passed=$((passed + 1))
done
[ $failed = 0 ] || cat << 'END'

failures:

---- goals::works stdout ----

thread 'goals::works' panicked at goals.rs:1:1:
no goal

failures:
    goals::works
END
echo
echo "test result: OK. $passed passed; $failed failed; 0 ignored; 0 measured; 0 filtered out"
exit $((failed * 101))
"#;

const README: &str = "# a\n\n<!-- compat: begin -->\nold\n<!-- compat: end -->\n\n## b\n";

/// A workspace with two releases beside the pinned one.
fn workspace() -> Fixture {
    let fixture = Fixture::new();
    fs::create_dir(fixture.path("published")).unwrap();
    fs::copy(fixture.path("package.tgz"), fixture.path("published/9.9.9")).unwrap();
    for version in ["9.9.8", "9.9.10"] {
        publish(&fixture, version, version);
    }
    fixture.program("npm", NPM);
    fixture.program("tests", TESTS);
    fs::write(fixture.path("README.md"), README).unwrap();
    failing(&fixture, &[]);
    fixture
}

fn publish(fixture: &Fixture, version: &str, says: &str) {
    let tarball = tarball(&format!("#!/bin/sh\necho codex-cli {says}\n"));
    let path = format!("published/{version}");
    fs::write(fixture.path(&format!("{path}.integrity")), integrity(&tarball)).unwrap();
    fs::write(fixture.path(&path), tarball).unwrap();
}

fn failing(fixture: &Fixture, versions: &[&str]) {
    let lines: Vec<_> = versions.iter().map(|it| format!("codex-cli {it}")).collect();
    fs::write(fixture.path("failing"), lines.join("\n")).unwrap();
}

fn compat(fixture: &Fixture, args: &[&str]) -> Ended {
    run_with_cargo(fixture, &[&["compat"], args].concat(), CARGO)
}

fn read(fixture: &Fixture, path: &str) -> String {
    fs::read_to_string(fixture.path(path)).unwrap()
}

/// Asserts that nothing could be told, for this reason.
#[track_caller]
fn assert_unknown(ended: &Ended, complaints: &[&str]) {
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for complaint in complaints {
        assert!(ended.stderr.contains(complaint), "no `{complaint}` in:\n{}", ended.stderr);
    }
}

#[test]
fn every_runtime_is_fetched_once_and_the_tests_are_compiled_once() {
    let fixture = workspace();
    let ended = compat(&fixture, &["--versions", "latest,9.9.8"]);
    ended.assert_success();
    let mut lines = ended.stdout.lines();
    assert_eq!(lines.next(), Some("| what works | 9.9.8 | 9.9.9 | 9.9.10 |"));
    assert_eq!(lines.next(), Some("|---|---|---|---|"));
    assert!(lines.all(|it| it.ends_with(" | yes | yes | yes |")), "{}", ended.stdout);
    let expected = "test --locked --package codexkit --all-features --test runtime --no-run \
                    --message-format json-render-diagnostics\n";
    assert_eq!(read(&fixture, "cargo-calls"), expected);
    for version in ["9.9.8", "9.9.10"] {
        assert!(fixture.path("target/runtimes").join(version).join("bin/codex").exists());
        assert!(read(&fixture, &format!("target/compat/{version}.txt")).contains("goals::works"));
    }
    assert!(!fixture.path("target/runtimes.partial").exists());

    fs::remove_file(fixture.path("npm-calls")).unwrap();
    let again = compat(&fixture, &["--versions", "9.9.8,9.9.10,9.9.9,9.9.8"]);
    again.assert_success();
    assert_eq!(again.stdout, ended.stdout);
    assert!(!fixture.path("npm-calls").exists());
    // It is not the README's business unless that is asked for.
    assert_eq!(read(&fixture, "README.md"), README);
}

#[test]
fn an_area_that_fails_is_counted_and_its_test_named() {
    let fixture = workspace();
    failing(&fixture, &["9.9.8"]);
    let ended = compat(&fixture, &["--versions", "9.9.8"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("| goals | 1 of 2 | yes |\n"), "{}", ended.stdout);
    assert!(
        ended.stdout.ends_with("|\n\n9.9.8:\n\n- `goals::works`: no goal\n"),
        "{}",
        ended.stdout
    );

    let ended = compat(&fixture, &["--versions", "9.9.8", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["codexkit"], "9.9.9");
    let [old, pin] = &report["runtimes"].as_array().unwrap()[..] else { panic!("{report}") };
    assert_eq!((&old["version"], &pin["version"]), (&json!("9.9.8"), &json!("9.9.9")));
    assert_eq!(old["failed"], json!([{ "test": "goals::works", "cause": "no goal" }]));
    assert_eq!(pin["failed"], json!([]));
    let goals = json!({ "name": "goals", "passed": 1, "tests": 2 });
    assert!(old["areas"].as_array().unwrap().contains(&goals), "{report}");
}

#[test]
fn a_test_that_passes_when_it_is_run_again_counts_as_passed_and_is_told() {
    let fixture = workspace();
    failing(&fixture, &["9.9.8"]);
    let busy_once = "case \"$*\" in *--exact*) : > \"$ROOT/failing\";; esac";
    fixture.program("tests", &format!("{busy_once}\n{TESTS}"));
    let ended = compat(&fixture, &["--versions", "9.9.8"]);
    ended.assert_success();
    let note = "|\n\n9.9.8:\n\n- `goals::works` passed when it was run again\n";
    assert!(ended.stdout.ends_with(note), "{}", ended.stdout);
    assert!(ended.stdout.contains("| goals | yes | yes |\n"), "{}", ended.stdout);

    // Whether it would have passed cannot be told if that does not end.
    failing(&fixture, &["9.9.8"]);
    let dies = "case \"$*\" in *--exact*) exit 3;; esac";
    fixture.program("tests", &format!("{dies}\n{TESTS}"));
    let ended = compat(&fixture, &["--versions", "9.9.8"]);
    assert_unknown(&ended, &["error: nothing can be told about 9.9.8"]);
    let place = "target/compat/9.9.8.again.txt has its output";
    assert!(ended.stdout.contains(place), "{}", ended.stdout);
}

#[test]
fn where_the_pinned_runtime_fails_nothing_can_be_told() {
    let fixture = workspace();
    failing(&fixture, &["9.9.9"]);
    let ended = compat(&fixture, &["--versions", "9.9.8", "--update"]);
    assert_unknown(&ended, &["error: tests fail with the pinned runtime"]);
    assert!(ended.stdout.contains("| goals | yes | 1 of 2 |\n"), "{}", ended.stdout);
    assert_eq!(read(&fixture, "README.md"), README);
}

#[test]
fn tests_that_do_not_come_to_their_end_tell_nothing() {
    let fixture = workspace();
    let old = "case $CODEX_BIN in */9.9.8/*) echo 'test goals::works ... ok';";
    let noise = "echo 'thread panicked' >&2";
    for (death, complaint) in [
        ("kill -ABRT $$", "ended with signal: 6"),
        ("exit 0", "its last line is missing"),
        ("echo 'test result: ok. 2 passed; 0 failed; 0 ignored'; exit 0", "counts [2, 0, 0] tests"),
        (
            "echo 'test result: ok. 1 passed; 0 failed; 0 ignored'; exit 101",
            "though 0 tests failed",
        ),
        ("echo 'test result: ok. 1 passed; 0 failed; 0 ignored'; exit 0", "no test of the area"),
        ("exec sleep 600", "were not done after 5 s"),
    ] {
        fixture.program("tests", &format!("{old} {noise}; {death};; esac\n{TESTS}"));
        let args = ["--versions", "9.9.8", "--deadline", "5", "--update"];
        let ended = compat(&fixture, &args);
        assert_unknown(&ended, &["error: nothing can be told about 9.9.8"]);
        assert!(ended.stdout.contains("| goals | ? | yes |\n"), "{}", ended.stdout);
        assert!(ended.stdout.contains("\n9.9.8 could not be told: "), "{}", ended.stdout);
        assert!(ended.stdout.contains(complaint), "no `{complaint}` in:\n{}", ended.stdout);
        assert_eq!(read(&fixture, "README.md"), README);
        assert_eq!(read(&fixture, "target/compat/9.9.8.stderr.txt"), "thread panicked\n");
    }
    fixture.program("tests", &format!("{old} exit 1;; esac\n{TESTS}"));
    let ended = compat(&fixture, &["--versions", "9.9.8", "--json"]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let unknown = report["runtimes"][0]["unknown"].as_str().unwrap();
    assert!(unknown.ends_with("target/compat/9.9.8.txt has its output"), "{report}");
}

#[test]
fn the_table_of_the_readme_can_be_made_again() {
    let fixture = workspace();
    failing(&fixture, &["9.9.10"]);
    let ended = compat(&fixture, &["--versions", "9.9.8,latest", "--update"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let written = read(&fixture, "README.md");
    assert!(written.starts_with("# a\n\n<!-- compat: begin -->\nMeasured with codexkit 9.9.9 on "));
    let command = "`cargo xtask compat --versions 9.9.8,9.9.9,9.9.10 --update`";
    for part in [command, "| goals | yes | yes | 1 of 2 |\n", "|\n<!-- compat: end -->\n\n## b\n"] {
        assert!(written.contains(part), "no `{part}` in:\n{written}");
    }
    // Without versions they are those of the table and the newest.
    for args in [&["--update"][..], &["--versions", "9.9.8,9.9.9,9.9.10", "--update"]] {
        compat(&fixture, args);
        assert_eq!(read(&fixture, "README.md"), written);
    }

    fs::write(fixture.path("README.md"), "# a\n").unwrap();
    fs::remove_file(fixture.path("cargo-calls")).unwrap();
    assert_unknown(&compat(&fixture, &[]), &["README.md has no place for the table"]);
    assert!(!fixture.path("cargo-calls").exists());
}

#[test]
fn a_runtime_that_cannot_be_had_is_known_before_anything_is_compiled() {
    let fixture = workspace();
    let run = |version: &str| compat(&fixture, &["--versions", version]);
    assert_unknown(
        &run("9.9.7"),
        &["@openai/codex@9.9.7-", "npm error 404 No match found for version 9.9.7"],
    );
    fs::write(fixture.path("published/9.9.8.integrity"), integrity(b"other")).unwrap();
    assert_unknown(&run("9.9.8"), &["was not unpacked", "expected sha512-"]);
    fs::write(fixture.path("published/9.9.8.integrity"), "").unwrap();
    assert_unknown(
        &run("9.9.8"),
        &["npm knows @openai/codex@9.9.8-", "but no dist.integrity of it"],
    );
    publish(&fixture, "9.9.8", "9.9.6");
    assert_unknown(&run("9.9.8"), &["calls itself `codex-cli 9.9.6`"]);
    fs::remove_file(fixture.path("bin/npm")).unwrap();
    for version in ["9.9.8", "latest"] {
        assert_unknown(&run(version), &["npm is missing", "install npm"]);
    }
    for path in ["target/runtimes/9.9.8", "target/runtimes.partial", "cargo-calls"] {
        assert!(!fixture.path(path).exists(), "{path}");
    }
}

#[test]
fn tests_that_cannot_be_compiled_tell_nothing() {
    let fixture = workspace();
    for (script, complaint) in [
        ("echo no >&2; exit 101", "the tests cannot be compiled (exit status: 101)"),
        ("echo '{\"reason\":\"build-finished\"}'", "does not say where they are"),
    ] {
        let ended = run_with_cargo(&fixture, &["compat", "--versions", "9.9.8"], script);
        assert_unknown(&ended, &[complaint]);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn what_is_for_the_test_runner_reaches_it() {
    let fixture = workspace();
    fixture.program("tests", &format!("echo \"$*\" >> \"$ROOT/args\"\n{TESTS}"));
    compat(&fixture, &["--versions", "9.9.9", "--", "--test-threads", "1"]).assert_success();
    let args = read(&fixture, "args");
    assert!(args.starts_with("configuration:: "), "{args}");
    assert!(args.ends_with(" --color never --test-threads 1\n"), "{args}");
}
