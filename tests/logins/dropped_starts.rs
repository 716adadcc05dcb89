//! A start that nobody waits for any more leaves no attempt behind.

use std::time::Duration;

use codexkit::protocol::ThreadLoadedListParams;
use codexkit::testing::FakeServer;
use codexkit::{Codex, Error};
use serde_json::json;

use crate::support::{
    begin, chatgpt_reply, complete, completion, device_code_reply, expect_cancel, expect_start,
    heard, poll_once, reply, send_at_once, silence, sync, within,
};

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_before_it_was_sent_sends_nothing() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    drop(codex.login_chatgpt());
    drop(codex.login_chatgpt_device_code().into_future());
    let mut start = codex.login_chatgpt().into_future();
    poll_once(&mut start).await;
    drop(start);
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_while_it_waits_for_a_place_sends_nothing() {
    let builder = Codex::builder().max_in_flight(1);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let hanging = codex.request(ThreadLoadedListParams::default()).into_future();
    let hanging = tokio::spawn(hanging);
    let id = within(server.expect("thread/loaded/list")).await.id;
    let start = tokio::spawn(codex.login_chatgpt().into_future());
    tokio::time::sleep(Duration::from_secs(1)).await;
    start.abort();
    start.await.unwrap_err();
    server.reply(&id, json!({"data": []})).await;
    within(hanging).await.unwrap().unwrap();
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_after_it_was_sent_is_cancelled_once_it_has_a_name() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    let (browser, request) = begin(&codex, &mut server).await;
    browser.abort();
    browser.await.unwrap_err();
    silence(&mut server).await;
    server.reply(&request.id, chatgpt_reply("l1")).await;
    expect_cancel(&mut server, "l1").await;
    let code = tokio::spawn(codex.login_chatgpt_device_code().into_future());
    let request = expect_start(&mut server, "chatgptDeviceCode").await;
    code.abort();
    code.await.unwrap_err();
    server.reply(&request.id, device_code_reply("l2")).await;
    expect_cancel(&mut server, "l2").await;
    // Nobody listens for these.
    complete(&mut server, "l1", None).await;
    complete(&mut server, "l2", None).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["l1", "l2"]);
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_between_its_reply_and_its_next_poll_is_cancelled() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut start = codex.login_chatgpt().into_future();
    poll_once(&mut start).await;
    let request = expect_start(&mut server, "chatgpt").await;
    server.reply(&request.id, chatgpt_reply("l1")).await;
    sync(&codex, &mut server).await;
    drop(start);
    expect_cancel(&mut server, "l1").await;
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_start_that_is_refused_or_has_already_ended_sends_nothing() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (start, request) = begin(&codex, &mut server).await;
    start.abort();
    server.reply_error(&request.id, -32600, "no").await;
    silence(&mut server).await;
    let mut feed = codex.notifications();
    let (start, request) = begin(&codex, &mut server).await;
    start.abort();
    start.await.unwrap_err();
    let both = [completion("l1", None), reply(&request, chatgpt_reply("l1"))];
    send_at_once(&mut server, &both).await;
    silence(&mut server).await;
    assert_eq!(heard(&mut feed, &mut server).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_took_too_long_is_cancelled_when_its_reply_comes() {
    let builder = Codex::builder().request_timeout(Duration::from_secs(5));
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let (start, request) = begin(&codex, &mut server).await;
    match within(start).await.unwrap() {
        Err(Error::Timeout { what, after, .. }) => {
            assert_eq!((what, after), ("account/login/start", Duration::from_secs(5)));
        }
        other => panic!("{other:?}"),
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    server.reply(&request.id, chatgpt_reply("l1")).await;
    expect_cancel(&mut server, "l1").await;
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_reply_never_comes_is_forgotten() {
    let builder = Codex::builder().request_timeout(Duration::from_secs(5));
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let mut feed = codex.notifications();
    let (start, _) = begin(&codex, &mut server).await;
    complete(&mut server, "foreign", None).await;
    within(start).await.unwrap().unwrap_err();
    tokio::time::sleep(Duration::from_secs(60)).await;
    complete(&mut server, "later", None).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["foreign", "later"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_start_is_not_repeated_when_it_is_refused_by_an_overload() {
    let builder = Codex::builder().retry_overloaded(codexkit::RetryPolicy::default());
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let (start, request) = begin(&codex, &mut server).await;
    start.abort();
    start.await.unwrap_err();
    server.reply_error(&request.id, -32001, "Server overloaded; retry later.").await;
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_start_does_not_keep_the_connection() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (start, _) = begin(&codex, &mut server).await;
    start.abort();
    start.await.unwrap_err();
    let started = tokio::time::Instant::now();
    drop(codex);
    assert!(within(server.receive()).await.is_none());
    assert_eq!(started.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_nobody_can_complete_is_cancelled() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    for answer in [
        json!({"type": "chatgpt", "loginId": "l1"}),
        json!({"type": "chatgptNew", "loginId": "l1", "authUrl": "https://auth/"}),
    ] {
        let (start, request) = begin(&codex, &mut server).await;
        server.send(reply(&request, answer)).await;
        match within(start).await.unwrap() {
            Err(Error::Decode { method, .. }) => assert_eq!(method, "account/login/start"),
            other => panic!("{other:?}"),
        }
        let cancel = expect_cancel(&mut server, "l1").await;
        server.send(reply(&cancel, json!({"status": "canceled"}))).await;
    }
    let (start, request) = begin(&codex, &mut server).await;
    server.send(reply(&request, json!({"type": "apiKey"}))).await;
    assert!(matches!(within(start).await.unwrap(), Err(Error::Decode { .. })));
    silence(&mut server).await;
}
