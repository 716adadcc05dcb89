//! A handler that fails, panics or forgets to answer harms nobody, and the user is told.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codexkit::{
    Codex, CommandApproval, ConnectionEvent, HandlerResult, Handlers, Notifications, ServerRequest,
    ServerRequestHandler,
};
use serde_json::json;
use tokio::time::sleep;

use crate::support::{
    Asked, COMMAND, FILES, answer, ask, ask_command, decision, params, parked, problem, quiet,
    refusal, scene, scene_with, silence, within,
};

#[derive(Debug)]
struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("in its own words")
    }
}

impl std::error::Error for Failed {}

/// Has a handler asked once, and gives the refusal and what the user is told.
async fn refused(handler: impl ServerRequestHandler) -> crate::support::Refusal {
    let mut scene = scene_with(Codex::builder().handler(handler)).await;
    let mut feed = scene.codex.notifications();
    ask_command(&mut scene.server, 1, "u1").await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    let refusal = refusal(&mut feed).await;
    assert_eq!(refusal.0.params["turnId"], "u1");
    quiet(&mut feed, &mut scene.server).await;
    silence(&mut scene.server).await;
    refusal
}

#[tokio::test(start_paused = true)]
async fn an_error_is_shown_to_the_user() {
    let at_once = Handlers::new().command_approval(|_| std::future::ready(Err(Failed)));
    let later = Handlers::new().command_approval(async |_| {
        sleep(Duration::from_secs(1)).await;
        Err(Failed)
    });
    for handler in [at_once, later] {
        let (_, problem, source) = refused(handler).await;
        assert_eq!(problem.as_deref(), Some("its handler failed"));
        assert_eq!(source.as_deref(), Some("in its own words"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_is_the_very_one() {
    let handler = Handlers::new().command_approval(|_| std::future::ready(Err(Failed)));
    let mut scene = scene_with(Codex::builder().handler(handler)).await;
    let mut feeds = [scene.codex.notifications(), scene.codex.notifications()];
    ask_command(&mut scene.server, 1, "u1").await;
    for feed in &mut feeds {
        match within(feed.next()).await.unwrap().unwrap() {
            ConnectionEvent::RequestRefused { source: Some(source), .. } => {
                assert!(source.downcast_ref::<Failed>().is_some());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_and_after_the_first_wait_is_a_refusal() {
    let before = Handlers::new().command_approval(|request: CommandApproval| {
        assert!(request.turn_id.is_empty(), "on purpose");
        async { Ok::<_, Failed>(()) }
    });
    let at_once = Handlers::new().command_approval(async |request: CommandApproval| {
        assert!(request.turn_id.is_empty(), "on purpose");
        Ok::<_, Failed>(())
    });
    let after = Handlers::new().command_approval(async |request: CommandApproval| {
        sleep(Duration::from_secs(1)).await;
        assert!(request.turn_id.is_empty(), "on purpose");
        Ok::<_, Failed>(())
    });
    for handler in [before, at_once, after] {
        let (_, problem, source) = refused(handler).await;
        assert_eq!((problem.as_deref(), source), (Some("its handler panicked"), None));
    }
}

/// Panics where it says how long it may take.
struct NoDeadline;

impl ServerRequestHandler for NoDeadline {
    async fn command_approval(&self, request: CommandApproval) -> HandlerResult {
        Ok(request.accept()?)
    }

    fn deadline(&self, request: &ServerRequest) -> Option<Duration> {
        assert!(request.turn_id().is_none(), "on purpose");
        None
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_about_the_deadline_is_a_refusal() {
    let (_, problem, source) = refused(NoDeadline).await;
    assert_eq!((problem.as_deref(), source), (Some("its handler panicked"), None));
}

#[tokio::test(start_paused = true)]
async fn to_end_without_an_answer_is_a_refusal() {
    let forgets = Handlers::new().command_approval(async |request| {
        sleep(Duration::from_secs(1)).await;
        drop(request);
        sleep(Duration::from_secs(1)).await;
        Ok::<_, Failed>(())
    });
    let (_, problem, source) = refused(forgets).await;
    assert_eq!((problem.as_deref(), source), (Some("its handler gave no answer"), None));
}

#[tokio::test(start_paused = true)]
async fn to_say_no_is_nothing_to_tell() {
    let refuses = Handlers::new().command_approval(async |request| request.refuse());
    let declines = Handlers::new().command_approval(async |request| request.decline());
    for handler in [refuses, declines] {
        let mut scene = scene_with(Codex::builder().handler(handler)).await;
        let mut feed = scene.codex.notifications();
        ask_command(&mut scene.server, 1, "u1").await;
        assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
        quiet(&mut feed, &mut scene.server).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_after_the_answer_is_not_the_business_of_the_server() {
    let fails = Handlers::new().command_approval(async |request| {
        request.accept()?;
        sleep(Duration::from_secs(1)).await;
        Err::<(), Box<dyn std::error::Error + Send + Sync>>(Failed.into())
    });
    let panics = Handlers::new().command_approval(async |request: CommandApproval| {
        request.accept()?;
        assert!(request.turn_id.is_empty(), "on purpose");
        Ok::<_, codexkit::Error>(())
    });
    for (handler, problem) in [(fails, "its handler failed"), (panics, "its handler panicked")] {
        let mut scene = scene_with(Codex::builder().handler(handler)).await;
        let mut feed = scene.codex.notifications();
        ask_command(&mut scene.server, 1, "u1").await;
        assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
        silence(&mut scene.server).await;
        assert_eq!(failed_late(&mut feed).await, problem);
        quiet(&mut feed, &mut scene.server).await;
    }
}

/// What went wrong after a request was answered, or passed on.
async fn failed_late(feed: &mut Notifications) -> String {
    match within(feed.next()).await.unwrap().unwrap() {
        ConnectionEvent::HandlerFailed { request, problem, source, .. } => {
            assert_eq!(request.method, COMMAND);
            assert_eq!(source.is_some(), problem == "its handler failed");
            problem
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_after_the_request_was_kept_refuses_it() {
    let (sender, kept) = tokio::sync::oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let keeps = Handlers::new().command_approval(move |request: CommandApproval| {
        let _ = sender.lock().unwrap().take().unwrap().send(request);
        std::future::ready(Err(Failed))
    });
    let (_, problem, source) = refused(keeps).await;
    assert_eq!(problem.as_deref(), Some("its handler failed"));
    assert_eq!(source.as_deref(), Some("in its own words"));
    assert_eq!(kept.await.unwrap().resolution(), Some(codexkit::Resolution::Refused));
}

#[tokio::test(start_paused = true)]
async fn an_error_after_it_was_passed_on_leaves_it_to_the_next() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let mut feed = scene.codex.notifications();
    scene.thread.set_handler(Handlers::new().command_approval(async |request: CommandApproval| {
        request.pass();
        Err::<(), _>(Failed)
    }));
    ask_command(&mut scene.server, 1, "u1").await;
    let request = asked.command().await;
    scene.sync().await;
    assert_eq!(request.resolution(), None);
    request.accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    assert_eq!(failed_late(&mut feed).await, "its handler failed");
    quiet(&mut feed, &mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_to_who_listens_to_its_thread() {
    let mut scene = scene().await;
    let mut all = scene.codex.notifications();
    let mut of_thread = scene.thread.events();
    ask_command(&mut scene.server, 1, "u1").await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    assert_eq!(problem(&mut of_thread).await, None);
    quiet(&mut all, &mut scene.server).await;
    drop(of_thread);
    ask_command(&mut scene.server, 2, "u1").await;
    assert_eq!(answer(&mut scene.server).await, decision(2, "decline"));
    assert_eq!(problem(&mut all).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_one_request_harms_no_other_one() {
    let handler = Handlers::new().command_approval(async |request: CommandApproval| match request
        .turn_id
        .as_str()
    {
        "fails" => Err(Box::<dyn std::error::Error + Send + Sync>::from(Failed)),
        "panics" => panic!("on purpose"),
        "forgets" => Ok(()),
        _ => Ok(request.accept()?),
    });
    let mut scene = scene_with(Codex::builder().handler(handler)).await;
    for (n, turn) in ["fails", "panics", "forgets"].into_iter().cycle().take(30).enumerate() {
        ask_command(&mut scene.server, 2 * n, turn).await;
        assert_eq!(answer(&mut scene.server).await, decision(2 * n, "decline"));
        ask_command(&mut scene.server, 2 * n + 1, "u1").await;
        assert_eq!(answer(&mut scene.server).await, decision(2 * n + 1, "accept"));
    }
}

#[tokio::test(start_paused = true)]
async fn events_of_a_turn_are_not_disturbed_by_a_handler_that_fails() {
    let mut scene = scene().await;
    let handler = Handlers::new().command_approval(async |_| Err::<(), _>(Failed));
    let start = scene.thread.turn("go").handler(handler).park_requests();
    let (turn, _) = tokio::join!(start.into_future(), scene.server.accept_turn("u1"));
    let mut turn = turn.unwrap();
    ask_command(&mut scene.server, 1, "u1").await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    scene.server.complete_turn("t1", "u1", "completed").await;
    let event = within(turn.next()).await.unwrap().unwrap();
    assert_eq!(event.notification().unwrap().method(), "turn/completed");
}

/// Fails with the request of before, which is dropped with the error.
#[derive(Debug)]
struct Owns(#[allow(dead_code, reason = "it is only dropped")] Option<ServerRequest>);

impl std::fmt::Display for Owns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it has another one")
    }
}

impl std::error::Error for Owns {}

/// Who could read what is told of refusals.
#[derive(Clone, Copy, PartialEq)]
enum Listener {
    /// Whoever is going to ask for it first.
    Later,
    Nobody,
    OfThread,
}

#[tokio::test(start_paused = true)]
async fn an_error_that_owns_requests_of_the_connection_blocks_nobody() {
    for listener in [Listener::Later, Listener::Nobody, Listener::OfThread] {
        let owned = Arc::new(Mutex::new(None));
        let owns = Arc::clone(&owned);
        let handler = Handlers::new().file_change_approval(move |_| {
            std::future::ready(Err(Owns(owns.lock().unwrap().take())))
        });
        let mut scene = scene_with(Codex::builder().handler(handler)).await;
        if listener == Listener::Nobody {
            drop(scene.codex.notifications());
        }
        let _of_thread = (listener == Listener::OfThread).then(|| scene.thread.events());
        let mut turn = scene.parking_turn("u1").await;
        let mut refused = BTreeSet::new();
        let mut params = params(FILES, "u9");
        params["threadId"] = json!(if listener == Listener::OfThread { "t1" } else { "t9" });
        for id in 0..600 {
            ask_command(&mut scene.server, 2 * id, "u1").await;
            *owned.lock().unwrap() = Some(parked(&mut turn).await);
            ask(&mut scene.server, 2 * id + 1, FILES, &params).await;
            // Whatever is dropped meanwhile is refused, each once.
            while !refused.contains(&(2 * id + 1)) {
                let answer = answer(&mut scene.server).await;
                let id = answer["id"].as_i64().unwrap();
                assert_eq!(answer, decision(id, "decline"));
                assert!(refused.insert(id), "{id} is refused again");
            }
        }
        // The oldest made place, or there was no place at all.
        assert!(refused.len() >= 600 + 600 - 256, "{}", refused.len());
    }
}
