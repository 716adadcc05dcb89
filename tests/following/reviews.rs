//! A review works under another id than its own, and is one turn all the same.

use codexkit::protocol::{ReviewTarget, TurnStatus};
use codexkit::testing::FakeServer;
use codexkit::{Codex, Thread, TurnHandle};
use serde_json::json;

use crate::support::{
    a_turn, accept_interrupt, expect_interrupt, methods, refuse, start_for, sync, thread, turn,
};

/// A review `r1`.
async fn a_review() -> (Codex, FakeServer, Thread, TurnHandle) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let (review, ()) = tokio::join!(thread.review(ReviewTarget::uncommitted_changes()), async {
        let request = server.expect("review/start").await;
        let result = json!({"reviewThreadId": "t1", "turn": a_turn("r1", "inProgress")});
        server.reply(&request.id, result).await;
    });
    (codex, server, thread, review.unwrap())
}

#[tokio::test]
async fn a_review_that_is_over_before_its_reply_has_all_its_events() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let (review, ()) = tokio::join!(thread.review(ReviewTarget::uncommitted_changes()), async {
        let request = server.expect("review/start").await;
        server.delta("t1", "r1", "entered").await;
        start_for(&mut server, "t1", "inner", "r1").await;
        server.delta("t1", "r1", "looks fine").await;
        server.complete_turn("t1", "r1", "completed").await;
        let result = json!({"reviewThreadId": "t1", "turn": a_turn("r1", "inProgress")});
        server.reply(&request.id, result).await;
    });
    let delta = "item/agentMessage/delta";
    let expected = [delta, "turn/started", delta, "turn/completed"];
    assert_eq!(methods(&mut review.unwrap()).await, expected);
}

#[tokio::test]
async fn a_review_is_interrupted_under_the_id_that_works() {
    let (_codex, mut server, _thread, review) = a_review().await;
    let (interrupted, ()) = tokio::join!(review.interrupt(), async {
        let first = expect_interrupt(&mut server, "r1").await;
        refuse(&mut server, &first).await;
        start_for(&mut server, "t1", "inner", "r1").await;
        accept_interrupt(&mut server, "inner").await;
        server.complete_turn("t1", "r1", "interrupted").await;
    });
    interrupted.unwrap();
    assert_eq!(review.result().await.unwrap().status, TurnStatus::Interrupted);
}

#[tokio::test]
async fn a_review_of_a_runtime_that_does_not_name_it_is_the_one_whose_item_came_before() {
    let (codex, mut server, thread, mut review) = a_review().await;
    let item = json!({"type": "enteredReviewMode", "id": "i1", "review": "changes"});
    let params = json!({"threadId": "t1", "turnId": "r1", "startedAtMs": 1, "item": item});
    server.notify("item/started", params).await;
    server.start_turn("t1", "inner").await;
    sync(&codex, &mut server).await;
    let (interrupted, ()) =
        tokio::join!(review.interrupt(), accept_interrupt(&mut server, "inner"));
    interrupted.unwrap();
    server.complete_turn("t1", "r1", "interrupted").await;
    assert_eq!(methods(&mut review).await, ["item/started", "turn/started", "turn/completed"]);

    // What comes after it is a turn of its own.
    server.start_turn("t1", "u1").await;
    sync(&codex, &mut server).await;
    assert_eq!(thread.attach("u1").await.unwrap().id(), "u1");
}

#[tokio::test]
async fn a_second_handle_of_a_review_knows_under_which_id_it_works() {
    let (codex, mut server, thread, _review) = a_review().await;
    start_for(&mut server, "t1", "inner", "r1").await;
    sync(&codex, &mut server).await;
    for id in ["r1", "inner"] {
        let joined = thread.attach(id).await.unwrap();
        assert_eq!(joined.id(), "r1");
        let (interrupted, ()) =
            tokio::join!(joined.interrupt(), accept_interrupt(&mut server, "inner"));
        interrupted.unwrap();
    }
}

#[tokio::test]
async fn a_review_of_somebody_else_is_joined_and_interrupted_under_the_id_that_works() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    start_for(&mut server, "t1", "inner", "r1").await;
    sync(&codex, &mut server).await;
    let joined = thread.attach("r1").await.unwrap();
    let (interrupted, ()) =
        tokio::join!(joined.interrupt(), accept_interrupt(&mut server, "inner"));
    interrupted.unwrap();
    server.complete_turn("t1", "r1", "interrupted").await;
    assert_eq!(joined.result().await.unwrap().status, TurnStatus::Interrupted);
}

#[tokio::test]
async fn a_turn_of_another_thread_with_the_same_root_is_not_mixed_in() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut turn = turn(&thread, &mut server, "u1").await;
    start_for(&mut server, "agent", "a1", "u1").await;
    server.complete_turn("t1", "u1", "completed").await;
    assert_eq!(methods(&mut turn).await, ["turn/completed"]);
}
