//! What arrives reaches whom it concerns: all of it, in order, and nobody else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use codexkit::protocol::{ServerNotification, ThreadLoadedListParams, TurnStatus};
use codexkit::testing::FakeServer;
use codexkit::{Codex, ConnectionEvent, Error, Notifications, Thread, TurnHandle};
use serde_json::json;

async fn thread(codex: &Codex, server: &mut FakeServer, id: &str) -> Thread {
    let (thread, _) = tokio::join!(codex.thread_start().into_future(), server.accept_thread(id));
    thread.unwrap()
}

async fn turn(thread: &Thread, server: &mut FakeServer, id: &str) -> TurnHandle {
    let (turn, _) = tokio::join!(thread.turn("go").into_future(), server.accept_turn(id));
    turn.unwrap()
}

/// The texts of the deltas until the turn ends.
async fn deltas(turn: &mut TurnHandle) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(event) = turn.next().await {
        if let ServerNotification::AgentMessageDelta(delta) =
            event.unwrap().into_notification().unwrap()
        {
            texts.push(delta.delta);
        }
    }
    texts
}

#[tokio::test]
async fn events_before_the_reply_to_turn_start_are_kept_even_the_last() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let (result, ()) = tokio::join!(thread.run("go").into_future(), async {
        let request = server.expect("turn/start").await;
        server.start_turn("t1", "u1").await;
        server.delta("t1", "u1", "early").await;
        server.message("t1", "u1", "done before the reply").await;
        server.complete_turn("t1", "u1", "completed").await;
        let turn = json!({"id": "u1", "items": [], "status": "inProgress"});
        server.reply(&request.id, json!({"turn": turn})).await;
    });
    let result = result.unwrap();
    assert_eq!(result.status, TurnStatus::Completed);
    assert_eq!(result.final_response.as_deref(), Some("done before the reply"));
    assert_eq!(result.items.len(), 1);
}

#[tokio::test]
async fn a_turn_whose_reply_is_the_last_thing_but_its_events_gets_both_and_the_reason() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let mut start = thread.turn("go").into_future();
    // Sends the request, and looks at the reply only after the connection has ended.
    let answered = poll_fn(|cx| Poll::Ready(start.as_mut().poll(cx).is_ready())).await;
    assert!(!answered);
    server.accept_turn("u1").await;
    server.delta("t1", "u1", "last").await;
    drop(server);
    codex.closed().await;
    let mut turn = start.await.unwrap();
    assert!(matches!(turn.next().await, Some(Ok(_))));
    assert!(turn.next().await.unwrap().unwrap_err().is_closed());
    assert!(turn.next().await.is_none());
}

