//! Several handles of one turn, each of which gets all that concerns it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use codexkit::protocol::{ServerNotification, TurnStatus};
use codexkit::testing::FakeServer;
use codexkit::{Codex, Thread, TurnHandle};
use serde_json::json;

async fn a_thread(codex: &Codex, server: &mut FakeServer) -> Thread {
    tokio::join!(codex.thread_start().into_future(), server.accept_thread("t1")).0.unwrap()
}

/// A handle of the turn `u1`.
async fn handle(thread: &Thread, server: &mut FakeServer) -> TurnHandle {
    tokio::join!(thread.turn("go").into_future(), server.accept_turn("u1")).0.unwrap()
}

#[tokio::test]
async fn a_start_that_joins_a_turn_which_ends_before_the_reply_has_its_end() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = a_thread(&codex, &mut server).await;
    let mut first = handle(&thread, &mut server).await;
    server.delta("t1", "u1", "before").await;
    first.next().await.unwrap().unwrap();
    let (second, ()) = tokio::join!(thread.turn("more").into_future(), async {
        let request = server.expect("turn/start").await;
        server.message("t1", "u1", "since then").await;
        server.complete_turn("t1", "u1", "completed").await;
        let turn = json!({"id": "u1", "items": [], "status": "inProgress"});
        server.reply(&request.id, json!({"turn": turn})).await;
    });
    let mut second = second.unwrap();
    let item = second.next().await.unwrap().unwrap().into_notification().unwrap();
    assert!(matches!(item, ServerNotification::ItemCompleted(_)), "{item:?}");
    for handle in [first, second] {
        let result = handle.result().await.unwrap();
        assert_eq!(result.status, TurnStatus::Completed);
        assert_eq!(result.final_response.as_deref(), Some("since then"));
    }
}

#[tokio::test]
async fn a_failure_of_a_turn_reaches_each_of_its_handles() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = a_thread(&codex, &mut server).await;
    let handles = [handle(&thread, &mut server).await, handle(&thread, &mut server).await];
    let error = json!({"message": "too much", "codexErrorInfo": "usageLimitExceeded"});
    let turn = json!({"id": "u1", "items": [], "status": "failed", "error": error});
    server.notify("turn/completed", json!({"threadId": "t1", "turn": turn})).await;
    for handle in handles {
        let error = handle.result().await.unwrap_err();
        assert_eq!(error.to_string(), "turn u1 failed: too much");
    }
}

#[tokio::test]
async fn the_end_of_the_connection_reaches_each_handle_of_a_turn() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = a_thread(&codex, &mut server).await;
    let handles = [handle(&thread, &mut server).await, handle(&thread, &mut server).await];
    server.delta("t1", "u1", "the last words").await;
    drop(server);
    for mut handle in handles {
        handle.next().await.unwrap().unwrap();
        assert!(handle.next().await.unwrap().unwrap_err().is_closed());
        assert!(handle.result().await.unwrap_err().is_closed());
    }
}

#[tokio::test]
async fn a_handle_that_is_dropped_leaves_the_others_alone() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = a_thread(&codex, &mut server).await;
    let (first, second) = (handle(&thread, &mut server).await, handle(&thread, &mut server).await);
    server.message("t1", "u1", "one").await;
    drop(first);
    server.message("t1", "u1", "two").await;
    server.complete_turn("t1", "u1", "completed").await;
    assert_eq!(second.result().await.unwrap().items.len(), 2);
}
