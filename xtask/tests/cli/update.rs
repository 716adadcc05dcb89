//! `cargo xtask schema update`.

use std::fs;

use crate::{
    fixture::{Fixture, write_executable},
    workspace::{assert_fits, codex, publish, publish_binary, tree, workspace, writer},
};

const UPDATE: [&str; 4] = ["schema", "update", "--version", "9.9.10"];

#[test]
fn everything_that_follows_from_a_pin_is_written_at_once() {
    let fixture = workspace();
    let before = tree(&fixture);
    let ended = fixture.run(&UPDATE);
    ended.assert_success();
    let after = tree(&fixture);
    let changed: Vec<_> =
        after.iter().filter(|it| before.get(it.0) != Some(it.1)).map(|it| it.0.as_str()).collect();
    let expected = [
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "schema/experimental.json",
        "schema/pin.json",
        "schema/since.json",
        "schema/stable.json",
        "tests/data/outline.txt",
    ];
    assert_eq!(changed, expected);
    assert_eq!(before.len(), after.len());
    let line = format!("schema: 9.9.9 -> 9.9.10: wrote {}\n", expected.join(", "));
    assert!(ended.stdout.starts_with(&line), "{}", ended.stdout);
    assert!(ended.stdout.contains("\nLook at:\n- "), "{}", ended.stdout);

    assert!(after["Cargo.toml"].contains("version = \"9.9.10\""));
    // Another package of that version stays what it is.
    assert!(after["Cargo.lock"].contains("name = \"a\"\nversion = \"9.9.9\""));
    assert!(after["Cargo.lock"].contains("name = \"codexkit\"\nversion = \"9.9.10\""));
    for line in [
        "The types of runtime 9.9.10 is",
        "codexkit = \"9.9.10\"",
        "@openai/codex@9.9.10`",
        "It was tried with 9.9.9 and 9.9.8.",
    ] {
        assert!(after["README.md"].contains(line), "{}", after["README.md"]);
    }
    let changelog = &after["CHANGELOG.md"];
    let start = "# Changelog\n\n## 9.9.10 - Unreleased\n\n### Protocol\n\n- The schema of runtime \
                 9.9.10: 1 requests, 1 notifications and 1 requests of the server";
    assert!(changelog.starts_with(start), "{changelog}");
    assert!(changelog.ends_with("\n\n## 9.9.9 - 2026-01-01\n\n### Protocol\n\n- The first.\n"));
    assert!(after["schema/since.json"].contains("\"AskParams.fresh\": \"9.9.10\""));
    assert!(after["schema/pin.json"].contains("@openai/codex@9.9.10-darwin-arm64"));
    assert!(after["tests/data/outline.txt"].contains("newer: Option<String> (experimental"));

    // The runtime that is pinned now can be fetched, and writes what is pinned.
    assert_fits(&fixture, &["--runtime"]);
    let again = fixture.run(&UPDATE);
    again.assert_success();
    assert_eq!(again.stdout, "schema: 9.9.10: everything was as it has to be\n");
}

#[test]
fn an_update_and_the_way_back_change_nothing_but_the_changelog() {
    let fixture = workspace();
    let before = tree(&fixture);
    for version in ["9.9.10", "9.9.9", "9.9.10", "9.9.9"] {
        fixture.run(&["schema", "update", "--version", version]).assert_success();
    }
    let mut after = tree(&fixture);
    let changelog =
        after.insert("CHANGELOG.md".to_owned(), before["CHANGELOG.md"].clone()).unwrap();
    assert_eq!(after, before);
    for version in ["9.9.9", "9.9.10"] {
        assert_eq!(changelog.matches(&format!("\n## {version} - ")).count(), 1, "{changelog}");
    }
}

