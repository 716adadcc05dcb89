//! An attempt is given up when somebody asks for that, and only then.

use codexkit::Codex;
use codexkit::protocol::{CancelLoginAccountStatus, ThreadLoadedListParams};
use codexkit::testing::FakeServer;
use serde_json::json;

use crate::support::{
    CANCELLED, assert_succeeded, begin, chatgpt, chatgpt_reply, complete, completion, device_code,
    expect_cancel, failure, heard, reply, send_at_once, silence, sync, within,
};

#[tokio::test(start_paused = true)]
async fn a_cancelled_attempt_fails() {
    for end_first in [true, false] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let login = device_code(&codex, &mut server, "l1").await;
        let (status, ()) = tokio::join!(login.cancel(), async {
            let cancel = expect_cancel(&mut server, "l1").await;
            let mut both = [
                reply(&cancel, json!({"status": "canceled"})),
                completion("l1", Some("Login was not completed")),
            ];
            if end_first {
                both.reverse();
            }
            send_at_once(&mut server, &both).await;
        });
        assert_eq!(status.unwrap(), CancelLoginAccountStatus::Canceled);
        let failure = failure(within(login.wait()).await, "l1");
        assert!(failure.is_cancelled());
        assert_eq!(failure.to_string(), "login l1 failed: Login was not completed");
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_comes_before_the_cancellation_counts() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await;
    let (status, ()) = tokio::join!(login.cancel(), async {
        let cancel = expect_cancel(&mut server, "l1").await;
        complete(&mut server, "l1", None).await;
        server.reply(&cancel.id, json!({"status": "notFound"})).await;
    });
    assert_eq!(status.unwrap(), CancelLoginAccountStatus::NotFound);
    assert_succeeded(within(login.wait()).await, "l1");
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_whose_end_never_comes_leaves_the_attempt_open() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await;
    let (status, ()) = tokio::join!(login.cancel(), async {
        let cancel = expect_cancel(&mut server, "l1").await;
        server.reply(&cancel.id, json!({"status": "canceled"})).await;
    });
    assert_eq!(status.unwrap(), CancelLoginAccountStatus::Canceled);
    let minute = std::time::Duration::from_secs(60);
    assert!(matches!(login.wait_timeout(minute).await, Err(codexkit::Error::LoginTimeout { .. })));
    complete(&mut server, "l1", Some(CANCELLED)).await;
    assert!(failure(within(login.wait()).await, "l1").is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_is_refused_says_so_and_changes_nothing() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await;
    let (status, ()) = tokio::join!(login.cancel(), async {
        let cancel = expect_cancel(&mut server, "l1").await;
        server.reply_error(&cancel.id, -32603, "no").await;
    });
    assert_eq!(status.unwrap_err().code(), Some(-32603));
    complete(&mut server, "l1", None).await;
    assert_succeeded(within(login.wait()).await, "l1");
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_waits_for_no_place() {
    let builder = Codex::builder().max_in_flight(1);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await;
    let guarded = chatgpt(&codex, &mut server, "l2").await.cancel_on_drop(true);
    let hanging = codex.request(ThreadLoadedListParams::default()).no_timeout().into_future();
    let hanging = tokio::spawn(hanging);
    within(server.expect("thread/loaded/list")).await;
    let (status, ()) = tokio::join!(login.cancel(), async {
        let cancel = expect_cancel(&mut server, "l1").await;
        server.reply(&cancel.id, json!({"status": "canceled"})).await;
    });
    status.unwrap();
    drop(guarded);
    expect_cancel(&mut server, "l2").await;
    assert!(!hanging.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_login_that_was_cancelled_by_another_runtime_or_denied_is_told_apart() {
    for (error, is_cancelled) in [
        ("Login server error: Login cancelled", true),
        ("Login server error: Login was not completed", true),
        ("Login was not completed", true),
        ("Login server error: Sign-in failed: access_denied", false),
        ("Login was not completed in time by a proxy", false),
        ("", false),
    ] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let login = chatgpt(&codex, &mut server, "l1").await;
        complete(&mut server, "l1", Some(error)).await;
        let failure = failure(within(login.wait()).await, "l1");
        assert_eq!(failure.is_cancelled(), is_cancelled, "{error}");
        assert_eq!(failure.completed.error.as_deref(), Some(error));
        assert!(failure.to_string().contains(error), "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_handle_cancels_nothing_unless_that_was_asked_for() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    drop(chatgpt(&codex, &mut server, "l1").await);
    drop(device_code(&codex, &mut server, "l2").await);
    drop(chatgpt(&codex, &mut server, "l3").await.cancel_on_drop(true).cancel_on_drop(false));
    let ended = [
        chatgpt(&codex, &mut server, "l4").await.cancel_on_drop(true),
        chatgpt(&codex, &mut server, "l5").await.cancel_on_drop(true),
    ];
    let ends = [completion("l4", None), completion("l5", Some("denied"))];
    send_at_once(&mut server, &ends).await;
    sync(&codex, &mut server).await;
    drop(ended);
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_clone_that_is_dropped_cancels_if_that_was_asked_for() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    let browser = chatgpt(&codex, &mut server, "l1").await;
    let clone = browser.clone();
    // What one clone asks for is asked for by all.
    drop(browser.cancel_on_drop(true));
    let code = device_code(&codex, &mut server, "l2").await.cancel_on_drop(true);
    silence(&mut server).await;
    drop(clone);
    let cancel = expect_cancel(&mut server, "l1").await;
    server.reply(&cancel.id, json!({"status": "canceled"})).await;
    complete(&mut server, "l1", Some(CANCELLED)).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["l1"]);
    drop(code);
    expect_cancel(&mut server, "l2").await;
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_is_dropped_after_the_connection_ended_harms_nothing() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await.cancel_on_drop(true);
    let other = chatgpt(&codex, &mut server, "l2").await.cancel_on_drop(true);
    drop(server);
    within(codex.closed()).await;
    drop(login);
    tokio::task::yield_now().await;
    // Also where there is no async runtime.
    std::thread::spawn(move || drop(other)).join().unwrap();
    assert!(codex.close_reason().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_handle_can_be_dropped_outside_of_the_async_runtime() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await.cancel_on_drop(true);
    std::thread::spawn(move || drop(login)).join().unwrap();
    expect_cancel(&mut server, "l1").await;
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_waits_for_its_answer_does_not_keep_the_connection() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    drop(chatgpt(&codex, &mut server, "l1").await.cancel_on_drop(true));
    expect_cancel(&mut server, "l1").await;
    let started = tokio::time::Instant::now();
    drop(codex);
    assert!(within(server.receive()).await.is_none());
    assert_eq!(started.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_attempts_with_one_id_have_one_end_and_do_not_harm_each_other() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    let first = chatgpt(&codex, &mut server, "same").await;
    let second = device_code(&codex, &mut server, "same").await;
    drop(chatgpt(&codex, &mut server, "same").await);
    drop(first);
    complete(&mut server, "same", None).await;
    assert_succeeded(within(second.wait()).await, "same");
    assert_eq!(heard(&mut feed, &mut server).await, [""; 0]);
    // A later one of this id has an end of its own, which an earlier one does not take away.
    let third = chatgpt(&codex, &mut server, "same").await;
    drop(second);
    complete(&mut server, "same", Some("denied")).await;
    failure(within(third.wait()).await, "same");
}

#[tokio::test(start_paused = true)]
async fn an_end_before_the_replies_of_two_starts_with_one_id_is_that_of_both() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    let (first, one) = begin(&codex, &mut server).await;
    let (second, other) = begin(&codex, &mut server).await;
    complete(&mut server, "same", None).await;
    sync(&codex, &mut server).await;
    for request in [one, other] {
        server.reply(&request.id, chatgpt_reply("same")).await;
    }
    for start in [first, second] {
        let login = within(start).await.unwrap().unwrap();
        assert_succeeded(within(login.wait()).await, "same");
    }
    assert_eq!(heard(&mut feed, &mut server).await, [""; 0]);
}
