//! What a server does again and again, and who asks it to.

use std::time::Duration;

use codexkit::protocol::{ServerNotification, ThreadLoadedListParams};
use codexkit::testing::{FakeServer, Received};
use codexkit::{Codex, ConnectionEvent, GoalRun, Notifications, Thread, TurnHandle};
use serde_json::{Value, json};
use tokio::time::timeout;

pub(crate) use crate::polls::poll_once;
pub(crate) use crate::threads::a_thread;

/// Longer than anything takes that ends at all. The clock of these tests only goes on when nothing
/// else can.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What the runtime says to who interrupts or steers a turn too early or too late.
pub(crate) const NO_TURN: &str = "no active turn to interrupt";

pub(crate) async fn thread(codex: &Codex, server: &mut FakeServer) -> Thread {
    let (thread, _) = tokio::join!(codex.thread_start().into_future(), server.accept_thread("t1"));
    thread.unwrap()
}

pub(crate) async fn turn(thread: &Thread, server: &mut FakeServer, id: &str) -> TurnHandle {
    let (turn, _) = tokio::join!(thread.turn("go").into_future(), server.accept_turn(id));
    turn.unwrap()
}

/// Whatever was sent before has arrived on the other side when this returns.
pub(crate) async fn sync(codex: &Codex, server: &mut FakeServer) {
    let request = codex.request(ThreadLoadedListParams::default()).into_future();
    let (answer, ()) = tokio::join!(request, async {
        let id = server.expect("thread/loaded/list").await.id;
        server.reply(&id, json!({"data": []})).await;
    });
    answer.unwrap();
}

/// Fails if the client says anything within the next minute.
pub(crate) async fn silence(server: &mut FakeServer) {
    let next = timeout(Duration::from_secs(60), server.receive()).await;
    assert!(next.is_err(), "{next:?}");
}

pub(crate) async fn refuse(server: &mut FakeServer, request: &Received) {
    server.reply_error(&request.id, -32600, NO_TURN).await;
}

pub(crate) async fn expect_interrupt(server: &mut FakeServer, turn: &str) -> Received {
    let interrupt = server.expect("turn/interrupt").await;
    let params = (&interrupt.params["threadId"], &interrupt.params["turnId"]);
    assert_eq!(params, (&json!("t1"), &json!(turn)));
    interrupt
}

pub(crate) async fn accept_interrupt(server: &mut FakeServer, turn: &str) {
    let interrupt = expect_interrupt(server, turn).await;
    server.reply(&interrupt.id, json!({})).await;
}

pub(crate) async fn unsubscribe(thread: &Thread, server: &mut FakeServer) {
    let (status, ()) = tokio::join!(thread.unsubscribe(), accept_unsubscribe(server));
    status.unwrap();
}

pub(crate) async fn accept_unsubscribe(server: &mut FakeServer) {
    let request = server.expect("thread/unsubscribe").await;
    server.reply(&request.id, json!({"status": "unsubscribed"})).await;
}

/// The methods of the events until the turn ends.
pub(crate) async fn methods(turn: &mut TurnHandle) -> Vec<String> {
    let mut methods = Vec::new();
    while let Some(event) = turn.next().await {
        methods.push(event.unwrap().notification().unwrap().method().to_owned());
    }
    methods
}

pub(crate) async fn next_notification(feed: &mut Notifications) -> ServerNotification {
    match timeout(HOUR, feed.next()).await.unwrap().unwrap().unwrap() {
        ConnectionEvent::Notification { notification, .. } => *notification,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn a_turn(id: &str, status: &str) -> Value {
    json!({"id": id, "items": [], "status": status})
}

/// What the server says when the turn `root` begins to work under the id `turn`.
pub(crate) async fn start_for(server: &mut FakeServer, thread: &str, turn: &str, root: &str) {
    let turn = json!({"id": turn, "rootTurnId": root, "items": [], "status": "inProgress"});
    server.notify("turn/started", json!({"threadId": thread, "turn": turn})).await;
}

pub(crate) fn goal(status: &str) -> Value {
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

pub(crate) async fn update_goal(server: &mut FakeServer, status: &str) {
    let params = json!({"threadId": "t1", "goal": goal(status)});
    server.notify("thread/goal/updated", params).await;
}

/// Answers `thread/read` of a thread that does nothing.
pub(crate) async fn read_idle(server: &mut FakeServer) {
    let read = server.expect("thread/read").await;
    server.reply(&read.id, json!({"thread": a_thread("idle")})).await;
}

/// Answers `thread/goal/get` with a goal of this status.
pub(crate) async fn get_goal(server: &mut FakeServer, status: &str) {
    let get = server.expect("thread/goal/get").await;
    server.reply(&get.id, json!({"goal": goal(status)})).await;
}

pub(crate) async fn pause_goal(server: &mut FakeServer) {
    let pause = server.expect("thread/goal/set").await;
    assert_eq!(pause.params["status"], "paused");
    server.reply(&pause.id, json!({"goal": goal("paused")})).await;
}

/// Takes in what comes before a goal of a thread without one is set.
pub(crate) async fn expect_goal(server: &mut FakeServer) -> Received {
    read_idle(server).await;
    let get = server.expect("thread/goal/get").await;
    server.reply(&get.id, json!({"goal": null})).await;
    let set = server.expect("thread/goal/set").await;
    assert_eq!(set.params["status"], "active");
    set
}

/// Takes in what comes before a goal of a thread without one is set, and sets it.
pub(crate) async fn accept_goal(server: &mut FakeServer) {
    let set = expect_goal(server).await;
    server.reply(&set.id, json!({"goal": goal("active")})).await;
}

/// A run that has come to its first turn `g1`.
pub(crate) async fn started_goal(thread: &Thread, server: &mut FakeServer) -> GoalRun {
    let (run, ()) = tokio::join!(thread.goal_run("Finish.").into_future(), async {
        accept_goal(server).await;
        // Late news of the goal before.
        server.notify("thread/goal/cleared", json!({"threadId": "t1"})).await;
        update_goal(server, "active").await;
        server.start_turn("t1", "g1").await;
    });
    run.unwrap()
}
