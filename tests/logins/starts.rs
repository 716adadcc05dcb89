//! An attempt is told how it ended, whenever the runtime says so.

use codexkit::testing::FakeServer;
use serde_json::json;

use crate::support::{
    CANCELLED, HOUR, accept_chatgpt, assert_succeeded, begin, chatgpt, chatgpt_reply, complete,
    completion, device_code, device_code_reply, expect_start, failure, heard, reply, send_at_once,
    sync, within,
};

#[tokio::test(start_paused = true)]
async fn a_login_in_the_browser_has_an_address_and_an_end() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await;
    assert_eq!((login.login_id(), login.auth_url()), ("l1", "https://auth/?of=l1"));
    complete(&mut server, "l1", None).await;
    assert_succeeded(within(login.wait()).await, "l1");
}

#[tokio::test(start_paused = true)]
async fn a_login_with_a_code_has_a_code_and_an_end() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = device_code(&codex, &mut server, "l1").await;
    let shown = (login.login_id(), login.verification_url(), login.user_code());
    assert_eq!(shown, ("l1", "https://auth/device", "CODE-l1"));
    complete(&mut server, "l1", None).await;
    assert_succeeded(within(login.wait()).await, "l1");
}

#[tokio::test(start_paused = true)]
async fn params_of_a_start_are_sent_as_they_were_changed() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let start = codex.login_chatgpt().params(|it| it.codex_streamlined_login(true));
    let (login, ()) = tokio::join!(start.into_future(), async {
        let start = expect_start(&mut server, "chatgpt").await;
        assert_eq!(start.params["codexStreamlinedLogin"], true);
        server.reply(&start.id, chatgpt_reply("l1")).await;
    });
    assert_eq!(login.unwrap().login_id(), "l1");
}

