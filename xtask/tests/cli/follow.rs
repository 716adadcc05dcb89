//! `.ci/follow`: the newest runtime is offered as a change.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    fixture::{Ended, Fixture},
    workspace::{tree, workspace},
};

/// Stands for cargo: runs what it would build.
const CARGO: &str =
    "shift 2\nexec env PATH=\"$ROOT/bin\" CARGO_MANIFEST_DIR=\"$ROOT/xtask\" \"$XTASK\" \"$@\"";

/// Stands for gh: keeps what it is told, and knows of one change when it was told of one.
const GH: &str = r#"
case "$1 $2" in
"pr list") [ ! -e "$ROOT/bin/told" ] || echo 1 ;;
"pr create") echo "gh $*" > "$ROOT/bin/told"; cat "$6" >> "$ROOT/bin/told" ;;
esac
"#;

/// A clone of a repository, with all that the script needs.
fn clone() -> Fixture {
    let fixture = workspace();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/follow");
    fs::create_dir(fixture.path(".ci")).unwrap();
    fs::copy(script, fixture.path(".ci/follow")).unwrap();
    fs::write(fixture.path(".gitignore"), "/bin\n/origin\n/packed\n/registry\n/target\n").unwrap();
    fixture.program("cargo", CARGO);
    fixture.program("gh", GH);
    let origin = fixture.path("origin");
    git(&fixture, &["init", "--quiet", "--bare", origin.to_str().unwrap()]);
    git(&fixture, &["init", "--quiet"]);
    git(&fixture, &["remote", "add", "origin", origin.to_str().unwrap()]);
    git(&fixture, &["add", "--all"]);
    git(&fixture, &["commit", "--quiet", "--message", "Begin"]);
    fixture
}

fn command(fixture: &Fixture, program: &str) -> Command {
    let mut res = Command::new(program);
    res.current_dir(fixture.path(""))
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", fixture.path("bin").display()))
        .env("XTASK", env!("CARGO_BIN_EXE_xtask"))
        .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@example.com")])
        .envs([("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@example.com")])
        .stdin(Stdio::null());
    res
}

fn git(fixture: &Fixture, args: &[&str]) -> String {
    let ended = Ended::of(&command(fixture, "git").args(args).output().unwrap());
    ended.assert_success();
    ended.stdout
}

fn follow(fixture: &Fixture) -> Ended {
    Ended::of(&command(fixture, "bash").arg(".ci/follow").output().unwrap())
}

#[test]
fn the_newest_runtime_is_offered_once() {
    let fixture = clone();
    let before = tree(&fixture);
    let ended = follow(&fixture);
    ended.assert_success();
    assert!(ended.stdout.ends_with("\nfollow: opened a change that pins 9.9.10\n"));
    assert_eq!(tree(&fixture), before);
    assert_ne!(git(&fixture, &["branch", "--show-current"]), "");

    let told = fs::read_to_string(fixture.path("bin/told")).unwrap();
    let call = "gh pr create --title Pin runtime 9.9.10 --body-file ";
    assert!(told.starts_with(call), "{told}");
    assert!(told.contains("\nschema: 9.9.10 fits bindings made for 9.9.9: "), "{told}");
    let changed = git(&fixture, &["diff", "--name-only", "HEAD", "origin/runtime-9.9.10"]);
    assert_eq!(changed.lines().count(), 9, "{changed}");

    let ended = follow(&fixture);
    ended.assert_success();
    assert!(ended.stdout.ends_with("\nfollow: the change that pins 9.9.10 is there\n"));
    assert_eq!(tree(&fixture), before);
    assert_eq!(fs::read_to_string(fixture.path("bin/told")).unwrap(), told);
}

#[test]
fn where_nothing_is_to_be_pinned_nothing_is_offered() {
    let fixture = clone();
    fixture.run(&["schema", "update", "--version", "9.9.10"]).assert_success();
    let ended = follow(&fixture);
    ended.assert_failure(&["error: the tree has changes"]);
    git(&fixture, &["commit", "--quiet", "--all", "--message", "Pin"]);
    let ended = follow(&fixture);
    ended.assert_success();
    let line = "\nfollow: 9.9.10 is pinned, the newest one is 9.9.10\n";
    assert!(ended.stdout.ends_with(line), "{}", ended.stdout);

    // The newest one may be taken back.
    let newest = fixture.path("registry/@openai/codex/version");
    fs::write(newest, "\"9.9.9\"").unwrap();
    let before = tree(&fixture);
    let ended = follow(&fixture);
    ended.assert_success();
    let line = "\nfollow: 9.9.10 is pinned, the newest one is 9.9.9\n";
    assert!(ended.stdout.ends_with(line), "{}", ended.stdout);
    assert_eq!(tree(&fixture), before);
    assert!(!fixture.path("bin/told").exists());
}

#[test]
fn what_could_not_be_offered_is_offered_the_next_time() {
    let fixture = clone();
    let before = tree(&fixture);
    fixture.program("gh", "[ \"$2\" = list ] || exit 4");
    assert_eq!(follow(&fixture).code, Some(4));
    assert_eq!(tree(&fixture), before);
    fixture.program("gh", GH);
    let ended = follow(&fixture);
    ended.assert_success();
    assert!(ended.stdout.ends_with("\nfollow: opened a change that pins 9.9.10\n"));
    assert_eq!(tree(&fixture), before);
}

#[test]
fn an_update_that_fails_offers_nothing() {
    let fixture = clone();
    let before = tree(&fixture);
    fs::remove_dir_all(fixture.path("registry/@openai/codex@9.9.10")).unwrap();
    follow(&fixture).assert_failure(&["No match found for @openai/codex@9.9.10"]);
    assert_eq!(tree(&fixture), before);
    assert!(!fixture.path("bin/told").exists());
    assert_eq!(git(&fixture, &["ls-remote", "origin"]), "");
}