#[test]
fn the_newest_version_is_found_and_releases_in_between_are_compared() {
    let fixture = workspace();
    publish(&fixture, "9.10.0", (&["early", "old"], &["early", "old"]));
    publish(&fixture, "9.10.1", (&["early", "late", "old"], &["early", "late", "old"]));
    publish(&fixture, "9.11.0-alpha.1", (&["old"], &["old"]));
    let all = &["early", "late", "newest", "old"];
    publish(&fixture, "9.11.0", (all, all));
    fixture.run(&["schema", "update", "--version", "latest"]).assert_success();
    let since = &tree(&fixture)["schema/since.json"];
    for line in [
        "\"9.9.9\",\n    \"9.10.0\",\n    \"9.11.0\"",
        "\"AskParams.early\": \"9.10.0\"",
        "\"AskParams.late\": \"9.11.0\"",
        "\"AskParams.newest\": \"9.11.0\"",
    ] {
        assert!(since.contains(line), "{since}");
    }
}

#[test]
fn what_is_known_of_a_version_is_fetched_once() {
    let fixture = workspace();
    let packed = || fs::read_to_string(fixture.path("packed")).unwrap().lines().count();
    let before = packed();
    fixture.run(&UPDATE).assert_success();
    assert_eq!(packed(), before + 4);
    fixture.run(&["schema", "update", "--version", "9.9.9"]).assert_success();
    fixture.run(&UPDATE).assert_success();
    assert_eq!(packed(), before + 4);
    // Unless somebody has changed it.
    fs::write(fixture.path("target/schemas/9.9.9/stable.json"), "{}").unwrap();
    fixture.run(&["schema", "update", "--version", "9.9.9"]).assert_success();
    assert_eq!(packed(), before + 8);
}

/// Runs an update that has to fail and to change nothing.
fn refused(fixture: &Fixture, args: &[&str], complaints: &[&str]) {
    let before = tree(fixture);
    fixture.run(&[&["schema", "update"], args].concat()).assert_failure(complaints);
    assert_eq!(tree(fixture), before, "{args:?}");
    assert!(!fixture.path("target/schema-update").exists());
    assert!(!fixture.path("target/schema.partial").exists());
}

#[test]
fn what_cannot_be_had_is_named_and_nothing_is_changed() {
    let fixture = workspace();
    let version = |it| ["--version", it];
    refused(&fixture, &version("9.9.11"), &["No match found for @openai/codex@9.9.11", "E404"]);
    refused(&fixture, &version("../up"), &["`../up` is no stable release, such as 1.2.3"]);
    publish(&fixture, "9.10.0-alpha.1", (&["old"], &["old"]));
    let complaint = "`9.10.0-alpha.1` is no stable release, such as 1.2.3: nothing else than";
    let packed = fs::read_to_string(fixture.path("packed")).unwrap();
    refused(&fixture, &version("9.10.0-alpha.1"), &[complaint]);
    // Before anything is fetched.
    assert_eq!(fs::read_to_string(fixture.path("packed")).unwrap(), packed);

    let integrity = "registry/@openai/codex@9.9.10-linux-x64/dist.integrity";
    let right = fs::read_to_string(fixture.path(integrity)).unwrap();
    let wrong = format!("\"sha512-{}==\"", "A".repeat(86));
    fs::write(fixture.path(integrity), wrong).unwrap();
    let complaint = "what npm fetched as @openai/codex@9.9.10-linux-x64 is not what it says is";
    refused(&fixture, &version("9.9.10"), &[complaint, "expected sha512-AAAA"]);
    fs::write(fixture.path(integrity), right).unwrap();
    let package = "registry/@openai/codex@9.9.10-linux-x64/package.tgz";
    fs::write(fixture.path(package), "cut off").unwrap();
    refused(
        &fixture,
        &version("9.9.10"),
        &["is not what it says is published, and was not unpacked; run this again"],
    );

    fs::remove_file(fixture.path("bin/npm")).unwrap();
    refused(&fixture, &version("9.9.10"), &["npm is missing", "install npm"]);
    refused(&fixture, &version("latest"), &["npm is missing", "install npm"]);
}

