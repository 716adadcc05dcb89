//! What goes on in the background keeps nothing alive.

use std::time::Duration;

use codexkit::Codex;
use codexkit::testing::FakeServer;
use tokio::time::Instant;

use crate::support::{expect_goal, poll_once, started_goal, thread, turn};

/// Reads what is still sent, and fails if the connection is not closed at once.
async fn closes_at_once(mut server: FakeServer, codex: Codex) {
    let started = Instant::now();
    drop(codex);
    while server.receive().await.is_some() {}
    assert_eq!(started.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_to_be_interrupted_does_not_keep_the_connection() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut turn = turn(&thread, &mut server, "u1").await;
    turn.interrupt_on_drop(true);
    turn.set_deadline(Duration::from_secs(5));
    drop((turn, thread));
    // It waits for the answer now, which does not come.
    server.expect("turn/interrupt").await;
    closes_at_once(server, codex).await;
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_is_to_be_paused_does_not_keep_the_connection() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut run = started_goal(&thread, &mut server).await;
    run.interrupt_on_drop(true);
    drop((run, thread));
    server.expect("thread/goal/get").await;
    closes_at_once(server, codex).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_dropped_does_not_keep_the_connection() {
    for (guarded, sent) in [(false, false), (false, true), (true, false), (true, true)] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let thread = thread(&codex, &mut server).await;
        let mut start = thread.turn("go").interrupt_on_drop(guarded).into_future();
        poll_once(&mut start).await;
        if sent {
            server.expect("turn/start").await;
        }
        drop((start, thread));
        closes_at_once(server, codex).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_goal_whose_start_was_dropped_does_not_keep_the_connection() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let start = tokio::spawn(thread.goal_run("Finish.").interrupt_on_drop(true).into_future());
    expect_goal(&mut server).await;
    start.abort();
    start.await.unwrap_err();
    drop(thread);
    closes_at_once(server, codex).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_or_a_command_that_was_dropped_does_not_keep_the_connection() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let fs = codex.fs();
    let mut start = Box::pin(fs.watch("/project"));
    poll_once(&mut start).await;
    server.expect("fs/watch").await;
    drop(start);
    drop(fs);
    server.expect("fs/unwatch").await;
    let mut command = codex.command(["yes"]).spawn().await.unwrap();
    command.terminate_on_drop(true);
    server.expect("command/exec").await;
    drop(command);
    server.expect("command/exec/terminate").await;
    closes_at_once(server, codex).await;
}

#[test]
fn handles_can_be_used_and_dropped_after_their_async_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut turn, mut command, server, codex) = runtime.block_on(async {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let thread = thread(&codex, &mut server).await;
        let mut turn = turn(&thread, &mut server, "u1").await;
        turn.interrupt_on_drop(true);
        turn.set_deadline(Duration::from_secs(5));
        let command = codex.command(["yes"]).spawn().await.unwrap();
        (turn, command, server, codex)
    });
    drop(runtime);
    assert!(codex.close_reason().is_some());
    turn.set_deadline(Duration::from_secs(1));
    command.terminate_on_drop(true);
    drop((turn, command, server, codex));
}