#[tokio::test(start_paused = true)]
async fn an_end_before_the_reply_is_kept() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    let (start, request) = begin(&codex, &mut server).await;
    complete(&mut server, "l1", None).await;
    sync(&codex, &mut server).await;
    server.reply(&request.id, chatgpt_reply("l1")).await;
    let login = within(start).await.unwrap().unwrap();
    assert_succeeded(within(login.wait()).await, "l1");
    assert_eq!(heard(&mut feed, &mut server).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_comes_with_the_reply_is_kept() {
    for end_first in [true, false] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let mut feed = codex.notifications();
        let (start, request) = begin(&codex, &mut server).await;
        let mut both = [reply(&request, chatgpt_reply("l1")), completion("l1", Some("denied"))];
        if end_first {
            both.reverse();
        }
        send_at_once(&mut server, &both).await;
        let login = within(start).await.unwrap().unwrap();
        let failure = failure(within(login.wait()).await, "l1");
        assert_eq!(failure.completed.error.as_deref(), Some("denied"));
        assert_eq!(heard(&mut feed, &mut server).await, [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_long_after_the_reply_is_waited_for() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = device_code(&codex, &mut server, "l1").await;
    let (completed, ()) = tokio::join!(login.wait(), async {
        tokio::time::sleep(24 * HOUR).await;
        complete(&mut server, "l1", None).await;
    });
    assert_succeeded(completed, "l1");
}

#[tokio::test(start_paused = true)]
async fn ends_in_another_order_find_their_attempts() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let first = chatgpt(&codex, &mut server, "l1").await;
    let second = device_code(&codex, &mut server, "l2").await;
    let ends = [completion("l2", None), completion("l1", Some(CANCELLED))];
    send_at_once(&mut server, &ends).await;
    let (first, second) = within(async { tokio::join!(first.wait(), second.wait()) }).await;
    assert!(failure(first, "l1").is_cancelled());
    assert_succeeded(second, "l2");
}

#[tokio::test(start_paused = true)]
async fn ends_before_the_replies_of_two_starts_find_their_attempts() {
    for swapped in [false, true] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let (first, request_of_first) = begin(&codex, &mut server).await;
        let second = tokio::spawn(codex.login_chatgpt_device_code().into_future());
        let request_of_second = expect_start(&mut server, "chatgptDeviceCode").await;
        let mut replies = [
            reply(&request_of_first, chatgpt_reply("l1")),
            reply(&request_of_second, device_code_reply("l2")),
        ];
        if swapped {
            replies.reverse();
        }
        send_at_once(&mut server, &[completion("l2", None), completion("l1", Some("no"))]).await;
        sync(&codex, &mut server).await;
        send_at_once(&mut server, &replies).await;
        let first = within(first).await.unwrap().unwrap();
        let second = within(second).await.unwrap().unwrap();
        failure(within(first.wait()).await, "l1");
        assert_succeeded(within(second.wait()).await, "l2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_start_takes_nothing_from_one_that_overlaps() {
    for refused_first in [true, false] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let mut feed = codex.notifications();
        complete(&mut server, "before", None).await;
        let (refused, to_be_refused) = begin(&codex, &mut server).await;
        complete(&mut server, "foreign 1", None).await;
        let (accepted, to_be_accepted) = begin(&codex, &mut server).await;
        let ends = [completion("l2", None), completion("foreign 2", None)];
        send_at_once(&mut server, &ends).await;
        let no = json!({"id": to_be_refused.id, "error": {"code": -32600, "message": "no"}});
        let mut replies = [no, reply(&to_be_accepted, chatgpt_reply("l2"))];
        if !refused_first {
            replies.reverse();
        }
        send_at_once(&mut server, &replies).await;
        assert_eq!(within(refused).await.unwrap().unwrap_err().code(), Some(-32600));
        let login = within(accepted).await.unwrap().unwrap();
        assert_succeeded(within(login.wait()).await, "l2");
        let heard = heard(&mut feed, &mut server).await;
        assert_eq!(heard, ["before", "foreign 1", "foreign 2"], "refused first: {refused_first}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_one_start_stays_when_others_are_over() {
    for last in [0, 1] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let mut feed = codex.notifications();
        let mut starts = Vec::new();
        for n in 0..4 {
            starts.push(Some(begin(&codex, &mut server).await));
            complete(&mut server, &format!("l{n}"), None).await;
            sync(&codex, &mut server).await;
        }
        // The last two are refused, one of the first two goes on.
        for n in [2, 3, 1 - last] {
            let (start, request) = starts[n].take().unwrap();
            server.reply_error(&request.id, -32600, "no").await;
            within(start).await.unwrap().unwrap_err();
        }
        let (start, request) = starts[last].take().unwrap();
        server.reply(&request.id, chatgpt_reply(&format!("l{last}"))).await;
        let login = within(start).await.unwrap().unwrap();
        assert_succeeded(within(login.wait()).await, &format!("l{last}"));
        let mut foreign = vec!["l0", "l1", "l2", "l3"];
        foreign.remove(last);
        assert_eq!(heard(&mut feed, &mut server).await, foreign);
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_of_before_a_start_is_not_taken_for_its_own() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    let (first, request_of_first) = begin(&codex, &mut server).await;
    complete(&mut server, "l2", Some("of another login")).await;
    sync(&codex, &mut server).await;
    let (second, request_of_second) = begin(&codex, &mut server).await;
    server.reply(&request_of_second.id, chatgpt_reply("l2")).await;
    let second = within(second).await.unwrap().unwrap();
    server.reply(&request_of_first.id, chatgpt_reply("l1")).await;
    let _first = within(first).await.unwrap().unwrap();
    assert_eq!(heard(&mut feed, &mut server).await, ["l2"]);
    complete(&mut server, "l2", None).await;
    assert_succeeded(within(second.wait()).await, "l2");
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_ends_the_first_before_or_after_its_own_reply() {
    for end_first in [true, false] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let mut feed = codex.notifications();
        let first = chatgpt(&codex, &mut server, "l1").await;
        let (second, request) = begin(&codex, &mut server).await;
        let mut both = [reply(&request, chatgpt_reply("l2")), completion("l1", Some(CANCELLED))];
        if end_first {
            both.reverse();
        }
        send_at_once(&mut server, &both).await;
        let second = within(second).await.unwrap().unwrap();
        assert!(failure(within(first.wait()).await, "l1").is_cancelled());
        complete(&mut server, "l2", None).await;
        assert_succeeded(within(second.wait()).await, "l2");
        assert_eq!(heard(&mut feed, &mut server).await, [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_start_gives_the_error_of_the_runtime() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let start = codex.login_chatgpt_device_code().into_future();
    let (refused, ()) = tokio::join!(start, async {
        let start = expect_start(&mut server, "chatgptDeviceCode").await;
        server.reply_error(&start.id, -32600, "device code login is not enabled").await;
    });
    let error = refused.unwrap_err();
    assert_eq!(error.code(), Some(-32600));
    assert!(error.to_string().contains("device code login is not enabled"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_refused_by_an_overload_is_repeated_if_the_user_wants_that() {
    use codexkit::{Codex, RetryPolicy};

    let builder = Codex::builder().retry_overloaded(RetryPolicy::default());
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let (start, request) = begin(&codex, &mut server).await;
    server.reply_error(&request.id, -32001, "Server overloaded; retry later.").await;
    accept_chatgpt(&mut server, "l1").await;
    let login = within(start).await.unwrap().unwrap();
    complete(&mut server, "l1", None).await;
    assert_succeeded(within(login.wait()).await, "l1");
}