#[test]
fn a_runtime_that_is_none_is_named_and_nothing_is_changed() {
    let fixture = workspace();
    for (codex, complaint) in [
        ("#!/bin/sh\nexit 3\n".to_owned(), "says no version (exit status: 3)"),
        ("#!/bin/sh\necho codex-cli 9.9.9\n".to_owned(), "calls itself `codex-cli 9.9.9`"),
        (
            "#!/bin/sh\n[ \"$1\" = --version ] && echo codex-cli 9.9.10\n".to_owned(),
            "the runtime cannot write its schema",
        ),
        (
            writer("9.9.10", "{}", "{}"),
            "schema of 9.9.10 into types: experimental.json has no object",
        ),
        (
            writer("9.9.10", &unknown(), &unknown()),
            "does not know all of the schema of 9.9.10; teach it, and run this again: cannot turn",
        ),
    ] {
        publish_binary(&fixture, "9.9.10", &codex);
        refused(&fixture, &["--version", "9.9.10"], &[complaint]);
        let _ = fs::remove_dir_all(fixture.path("target/schemas/9.9.10"));
    }
}

/// A bundle with a shape that the generator does not know.
fn unknown() -> String {
    crate::codegen::bundle(&["old"]).replace("\"string\"", "\"complex\"")
}

#[test]
fn a_tree_that_does_not_belong_together_is_not_updated() {
    for (path, from, to, complaint) in [
        ("README.md", "codexkit =", "other =", "README.md has no `codexkit = \"9.9.9\"`"),
        ("Cargo.toml", "9.9.9", "9.9.8", "Cargo.toml has version 9.9.8, and schema/pin.json 9.9.9"),
        ("Cargo.lock", "codexkit", "other", "Cargo.lock: it has 0 times what should be there once"),
        ("CHANGELOG.md", "## ", "** ", "CHANGELOG.md has no section"),
        ("schema/since.json", "releases", "versions", "schema/since.json is not what"),
        ("schema/pin.json", "runtime", "version", "pin.json is not a pin"),
    ] {
        let fixture = workspace();
        let text = tree(&fixture)[path].replace(from, to);
        fs::write(fixture.path(path), text).unwrap();
        refused(&fixture, &["--version", "9.9.10"], &[complaint]);
    }
}

#[test]
fn a_tampered_bundle_is_fetched_again_and_never_taken_for_the_pinned_one() {
    let fixture = workspace();
    let before = tree(&fixture);
    let path = fixture.path("schema/stable.json");
    fs::write(&path, before["schema/stable.json"].replace("\"old\"", "\"odd\"")).unwrap();
    let complaints =
        ["schema/stable.json is not the pinned one", "update --version 9.9.9` fetches"];
    refused(&fixture, &[], &complaints);
    fixture.run(&["schema", "update", "--version", "9.9.9"]).assert_success();
    assert_eq!(tree(&fixture), before);

    fs::write(&path, "{").unwrap();
    fixture.run(&UPDATE).assert_success();
    assert_fits(&fixture, &[]);
}

#[test]
fn what_follows_from_the_pin_can_be_written_again() {
    let fixture = workspace();
    let before = tree(&fixture);
    fs::remove_file(fixture.path("bin/npm")).unwrap();
    for path in ["tests/data/outline.txt", "schema/pin.json"] {
        let text = before[path].replace('\n', "\n\n");
        fs::write(fixture.path(path), text).unwrap();
        let ended = fixture.run(&["schema", "update"]);
        ended.assert_success();
        assert!(ended.stdout.starts_with(&format!("schema: 9.9.9 -> 9.9.9: wrote {path}\n")));
        assert_eq!(tree(&fixture), before);
    }
}

