//! A connection that ends tells everyone who waits why, and takes back no end that has arrived.

use codexkit::testing::FakeServer;
use codexkit::{ChatgptLoginHandle, CloseReason, Codex, Error};

use crate::support::{
    Completed, assert_succeeded, begin, chatgpt, chatgpt_reply, complete, completion, device_code,
    poll_once, reply, send_at_once, within,
};

#[track_caller]
fn assert_closed(completed: Completed, by_this_side: bool) {
    match completed {
        Err(Error::Closed(CloseReason::Local)) if by_this_side => (),
        Err(Error::Closed(CloseReason::Eof)) if !by_this_side => (),
        other => panic!("{other:?}"),
    }
}

/// Ends the connection from one side or the other.
async fn end(codex: &Codex, server: FakeServer, by_this_side: bool) {
    if by_this_side {
        codex.close().await;
    } else {
        drop(server);
        within(codex.closed()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn everyone_who_waits_for_a_login_learns_why_the_connection_ended() {
    for by_this_side in [true, false] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let first = chatgpt(&codex, &mut server, "l1").await;
        let second = device_code(&codex, &mut server, "l2").await;
        let clone = first.clone();
        let mut waits = [Box::pin(first.wait()), Box::pin(clone.wait())];
        for wait in &mut waits {
            poll_once(wait).await;
        }
        let of_second = second.clone();
        let other_task = tokio::spawn(async move { of_second.wait().await });
        end(&codex, server, by_this_side).await;
        for wait in waits {
            assert_closed(within(wait).await, by_this_side);
        }
        assert_closed(within(other_task).await.unwrap(), by_this_side);
        assert_closed(within(second.wait()).await, by_this_side);
        assert_closed(within(second.wait()).await, by_this_side);
        assert_closed(second.wait_timeout(std::time::Duration::from_secs(1)).await, by_this_side);
        assert!(second.cancel().await.unwrap_err().is_closed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_arrived_before_that_of_the_connection_is_still_told() {
    for by_this_side in [true, false] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let succeeded = chatgpt(&codex, &mut server, "l1").await;
        let open = chatgpt(&codex, &mut server, "l2").await;
        complete(&mut server, "l1", None).await;
        if by_this_side {
            // Otherwise the end is in the pipe when this side closes it.
            within(succeeded.wait()).await.unwrap();
        }
        end(&codex, server, by_this_side).await;
        assert_succeeded(within(succeeded.wait()).await, "l1");
        assert_succeeded(within(succeeded.clone().wait()).await, "l1");
        assert_closed(within(open.wait()).await, by_this_side);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_and_an_end_that_come_with_the_end_of_the_connection_are_told() {
    for end_first in [true, false] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let (start, request) = begin(&codex, &mut server).await;
        let mut both = [reply(&request, chatgpt_reply("l1")), completion("l1", None)];
        if end_first {
            both.reverse();
        }
        send_at_once(&mut server, &both).await;
        drop(server);
        let login = within(start).await.unwrap().unwrap();
        assert_succeeded(within(login.wait()).await, "l1");
        within(codex.closed()).await;
        assert_succeeded(within(login.wait()).await, "l1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_accepted_as_the_connection_ends_has_no_other_end() {
    for by_this_side in [true, false] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let (start, request) = begin(&codex, &mut server).await;
        server.reply(&request.id, chatgpt_reply("l1")).await;
        end(&codex, server, by_this_side).await;
        let login = within(start).await.unwrap().unwrap();
        assert_closed(within(login.wait()).await, by_this_side);
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_learns_why_the_connection_ended() {
    for by_this_side in [true, false] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let (start, _) = begin(&codex, &mut server).await;
        complete(&mut server, "l1", None).await;
        end(&codex, server, by_this_side).await;
        assert!(within(start).await.unwrap().unwrap_err().is_closed());
        assert!(within(codex.login_chatgpt()).await.unwrap_err().is_closed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_handle_keeps_the_connection_open_until_it_is_dropped() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login: ChatgptLoginHandle = chatgpt(&codex, &mut server, "l1").await;
    drop(codex);
    complete(&mut server, "l1", None).await;
    assert_succeeded(within(login.wait()).await, "l1");
    drop(login);
    assert!(within(server.receive()).await.is_none());
}
