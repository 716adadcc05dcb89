//! The output of a command reaches its handle, and nobody else when that is gone.

use std::time::Duration;

use codexkit::testing::{FakeServer, Received};
use codexkit::{Codex, CommandHandle, Error};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::support::{HOUR, next_notification, silence, sync};

async fn a_command() -> (Codex, FakeServer, CommandHandle, Received) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let command = codex.command(["yes"]).spawn().await.unwrap();
    let request = server.expect("command/exec").await;
    assert_eq!(request.params["processId"], command.process_id());
    (codex, server, command, request)
}

/// Says that the command of `request` has written the Base64 `text`.
async fn output(server: &mut FakeServer, request: &Received, text: &str) {
    let process = &request.params["processId"];
    let stream = "stdout";
    let params =
        json!({"processId": process, "stream": stream, "deltaBase64": text, "capReached": false});
    server.notify("command/exec/outputDelta", params).await;
}

async fn end(server: &mut FakeServer, request: &Received) {
    server.reply(&request.id, json!({"exitCode": 0, "stdout": "", "stderr": ""})).await;
}

#[tokio::test(start_paused = true)]
async fn output_of_a_dropped_command_is_thrown_away_until_it_ends() {
    let (codex, mut server, command, request) = a_command().await;
    let mut feed = codex.notifications();
    drop(command);
    server.notify("warning", json!({"message": "important"})).await;
    for _ in 0..300 {
        output(&mut server, &request, "eQo=").await;
    }
    end(&mut server, &request).await;
    sync(&codex, &mut server).await;
    output(&mut server, &request, "eQo=").await;
    // Nothing was pushed out by what nobody reads, and the listener is gone with the command.
    for expected in ["warning", "command/exec/outputDelta"] {
        assert_eq!(next_notification(&mut feed).await.method(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_output_of_a_command_comes_before_the_end_of_the_connection() {
    let (codex, mut server, mut command, request) = a_command().await;
    output(&mut server, &request, "eQo=").await;
    drop(server);
    codex.closed().await;
    assert_eq!(command.next().await.unwrap().unwrap().bytes, b"y\n");
    assert!(command.next().await.unwrap().unwrap_err().is_closed());
    assert!(command.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn commands_that_run_leave_the_places_of_requests_to_others() {
    let builder = Codex::builder().max_in_flight(2);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let running = [
        codex.command(["cat"]).spawn().await.unwrap(),
        codex.command(["cat"]).spawn().await.unwrap(),
    ];
    server.expect("command/exec").await;
    let second = server.expect("command/exec").await;
    let third = timeout(HOUR, codex.command(["cat"]).spawn()).await.unwrap();
    assert!(matches!(third, Err(Error::Timeout { what: "command/exec", .. })), "{third:?}");
    sync(&codex, &mut server).await;
    // Another one can be spawned when one has ended, whoever reads that.
    end(&mut server, &second).await;
    let third = timeout(HOUR, codex.command(["cat"]).spawn()).await.unwrap().unwrap();
    assert_eq!(server.expect("command/exec").await.params["processId"], third.process_id());
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_long_command_whose_handle_is_gone_is_no_surprise() {
    let (codex, mut server, command, request) = a_command().await;
    let mut feed = codex.notifications();
    sleep(2 * HOUR).await;
    drop(command);
    sleep(2 * HOUR).await;
    end(&mut server, &request).await;
    let event = timeout(Duration::from_secs(60), feed.next()).await;
    assert!(event.is_err(), "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn a_guarded_command_is_terminated_when_it_is_dropped_unless_it_has_ended() {
    let (_codex, mut server, mut command, request) = a_command().await;
    command.terminate_on_drop(true);
    drop(command);
    let terminate = server.expect("command/exec/terminate").await;
    assert_eq!(terminate.params["processId"], request.params["processId"]);
    let (_codex, mut server, mut command, request) = a_command().await;
    command.terminate_on_drop(true);
    end(&mut server, &request).await;
    assert!(command.next().await.is_none());
    drop(command);
    silence(&mut server).await;
}

#[tokio::test]
async fn no_output_of_a_command_is_in_debug() {
    let (_codex, mut server, mut command, request) = a_command().await;
    output(&mut server, &request, "c2VjcmV0").await;
    let output = command.next().await.unwrap().unwrap();
    assert_eq!(output.bytes, b"secret");
    let shown = format!("{output:?}");
    assert!(!shown.contains("115, 101, 99") && !shown.contains("secret"), "{shown}");
}
