//! Turns that no request of the client starts, and runtimes that do not do what they promise.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use codexkit::protocol::{
    ReviewTarget, ServerNotification, ThreadGoalStatus, ThreadLoadedListParams, TurnStatus,
};
use codexkit::testing::FakeServer;
use codexkit::{
    Codex, ConnectionEvent, Error, GoalRun, Notifications, RpcErrorKind, Thread, TurnHandle,
};
use serde_json::{Value, json};

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
        if let ServerNotification::AgentMessageDelta(delta) = event.unwrap().notification {
            texts.push(delta.delta);
        }
    }
    texts
}

fn a_turn(id: &str, root: &str) -> Value {
    json!({"id": id, "rootTurnId": root, "items": [], "status": "inProgress"})
}

/// What the server says when the turn `root` begins to work under the id `turn`.
async fn start_for(server: &mut FakeServer, thread: &str, turn: &str, root: &str) {
    let params = json!({"threadId": thread, "turn": a_turn(turn, root)});
    server.notify("turn/started", params).await;
}

fn goal(status: &str) -> Value {
    json!({
        "threadId": "t1",
        "objective": "Finish.",
        "status": status,
        "tokensUsed": 0,
        "timeUsedSeconds": 0,
        "createdAt": 1,
        "updatedAt": 1,
    })
}

async fn update_goal(server: &mut FakeServer, status: &str) {
    let params = json!({"threadId": "t1", "goal": goal(status)});
    server.notify("thread/goal/updated", params).await;
}

/// Answers `thread/read` of a thread that does nothing.
async fn read_idle(server: &mut FakeServer) {
    let read = server.expect("thread/read").await;
    let thread = json!({
        "id": "t1",
        "sessionId": "t1",
        "cliVersion": "0.169.0",
        "createdAt": 1,
        "updatedAt": 1,
        "cwd": "/",
        "ephemeral": false,
        "modelProvider": "mock",
        "preview": "",
        "projectId": null,
        "source": "cli",
        "status": {"type": "idle"},
        "turns": [],
    });
    server.reply(&read.id, json!({"thread": thread})).await;
}

/// Takes in what comes before a goal of a thread without one is set, and sets it.
async fn accept_goal(server: &mut FakeServer) {
    read_idle(server).await;
    let get = server.expect("thread/goal/get").await;
    server.reply(&get.id, json!({"goal": null})).await;
    let set = server.expect("thread/goal/set").await;
    assert_eq!(set.params["status"], "active");
    server.reply(&set.id, json!({"goal": goal("active")})).await;
}

async fn started_goal(thread: &Thread, server: &mut FakeServer) -> GoalRun {
    let (run, ()) = tokio::join!(thread.goal_run("Finish.").into_future(), async {
        accept_goal(server).await;
        // Late news of the goal before.
        server.notify("thread/goal/cleared", json!({"threadId": "t1"})).await;
        update_goal(server, "active").await;
        server.start_turn("t1", "g1").await;
    });
    run.unwrap()
}

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
async fn a_review_that_is_over_before_its_reply_has_all_its_events() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let (review, ()) = tokio::join!(thread.review(ReviewTarget::uncommitted_changes()), async {
        let request = server.expect("review/start").await;
        server.delta("t1", "r1", "entered").await;
        start_for(&mut server, "t1", "inner", "r1").await;
        server.delta("t1", "r1", "looks fine").await;
        server.complete_turn("t1", "r1", "completed").await;
        let result = json!({"reviewThreadId": "t1", "turn": a_turn("r1", "r1")});
        server.reply(&request.id, result).await;
    });
    let mut review = review.unwrap();
    let mut kinds = Vec::new();
    while let Some(event) = review.next().await {
        kinds.push(event.unwrap().notification.method().to_owned());
    }
    let delta = "item/agentMessage/delta";
    assert_eq!(kinds, [delta, "turn/started", delta, "turn/completed"]);
}

#[tokio::test]
async fn a_review_is_interrupted_under_the_id_that_works() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let (review, ()) = tokio::join!(thread.review(ReviewTarget::uncommitted_changes()), async {
        let request = server.expect("review/start").await;
        let result = json!({"reviewThreadId": "t1", "turn": a_turn("r1", "r1")});
        server.reply(&request.id, result).await;
    });
    let review = review.unwrap();
    let (interrupted, ()) = tokio::join!(review.interrupt(), async {
        let first = server.expect("turn/interrupt").await;
        assert_eq!(first.params["turnId"], "r1");
        server.reply_error(&first.id, -32600, "no active turn to interrupt").await;
        start_for(&mut server, "t1", "inner", "r1").await;
        let second = server.expect("turn/interrupt").await;
        assert_eq!(second.params["turnId"], "inner");
        server.reply(&second.id, json!({})).await;
        server.complete_turn("t1", "r1", "interrupted").await;
    });
    interrupted.unwrap();
    assert_eq!(review.result().await.unwrap().status, TurnStatus::Interrupted);
}

