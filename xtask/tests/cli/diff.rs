//! `cargo xtask schema diff`.

use std::fs;

use serde_json::Value;

use crate::{
    codegen::{bundle, fixture},
    fixture::{Ended, Fixture, write_executable},
};

/// A workspace whose schema takes `old`, and `young` with the experimental API, with another
/// schema in the folder `other`: what its two bundles take.
fn with_other(stable: &[&str], experimental: &[&str]) -> Fixture {
    let fixture = fixture();
    let folder = fixture.path("other");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("stable.json"), bundle(stable)).unwrap();
    fs::write(folder.join("experimental.json"), bundle(experimental)).unwrap();
    fs::write(folder.join("pin.json"), r#"{ "runtime": "10.0.0" }"#).unwrap();
    fixture
}

/// Compares the schema of the workspace with the one in the folder `other`.
fn diff(fixture: &Fixture, more: &[&str]) -> Ended {
    let other = fixture.path("other");
    fixture.run(&[&["schema", "diff", "pin", other.to_str().unwrap()], more].concat())
}

#[test]
fn the_exit_code_says_how_bad_it_is() {
    for (stable, experimental, code, verdict) in [
        (&["old"][..], &["old", "young"][..], 0, "fits bindings made for 9.9.9: nothing changed"),
        (
            &["old", "young"],
            &["old", "young"],
            3,
            "fits bindings made for 9.9.9: nothing breaks on the wire, 1 addition",
        ),
        (
            &["old"],
            &["old"],
            5,
            "does not fit bindings made for 9.9.9: 1 change breaks the wire (ask: AskParams.young)",
        ),
    ] {
        let ended = diff(&with_other(stable, experimental), &[]);
        assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.ends_with(&format!("10.0.0 {verdict}\n")), "{}", ended.stdout);
    }
}

#[test]
fn what_breaks_nobody_but_the_source_has_a_code_of_its_own() {
    let fixture = with_other(&["old"], &["old", "young"]);
    for name in ["stable.json", "experimental.json"] {
        let path = fixture.path("other").join(name);
        let text = fs::read_to_string(&path).unwrap();
        let renamed =
            text.replace("AskParams", "QueryParams").replace("AskResponse", "QueryResponse");
        // The requests of the server keep their names.
        fs::write(&path, renamed.replace("ServerQuery", "ServerAsk")).unwrap();
    }
    let ended = diff(&fixture, &[]);
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("[source-type-renamed]"), "{}", ended.stdout);
}

#[test]
fn each_format_holds_the_same_change() {
    let fixture = with_other(&["old"], &["old"]);
    let text = diff(&fixture, &["--format", "text"]).stdout;
    assert_eq!(text, diff(&fixture, &[]).stdout);
    let line = "AskParams.young  field removed: string (experimental) via ask";
    assert!(text.contains(line), "{text}");
    let markdown = diff(&fixture, &["--format", "markdown"]).stdout;
    let line = "\n#### Client sends\n\n- `AskParams.young`: field removed: string (experimental);";
    assert!(markdown.contains(line), "{markdown}");
    let json = diff(&fixture, &["--format", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["changes"][0]["subject"], "AskParams.young");
    assert_eq!(json["severity"], "wire");
}

#[test]
fn a_report_can_go_to_a_file() {
    let fixture = with_other(&["old"], &["old"]);
    let file = fixture.path("report.md");
    let ended = diff(&fixture, &["--format", "markdown", "--output", file.to_str().unwrap()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(5), ""));
    let expected = diff(&fixture, &["--format", "markdown"]).stdout;
    assert_eq!(fs::read_to_string(file).unwrap(), expected);
}

#[test]
fn versions_and_executables_are_schemas_too() {
    let fixture = with_other(&["old"], &["old", "young"]);
    let kept = fixture.path("target/schemas/8.0.0");
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    fs::rename(fixture.path("other"), &kept).unwrap();
    fs::write(kept.join("pin.json"), r#"{ "runtime": "8.0.0" }"#).unwrap();
    let binary = fixture.path("codex");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo codex-cli 10.1.0 && exit\n\
         bundle='{}'\n[ \"$5\" = --experimental ] && bundle='{}'\n\
         printf %s \"$bundle\" > \"$4/codex_app_server_protocol.schemas.json\"\n",
        bundle(&["old", "more"]),
        bundle(&["old", "more", "young"]),
    );
    write_executable(&binary, &script);
    let ended = fixture.run(&["schema", "diff", "8.0.0", binary.to_str().unwrap()]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let verdict = "\n10.1.0 fits bindings made for 8.0.0: nothing breaks on the wire, 1 addition\n";
    assert!(ended.stdout.ends_with(verdict), "{}", ended.stdout);
    assert!(!fixture.path("target/schema.partial").exists());
}

#[test]
fn what_is_no_schema_is_refused_with_advice() {
    let fixture = with_other(&["old"], &["old"]);
    let run = |name: &str| fixture.run(&["schema", "diff", "pin", name]);
    run("nowhere").assert_failure(&["there is no `nowhere`", "a version such as", "or `pin`"]);
    run("7.0.0").assert_failure(&["npm is missing", "@openai/codex@7.0.0-"]);
    let folder = fixture.path("other");
    fs::write(folder.join("experimental.json"), "{").unwrap();
    let failed = "cannot turn the schema of 10.0.0 into types: experimental.json is not valid JSON";
    run(folder.to_str().unwrap()).assert_failure(&[failed]);
    let broken = fixture.path("broken");
    write_executable(&broken, "#!/bin/sh\nexit 7\n");
    run(broken.to_str().unwrap()).assert_failure(&["--version` says no version"]);
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let fixture = Fixture::new();
    for (args, complaint) in [
        (&["schema"][..], "error: `schema` needs a command"),
        (&["schema", "melt"], "error: `schema` has no command `melt`"),
        (&["schema", "diff", "pin"], "error: `schema diff` takes two schemas"),
        (&["schema", "diff", "a", "b", "--format", "yaml"], "error: --format needs"),
    ] {
        let ended = fixture.run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.starts_with(complaint), "{}", ended.stderr);
    }
}

#[test]
fn help_explains_the_sources_and_the_exit_codes() {
    let fixture = Fixture::new();
    for (args, start) in [
        (&["schema", "--help"][..], "Pins the schema of a runtime"),
        (&["help", "schema"], "Pins the schema of a runtime"),
        (&["schema", "diff", "--help"], "Compares the schemas of two runtimes"),
    ] {
        let ended = fixture.run(args);
        ended.assert_success();
        assert!(ended.stdout.starts_with(start), "{}", ended.stdout);
    }
    let help = fixture.run(&["schema", "diff", "-h"]).stdout;
    assert!(help.contains("exit code: 0 the same, 3 additive, 4 breaks the source"), "{help}");
}
