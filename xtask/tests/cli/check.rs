//! `cargo xtask schema check`.

use std::fs;

use serde_json::Value;

use crate::{
    fixture::{Ended, Fixture, sha256, write_executable},
    workspace::{codex, tree, workspace, writer},
};

fn check(fixture: &Fixture, args: &[&str]) -> Ended {
    fixture.run(&[&["schema", "check"], args].concat())
}

/// The lines of a check that are not about the tables, which are those of the real schema.
fn drift(ended: &Ended) -> Vec<&str> {
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    ended.stdout.lines().filter(|it| !it.starts_with("drift: tables: ")).collect()
}

#[test]
fn every_drift_is_named_with_the_command_that_mends_it() {
    for (path, from, to, expected) in [
        (
            "Cargo.toml",
            "9.9.9",
            "9.9.8",
            "versions: Cargo.toml has 9.9.8, the pin is 9.9.9: cargo xtask schema update",
        ),
        (
            "Cargo.lock",
            "codexkit\"\nversion = \"9.9.9",
            "codexkit\"\nversion = \"9.9.8",
            "versions: Cargo.lock has another version of codexkit: cargo check --workspace",
        ),
        (
            "README.md",
            "codexkit = \"9.9.9",
            "codexkit = \"9.9.8",
            "versions: README.md has no `codexkit = \"9.9.9\"`; name the pinned version there: cargo \
             xtask schema check",
        ),
        (
            "CHANGELOG.md",
            "## 9.9.9",
            "## 9.9.8",
            "versions: CHANGELOG.md has no section 9.9.9: cargo xtask schema update",
        ),
        (
            "schema/since.json",
            "9.9.9",
            "9.9.8",
            "versions: schema/since.json is about 9.9.8, the pin is 9.9.9: cargo xtask since",
        ),
        (
            "tests/data/outline.txt",
            "old: Option<String>",
            "old: String",
            "outline: tests/data/outline.txt is not that of the types: cargo xtask schema update",
        ),
    ] {
        let fixture = workspace();
        let text = tree(&fixture)[path].clone();
        assert_ne!(text.replace(from, to), text, "{path}");
        fs::write(fixture.path(path), text.replace(from, to)).unwrap();
        let ended = check(&fixture, &[]);
        assert!(drift(&ended).contains(&&*format!("drift: {expected}")), "{}", ended.stdout);
        // Each line ends with a command.
        for line in ended.stdout.lines() {
            assert!(line.rsplit_once(": cargo ").is_some(), "{line}");
        }
    }
}

#[test]
fn a_tampered_bundle_is_named_with_both_checksums_and_the_rest_is_not_looked_at() {
    let fixture = workspace();
    fs::write(fixture.path("schema/stable.json"), "{").unwrap();
    fs::remove_file(fixture.path("schema/experimental.json")).unwrap();
    let ended = check(&fixture, &[]);
    let lines = drift(&ended);
    let mends = ": cargo xtask schema update --version 9.9.9";
    assert_eq!(lines[0], format!("drift: bundles: schema/experimental.json is missing{mends}"));
    assert!(lines[1].starts_with("drift: bundles: schema/stable.json is not the pinned one: its"));
    assert!(lines[1].ends_with(mends), "{}", lines[1]);
    assert_eq!(ended.stdout.lines().count(), 2);
}

#[test]
fn what_the_generator_does_not_know_is_named() {
    let fixture = workspace();
    let binary = fixture.path("bin/built");
    let unknown = crate::codegen::bundle(&["old"]).replace("\"string\"", "\"complex\"");
    write_executable(&binary, &writer("9.9.9", &unknown, &unknown));
    let ended = check(&fixture, &["--binary", binary.to_str().unwrap()]);
    let start = "drift: runtime: the schema of 9.9.9 is not the pinned one, and unknown: ";
    assert!(drift(&ended)[0].starts_with(start), "{}", ended.stdout);

    // And when it is pinned by hand.
    for name in ["stable", "experimental"] {
        let pinned = format!("schema/{name}.json");
        fs::write(fixture.path(&pinned), &unknown).unwrap();
        let hash = sha256(unknown.as_bytes());
        let mut pin: Value = serde_json::from_str(&tree(&fixture)["schema/pin.json"]).unwrap();
        pin["bundles"][format!("{name}.json")] = hash.into();
        fs::write(fixture.path("schema/pin.json"), pin.to_string()).unwrap();
    }
    let ended = check(&fixture, &[]);
    let start = "drift: generator: cannot turn the schema of 9.9.9 into types: `AskParams`: ";
    assert!(drift(&ended)[0].starts_with(start), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("; teach src/codegen: cargo xtask schema check\n"));
}