#[tokio::test]
async fn a_turn_of_another_thread_with_the_same_root_is_not_mixed_in() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let first = thread(&codex, &mut server, "t1").await;
    let mut turn = turn(&first, &mut server, "u1").await;
    start_for(&mut server, "agent", "a1", "u1").await;
    server.complete_turn("t1", "u1", "completed").await;
    let mut kinds = Vec::new();
    while let Some(event) = turn.next().await {
        kinds.push(event.unwrap().notification.method().to_owned());
    }
    assert_eq!(kinds, ["turn/completed"]);
}

#[tokio::test]
async fn the_feed_of_a_thread_says_how_much_it_lost() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let (mut events, mut rest) = (thread.events(), codex.notifications());
    for n in 0..300 {
        server.delta("t1", "of somebody else", &n.to_string()).await;
    }
    server.delta("t2", "of somebody else", "elsewhere").await;
    assert_eq!(delta_in_feed(&mut rest).await, "elsewhere");
    assert!(matches!(events.next().await, Some(Ok(ConnectionEvent::Lagged(44)))));
    assert_eq!(delta_in_feed(&mut events).await, "44");
    drop(events);
    server.delta("t1", "of somebody else", "to everyone").await;
    assert_eq!(delta_in_feed(&mut rest).await, "to everyone");
    let mut events = thread.events();
    drop(server);
    assert!(events.next().await.unwrap().unwrap_err().is_closed());
    assert!(events.next().await.is_none());
    assert!(thread.events().next().await.unwrap().unwrap_err().is_closed());
}

#[tokio::test]
async fn a_goal_gets_its_turns_and_lets_other_events_of_the_thread_pass() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let mut events = thread.events();
    let run = started_goal(&thread, &mut server).await;
    assert_eq!(run.goal(), None);
    let renamed = json!({"threadId": "t1", "threadName": "new"});
    server.notify("thread/name/updated", renamed).await;
    server.message("t1", "g1", "First.").await;
    server.complete_turn("t1", "g1", "completed").await;
    server.start_turn("t1", "g2").await;
    update_goal(&mut server, "complete").await;
    server.message("t1", "g2", "Done.").await;
    server.complete_turn("t1", "g2", "completed").await;
    server.delta("t1", "g3", "after the end").await;
    let result = run.result().await.unwrap();
    assert_eq!(result.turns, ["g1", "g2"]);
    assert_eq!(result.goal.unwrap().status, ThreadGoalStatus::Complete);
    assert_eq!(result.turn.items.len(), 2);
    match events.next().await.unwrap().unwrap() {
        ConnectionEvent::Notification { notification, .. } => {
            assert_eq!(notification.method(), "thread/name/updated");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_end_of_a_goal_that_cannot_be_understood_is_an_error_and_no_hang() {
    for end in [
        r#"{"method":"turn/completed","params":{"threadId":"t1","turn":{"id":"g1","status":}}}"#,
        r#"{"method":"turn/completed","params":{"threadId":"t1","turn":{"id":"g1","status":5}}}"#,
    ] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let thread = thread(&codex, &mut server, "t1").await;
        let run = started_goal(&thread, &mut server).await;
        server.send_bytes(format!("{end}\n").as_bytes()).await;
        let error = run.result().await.unwrap_err();
        assert!(
            matches!(&error, Error::Decode { method, .. } if method == "turn/completed"),
            "{error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_is_not_worked_on_is_an_error_and_paused() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let (run, ()) = tokio::join!(thread.goal_run("Finish.").into_future(), async {
        accept_goal(&mut server).await;
        let get = server.expect("thread/goal/get").await;
        server.reply(&get.id, json!({"goal": goal("active")})).await;
        let pause = server.expect("thread/goal/set").await;
        assert_eq!(pause.params["status"], "paused");
        server.reply(&pause.id, json!({"goal": goal("paused")})).await;
    });
    let error = run.unwrap_err();
    assert!(matches!(error, Error::Timeout { what: "turn/started", .. }), "{error:?}");
    // The thread is free for something else.
    turn(&thread, &mut server, "u1").await.interrupt_on_drop(false);
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_ends_between_two_turns_ends_the_run_soon() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let run = started_goal(&thread, &mut server).await;
    server.complete_turn("t1", "g1", "completed").await;
    update_goal(&mut server, "paused").await;
    let started = tokio::time::Instant::now();
    let result = run.result().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(result.goal.unwrap().status, ThreadGoalStatus::Paused);
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_is_reached_can_be_interrupted_again_and_not_steered() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let run = started_goal(&thread, &mut server).await;
    let control = run.control();
    update_goal(&mut server, "complete").await;
    server.complete_turn("t1", "g1", "completed").await;
    run.result().await.unwrap();
    // Nothing is sent: what happens on the thread from now on is not the work of this run.
    control.interrupt().await.unwrap();
    let (steered, ()) = tokio::join!(control.steer("more"), async {
        let steer = server.expect("turn/steer").await;
        server.reply_error(&steer.id, -32600, "no active turn to steer").await;
    });
    assert_eq!(steered.unwrap_err().kind(), Some(RpcErrorKind::NoActiveTurn));
}

#[tokio::test]
async fn a_guarded_goal_that_is_dropped_while_it_is_set_is_paused() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let start = tokio::spawn(thread.goal_run("Finish.").interrupt_on_drop(true).into_future());
    read_idle(&mut server).await;
    let get = server.expect("thread/goal/get").await;
    server.reply(&get.id, json!({"goal": null})).await;
    let set = server.expect("thread/goal/set").await;
    assert_eq!(set.params["status"], "active");
    start.abort();
    server.reply(&set.id, json!({"goal": goal("active")})).await;
    server.start_turn("t1", "g1").await;
    let get = server.expect("thread/goal/get").await;
    server.reply(&get.id, json!({"goal": goal("active")})).await;
    let pause = server.expect("thread/goal/set").await;
    assert_eq!(pause.params["status"], "paused");
    server.reply(&pause.id, json!({"goal": goal("paused")})).await;
    let interrupt = server.expect("turn/interrupt").await;
    assert_eq!(interrupt.params["turnId"], "g1");
    server.reply(&interrupt.id, json!({})).await;
}

