//! A start that is dropped leaves no turn without a listener, if that was asked for.

use std::time::Duration;

use codexkit::protocol::ThreadLoadedListParams;
use codexkit::testing::FakeServer;
use codexkit::{Codex, Error, RetryPolicy};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::support::{a_turn, accept_interrupt, poll_once, silence, thread, turn};

const OVERLOADED: &str = "Server overloaded; retry later.";

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_at_once_is_never_sent() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    for guarded in [false, true] {
        let mut start = thread.turn("go").interrupt_on_drop(guarded).into_future();
        poll_once(&mut start).await;
        drop(start);
        silence(&mut server).await;
    }
}

#[tokio::test]
async fn a_guarded_start_that_waits_for_a_place_is_not_sent_when_it_is_dropped() {
    let builder = Codex::builder().max_in_flight(1);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut busy = codex.request(ThreadLoadedListParams::default()).into_future();
    poll_once(&mut busy).await;
    let mut start = thread.turn("go").interrupt_on_drop(true).into_future();
    poll_once(&mut start).await;
    // The one that has the place is answered only after the other one has begun to wait.
    let list = server.expect("thread/loaded/list").await;
    drop(start);
    server.reply(&list.id, json!({"data": []})).await;
    busy.await.unwrap();
    // What comes next is this one.
    turn(&thread, &mut server, "u1").await.interrupt_on_drop(false);
}

#[tokio::test]
async fn a_guarded_start_that_is_dropped_interrupts_exactly_its_own_turn() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut start = thread.turn("go").interrupt_on_drop(true).into_future();
    poll_once(&mut start).await;
    let request = server.expect("turn/start").await;
    drop(start);
    server.reply(&request.id, json!({"turn": a_turn("u1", "inProgress")})).await;
    accept_interrupt(&mut server, "u1").await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_lets_its_turn_go_on_unless_it_is_guarded() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut start = thread.turn("go").into_future();
    poll_once(&mut start).await;
    server.accept_turn("u1").await;
    drop(start);
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_guarded_start_whose_reply_is_late_is_interrupted_all_the_same() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let start = thread.turn("go").interrupt_on_drop(true).into_future();
    let (started, request) = tokio::join!(start, server.expect("turn/start"));
    let error = started.unwrap_err();
    assert!(matches!(error, Error::Timeout { what: "turn/start", .. }), "{error:?}");
    sleep(Duration::from_secs(1)).await;
    server.reply(&request.id, json!({"turn": a_turn("u1", "inProgress")})).await;
    accept_interrupt(&mut server, "u1").await;
}

#[tokio::test(start_paused = true)]
async fn a_start_is_repeated_on_an_overload_and_still_guarded() {
    let builder = Codex::builder().retry_overloaded(RetryPolicy::default());
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut start = thread.turn("go").interrupt_on_drop(true).into_future();
    poll_once(&mut start).await;
    let request = server.expect("turn/start").await;
    server.reply_error(&request.id, -32001, OVERLOADED).await;
    server.expect("turn/start").await;
    drop(start);
    // This one was sent: it may still be accepted.
    silence(&mut server).await;
    let (turn, ()) = tokio::join!(thread.turn("go").interrupt_on_drop(true).into_future(), async {
        let request = server.expect("turn/start").await;
        server.reply_error(&request.id, -32001, OVERLOADED).await;
        server.accept_turn("u1").await;
    });
    drop(turn.unwrap());
    accept_interrupt(&mut server, "u1").await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_to_be_repeated_is_not_when_it_is_dropped() {
    let builder = Codex::builder().retry_overloaded(RetryPolicy::default());
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut start = thread.turn("go").into_future();
    poll_once(&mut start).await;
    let request = server.expect("turn/start").await;
    server.reply_error(&request.id, -32001, OVERLOADED).await;
    crate::support::sync(&codex, &mut server).await;
    drop(start);
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_to_be_repeated_ends_with_the_connection_at_once() {
    let delay = Duration::from_secs(30);
    let policy = RetryPolicy::default().initial_delay(delay).max_delay(delay);
    let builder = Codex::builder().retry_overloaded(policy);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let started = Instant::now();
    let (turn, ()) = tokio::join!(thread.turn("go").interrupt_on_drop(true).into_future(), async {
        let request = server.expect("turn/start").await;
        server.reply_error(&request.id, -32001, OVERLOADED).await;
        sleep(Duration::from_secs(1)).await;
        drop(server);
    });
    assert!(turn.unwrap_err().is_closed());
    assert_eq!(started.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_place_of_a_dropped_request_without_a_time_limit_is_free_after_the_usual_time() {
    let builder = Codex::builder().max_in_flight(1).request_timeout(Duration::from_secs(40));
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let list = || codex.request(ThreadLoadedListParams::default()).no_timeout().into_future();
    let mut dropped = list();
    poll_once(&mut dropped).await;
    server.expect("thread/loaded/list").await;
    sleep(Duration::from_secs(100)).await;
    let started = Instant::now();
    drop(dropped);
    let (answer, ()) = tokio::join!(list(), async {
        let id = server.expect("thread/loaded/list").await.id;
        assert_eq!(started.elapsed().as_secs(), 40);
        server.reply(&id, json!({"data": []})).await;
    });
    answer.unwrap();
}
