//! Which program is run, with which arguments, and what it is told first.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use codexkit::Codex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// Notes how it was called, answers `initialize` and then reads until the end of its input.
const SCRIPT: &str = r#"printf '%s\n' "$@" > arguments
ps -o args= -p $$ > program
read -r line
echo '{"id":1,"result":{"userAgent":"codexkit/0.169.0 (x)","codexHome":"/","platformFamily":"unix","platformOs":"linux"}}'
exec cat > /dev/null
"#;

/// A directory in which a shell that is called with `app-server` runs the script.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("app-server"), SCRIPT).unwrap();
    dir
}

#[tokio::test]
async fn the_arguments_are_the_subcommand_the_settings_and_then_those_of_the_caller() {
    let dir = directory();
    let builder = Codex::builder().binary("/bin/sh").cwd(dir.path());
    let builder = builder.arg("--first").config("model", "m \"1\"").arg("the second");
    let codex = builder.config("features", json!({"goals": true})).start().await.unwrap();
    codex.close().await;
    let arguments = fs::read_to_string(dir.path().join("arguments")).unwrap();
    let settings = "-c\nmodel=\"m \\\"1\\\"\"\n-c\nfeatures={\"goals\"=true}\n";
    assert_eq!(arguments, format!("{settings}--first\nthe second\n"));
    let program = fs::read_to_string(dir.path().join("program")).unwrap();
    assert!(program.starts_with("/bin/sh app-server -c "), "{program}");
}

/// Tells the process of this test that it was started by itself.
const AGAIN: &str = "CODEXKIT_STARTED_AGAIN";

/// What `Codex::start` runs in a process with this variable and this search path.
fn started(dir: &Path, variable: Option<&Path>, search: &str) -> String {
    let mut again = Command::new(std::env::current_exe().unwrap());
    let name = "the_program_is_that_of_the_variable_or_else_the_codex_on_the_path";
    again.args(["--exact", name]).current_dir(dir).env(AGAIN, "1").env("PATH", search);
    match variable {
        Some(path) => again.env("CODEX_BIN", path),
        None => again.env_remove("CODEX_BIN"),
    };
    let output = again.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    fs::read_to_string(dir.join("program")).unwrap().trim().to_owned()
}

#[test]
fn the_program_is_that_of_the_variable_or_else_the_codex_on_the_path() {
    if std::env::var_os(AGAIN).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // The variables of a process are set before it runs, or not at all.
        return runtime.block_on(async { Codex::start().await.unwrap().close().await });
    }
    let dir = directory();
    let named = dir.path().join("named");
    symlink("/bin/sh", &named).unwrap();
    symlink("/bin/sh", dir.path().join("codex")).unwrap();
    let search = format!("{}:/usr/bin:/bin", dir.path().display());
    let by_variable = format!("{} app-server", named.display());
    assert_eq!(started(dir.path(), Some(&named), &search), by_variable);
    for nothing in [Some(Path::new("")), None] {
        assert_eq!(started(dir.path(), nothing, &search), "codex app-server");
    }
}

#[tokio::test]
async fn the_handshake_is_a_request_with_who_asks_for_what_and_then_a_notification() {
    let (reader, mut to_client) = tokio::io::duplex(4096);
    let (writer, from_client) = tokio::io::duplex(4096);
    let mut lines = BufReader::new(from_client).lines();
    let info = codexkit::protocol::ClientInfo::new("probe", "1.2").title("A probe");
    let builder = Codex::builder().client_info(info).opt_out_notifications(["warning"]);
    let (codex, ()) = tokio::join!(builder.experimental_api(true).connect(reader, writer), async {
        let line = lines.next_line().await.unwrap().unwrap();
        let request: Value = serde_json::from_str(&line).unwrap();
        let expected = json!({
            "id": 1,
            "method": "initialize",
            "params": {
                "clientInfo": {"name": "probe", "title": "A probe", "version": "1.2"},
                "capabilities": {
                    "experimentalApi": true, "optOutNotificationMethods": ["warning"],
                },
            },
        });
        assert_eq!(request, expected);
        let result = json!({
            "userAgent": "probe/0.169.0 (x)", "codexHome": "/", "platformFamily": "unix",
            "platformOs": "linux",
        });
        let reply = format!("{}\n", json!({"id": 1, "result": result}));
        to_client.write_all(reply.as_bytes()).await.unwrap();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), r#"{"method":"initialized"}"#);
    });
    assert_eq!(codex.unwrap().runtime().version, "0.169.0");
}
