//! How the browser is opened for a login, and for what not.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use codexkit::testing::FakeServer;
use codexkit::{ChatgptLoginHandle, Codex, DeviceCodeLoginHandle, Error};
use serde_json::json;
use tempfile::TempDir;

/// With something else than an address it would do something else.
const ADDRESS: &str = "https://auth.example.invalid/authorize?a=1&state=secret-of-the-login";

/// Says in the environment of a process that it is the one in which a browser is opened, and which
/// part of its test it is to do.
const PART: &str = "CODEXKIT_TEST_PART";

/// A directory with the only programs that a process has.
struct Programs(TempDir);

impl Programs {
    fn none() -> Programs {
        Programs(tempfile::tempdir().unwrap())
    }

    /// With one that opens what it is given, in its own way.
    fn opening_with(script: &str) -> Programs {
        let programs = Programs::none();
        let path = programs.path().join("xdg-open");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        programs
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs `part` of a test in a process that has these programs alone.
    fn run(&self, test: &str, part: &str) {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env("PATH", self.path()).env(PART, part);
        let output = command.output().unwrap();
        let is_run = String::from_utf8_lossy(&output.stdout).contains("1 passed");
        assert!(is_run && output.status.success(), "{output:?}");
    }
}

/// A pipe with a name, and what is written to it first.
fn pipe(path: PathBuf) -> mpsc::Receiver<String> {
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(fs::read_to_string(path).unwrap()));
    receiver
}

/// Does a part of a test with a login for which `address` is to be opened.
fn with_login(address: &str, part: impl AsyncFnOnce(ChatgptLoginHandle, DeviceCodeLoginHandle)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let (browser, device) = logins(&codex, &mut server, address).await;
        part(browser, device).await;
    });
}

async fn logins(
    codex: &Codex,
    server: &mut FakeServer,
    address: &str,
) -> (ChatgptLoginHandle, DeviceCodeLoginHandle) {
    let browser = json!({"type": "chatgpt", "loginId": "one", "authUrl": address});
    let device = json!({
        "type": "chatgptDeviceCode",
        "loginId": "two",
        "verificationUrl": address,
        "userCode": "ABCD-1234",
    });
    let answer = async {
        for login in [browser, device] {
            let request = server.expect("account/login/start").await;
            server.reply(&request.id, login).await;
        }
    };
    let begin = async {
        let browser = codex.login_chatgpt().await.unwrap();
        (browser, codex.login_chatgpt_device_code().await.unwrap())
    };
    tokio::join!(begin, answer).0
}

/// That no browser was opened, without a word of the address.
fn is_not_opened(result: codexkit::Result<()>) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Browser(_)), "{error:?}");
    let text = "no browser could be opened; show the address instead";
    assert_eq!(error.to_string(), text);
    let source = std::error::Error::source(&error).unwrap();
    let shown = format!("{error:?} {error:#?} {source} {source:?}");
    assert!(!shown.contains("secret-of-the-login"), "{shown}");
}

#[test]
fn the_address_of_a_login_is_opened_as_it_is() {
    if let Ok(part) = env::var(PART) {
        return with_login(ADDRESS, async |browser, device| match part.as_str() {
            "browser" => browser.open_browser().await.unwrap(),
            _ => device.open_browser().await.unwrap(),
        });
    }
    for part in ["browser", "device"] {
        let programs = Programs::opening_with(r#"printf '%s|' "$@" > "${0%/*}/opened""#);
        let opened = pipe(programs.path().join("opened"));
        programs.run("the_address_of_a_login_is_opened_as_it_is", part);
        let arguments = opened.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(arguments, format!("{ADDRESS}|"));
    }
}

#[test]
fn without_a_browser_the_error_says_to_show_the_address() {
    if env::var(PART).is_ok() {
        return with_login(ADDRESS, async |browser, device| {
            is_not_opened(browser.open_browser().await);
            is_not_opened(device.open_browser().await);
        });
    }
    for programs in [Programs::none(), Programs::opening_with("exit 3")] {
        programs.run("without_a_browser_the_error_says_to_show_the_address", "both");
    }
}

#[test]
fn what_is_no_address_of_the_web_is_not_opened() {
    if let Ok(address) = env::var(PART) {
        return with_login(&address, async |browser, device| {
            is_not_opened(browser.open_browser().await);
            is_not_opened(device.open_browser().await);
        });
    }
    let programs = Programs::opening_with(r#": > "${0%/*}/opened""#);
    for address in [
        "",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "--version",
        "/bin/sh",
        "auth.example.invalid",
        "https:/auth.example.invalid",
        " https://auth.example.invalid",
        "https://auth.example.invalid/a b",
        "https://auth.example.invalid/\n",
        "https://auth.example.invalid/\"x\"",
        "https://auth.example.invalid/ä",
    ] {
        programs.run("what_is_no_address_of_the_web_is_not_opened", address);
        assert!(!programs.path().join("opened").exists(), "{address}");
    }
}
