//! `cargo xtask since`.

use std::fs;

use serde_json::{Value, json};

use crate::{
    codegen::{bundle, fixture},
    fixture::{Fixture, NPM},
};

/// A workspace whose file is about these releases, of which the older ones have been fetched.
fn workspace(releases: &[&str]) -> Fixture {
    let fixture = fixture();
    write(&fixture, releases, &json!({}));
    for (release, stable, more) in
        [("9.9.7", &["old"][..], &[][..]), ("9.9.8", &["old"], &["early"])]
    {
        let folder = fixture.path("target/schemas").join(release);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("stable.json"), bundle(stable)).unwrap();
        fs::write(folder.join("experimental.json"), bundle(&[stable, more].concat())).unwrap();
        fs::write(folder.join("pin.json"), json!({ "runtime": release }).to_string()).unwrap();
    }
    fs::write(fixture.path("schema/stable.json"), bundle(&["early", "old"])).unwrap();
    fs::write(fixture.path("schema/experimental.json"), bundle(&["early", "old", "young"]))
        .unwrap();
    fixture
}

fn write(fixture: &Fixture, releases: &[&str], members: &Value) {
    let file = json!({
        "releases": releases,
        "experimental": { "methods": {}, "members": members },
        "stable": { "methods": {}, "members": {} },
    });
    fs::write(fixture.path("schema/since.json"), file.to_string()).unwrap();
}

fn read(fixture: &Fixture) -> String {
    fs::read_to_string(fixture.path("schema/since.json")).unwrap()
}

#[test]
fn what_the_pin_has_beyond_the_last_release_is_added() {
    let fixture = workspace(&["9.9.7", "9.9.8"]);
    write(&fixture, &["9.9.7", "9.9.8"], &json!({ "AskParams.early": "9.9.8", "Gone.x": "9.9.8" }));
    let ended = fixture.run(&["since"]);
    ended.assert_success();
    let counts = "since: schema/since.json: 0 methods and 2 members are not in 9.9.7, 0 and 1 became \
                  stable later\n";
    assert!(ended.stderr.ends_with(counts), "{}", ended.stderr);
    let expected = r#"{
  "releases": [
    "9.9.7",
    "9.9.8",
    "9.9.9"
  ],
  "experimental": {
    "methods": {},
    "members": {
      "AskParams.early": "9.9.8",
      "AskParams.young": "9.9.9"
    }
  },
  "stable": {
    "methods": {},
    "members": {
      "AskParams.early": "9.9.9"
    }
  }
}
"#;
    assert_eq!(read(&fixture), expected);

    // Once it is about the pin there is nothing to compare.
    fs::remove_dir_all(fixture.path("target/schemas")).unwrap();
    fixture.run(&["since"]).assert_success();
    assert_eq!(read(&fixture), expected);
    // What comes out is what the generator takes.
    fixture.run(&["codegen"]).assert_success();
    let code = fs::read_to_string(fixture.path("target/codegen/9.9.9/protocol.rs")).unwrap();
    assert!(code.contains("Since runtime 9.9.9."), "{code}");
}

#[test]
fn the_whole_file_is_made_from_the_releases_that_it_names() {
    let fixture = workspace(&["9.9.7", "9.9.8"]);
    fixture.run(&["since"]).assert_success();
    // It cannot know what 9.9.8 had that was not listed.
    assert!(!read(&fixture).contains("\"AskParams.early\": \"9.9.8\""), "{}", read(&fixture));
    let ended = fixture.run(&["since", "--all"]);
    ended.assert_success();
    assert!(read(&fixture).contains("\"AskParams.early\": \"9.9.8\""), "{}", read(&fixture));
    let whole = read(&fixture);

    for (releases, args) in [
        (&["9.9.7", "9.9.8"][..], &["since", "--all"][..]),
        // Other ways to the same file.
        (&["9.9.8"], &["since", "--all", "9.9.7"]),
        (&["9.9.7"], &["since", "9.9.8"]),
        (&["9.9.7", "9.9.9"], &["since", "9.9.8", "--all"]),
    ] {
        let fixture = workspace(releases);
        fixture.run(args).assert_success();
        assert_eq!(read(&fixture), whole);
    }
}

#[test]
fn a_release_that_is_not_there_is_fetched() {
    let fixture = workspace(&["9.9.6"]);
    let complaints = ["npm is missing", "@openai/codex@9.9.6-"];
    fixture.run(&["since"]).assert_failure(&complaints);
    fixture.program("npm", NPM);
    let complaints = ["@openai/codex@9.9.6-", "calls itself `codex-cli 9.9.9`"];
    fixture.run(&["since"]).assert_failure(&complaints);
}

#[test]
fn what_cannot_be_brought_up_to_date_is_refused_and_kept() {
    for (releases, complaint) in [
        (&[][..], "names no release; enter the oldest one"),
        (&["9.9.8", "9.9.7"], "the releases of schema/since.json are not in their order"),
        (&["9.9.8", "9.9.10"], "is about 9.9.10, which is newer than the pin 9.9.9"),
        (&["9.9"], "`9.9` is no stable release"),
    ] {
        let fixture = workspace(releases);
        let before = read(&fixture);
        fixture.run(&["since"]).assert_failure(&[complaint]);
        assert_eq!(read(&fixture), before);
    }
    for (args, complaint) in [
        (&["since", "9.9.7"][..], "9.9.7 comes before 9.9.8, which schema/since.json is about"),
        (&["since", "9.9.10"], "9.9.10 is newer than the pin 9.9.9"),
        (&["since", "--all", "10.0.0"], "10.0.0 is newer than the pin 9.9.9"),
    ] {
        workspace(&["9.9.8"]).run(args).assert_failure(&[complaint]);
    }
    let fixture = workspace(&["9.9.8"]);
    fs::write(fixture.path("target/schemas/9.9.8/stable.json"), "{}").unwrap();
    let complaint = "cannot compare 9.9.9 with the release before it: stable.json has no object";
    fixture.run(&["since"]).assert_failure(&[complaint]);
    fs::remove_file(fixture.path("schema/since.json")).unwrap();
    fixture.run(&["since"]).assert_failure(&["cannot read schema/since.json"]);
}

#[test]
fn unknown_arguments_are_refused() {
    for (argument, complaint) in [
        ("--everything", "unexpected argument `--everything`"),
        ("9.9.8-alpha.1", "`9.9.8-alpha.1` is no stable release, such as 1.2.3"),
    ] {
        let ended = fixture().run(&["since", argument]);
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains(complaint), "{}", ended.stderr);
    }
}
