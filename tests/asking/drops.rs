//! Whatever a handler owns may do what it likes when it is dropped: nobody holds a lock then.

use std::sync::Mutex;
use std::time::Duration;

use codexkit::{Codex, CommandApproval, HandlerResult, Handlers, ServerRequestHandler, TurnHandle};
use serde_json::json;

use crate::support::{
    Asked, OnDrop, Scene, answer, ask, ask_command, decision, params, parked, scene, scene_with,
    within,
};

/// Owns whatever there is, and is dropped with it.
struct Owns(#[allow(dead_code, reason = "it is only dropped")] Mutex<Vec<Box<dyn Send>>>);

impl ServerRequestHandler for Owns {
    async fn command_approval(&self, request: CommandApproval) -> HandlerResult {
        Ok(request.accept()?)
    }
}

/// A handler that owns all that does something when it is dropped, and the number of requests that
/// are then refused.
async fn owner(scene: &mut Scene, turn: &str) -> (Owns, usize) {
    let Scene { codex, server, thread } = scene;
    let start = thread.turn("go").park_requests().interrupt_on_drop(true).into_future();
    let (handle, _) = tokio::join!(start, server.accept_turn(turn));
    let mut handle: TurnHandle = handle.unwrap();
    for n in 0..3 {
        ask_command(server, format!("{turn} {n}"), turn).await;
    }
    let read = parked(&mut handle).await;
    let same_thread = thread.clone();
    let resets = OnDrop(Some(move || same_thread.set_handler(Handlers::new())));
    let feed = codex.notifications();
    let owned: Vec<Box<dyn Send>> = vec![
        Box::new(resets),
        Box::new(read),
        Box::new(handle),
        Box::new(feed),
        Box::new(thread.events()),
        Box::new(thread.turn("never")),
    ];
    (Owns(Mutex::new(owned)), 3)
}

/// Takes in what the client says when the owner is dropped.
async fn refusals(scene: &mut Scene, turn: &str, count: usize) {
    let mut refused = 0;
    let mut is_interrupted = false;
    while refused < count || !is_interrupted {
        let said = within(scene.server.receive()).await.unwrap();
        if said.method == "turn/interrupt" {
            assert_eq!(said.params["turnId"], turn);
            scene.server.reply(&said.id, json!({})).await;
            is_interrupted = true;
        } else {
            assert_eq!(said.params["result"], json!({"decision": "decline"}));
            refused += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn when_its_turn_ends() {
    let mut scene = scene().await;
    let (handler, count) = owner(&mut scene, "u1").await;
    let _turn = scene.turn_with("u2", handler).await;
    scene.server.complete_turn("t1", "u2", "completed").await;
    refusals(&mut scene, "u1", count).await;
    scene.sync().await;
}

#[tokio::test(start_paused = true)]
async fn when_it_is_replaced() {
    let mut scene = scene().await;
    let (handler, count) = owner(&mut scene, "u1").await;
    scene.thread.set_handler(handler);
    scene.thread.set_handler(Handlers::new());
    refusals(&mut scene, "u1", count).await;
    let (handler, count) = owner(&mut scene, "u2").await;
    let _turn = scene.turn_with("u3", handler).await;
    let _turn = scene.turn_with("u3", Handlers::new()).await;
    refusals(&mut scene, "u2", count).await;
    scene.sync().await;
}

#[tokio::test(start_paused = true)]
async fn when_its_thread_is_resumed_or_that_fails_or_nobody_waits_for_it() {
    for (waits, succeeds) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut scene = scene().await;
        let (handler, count) = owner(&mut scene, "u1").await;
        let mut resume = Box::pin(scene.codex.thread_resume("t1").handler(handler).into_future());
        let request = tokio::select! {
            _ = &mut resume => panic!("it was ready at once"),
            request = within(scene.server.expect("thread/resume")) => request,
        };
        let resume = if waits {
            Some(resume)
        } else {
            drop(resume);
            None
        };
        if succeeds {
            let result = json!({
                "thread": crate::threads::a_thread("idle"), "approvalPolicy": "never",
                "approvalsReviewer": "user", "cwd": "/", "model": "m", "modelProvider": "mock",
                "sandbox": {"type": "readOnly"},
            });
            scene.server.reply(&request.id, result).await;
        } else {
            scene.server.reply_error(&request.id, -32600, "no").await;
        }
        if let Some(resume) = resume {
            assert_eq!(within(resume).await.is_ok(), succeeds);
        }
        if succeeds {
            // It answers now, until another one takes its place.
            scene.sync().await;
            ask_command(&mut scene.server, 99, "u9").await;
            assert_eq!(answer(&mut scene.server).await, decision(99, "accept"));
            scene.thread.set_handler(Handlers::new());
        }
        refusals(&mut scene, "u1", count).await;
        scene.sync().await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_its_thread_is_unsubscribed() {
    let mut scene = scene().await;
    let (handler, _) = owner(&mut scene, "u1").await;
    scene.thread.set_handler(handler);
    let request = {
        let mut unsubscribe = Box::pin(scene.thread.unsubscribe());
        let request = tokio::select! {
            _ = &mut unsubscribe => panic!("it was ready at once"),
            request = within(scene.server.expect("thread/unsubscribe")) => request,
        };
        scene.server.reply(&request.id, json!({"status": "unsubscribed"})).await;
        within(unsubscribe).await.unwrap();
        request
    };
    assert_eq!(request.params["threadId"], "t1");
    let mut refused = 0;
    while refused < 3 {
        let said = within(scene.server.receive()).await.unwrap();
        refused += usize::from(said.method.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn when_its_thread_is_closed() {
    let mut scene = scene().await;
    let (handler, _) = owner(&mut scene, "u1").await;
    scene.thread.set_handler(handler);
    scene.server.notify("thread/closed", json!({"threadId": "t1"})).await;
    let mut refused = 0;
    while refused < 3 {
        let said = within(scene.server.receive()).await.unwrap();
        refused += usize::from(said.method.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_connection_ends() {
    for by_this_side in [true, false] {
        let mut scene = scene().await;
        let (of_thread, _) = owner(&mut scene, "u1").await;
        scene.thread.set_handler(of_thread);
        let (of_turn, _) = owner(&mut scene, "u2").await;
        let _turn = scene.turn_with("u3", of_turn).await;
        let Scene { codex, server, thread } = scene;
        if by_this_side {
            within(codex.close()).await;
            drop(server);
        } else {
            drop(server);
            within(codex.closed()).await;
        }
        // Whoever comes now finds nothing locked.
        thread.set_handler(Handlers::new());
        within(codex.close()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_it_is_given_up() {
    let mut scene = scene().await;
    let (owned, count) = owner(&mut scene, "u1").await;
    let owned = Mutex::new(Some(owned));
    let handlers = Handlers::new().deadline(Duration::from_secs(5)).file_change_approval(
        move |request: codexkit::FileChangeApproval| {
            let owned = owned.lock().unwrap().take();
            async move {
                request.resolved().await;
                std::future::pending::<()>().await;
                drop(owned);
                Ok::<_, codexkit::Error>(())
            }
        },
    );
    scene.thread.set_handler(handlers);
    let mut params = params(crate::support::FILES, "u9");
    params["turnId"] = json!("u9");
    ask(&mut scene.server, 50, crate::support::FILES, &params).await;
    assert_eq!(answer(&mut scene.server).await, decision(50, "decline"));
    refusals(&mut scene, "u1", count).await;
    scene.sync().await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_owns_its_client_ends_with_its_turn() {
    let mut scene = scene().await;
    let codex = Mutex::new(vec![Box::new(scene.codex.clone()) as Box<dyn Send>]);
    let turn = scene.turn_with("u1", Owns(codex)).await;
    let Scene { codex, mut server, thread } = scene;
    drop((codex, thread, turn));
    ask_command(&mut server, 1, "u1").await;
    assert_eq!(answer(&mut server).await, decision(1, "accept"));
    // That was the last handle.
    server.complete_turn("t1", "u1", "completed").await;
    assert!(within(server.receive()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_answers_another_one_when_it_is_dropped_is_no_trouble() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    ask_command(&mut scene.server, 1, "u1").await;
    ask_command(&mut scene.server, 2, "u1").await;
    let (first, second) = (asked.command().await, asked.command().await);
    let answers = OnDrop(Some(move || drop((first.accept(), second.accept()))));
    let handler = Owns(Mutex::new(vec![Box::new(answers)]));
    let _turn = scene.turn_with("u2", handler).await;
    scene.server.complete_turn("t1", "u2", "completed").await;
    for id in [1, 2] {
        assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
    }
}
