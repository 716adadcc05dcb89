//! A handler is let go of as soon as nobody can be asked by it any more.

use std::sync::Arc;

use codexkit::{Codex, HandlerResult, ServerRequestHandler, Thread};
use serde_json::json;
use tokio::sync::oneshot;

use crate::support::{
    Asked, Guard, Scene, answer, ask_command, command_of, counted, decision, let_go, parked, scene,
    scene_with, within,
};

/// A handler that passes on everything, and tells when it is dropped.
struct Watched(#[allow(dead_code, reason = "it is only dropped")] Guard);

impl ServerRequestHandler for Watched {}

fn watched() -> (Watched, oneshot::Receiver<()>) {
    let (guard, dropped) = Guard::new();
    (Watched(guard), dropped)
}

#[track_caller]
fn assert_kept(dropped: &mut oneshot::Receiver<()>) {
    assert_eq!(dropped.try_recv(), Err(oneshot::error::TryRecvError::Empty));
}

#[tokio::test(start_paused = true)]
async fn that_of_a_turn_ends_with_the_turn() {
    let mut scene = scene().await;
    let (handler, mut dropped) = watched();
    let (other, mut other_dropped) = watched();
    let turn = scene.turn_with("u1", handler).await;
    let _other = scene.turn_with("u2", other).await;
    // Not with its handle.
    drop(turn);
    scene.sync().await;
    assert_kept(&mut dropped);
    scene.server.complete_turn("t1", "u1", "completed").await;
    within(dropped).await.unwrap();
    assert_kept(&mut other_dropped);
}

#[tokio::test(start_paused = true)]
async fn that_of_a_turn_that_is_over_before_it_is_accepted_is_let_go_of_at_once() {
    let mut scene = scene().await;
    let (handler, dropped) = watched();
    let start = scene.thread.turn("go").handler(handler).into_future();
    let (turn, ()) = tokio::join!(start, async {
        let request = within(scene.server.expect("turn/start")).await;
        scene.server.complete_turn("t1", "u1", "completed").await;
        let turn = json!({"id": "u1", "items": [], "status": "inProgress", "itemsView": "full"});
        scene.server.reply(&request.id, json!({"turn": turn})).await;
    });
    within(dropped).await.unwrap();
    turn.unwrap().result().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn that_of_a_turn_that_does_not_start_is_let_go_of() {
    let mut scene = scene().await;
    let (handler, dropped) = watched();
    let start = scene.thread.turn("go").handler(handler).into_future();
    let (turn, ()) = tokio::join!(start, async {
        let request = within(scene.server.expect("turn/start")).await;
        scene.server.reply_error(&request.id, -32600, "no").await;
    });
    turn.unwrap_err();
    within(dropped).await.unwrap();
    // Or that nobody awaits.
    let (handler, dropped) = watched();
    drop(scene.thread.turn("go").handler(handler));
    within(dropped).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn those_of_a_thread_end_with_it() {
    for method in ["thread/closed", "thread/archived", "thread/deleted"] {
        let mut scene = scene().await;
        let (of_thread, dropped) = watched();
        scene.thread.set_handler(of_thread);
        let (of_turn, turn_dropped) = watched();
        let _turn = scene.turn_with("u1", of_turn).await;
        let other = Thread::clone(&scene.thread);
        scene.server.notify(method, json!({"threadId": "t1"})).await;
        within(dropped).await.unwrap();
        within(turn_dropped).await.unwrap();
        drop(other);
    }
}

#[tokio::test(start_paused = true)]
async fn those_of_a_thread_end_when_it_is_unsubscribed() {
    let mut scene = scene().await;
    let (of_thread, dropped) = watched();
    scene.thread.set_handler(of_thread);
    let (of_turn, turn_dropped) = watched();
    let _turn = scene.turn_with("u1", of_turn).await;
    let (late, late_dropped) = watched();
    let start = tokio::spawn(scene.thread.turn("go").handler(late).into_future());
    let started = within(scene.server.expect("turn/start")).await;
    let (status, ()) = tokio::join!(scene.thread.unsubscribe(), async {
        let request = within(scene.server.expect("thread/unsubscribe")).await;
        scene.server.reply(&request.id, json!({"status": "unsubscribed"})).await;
    });
    status.unwrap();
    within(dropped).await.unwrap();
    within(turn_dropped).await.unwrap();
    // No end of this turn is ever going to come.
    let turn = json!({"id": "u2", "items": [], "status": "inProgress", "itemsView": "full"});
    scene.server.reply(&started.id, json!({"turn": turn})).await;
    let _turn = within(start).await.unwrap().unwrap();
    within(late_dropped).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn all_of_them_end_with_the_connection() {
    for by_this_side in [true, false] {
        let (of_client, client_dropped) = watched();
        let mut scene = scene_with(Codex::builder().handler(of_client)).await;
        let (of_thread, thread_dropped) = watched();
        scene.thread.set_handler(of_thread);
        let (of_turn, turn_dropped) = watched();
        let _turn = scene.turn_with("u1", of_turn).await;
        let Scene { codex, server, thread } = scene;
        let server = if by_this_side {
            codex.close().await;
            Some(server)
        } else {
            drop(server);
            None
        };
        for dropped in [client_dropped, thread_dropped, turn_dropped] {
            within(dropped).await.unwrap();
        }
        // What comes too late is not kept.
        let (late, late_dropped) = watched();
        within(codex.closed()).await;
        thread.set_handler(late);
        within(late_dropped).await.unwrap();
        drop(server);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_replaced_is_let_go_of() {
    let mut scene = scene().await;
    let (first, dropped) = watched();
    scene.thread.set_handler(first);
    let (second, mut second_dropped) = watched();
    scene.thread.set_handler(second);
    within(dropped).await.unwrap();
    assert_kept(&mut second_dropped);
    let (first, dropped) = watched();
    let _first = scene.turn_with("u1", first).await;
    let (second, mut second_dropped) = watched();
    let _second = scene.turn_with("u1", second).await;
    within(dropped).await.unwrap();
    assert_kept(&mut second_dropped);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_keeps_those_who_may_still_be_asked() {
    let mut asked = Asked::new();
    let mut scene = scene().await;
    let (guard, handlers) = counted();
    let mut handler = asked.handler("thread");
    handler.guard = Some(Box::new(guard));
    scene.thread.set_handler(handler);
    let mut turn = scene.parking_turn("u1").await;
    ask_command(&mut scene.server, 1, "u1").await;
    let request = parked(&mut turn).await;
    scene.thread.set_handler(asked.handler("new"));
    assert_eq!(Arc::strong_count(&handlers), 2);
    request.pass();
    let (who, request) = asked.next().await;
    assert_eq!(who, "thread");
    command_of(request).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    scene.sync().await;
    assert_eq!(Arc::strong_count(&handlers), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_over_keeps_nobody() {
    for way in ["answered", "elsewhere", "turn", "thread", "connection"] {
        let asked = Asked::new();
        let (guard, handlers) = counted();
        let mut of_client = asked.handler("client");
        of_client.guard = Some(Box::new(Arc::clone(&guard)));
        let mut scene = scene_with(Codex::builder().handler(of_client)).await;
        let mut of_thread = asked.handler("thread");
        of_thread.guard = Some(Box::new(guard));
        scene.thread.set_handler(of_thread);
        let mut turn = scene.parking_turn("u1").await;
        ask_command(&mut scene.server, 1, "u1").await;
        let request = parked(&mut turn).await;
        match way {
            "answered" => request.refuse().unwrap(),
            "elsewhere" => crate::support::resolve_elsewhere(&mut scene.server, 1).await,
            "turn" => scene.server.complete_turn("t1", "u1", "completed").await,
            "thread" => scene.server.notify("thread/closed", json!({"threadId": "t1"})).await,
            _ => (),
        }
        if way == "connection" {
            scene.codex.close().await;
        }
        within(request.resolved()).await;
        scene.codex.close().await;
        let_go().await;
        // The request is still here.
        assert_eq!(Arc::strong_count(&handlers), 1, "{way}");
        drop(request);
    }
}

/// Keeps what it is asked, for ever.
#[derive(Clone)]
struct Hoards(
    Arc<std::sync::Mutex<Vec<codexkit::CommandApproval>>>,
    #[allow(dead_code, reason = "it is only counted")] Arc<()>,
);

impl ServerRequestHandler for Hoards {
    async fn command_approval(&self, request: codexkit::CommandApproval) -> HandlerResult {
        assert!(!request.turn_id.is_empty());
        self.0.lock().unwrap().push(request);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_keeps_requests_for_which_it_may_be_asked_again_is_let_go_of() {
    let (guard, hoards) = counted();
    let hoard = Hoards(Arc::default(), guard);
    let mut scene = scene_with(Codex::builder().handler(hoard.clone())).await;
    scene.thread.set_handler(hoard.clone());
    let _turn = scene.turn_with("u1", hoard.clone()).await;
    for id in 0..3 {
        ask_command(&mut scene.server, id, "u1").await;
    }
    scene.sync().await;
    assert_eq!(hoard.0.lock().unwrap().len(), 3);
    drop(hoard);
    let Scene { codex, server, thread } = scene;
    codex.close().await;
    drop((codex, server, thread));
    let_go().await;
    assert_eq!(Arc::strong_count(&hoards), 1);
}