#[tokio::test]
async fn what_came_during_a_start_and_is_nobodys_comes_to_the_feed() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let (mut turn, ()) = tokio::join!(async { thread.turn("go").await.unwrap() }, async {
        let request = server.expect("turn/start").await;
        server.delta("t1", "of an earlier turn", "foreign").await;
        server.delta("t1", "u1", "own").await;
        let turn = json!({"id": "u1", "items": [], "status": "inProgress"});
        server.reply(&request.id, json!({"turn": turn})).await;
    });
    server.complete_turn("t1", "u1", "completed").await;
    assert_eq!(deltas(&mut turn).await, ["own"]);
    match codex.notifications().next().await.unwrap().unwrap() {
        ConnectionEvent::Notification { notification, .. } => match *notification {
            ServerNotification::AgentMessageDelta(delta) => assert_eq!(delta.delta, "foreign"),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn interleaved_turns_get_their_own_events_only() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut turns = Vec::new();
    for n in 0..8 {
        let thread = thread(&codex, &mut server, &format!("t{n}")).await;
        turns.push(turn(&thread, &mut server, &format!("u{n}")).await);
    }
    let script = async {
        for round in 0..500 {
            for n in 0..8 {
                server.delta(&format!("t{n}"), &format!("u{n}"), &format!("{n}.{round}")).await;
            }
        }
        for n in 0..8 {
            server.complete_turn(&format!("t{n}"), &format!("u{n}"), "completed").await;
        }
    };
    let readers: Vec<_> = turns
        .into_iter()
        .map(|mut turn| tokio::spawn(async move { deltas(&mut turn).await }))
        .collect();
    script.await;
    for (n, reader) in readers.into_iter().enumerate() {
        let expected: Vec<_> = (0..500).map(|round| format!("{n}.{round}")).collect();
        assert_eq!(reader.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_second_start_joins_the_turn_and_both_handles_see_it_end() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let mut first = turn(&thread, &mut server, "u1").await;
    server.delta("t1", "u1", "one").await;
    first.next().await.unwrap().unwrap();
    let (second, ()) = tokio::join!(thread.turn("more").into_future(), async {
        let request = server.expect("turn/start").await;
        server.delta("t1", "u1", "while joining").await;
        let turn = json!({"id": "u1", "items": [], "status": "inProgress"});
        server.reply(&request.id, json!({"turn": turn})).await;
    });
    let mut second = second.unwrap();
    assert_eq!(second.id(), first.id());
    server.delta("t1", "u1", "after").await;
    server.complete_turn("t1", "u1", "completed").await;
    assert_eq!(deltas(&mut first).await, ["while joining", "after"]);
    assert_eq!(deltas(&mut second).await, ["while joining", "after"]);
    assert_eq!(first.result().await.unwrap().status, TurnStatus::Completed);
    assert_eq!(second.result().await.unwrap().status, TurnStatus::Completed);
}

#[tokio::test]
async fn a_failed_start_leaves_the_next_one_alone() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let (failed, ()) = tokio::join!(thread.turn("go").into_future(), async {
        let request = server.expect("turn/start").await;
        server.delta("t1", "u0", "of nobody").await;
        server.reply_error(&request.id, -32600, "thread not found").await;
    });
    let error = failed.unwrap_err();
    assert_eq!(error.code(), Some(-32600));
    assert_eq!(error.to_string(), "`turn/start` failed: thread not found (-32600)");
    let mut next = turn(&thread, &mut server, "u1").await;
    server.delta("t1", "u1", "mine").await;
    server.complete_turn("t1", "u1", "completed").await;
    assert_eq!(deltas(&mut next).await, ["mine"]);
}

/// The next event of the feed, which must be a delta.
async fn delta_in_feed(feed: &mut Notifications) -> String {
    match feed.next().await.unwrap().unwrap() {
        ConnectionEvent::Notification { notification, .. } => match *notification {
            ServerNotification::AgentMessageDelta(delta) => delta.delta,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_comes_after_the_end_of_a_turn_comes_to_the_feed() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let mut first = turn(&thread, &mut server, "u1").await;
    server.complete_turn("t1", "u1", "completed").await;
    server.delta("t1", "u1", "late").await;
    let (second, ()) = tokio::join!(thread.turn("go").into_future(), async {
        let request = server.expect("turn/start").await;
        server.complete_turn("t1", "u2", "completed").await;
        server.delta("t1", "u2", "late, before the reply").await;
        let turn = json!({"id": "u2", "items": [], "status": "inProgress"});
        server.reply(&request.id, json!({"turn": turn})).await;
    });
    let mut feed = codex.notifications();
    assert_eq!(delta_in_feed(&mut feed).await, "late");
    assert_eq!(delta_in_feed(&mut feed).await, "late, before the reply");
    assert_eq!(deltas(&mut first).await, [""; 0]);
    assert_eq!(deltas(&mut second.unwrap()).await, [""; 0]);
}

#[tokio::test]
async fn the_events_of_a_dropped_handle_are_thrown_away_until_its_turn_ends() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    drop(turn(&thread, &mut server, "u1").await);
    server.delta("t1", "u1", "of nobody").await;
    server.complete_turn("t1", "u1", "completed").await;
    server.delta("t1", "u1", "late").await;
    assert_eq!(delta_in_feed(&mut codex.notifications()).await, "late");
}

#[tokio::test]
async fn overlapping_starts_each_get_their_own_turn() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let (first, second, ()) =
        tokio::join!(thread.turn("one").into_future(), thread.turn("two").into_future(), async {
            let one = server.expect("turn/start").await;
            let two = server.expect("turn/start").await;
            for (request, turn) in [(one, "u1"), (two, "u2")] {
                server.delta("t1", turn, turn).await;
                server.delta("t1", "u0", turn).await;
                let accepted = json!({"id": turn, "items": [], "status": "inProgress"});
                server.reply(&request.id, json!({"turn": accepted})).await;
                server.complete_turn("t1", turn, "completed").await;
            }
        });
    assert_eq!(deltas(&mut first.unwrap()).await, ["u1"]);
    assert_eq!(deltas(&mut second.unwrap()).await, ["u2"]);
    let mut feed = codex.notifications();
    assert_eq!(delta_in_feed(&mut feed).await, "u1");
    assert_eq!(delta_in_feed(&mut feed).await, "u2");
}

#[tokio::test]
async fn a_turn_can_be_interrupted_though_no_place_is_free() {
    let builder = Codex::builder().max_in_flight(1);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let handle = turn(&thread, &mut server, "u1").await;
    let call = codex.request(ThreadLoadedListParams::default());
    let blocked = tokio::spawn(call.into_future());
    let id = server.expect("thread/loaded/list").await.id;
    let (interrupted, ()) = tokio::join!(handle.interrupt(), async {
        let request = server.expect("turn/interrupt").await;
        server.reply(&request.id, json!({})).await;
    });
    interrupted.unwrap();
    server.reply(&id, json!({"data": []})).await;
    blocked.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dropped_handle_ends_the_delivery_and_not_the_turn() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let handle = turn(&thread, &mut server, "u1").await;
    let control = handle.control();
    drop(handle);
    server.start_turn("t1", "u1").await;
    let (interrupted, request) = tokio::join!(control.interrupt(), async {
        let request = server.expect("turn/interrupt").await;
        server.reply(&request.id, json!({})).await;
        request
    });
    interrupted.unwrap();
    assert_eq!(request.params, json!({"threadId": "t1", "turnId": "u1"}));
}

#[tokio::test]
async fn what_no_turn_claims_comes_to_the_feed_from_the_start() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    server.notify("configWarning", json!({"summary": "before anybody asked"})).await;
    let thread = thread(&codex, &mut server, "t1").await;
    let handle = turn(&thread, &mut server, "u1").await;
    server.delta("t1", "u1", "claimed").await;
    server.delta("t1", "other", "not claimed").await;
    server.notify("no/such/method", json!({"threadId": "t1", "odd": [1]})).await;
    let mut feed = codex.notifications();
    let mut next = async || match feed.next().await.unwrap().unwrap() {
        ConnectionEvent::Notification { notification, emitted_at_ms, .. } => {
            assert_eq!(emitted_at_ms, Some(1));
            *notification
        }
        other => panic!("{other:?}"),
    };
    assert!(matches!(next().await, ServerNotification::ConfigWarning(_)));
    match next().await {
        ServerNotification::AgentMessageDelta(delta) => assert_eq!(delta.delta, "not claimed"),
        other => panic!("{other:?}"),
    }
    match next().await {
        ServerNotification::Unrecognized(message) => {
            assert_eq!(message.method, "no/such/method");
            assert_eq!(message.params["odd"], json!([1]));
        }
        other => panic!("{other:?}"),
    }
    drop(handle);
}

#[tokio::test]
async fn a_slow_reader_of_the_feed_is_told_how_much_it_lost() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut feed = codex.notifications();
    for n in 0..1000 {
        server.notify("warning", json!({"message": format!("{n}")})).await;
    }
    // The answer comes after all of them, so that they have arrived.
    let ((), answer) = tokio::join!(
        async {
            let id = server.expect("thread/loaded/list").await.id;
            server.reply(&id, json!({"data": []})).await;
        },
        codex.request(ThreadLoadedListParams::default()).into_future()
    );
    answer.unwrap();
    let lost = match feed.next().await.unwrap().unwrap() {
        ConnectionEvent::Lagged(lost) => lost,
        other => panic!("{other:?}"),
    };
    let mut read = 0;
    codex.close().await;
    while let Some(Ok(_)) = feed.next().await {
        read += 1;
    }
    assert_eq!(lost + read, 1000);
    assert!(feed.next().await.is_none());
}

