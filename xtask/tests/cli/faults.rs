//! Updates that are killed, and disks that are full: all is as it was, and the next update goes
//! through.

use std::{fs, process::Command, thread};

use crate::{
    fixture::{Ended, Fixture, in_time, write_executable},
    workspace::{assert_fits, tree, workspace},
};

const UPDATE: [&str; 4] = ["schema", "update", "--version", "9.9.10"];

#[test]
fn an_update_that_is_killed_while_it_fetches_changes_nothing() {
    let fixture = workspace();
    let before = tree(&fixture);
    let npm = fs::read_to_string(fixture.path("bin/npm")).unwrap();
    let (started, release) = (fixture.pipe("bin/started"), fixture.pipe("bin/release"));
    let wait = "pack)\necho > \"$ROOT/bin/started\"\nread line < \"$ROOT/bin/release\"\nexit 1";
    let script = npm.replace("pack)", wait);
    write_executable(&fixture.path("bin/npm"), &script);
    let mut update = fixture.spawn(&UPDATE);
    in_time(move || fs::read_to_string(started).unwrap());
    update.kill().unwrap();
    update.wait().unwrap();
    assert_eq!(tree(&fixture), before);
    assert_fits(&fixture, &[]);
    // The npm that is left comes to its end.
    fs::write(release, "").unwrap();

    write_executable(&fixture.path("bin/npm"), &npm);
    fixture.run(&UPDATE).assert_success();
    assert_fits(&fixture, &["--runtime"]);
}

/// An update that has begun to change files and waits for somebody to read one.
fn killed_while_it_writes(fixture: &Fixture) {
    let pipe = fixture.pipe("README.md.update");
    let journal = fixture.path("target/schema-update/journal.json");
    let mut update = fixture.spawn(&UPDATE);
    in_time(move || {
        while !journal.exists() {
            thread::yield_now();
        }
    });
    update.kill().unwrap();
    update.wait().unwrap();
    assert!(pipe.exists());
}

#[test]
fn an_update_that_is_killed_while_it_writes_is_undone_by_the_next_one() {
    let fixture = workspace();
    let before = tree(&fixture);
    killed_while_it_writes(&fixture);
    let ended = fixture.run(&["schema", "check"]);
    let line = "drift: bundles: an update is running, or was killed while it changed files: cargo \
                xtask schema update\n";
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), line));

    let ended = fixture.run(&["schema", "update"]);
    ended.assert_success();
    let line = "schema: an update was killed; the files that it had changed are put back\n";
    assert!(ended.stderr.starts_with(line), "{}", ended.stderr);
    assert_eq!(tree(&fixture), before);
    fixture.run(&UPDATE).assert_success();
    assert_fits(&fixture, &[]);
}

#[test]
fn two_updates_at_once_come_one_after_the_other() {
    let fixture = workspace();
    let both = [fixture.spawn(&UPDATE), fixture.spawn(&UPDATE)];
    for it in both {
        Ended::of(&in_time(|| it.wait_with_output().unwrap())).assert_success();
    }
    assert_fits(&fixture, &["--runtime"]);
}

/// Copies a workspace to a disk of some kilobytes and updates it there. Prints what has changed then.
#[cfg(target_os = "linux")]
const ON_A_SMALL_DISK: &str = r#"
mkdir "$ROOT/disk" && mount -t tmpfs -o size="$KILOBYTES"k tmpfs "$ROOT/disk" || exit 9
cd "$ROOT" && cp -R [A-Z]* schema tests xtask disk/ || exit 9
PATH="$ROOT/bin" CARGO_MANIFEST_DIR="$ROOT/disk/xtask" "$XTASK" schema update --version 9.9.10
code=$?
for it in [A-Z]* schema tests xtask; do diff -rq "$it" "disk/$it"; done
exit $code
"#;

#[cfg(target_os = "linux")]
#[test]
fn wherever_the_disk_is_full_nothing_is_changed() {
    let mut refused = 0;
    for kilobytes in (48..).step_by(8) {
        let fixture = workspace();
        let output = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK])
            .env("ROOT", fixture.path(""))
            .env("XTASK", env!("CARGO_BIN_EXE_xtask"))
            .env("KILOBYTES", kilobytes.to_string())
            .output()
            .unwrap();
        let ended = Ended::of(&output);
        if ended.code == Some(0) {
            assert!(ended.stdout.contains("Files Cargo.toml and disk/Cargo.toml differ"));
            break;
        }
        ended.assert_failure(&["No space left on device"]);
        assert_eq!(ended.stdout, "", "at {kilobytes} kB");
        refused += 1;
    }
    assert!(refused > 3, "{refused}");
}
