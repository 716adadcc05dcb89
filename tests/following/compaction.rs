//! A compaction is the turn that sums up, and no other.

use codexkit::testing::FakeServer;
use codexkit::{Codex, Error, Thread};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::support::{HOUR, a_turn, accept_unsubscribe, methods, poll_once, thread, turn};

async fn a_place() -> (Codex, FakeServer, Thread) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    (codex, server, thread)
}

async fn accept_compaction(server: &mut FakeServer) {
    let request = server.expect("thread/compact/start").await;
    server.reply(&request.id, json!({})).await;
}

async fn sum_up(server: &mut FakeServer, turn: &str) {
    server.start_turn("t1", turn).await;
    let item = json!({"type": "contextCompaction", "id": "c"});
    let params = json!({"item": item, "threadId": "t1", "turnId": turn, "startedAtMs": 1});
    server.notify("item/started", params).await;
}

#[tokio::test(start_paused = true)]
async fn a_compaction_has_all_events_of_its_turn() {
    let (_codex, mut server, thread) = a_place().await;
    let (compaction, ()) = tokio::join!(thread.compact(), async {
        accept_compaction(&mut server).await;
        server.start_turn("t1", "of somebody else").await;
        server.complete_turn("t1", "of somebody else", "completed").await;
        sum_up(&mut server, "c1").await;
        server.complete_turn("t1", "c1", "completed").await;
    });
    let mut compaction = compaction.unwrap();
    assert_eq!(compaction.id(), "c1");
    let expected = ["turn/started", "item/started", "turn/completed"];
    assert_eq!(methods(&mut compaction).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_compaction_that_does_not_begin_is_an_error_and_frees_the_thread() {
    let (_codex, mut server, thread) = a_place().await;
    let (compaction, ()) = tokio::join!(thread.compact(), accept_compaction(&mut server));
    let error = compaction.unwrap_err();
    assert!(matches!(error, Error::Timeout { what: "item/started", .. }), "{error:?}");
    let mut next = turn(&thread, &mut server, "u1").await;
    server.delta("t1", "u1", "mine").await;
    server.complete_turn("t1", "u1", "completed").await;
    assert_eq!(methods(&mut next).await, ["item/agentMessage/delta", "turn/completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_compaction_does_not_take_a_turn_whose_start_was_dropped() {
    let (_codex, mut server, thread) = a_place().await;
    let mut start = thread.turn("go").into_future();
    poll_once(&mut start).await;
    let request = server.expect("turn/start").await;
    drop(start);
    let (compaction, ()) = tokio::join!(thread.compact(), async {
        let compact = server.expect("thread/compact/start").await;
        server.reply(&request.id, json!({"turn": a_turn("u1", "inProgress")})).await;
        server.start_turn("t1", "u1").await;
        server.reply(&compact.id, json!({})).await;
        server.complete_turn("t1", "u1", "interrupted").await;
        sum_up(&mut server, "c1").await;
    });
    assert_eq!(compaction.unwrap().id(), "c1");
}

#[tokio::test(start_paused = true)]
async fn a_compaction_does_not_wait_for_a_start_that_nobody_polls() {
    let (_codex, mut server, thread) = a_place().await;
    let mut start = thread.turn("go").into_future();
    poll_once(&mut start).await;
    server.accept_turn("u1").await;
    let started = Instant::now();
    let (compaction, ()) = tokio::join!(timeout(HOUR, thread.compact()), async {
        accept_compaction(&mut server).await;
        sum_up(&mut server, "c1").await;
    });
    assert_eq!(compaction.unwrap().unwrap().id(), "c1");
    assert_eq!(started.elapsed().as_secs(), 0);
    // Nor does the one that waits lose its turn.
    assert_eq!(start.await.unwrap().id(), "u1");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_compaction_is_told_at_once_of_an_unsubscribe() {
    let (_codex, mut server, thread) = a_place().await;
    let started = Instant::now();
    let (compaction, status, ()) = tokio::join!(thread.compact(), thread.unsubscribe(), async {
        accept_compaction(&mut server).await;
        accept_unsubscribe(&mut server).await;
    });
    status.unwrap();
    let error = compaction.unwrap_err();
    assert!(matches!(error, Error::Detached { .. }), "{error:?}");
    assert_eq!(started.elapsed().as_secs(), 0);
}

#[tokio::test]
async fn a_connection_that_ends_while_a_turn_is_awaited_says_so() {
    let (_codex, mut server, thread) = a_place().await;
    let (compaction, ()) = tokio::join!(thread.compact(), async {
        accept_compaction(&mut server).await;
        drop(server);
    });
    assert!(compaction.unwrap_err().is_closed());
}