#[tokio::test]
async fn two_hundred_thousand_events_wait_for_a_slow_consumer_without_loss() {
    const COUNT: usize = 200_000;
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let mut handle = turn(&thread, &mut server, "u1").await;
    for batch in 0..COUNT / 1000 {
        let mut lines = String::new();
        for n in batch * 1000..(batch + 1) * 1000 {
            let delta = n.to_string();
            let params = json!({"threadId": "t1", "turnId": "u1", "itemId": "m", "delta": delta});
            let message = json!({"method": "item/agentMessage/delta", "params": params});
            lines += &message.to_string();
            lines.push('\n');
        }
        server.send_bytes(lines.as_bytes()).await;
    }
    server.complete_turn("t1", "u1", "completed").await;
    let mut next = 0;
    while let Some(event) = handle.next().await {
        if let ServerNotification::AgentMessageDelta(delta) =
            event.unwrap().into_notification().unwrap()
        {
            assert_eq!(delta.delta, next.to_string());
            next += 1;
        }
    }
    assert_eq!(next, COUNT);
}

#[tokio::test(start_paused = true)]
async fn interrupt_waits_for_the_turn_to_start_when_it_is_refused() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let handle = turn(&thread, &mut server, "u1").await;
    let (interrupted, ()) = tokio::join!(handle.interrupt(), async {
        let early = server.expect("turn/interrupt").await;
        server.reply_error(&early.id, -32600, "no active turn to interrupt").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.start_turn("t1", "u1").await;
        let again = server.expect("turn/interrupt").await;
        server.reply(&again.id, json!({})).await;
        server.complete_turn("t1", "u1", "interrupted").await;
    });
    interrupted.unwrap();
    assert_eq!(handle.result().await.unwrap().status, TurnStatus::Interrupted);
}

