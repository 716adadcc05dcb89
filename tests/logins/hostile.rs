//! What the runtime says wrongly of a login harms that login alone.

use std::error::Error as _;

use codexkit::protocol::ServerNotification;
use codexkit::testing::FakeServer;
use codexkit::{ChatgptLoginHandle, Codex, ConnectionEvent, Error, Result};
use serde_json::{Value, json};

use crate::support::{
    assert_succeeded, begin, chatgpt, chatgpt_reply, complete, device_code_reply, expect_cancel,
    expect_start, failure, heard, sync, within,
};

async fn end(codex: &Codex, server: &mut FakeServer, params: Value) -> ChatgptLoginHandle {
    let login = chatgpt(codex, server, "l1").await;
    server.notify("account/login/completed", params).await;
    sync(codex, server).await;
    login
}

#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_understood_is_an_error_that_says_where() {
    for (params, place) in [
        (json!({"loginId": "l1", "success": "yes"}), "`success`: expected a boolean"),
        (json!({"loginId": "l1"}), "`success`: missing"),
        (json!({"loginId": "l1", "success": false, "error": 7}), "`error`: expected a string"),
    ] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let login = end(&codex, &mut server, params).await;
        for _ in 0..2 {
            match within(login.wait()).await {
                Err(error @ Error::Decode { .. }) => {
                    assert!(error.to_string().contains("`account/login/completed`"), "{error}");
                    let source = error.source().unwrap().to_string();
                    assert!(source.starts_with(place), "{source}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_nested_too_deep_is_an_error() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await;
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let params = format!("{{\"loginId\":\"l1\",\"success\":true,\"new\":{deep}}}");
    let line = format!("{{\"method\":\"account/login/completed\",\"params\":{params}}}\n");
    server.send_bytes(line.as_bytes()).await;
    let end = within(login.wait()).await;
    assert!(matches!(end, Err(Error::Decode { .. })), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn what_an_end_has_besides_is_kept() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let params = json!({"loginId": "l1", "success": true, "new": 7, "onboardingEntrypoint": null});
    let login = end(&codex, &mut server, params).await;
    let completed = within(login.wait()).await.unwrap();
    assert_eq!(completed.unrecognized.get("new"), Some(&json!(7)));
}

#[tokio::test(start_paused = true)]
async fn an_end_whose_id_is_no_text_is_nobodys() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    let (start, request) = begin(&codex, &mut server).await;
    let ids = [json!(1), json!(["l1"]), json!({"id": "l1"}), json!(true)];
    for id in &ids {
        server.notify("account/login/completed", json!({"loginId": id, "success": true})).await;
    }
    server.notify("account/login/completed", json!(["l1"])).await;
    server.notify("account/login/completed", json!("l1")).await;
    for _ in 0..ids.len() + 2 {
        match within(feed.next()).await.unwrap().unwrap() {
            ConnectionEvent::Notification { notification, .. } => {
                assert!(matches!(*notification, ServerNotification::Unrecognized(_)));
            }
            other => panic!("{other:?}"),
        }
    }
    server.reply(&request.id, chatgpt_reply("l1")).await;
    let login = within(start).await.unwrap().unwrap();
    complete(&mut server, "l1", None).await;
    assert_succeeded(within(login.wait()).await, "l1");
}

#[tokio::test(start_paused = true)]
async fn ids_are_the_same_however_they_are_written() {
    for (in_the_reply, in_the_end, login_id) in [
        (r"\u0061bc", "abc", "abc"),
        ("abc", r"\u0061bc", "abc"),
        (r"\ud83d\udd11 \u00e9", "\u{1f511} é", "\u{1f511} é"),
        (r#"a\"b\\c\/"#, r"\u0061\u0022b\u005cc/", r#"a"b\c/"#),
        ("", "", ""),
    ] {
        for end_first in [true, false] {
            let (codex, mut server) = FakeServer::start().await.unwrap();
            let (start, request) = begin(&codex, &mut server).await;
            let id = request.id;
            let mut lines = [
                format!(
                    "{{\"id\":{id},\"result\":{{\"type\":\"chatgpt\",\"authUrl\":\"u\",\
                     \"loginId\":\"{in_the_reply}\"}}}}\n"
                ),
                format!(
                    "{{\"params\":{{\"success\":true,\"loginId\":\"{in_the_end}\"}},\
                     \"method\":\"account/login/\\u0063ompleted\"}}\n"
                ),
            ];
            if end_first {
                lines.reverse();
            }
            for line in lines {
                server.send_bytes(line.as_bytes()).await;
                sync(&codex, &mut server).await;
            }
            let login = within(start).await.unwrap().unwrap();
            assert_eq!(login.login_id(), login_id);
            assert_succeeded(within(login.wait()).await, login_id);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_with_very_much_to_say_is_told() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await;
    let reason = "é".repeat(2 * 1024 * 1024);
    let (failed, ()) =
        tokio::join!(within(login.wait()), complete(&mut server, "l1", Some(&reason)));
    let failure = failure(failed, "l1");
    assert_eq!(failure.completed.error.as_ref(), Some(&reason));
    assert_eq!(failure.to_string(), format!("login l1 failed: {}…", "é".repeat(1000)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_without_a_reason_says_so() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = end(&codex, &mut server, json!({"loginId": "l1", "success": false})).await;
    let error = within(login.wait()).await.unwrap_err();
    assert_eq!(error.to_string(), "login l1 failed: no reason given");
}

#[tokio::test(start_paused = true)]
async fn a_success_with_an_error_is_a_success() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let params = json!({"loginId": "l1", "success": true, "error": "but"});
    let login = end(&codex, &mut server, params).await;
    assert_eq!(within(login.wait()).await.unwrap().error.as_deref(), Some("but"));
}

/// Answers a start of a login in the browser with `result`.
async fn start(
    codex: &Codex,
    server: &mut FakeServer,
    result: Value,
) -> Result<ChatgptLoginHandle> {
    let (started, ()) = tokio::join!(codex.login_chatgpt().into_future(), async {
        let start = expect_start(server, "chatgpt").await;
        server.reply(&start.id, result).await;
    });
    started
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_another_login_is_an_error_and_leaves_nothing_behind() {
    for result in [
        json!({"type": "apiKey"}),
        json!({"type": "chatgptAuthTokens"}),
        json!({"type": "new", "loginId": "l1", "authUrl": "u"}),
        device_code_reply("l1"),
        json!({"type": "chatgpt", "authUrl": "u"}),
        json!({"type": "chatgpt", "loginId": "l1"}),
        json!({"type": "chatgpt", "loginId": 1, "authUrl": "u"}),
        json!({"loginId": "l1", "authUrl": "u"}),
        json!({}),
        json!(null),
        json!("chatgpt"),
    ] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let mut feed = codex.notifications();
        let error = start(&codex, &mut server, result.clone()).await.unwrap_err();
        assert!(matches!(error, Error::Decode { .. }), "{result}: {error:?}");
        assert!(error.to_string().contains("`account/login/start`"), "{error}");
        assert!(error.source().is_some(), "{error:?}");
        complete(&mut server, "l1", None).await;
        assert_eq!(heard(&mut feed, &mut server).await, ["l1"], "{result}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_cancellation_that_is_new_is_kept_and_one_that_is_none_is_an_error() {
    use codexkit::protocol::CancelLoginAccountStatus::Unrecognized;

    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await;
    for (answer, fits) in [(json!({"status": "perhaps"}), true), (json!({"status": 7}), false)] {
        let (status, ()) = tokio::join!(login.cancel(), async {
            let cancel = expect_cancel(&mut server, "l1").await;
            server.reply(&cancel.id, answer).await;
        });
        match status {
            Ok(Unrecognized(it)) if fits => assert_eq!(it, "perhaps"),
            Err(Error::Decode { .. }) if !fits => (),
            other => panic!("{other:?}"),
        }
    }
}
