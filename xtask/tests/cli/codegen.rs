//! `cargo xtask codegen`.

use std::fs;

use serde_json::{Value, json};

use crate::fixture::{Ended, Fixture, NPM};

/// A schema with one method of each kind. `more` are properties of the params of the request.
pub(crate) fn bundle(more: &[&str]) -> String {
    let method = |method: &str, params: &str| json!({ "properties": { "method": { "enum": [method] }, "params": { "$ref": params } } });
    let properties: serde_json::Map<_, _> =
        more.iter().map(|it| ((*it).to_owned(), json!({ "type": "string" }))).collect();
    let empty = json!({ "type": "object" });
    let told = json!({ "properties": { "method": { "enum": ["hello"] } } });
    let bundle: Value = json!({ "definitions": {
        "AskParams": { "type": "object", "properties": properties },
        "AskResponse": empty,
        "ServerAskParams": empty,
        "ServerAskResponse": empty,
        "SaidNotification": empty,
        "ClientRequest": { "oneOf": [method("ask", "#/definitions/AskParams")] },
        "ServerRequest": { "oneOf": [method("serverAsk", "#/definitions/ServerAskParams")] },
        "ServerNotification": { "oneOf": [method("said", "#/definitions/SaidNotification")] },
        "ClientNotification": { "oneOf": [told] },
    }});
    bundle.to_string()
}

/// A workspace with a schema of its own.
pub(crate) fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fs::write(fixture.path("schema/stable.json"), bundle(&["old"])).unwrap();
    fs::write(fixture.path("schema/experimental.json"), bundle(&["old", "young"])).unwrap();
    fs::create_dir_all(fixture.path("tests/data")).unwrap();
    fixture
}

fn outline(fixture: &Fixture, version: &str) -> String {
    let path = fixture.path("target/codegen").join(version).join("outline.txt");
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_pinned_schema_is_written_as_types_and_as_an_outline() {
    let fixture = fixture();
    let ended = fixture.run(&["codegen"]);
    ended.assert_success();
    let out = fixture.path("target/codegen/9.9.9");
    let written = ["protocol.rs", "registry.rs", "outline.txt", "stable.rs"].map(|it| out.join(it));
    let expected: Vec<_> = written.iter().map(|it| it.display().to_string()).collect();
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), expected);
    let counts = "codegen: 9.9.9: 5 types, 2 fields, 0 variants, 4 methods, 1 of all of these";
    assert!(ended.stderr.starts_with(counts), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("\nnote: 9.9.9: entries of src/codegen/tables/pinned.rs that do not apply: ")
    );
    // The reviewed one is the business of `schema update`.
    assert!(!fixture.path("tests/data/outline.txt").exists());

    let [code, stable] = [0, 3].map(|it| fs::read_to_string(&written[it]).unwrap());
    assert!(code.contains("pub const RUNTIME_VERSION: &str = \"9.9.9\";"), "{code}");
    let young = "pub young: Option<String>,";
    assert!(code.contains(young) && !stable.contains(young), "{stable}");
    let outline = outline(&fixture, "9.9.9");
    assert!(outline.contains("\nrequest ask: AskParams -> AskResponse\n"), "{outline}");
    let fields = "\n  old: Option<String>\n  young: Option<String> (experimental)\n";
    assert!(outline.contains(fields), "{outline}");
}

#[test]
fn a_folder_with_one_bundle_is_named_after_itself() {
    let fixture = fixture();
    let folder = fixture.path("1.2.3");
    fs::create_dir(&folder).unwrap();
    let bundle = bundle(&["only"]);
    fs::write(folder.join("codex_app_server_protocol.schemas.json"), bundle).unwrap();
    let ended = fixture.run(&["codegen", "--schema", folder.to_str().unwrap()]);
    ended.assert_success();
    assert!(ended.stderr.contains("is the only bundle"), "{}", ended.stderr);
    assert!(outline(&fixture, "1.2.3").contains("\n  only: Option<String>\n"));
}

#[test]
fn what_is_no_schema_is_refused() {
    let fixture = fixture();
    let folder = fixture.path("1.2.3");
    let path = folder.to_str().unwrap();
    let run = || fixture.run(&["codegen", "--schema", path]);
    run().assert_failure(&["there is no folder", path, "--runtime"]);
    fs::create_dir(&folder).unwrap();
    run().assert_failure(&["holds no schema", "generate-json-schema --out DIR"]);
    for (bad, complaint) in [
        ("{", "experimental.json is not valid JSON"),
        ("{}", "experimental.json has no"),
        (&bundle(&[]).replace("AskResponse", "AskAnswer"), "`ask`: has no response"),
        (&bundle(&["old"]).replace("\"string\"", "\"strange\""), "`AskParams`: `old`: "),
    ] {
        fs::write(folder.join("experimental.json"), bad).unwrap();
        run().assert_failure(&["cannot turn the schema of 1.2.3 into types", complaint]);
    }
    assert!(!fixture.path("target/codegen").exists());
}