#[test]
fn a_binary_can_be_pinned_without_a_network() {
    let fixture = workspace();
    fs::remove_file(fixture.path("bin/npm")).unwrap();
    let binary = fixture.path("bin/built");
    let all = &["built", "old"];
    write_executable(&binary, &codex("9.10.0", (all, all)));
    let path = binary.to_str().unwrap();
    let ended = fixture.run(&["schema", "update", "--binary", path]);
    ended.assert_success();
    let todo = "- set CODEX_BIN for the tests: the pin names no published runtime\n";
    assert!(ended.stdout.contains(todo), "{}", ended.stdout);
    assert!(tree(&fixture)["schema/pin.json"].ends_with("\"platforms\": {}\n}\n"));
    assert_fits(&fixture, &["--binary", path]);
    fixture.run(&["runtime"]).assert_failure(&["names no published runtime; set CODEX_BIN"]);
    let bundle = fixture.path("schema/stable.json");
    let whole = fs::read(&bundle).unwrap();
    fs::write(&bundle, "{}").unwrap();
    let mends = ": cargo xtask schema update --binary PATH\n";
    assert!(fixture.run(&["schema", "check"]).stdout.ends_with(mends));
    fs::write(&bundle, whole).unwrap();
    assert!(!fixture.path("target/schema.partial").exists());

    // What nobody has built with a version is no step back.
    write_executable(&binary, &codex("0.0.0", (all, all)));
    refused(
        &fixture,
        &["--binary", path],
        &["0.0.0 is older than 9.9.9, the oldest one in schema"],
    );
    write_executable(&binary, "#!/bin/sh\necho hello\n");
    refused(&fixture, &["--binary", path], &["wrote no codex_app_server_protocol"]);
    refused(&fixture, &["--binary", "no/such"], &["cannot resolve no/such"]);

    // From there a published version is found again.
    crate::workspace::let_npm_be(&fixture);
    fixture.run(&["schema", "update", "--version", "9.9.9"]).assert_success();
    assert_fits(&fixture, &["--runtime"]);
}

#[test]
fn of_many_changes_that_break_something_the_command_is_named_that_lists_all() {
    let fixture = workspace();
    let many: Vec<_> = (0..25).map(|it| format!("p{it}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).chain(["old"]).collect();
    publish(&fixture, "9.9.11", (&many, &many));
    publish(&fixture, "9.9.12", (&["old"], &["old"]));
    fixture.run(&["schema", "update", "--version", "9.9.11"]).assert_success();
    let ended = fixture.run(&["schema", "update", "--version", "9.9.12"]);
    ended.assert_success();
    assert_eq!(ended.stdout.matches("\n- breaks: client sends: ").count(), 20);
    let line = "\n- 5 more that break something: `cargo xtask schema diff 9.9.11 pin`\n";
    assert!(ended.stdout.contains(line), "{}", ended.stdout);
    let all = fixture.run(&["schema", "diff", "9.9.11", "pin"]);
    assert_eq!(all.code, Some(5));
    assert_eq!(all.stdout.matches("client-field-removed").count(), 25);
}

#[test]
fn a_release_that_changes_nothing_is_told_from_the_one_before() {
    let fixture = workspace();
    publish(&fixture, "9.9.11", (&["old"], &["old", "young"]));
    let ended = fixture.run(&["schema", "update", "--version", "9.9.11"]);
    ended.assert_success();
    let line = "schema: 9.9.11 fits bindings made for 9.9.9: nothing changed\n";
    assert!(ended.stdout.contains(line), "{}", ended.stdout);
    assert!(tree(&fixture)["CHANGELOG.md"].contains("Since 9.9.9:"));
}

#[test]
fn unknown_arguments_are_refused() {
    let fixture = workspace();
    for (args, complaint) in [
        (&["now"][..], "unexpected argument `now`"),
        (&["--version"], "--version needs a version, or `latest`"),
        (&["--binary"], "--binary needs a path of a codex"),
        (&["--version", "1.2.3", "--binary", "x"], "one --version or --binary is enough"),
    ] {
        let ended = fixture.run(&[&["schema", "update"], args].concat());
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains(complaint), "{}", ended.stderr);
    }
}