#[tokio::test]
async fn interrupting_a_turn_that_has_ended_is_no_error() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let mut handle = turn(&thread, &mut server, "u1").await;
    server.start_turn("t1", "u1").await;
    let (interrupted, ()) = tokio::join!(handle.interrupt(), async {
        let request = server.expect("turn/interrupt").await;
        server.complete_turn("t1", "u1", "completed").await;
        server.reply_error(&request.id, -32600, "no active turn to interrupt").await;
    });
    interrupted.unwrap();
    while handle.next().await.is_some() {}
    handle.interrupt().await.unwrap();
}

#[tokio::test]
async fn interrupting_a_turn_that_is_about_to_end_waits_for_its_end() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let mut handle = turn(&thread, &mut server, "u1").await;
    server.start_turn("t1", "u1").await;
    handle.next().await.unwrap().unwrap();
    let (interrupted, ()) = tokio::join!(handle.interrupt(), async {
        let request = server.expect("turn/interrupt").await;
        server.reply_error(&request.id, -32600, "no active turn to interrupt").await;
        // When this is answered, the refusal has long been seen.
        let call = codex.request(ThreadLoadedListParams::default());
        let (answer, ()) = tokio::join!(call.into_future(), async {
            let id = server.expect("thread/loaded/list").await.id;
            server.reply(&id, json!({"data": []})).await;
        });
        answer.unwrap();
        server.complete_turn("t1", "u1", "completed").await;
    });
    interrupted.unwrap();
}

#[tokio::test]
async fn a_failed_turn_is_an_error_that_carries_the_turn() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let handle = turn(&thread, &mut server, "u1").await;
    server.message("t1", "u1", "half").await;
    let error = json!({"message": "too much", "codexErrorInfo": "usageLimitExceeded"});
    let turn = json!({"id": "u1", "items": [], "status": "failed", "error": error});
    server.notify("turn/completed", json!({"threadId": "t1", "turn": turn})).await;
    let error = handle.result().await.unwrap_err();
    assert_eq!(error.to_string(), "turn u1 failed: too much");
    assert_eq!(error.turn().unwrap().items.len(), 1);
    assert_eq!(
        serde_json::to_value(error.codex_error_info().unwrap()).unwrap(),
        json!("usageLimitExceeded")
    );
}

#[tokio::test]
async fn the_result_holds_what_was_already_read_as_events() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let mut handle = turn(&thread, &mut server, "u1").await;
    server.message("t1", "u1", "first").await;
    let first = handle.next().await.unwrap().unwrap();
    assert!(matches!(first.notification(), Some(ServerNotification::ItemCompleted(_))));
    server.message("t1", "u1", "second").await;
    server.complete_turn("t1", "u1", "completed").await;
    let result = handle.result().await.unwrap();
    assert_eq!(result.items.len(), 2);
    assert_eq!(result.final_response.as_deref(), Some("second"));
}

#[tokio::test]
async fn an_end_of_turn_that_does_not_fit_its_schema_ends_the_turn_with_the_place() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let handle = turn(&thread, &mut server, "u1").await;
    let turn = json!({"id": "u1", "items": "none", "status": "completed"});
    server.notify("turn/completed", json!({"threadId": "t1", "turn": turn})).await;
    match handle.result().await.unwrap_err() {
        Error::Decode { method, source, .. } => {
            assert_eq!(method, "turn/completed");
            assert_eq!(source.to_string(), "`turn.items`: expected an array, found a string");
        }
        other => panic!("{other:?}"),
    }
}