#[test]
fn two_schemas_with_one_name_do_not_overwrite_each_other() {
    let fixture = fixture();
    let folder = fixture.path("schema");
    let source = ["--schema", folder.to_str().unwrap()];
    let ended = fixture.run(&["codegen", source[0], source[1], source[0], source[1]]);
    ended.assert_failure(&["two schemas are called 9.9.9; rename the folder of one"]);
}

#[test]
fn a_runtime_is_asked_for_its_schema_once() {
    let codex = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo codex-cli 9.9.9 && exit\n\
         [ \"$CODEX_HOME\" = \"$4\" ] || exit 9\n\
         bundle='{}'\n[ \"$5\" = --experimental ] && bundle='{}'\n\
         printf %s \"$bundle\" > \"$4/codex_app_server_protocol.schemas.json\"\n",
        bundle(&["old"]),
        bundle(&["old", "young"]),
    );
    let fixture = Fixture::with_codex(&codex);
    fixture.program("npm", NPM);
    for message in ["schema: that of 9.9.9 is in ", "schema: that of 9.9.9 is already there"] {
        let ended = fixture.run(&["codegen", "--runtime", "9.9.9"]);
        ended.assert_success();
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
        assert!(outline(&fixture, "9.9.9").contains("  young: Option<String> (experimental)\n"));
    }
    assert_eq!(fs::read_to_string(fixture.path("calls")).unwrap(), "call\n");
    let kept = fs::read_dir(fixture.path("target/schemas/9.9.9")).unwrap();
    let mut kept: Vec<_> = kept.map(|it| it.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept, ["experimental.json", "pin.json", "stable.json"]);
    assert!(!fixture.path("target/schema.partial").exists());
}

#[test]
fn a_runtime_that_cannot_be_had_is_named() {
    let fixture = fixture();
    let run = |version: &str| fixture.run(&["codegen", "--runtime", version]);
    run("../up").assert_failure(&["`../up` is no version of the runtime"]);
    run("1.2.3").assert_failure(&["npm is missing", "@openai/codex@1.2.3-", "install npm"]);
    fixture.program("npm", NPM);
    run("1.2.3").assert_failure(&["@openai/codex@1.2.3-", "calls itself `codex-cli 9.9.9`"]);
    // The runtime of the fixture knows nothing but its version.
    run("9.9.9").assert_failure(&["the runtime cannot write its schema"]);
    assert!(!fixture.path("target/schemas").exists());
    assert!(!fixture.path("target/schema.partial").exists());
}

#[test]
fn a_check_compiles_the_library_with_the_generated_types() {
    let fixture = fixture();
    fs::write(fixture.path("Cargo.lock"), "locked").unwrap();
    let run = |script: &str| {
        let cargo = fixture.program("cargo", script);
        let output = fixture.command(&["codegen", "--check"]).env("CARGO", cargo).output().unwrap();
        Ended::of(&output)
    };
    let ended = run("echo \"cargo $* in $CARGO_TARGET_DIR\"");
    ended.assert_success();
    let target = fixture.path("target").display().to_string();
    let expected = format!(
        "cargo build --offline --features experimental in {target}\n\
         cargo build --offline in {target}\n"
    );
    assert!(ended.stdout.ends_with(&expected), "{}", ended.stdout);
    for types in ["protocol.rs", "stable.rs"] {
        let line = format!("\ncodegen: 9.9.9: {types} compiled in ");
        assert!(ended.stderr.contains(&line), "{}", ended.stderr);
    }
    let check = fixture.path("target/codegen/9.9.9/check");
    assert_eq!(fs::read_to_string(check.join("Cargo.lock")).unwrap(), "locked");
    let manifest = fs::read_to_string(check.join("Cargo.toml")).unwrap();
    let library = format!("path = '{}'", fixture.path("src/lib.rs").display());
    assert!(manifest.contains(&library), "{manifest}");

    let ended = run("exit 101");
    ended.assert_failure(&["the types of 9.9.9 do not compile (exit status: 101)", "protocol.rs"]);
}
