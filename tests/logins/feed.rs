//! What is not the end of an attempt of this client goes where it always goes.

use codexkit::protocol::{ChatgptLoginAccountParams, LoginAccountParams, ThreadLoadedListParams};
use codexkit::testing::FakeServer;
use codexkit::{Codex, Notifications, TurnHandle};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    HOUR, assert_succeeded, begin, chatgpt, chatgpt_reply, complete, completion, expect_start,
    heard, reply, send_at_once, within,
};

async fn a_place() -> (Codex, FakeServer, Notifications) {
    let (codex, server) = FakeServer::start().await.unwrap();
    let feed = codex.notifications();
    (codex, server, feed)
}

#[tokio::test(start_paused = true)]
async fn a_foreign_end_goes_to_the_feed() {
    let (codex, mut server, mut feed) = a_place().await;
    send_at_once(&mut server, &[completion("foreign", None), completion(Value::Null, None)]).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["foreign", "null"]);
    let login = chatgpt(&codex, &mut server, "l1").await;
    send_at_once(&mut server, &[completion("foreign", None), completion(Value::Null, None)]).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["foreign", "null"]);
    complete(&mut server, "l1", None).await;
    assert_succeeded(within(login.wait()).await, "l1");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_end_while_a_login_starts_goes_to_the_feed_once() {
    let (codex, mut server, mut feed) = a_place().await;
    let (start, request) = begin(&codex, &mut server).await;
    send_at_once(
        &mut server,
        &[
            completion("foreign 1", None),
            completion("foreign 2", None),
            reply(&request, chatgpt_reply("l1")),
            completion("foreign 3", None),
        ],
    )
    .await;
    let _login = within(start).await.unwrap().unwrap();
    complete(&mut server, "foreign 4", None).await;
    let expected = ["foreign 1", "foreign 2", "foreign 3", "foreign 4"];
    assert_eq!(heard(&mut feed, &mut server).await, expected);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_login_of_nobody_is_not_held_back_while_a_login_starts() {
    let (codex, mut server, mut feed) = a_place().await;
    let (_start, _request) = begin(&codex, &mut server).await;
    server.send(completion(Value::Null, Some("nobody's"))).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["null"]);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_end_goes_to_the_feed_when_the_start_was_refused() {
    let (codex, mut server, mut feed) = a_place().await;
    let (start, request) = begin(&codex, &mut server).await;
    complete(&mut server, "foreign", None).await;
    server.reply_error(&request.id, -32600, "no").await;
    within(start).await.unwrap().unwrap_err();
    assert_eq!(heard(&mut feed, &mut server).await, ["foreign"]);
    complete(&mut server, "foreign", None).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["foreign"]);
}

#[tokio::test(start_paused = true)]
async fn a_second_end_of_the_same_attempt_changes_nothing_and_goes_to_the_feed() {
    let (codex, mut server, mut feed) = a_place().await;
    let login = chatgpt(&codex, &mut server, "l1").await;
    let ends = [completion("l1", None), completion("l1", Some("too late"))];
    send_at_once(&mut server, &ends).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["l1"]);
    assert_succeeded(within(login.wait()).await, "l1");
}

#[tokio::test(start_paused = true)]
async fn of_two_ends_before_the_reply_the_first_counts() {
    let (codex, mut server, mut feed) = a_place().await;
    let (start, request) = begin(&codex, &mut server).await;
    let ends = [completion("l1", None), completion("l1", Some("too late"))];
    send_at_once(&mut server, &ends).await;
    server.reply(&request.id, chatgpt_reply("l1")).await;
    let login = within(start).await.unwrap().unwrap();
    assert_succeeded(within(login.wait()).await, "l1");
    assert_eq!(heard(&mut feed, &mut server).await, ["l1"]);
}

/// Has the server tell of other things than ends of logins, each of which has to arrive at once.
async fn hear_of_others(server: &mut FakeServer, feed: &mut Notifications, turn: &mut TurnHandle) {
    let others = ["account/updated", "thread/name/updated", "account/gatewayOAuth/changed"];
    server.notify(others[0], json!({"authMode": "chatgpt", "planType": null})).await;
    server.notify(others[1], json!({"threadId": "t2", "threadName": "x"})).await;
    let gateway = json!({"providerId": "p", "status": "connected", "loginId": "l1"});
    server.notify(others[2], gateway).await;
    server.delta("t1", "u1", "text").await;
    assert_eq!(heard(feed, server).await, others);
    let event = within(turn.next()).await.unwrap().unwrap();
    assert_eq!(event.notification().unwrap().method(), "item/agentMessage/delta");
}

#[tokio::test(start_paused = true)]
async fn a_start_and_a_wait_hold_nothing_else_back() {
    let (codex, mut server, mut feed) = a_place().await;
    let (thread, _) = tokio::join!(codex.thread_start().into_future(), server.accept_thread("t1"));
    let thread = thread.unwrap();
    let (turn, _) = tokio::join!(thread.turn("go").into_future(), server.accept_turn("u1"));
    let mut turn = turn.unwrap();
    let (start, request) = begin(&codex, &mut server).await;
    hear_of_others(&mut server, &mut feed, &mut turn).await;
    assert!(!start.is_finished());
    server.reply(&request.id, chatgpt_reply("l1")).await;
    let login = within(start).await.unwrap().unwrap();
    let waiting = tokio::spawn(async move { login.wait().await });
    hear_of_others(&mut server, &mut feed, &mut turn).await;
    assert!(!waiting.is_finished());
    complete(&mut server, "l1", None).await;
    assert_succeeded(within(waiting).await.unwrap(), "l1");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_attempt_that_was_started_by_a_plain_request_goes_to_the_feed() {
    let (codex, mut server, mut feed) = a_place().await;
    let params = LoginAccountParams::Chatgpt(ChatgptLoginAccountParams::default());
    let (reply, ()) = tokio::join!(codex.request(params).into_future(), async {
        let start = expect_start(&mut server, "chatgpt").await;
        server.reply(&start.id, chatgpt_reply("l1")).await;
    });
    reply.unwrap();
    complete(&mut server, "l1", None).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["l1"]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_attempt_whose_handle_is_gone_goes_to_the_feed() {
    let (codex, mut server, mut feed) = a_place().await;
    let login = chatgpt(&codex, &mut server, "l1").await;
    let clone = login.clone();
    drop(login);
    // One clone is left, whose end it is.
    complete(&mut server, "l1", None).await;
    assert_eq!(heard(&mut feed, &mut server).await, [""; 0]);
    assert_succeeded(within(clone.wait()).await, "l1");
    drop(chatgpt(&codex, &mut server, "l2").await);
    complete(&mut server, "l2", None).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["l2"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_not_sent_yet_keeps_nothing_once_it_is_dropped() {
    let builder = Codex::builder().max_in_flight(1);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let mut feed = codex.notifications();
    let hanging = codex.request(ThreadLoadedListParams::default());
    let hanging = tokio::spawn(hanging.no_timeout().into_future());
    let id = within(server.expect("thread/loaded/list")).await.id;
    let start = codex.login_chatgpt().into_future();
    assert!(timeout(HOUR / 100, start).await.is_err());
    complete(&mut server, "foreign", None).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["foreign"]);
    server.reply(&id, json!({"data": []})).await;
    within(hanging).await.unwrap().unwrap();
}