#[test]
fn one_line_says_whether_a_runtime_still_fits() {
    let fixture = workspace();
    let binary = fixture.path("bin/built");
    let path = binary.to_str().unwrap();
    write_executable(&binary, &codex("9.9.10", (&["more", "old"], &["more", "old", "young"])));
    let ended = check(&fixture, &["--binary", path]);
    let expected = format!(
        "drift: runtime: 9.9.10 fits bindings made for 9.9.9: nothing breaks on the wire, 1 addition: \
         cargo xtask schema update --binary {path}"
    );
    assert_eq!(drift(&ended), [expected]);
    write_executable(&binary, &codex("9.9.10", (&["other"], &["other", "young"])));
    let ended = check(&fixture, &["--binary", path]);
    assert!(drift(&ended)[0].contains("9.9.10 does not fit bindings made for 9.9.9: "));
    // Other words about the same types are no reason to change anything but the bundles.
    let (stable, all) =
        (crate::codegen::bundle(&["old"]), crate::codegen::bundle(&["old", "young"]));
    write_executable(&binary, &writer("9.9.9", &format!(" {stable}"), &all));
    let ended = check(&fixture, &["--binary", path]);
    assert!(
        drift(&ended)[0].contains("the bundles of 9.9.9 are others, though the types are the same")
    );
    assert!(!fixture.path("target/schema.partial").exists());
}

#[test]
fn machines_get_the_same_as_json() {
    let fixture = workspace();
    let json = |ended: &Ended| -> Value { serde_json::from_str(&ended.stdout).unwrap() };
    let ended = check(&fixture, &["--json", "--runtime"]);
    assert_eq!(ended.code, Some(1));
    let value = json(&ended);
    assert_eq!(value["verdict"], "drift");
    assert_eq!(value["pinned"], "9.9.9");
    assert_eq!(value["asked"], "9.9.9");
    assert_eq!(value["findings"][0]["check"], "tables");
    assert_eq!(value["findings"][0]["command"], "cargo xtask schema check");

    fs::remove_file(fixture.path("schema/pin.json")).unwrap();
    let ended = check(&fixture, &["--json"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(json(&ended)["verdict"], "unknown");
    assert!(json(&ended)["error"].as_str().unwrap().contains("pin.json"));
}

#[test]
fn what_cannot_be_told_is_no_drift() {
    let fixture = workspace();
    for (args, complaint) in [
        (&["--binary", "no/such"][..], "cannot resolve no/such"),
        (&["--everything"], "unexpected argument `--everything`"),
        (&["--runtime", "--binary", "x"], "one --runtime or --binary is enough"),
        (&["--binary"], "--binary needs a path of a codex"),
    ] {
        let ended = check(&fixture, args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains(complaint), "{}", ended.stderr);
    }
    for path in ["README.md", "tests/data/outline.txt", "schema/since.json", "schema/pin.json"] {
        let fixture = workspace();
        fs::remove_file(fixture.path(path)).unwrap();
        let ended = check(&fixture, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        let start = "error: it cannot be told whether everything fits: cannot read ";
        assert!(ended.stderr.starts_with(start), "{}", ended.stderr);
    }
    // Nor is a runtime that is not to be had.
    fs::remove_file(fixture.path("bin/npm")).unwrap();
    assert_eq!(check(&fixture, &["--runtime"]).code, Some(2));
}

#[test]
fn nothing_is_changed_by_a_check() {
    let fixture = workspace();
    let before = tree(&fixture);
    for args in [&[][..], &["--runtime"], &["--json"]] {
        check(&fixture, args);
        assert_eq!(tree(&fixture), before);
    }
}
