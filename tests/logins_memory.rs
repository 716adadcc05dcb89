//! Logins that are over, and those that nobody waits for, take no memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

use std::time::Duration;

use codexkit::testing::FakeServer;
use codexkit::{ChatgptLoginHandle, Codex};
use serde_json::json;

/// How many logins are begun.
const LOGINS: usize = 10_000;

/// Each is named by so many bytes.
const ID: usize = 4 * 1024;

/// How much more the process may have taken at some time than before: a tenth of what the ids of all
/// logins would.
const SLACK_KB: u64 = (LOGINS * ID / 1024 / 10) as u64;

/// The most memory that this process ever had, in kB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

async fn log_in(
    codex: &Codex,
    server: &mut FakeServer,
    id: &str,
    early: bool,
) -> ChatgptLoginHandle {
    let end = json!({"loginId": format!("{id}-of-somebody-else"), "success": true});
    let (login, ()) = tokio::join!(codex.login_chatgpt().into_future(), async {
        let start = server.expect("account/login/start").await;
        if early {
            server.notify("account/login/completed", end).await;
        }
        let reply = json!({"type": "chatgpt", "loginId": id, "authUrl": "https://auth/"});
        server.reply(&start.id, reply).await;
    });
    login.unwrap()
}

/// Begins many logins. Some of them end, before or after their handle is dropped, others do not.
async fn many(codex: &Codex, server: &mut FakeServer, logins: usize) {
    let padding = "x".repeat(ID);
    for n in 0..logins {
        let id = format!("{n}-{padding}");
        let login = log_in(codex, server, &id, n % 5 == 0).await;
        let end = json!({"loginId": id, "success": n % 2 == 0});
        match n % 4 {
            0 => drop(login),
            1 => {
                server.notify("account/login/completed", end).await;
                let _ = login.wait().await;
            }
            2 => {
                let clone = login.clone();
                tokio::select! {
                    biased;
                    end = login.wait() => panic!("{end:?}"),
                    () = std::future::ready(()) => drop(clone),
                }
            }
            _ => {
                drop(login);
                server.notify("account/login/completed", end).await;
            }
        }
    }
}

#[tokio::test]
async fn logins_that_are_over_or_dropped_take_no_memory() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    // The feed of the connection keeps its last events, and buffers get their size.
    many(&codex, &mut server, LOGINS / 10).await;
    let before = most_memory();
    let work = many(&codex, &mut server, LOGINS);
    tokio::time::timeout(Duration::from_secs(300), work).await.unwrap();
    let grown = most_memory() - before;
    assert!(grown < SLACK_KB, "{grown} kB more after {LOGINS} logins with ids of {ID} bytes");
}