#[tokio::test(start_paused = true)]
async fn a_compaction_that_does_not_begin_is_an_error_and_frees_the_thread() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let (compaction, ()) = tokio::join!(thread.compact(), async {
        let request = server.expect("thread/compact/start").await;
        server.reply(&request.id, json!({})).await;
    });
    let error = compaction.unwrap_err();
    assert!(matches!(error, Error::Timeout { what: "item/started", .. }), "{error:?}");
    let mut next = turn(&thread, &mut server, "u1").await;
    server.delta("t1", "u1", "mine").await;
    server.complete_turn("t1", "u1", "completed").await;
    assert_eq!(deltas(&mut next).await, ["mine"]);
}

#[tokio::test]
async fn a_connection_that_ends_while_a_turn_is_awaited_says_so() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let (compaction, ()) = tokio::join!(thread.compact(), async {
        let request = server.expect("thread/compact/start").await;
        server.reply(&request.id, json!({})).await;
        drop(server);
    });
    assert!(compaction.unwrap_err().is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_does_not_even_end_after_its_deadline_ends_for_its_handle() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let mut turn = turn(&thread, &mut server, "u1").await;
    turn.set_deadline(Duration::from_secs(60));
    server.start_turn("t1", "u1").await;
    server.message("t1", "u1", "So far.").await;
    let started = tokio::time::Instant::now();
    let (error, ()) = tokio::join!(
        async {
            for expected in ["turn/started", "item/completed"] {
                let event = turn.next().await.unwrap().unwrap();
                assert_eq!(event.notification.method(), expected);
            }
            let error = turn.next().await.unwrap().unwrap_err();
            assert!(turn.next().await.is_none());
            error
        },
        async {
            let interrupt = server.expect("turn/interrupt").await;
            server.reply(&interrupt.id, json!({})).await;
        }
    );
    assert!(matches!(error, Error::Timeout { what: "turn/completed", .. }), "{error:?}");
    assert_eq!(started.elapsed().as_secs(), 70);
    let error = turn.result().await.unwrap_err();
    let Error::TurnTimeout { after, turn, .. } = &error else { panic!("{error:?}") };
    assert_eq!((after.as_secs(), &turn.status), (60, &TurnStatus::InProgress));
    assert_eq!(turn.final_response.as_deref(), Some("So far."));
}

#[tokio::test]
async fn a_guarded_start_that_waits_for_a_place_is_not_sent_when_it_is_dropped() {
    let builder = Codex::builder().max_in_flight(1);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let mut busy = codex.request(ThreadLoadedListParams::default()).into_future();
    assert!(poll_fn(|cx| Poll::Ready(busy.as_mut().poll(cx))).await.is_pending());
    let mut start = thread.turn("go").interrupt_on_drop(true).into_future();
    assert!(poll_fn(|cx| Poll::Ready(start.as_mut().poll(cx))).await.is_pending());
    drop(start);
    let list = server.expect("thread/loaded/list").await;
    server.reply(&list.id, json!({"data": []})).await;
    busy.await.unwrap();
    // What comes next is this one.
    turn(&thread, &mut server, "u1").await.interrupt_on_drop(false);
}

#[tokio::test]
async fn a_guarded_start_that_is_dropped_interrupts_exactly_its_own_turn() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server, "t1").await;
    let mut start = thread.turn("go").interrupt_on_drop(true).into_future();
    assert!(poll_fn(|cx| Poll::Ready(start.as_mut().poll(cx))).await.is_pending());
    let request = server.expect("turn/start").await;
    drop(start);
    let turn = json!({"id": "u1", "items": [], "status": "inProgress"});
    server.reply(&request.id, json!({"turn": turn})).await;
    let interrupt = server.expect("turn/interrupt").await;
    assert_eq!(
        (&interrupt.params["threadId"], &interrupt.params["turnId"]),
        (&json!("t1"), &json!("u1"))
    );
    server.reply(&interrupt.id, json!({})).await;
}
