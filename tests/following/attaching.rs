//! A turn that runs can be joined by its id, one that does not cannot.

use codexkit::protocol::TurnStatus;
use codexkit::testing::{FakeServer, Received};
use codexkit::{Codex, Error, Result, RpcErrorKind, Thread, TurnHandle};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    HOUR, a_turn, accept_unsubscribe, methods, poll_once, silence, sync, thread, turn, unsubscribe,
};

async fn a_place() -> (Codex, FakeServer, Thread) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    (codex, server, thread)
}

async fn expect_list(server: &mut FakeServer) -> Received {
    let list = server.expect("thread/turns/list").await;
    assert_eq!((&list.params["limit"], &list.params["sortDirection"]), (&json!(1), &json!("desc")));
    list
}

/// Tries to join `u1` on a thread whose list of turns is `turns`.
async fn attach(thread: &Thread, server: &mut FakeServer, turns: Value) -> Result<TurnHandle> {
    let (attached, ()) = tokio::join!(thread.attach("u1"), async {
        let list = expect_list(server).await;
        server.reply(&list.id, json!({"data": turns})).await;
    });
    attached
}

#[track_caller]
fn assert_not_running(attached: Result<TurnHandle>) {
    match attached {
        Err(Error::InvalidInput(problem)) => {
            assert!(problem.contains("u1 of thread t1 is not running"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_turn_that_is_listed_as_running_is_joined() {
    let (_codex, mut server, thread) = a_place().await;
    let listed = json!([a_turn("u1", "inProgress")]);
    let mut joined = attach(&thread, &mut server, listed).await.unwrap();
    server.delta("t1", "u1", "joined").await;
    server.complete_turn("t1", "u1", "completed").await;
    assert_eq!(methods(&mut joined).await, ["item/agentMessage/delta", "turn/completed"]);
}

#[tokio::test]
async fn a_turn_that_is_listed_as_over_or_behind_another_is_not_joined() {
    let (_codex, mut server, thread) = a_place().await;
    for listed in [
        json!([]),
        json!([a_turn("u1", "completed")]),
        json!([a_turn("u1", "interrupted")]),
        json!([a_turn("u2", "inProgress")]),
    ] {
        assert_not_running(attach(&thread, &mut server, listed).await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_a_turn_is_not_asked_for() {
    let (codex, mut server, thread) = a_place().await;
    // One with a handle, which the runtime has not said to have started.
    let _turn = turn(&thread, &mut server, "u1").await;
    assert_eq!(timeout(HOUR, thread.attach("u1")).await.unwrap().unwrap().id(), "u1");
    // One that somebody else started.
    server.complete_turn("t1", "u1", "completed").await;
    server.start_turn("t1", "u2").await;
    sync(&codex, &mut server).await;
    assert_eq!(timeout(HOUR, thread.attach("u2")).await.unwrap().unwrap().id(), "u2");
    assert_not_running(timeout(HOUR, thread.attach("u1")).await.unwrap());
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn everyone_who_attaches_to_no_turn_is_told() {
    let (_codex, mut server, thread) = a_place().await;
    let (first, second, ()) = tokio::join!(thread.attach("u1"), thread.attach("u1"), async {
        let lists = [expect_list(&mut server).await, expect_list(&mut server).await];
        for list in lists {
            server.reply(&list.id, json!({"data": []})).await;
        }
    });
    assert_not_running(first);
    assert_not_running(second);
}

#[tokio::test(start_paused = true)]
async fn an_overload_is_not_taken_for_a_running_turn() {
    let (_codex, mut server, thread) = a_place().await;
    let (attached, ()) = tokio::join!(thread.attach("u1"), async {
        let list = expect_list(&mut server).await;
        server.reply_error(&list.id, -32001, "Server overloaded; retry later.").await;
    });
    assert_eq!(attached.unwrap_err().kind(), Some(RpcErrorKind::Overloaded));
}

#[tokio::test]
async fn a_thread_without_a_list_has_no_turn_that_could_be_joined() {
    for message in
        ["ephemeral threads do not support thread/turns/list", "no rollout found for thread id t1"]
    {
        let (_codex, mut server, thread) = a_place().await;
        let (attached, ()) = tokio::join!(thread.attach("u1"), async {
            let list = expect_list(&mut server).await;
            server.reply_error(&list.id, -32600, message).await;
        });
        assert_not_running(attached);
    }
}

#[tokio::test]
async fn a_turn_that_ends_while_it_is_joined_has_its_end() {
    let (_codex, mut server, thread) = a_place().await;
    let (attached, ()) = tokio::join!(thread.attach("u1"), async {
        let list = expect_list(&mut server).await;
        server.message("t1", "u1", "Done.").await;
        server.complete_turn("t1", "u1", "completed").await;
        server.reply(&list.id, json!({"data": [a_turn("u1", "completed")]})).await;
    });
    let result = attached.unwrap().result().await.unwrap();
    assert_eq!(result.status, TurnStatus::Completed);
    assert_eq!(result.final_response.as_deref(), Some("Done."));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_joined_on_a_dead_connection_ends_with_the_reason() {
    let (codex, mut server, thread) = a_place().await;
    server.start_turn("t1", "u1").await;
    drop(server);
    codex.closed().await;
    let mut joined = thread.attach("u1").await.unwrap();
    let end = timeout(HOUR, joined.next()).await.unwrap();
    assert!(end.unwrap().unwrap_err().is_closed());
    assert!(joined.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_turn_ends_with_its_thread() {
    for end in ["thread/closed", "thread/archived", "thread/deleted"] {
        let (_codex, mut server, thread) = a_place().await;
        let turn = turn(&thread, &mut server, "u1").await;
        server.notify(end, json!({"threadId": "t1"})).await;
        let result = timeout(HOUR, turn.result()).await.unwrap();
        assert!(matches!(result, Err(Error::Detached { .. })), "{end}: {result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_accepted_after_its_thread_was_unsubscribed_ends_at_once() {
    let (_codex, mut server, thread) = a_place().await;
    let (turn, ()) = tokio::join!(thread.turn("go").into_future(), async {
        let start = server.expect("turn/start").await;
        unsubscribe(&thread, &mut server).await;
        server.reply(&start.id, json!({"turn": a_turn("u1", "inProgress")})).await;
    });
    let result = timeout(HOUR, turn.unwrap().result()).await.unwrap();
    assert!(matches!(result, Err(Error::Detached { .. })), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unsubscribe_that_is_dropped_leaves_nobody_waiting() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let turn = turn(&thread, &mut server, "u1").await;
    let mut unsubscribe = Box::pin(thread.unsubscribe());
    poll_once(&mut unsubscribe).await;
    drop(unsubscribe);
    accept_unsubscribe(&mut server).await;
    let result = timeout(HOUR, turn.result()).await.unwrap();
    assert!(matches!(result, Err(Error::Detached { .. })), "{result:?}");
}
