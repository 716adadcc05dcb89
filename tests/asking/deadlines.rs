//! A handler that takes too long is given up, and what nobody is asked for has all the time.

use std::time::Duration;

use codexkit::testing::FakeServer;
use codexkit::{
    Codex, CommandApproval, HandlerResult, Handlers, Resolution, ServerRequest,
    ServerRequestHandler, Tool, ToolCall,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::kinds::each_kind;
use crate::support::{
    ATTESTATION, Asked, COMMAND, ELICITATION, FILES, Guard, HOUR, LEGACY_COMMAND, LEGACY_PATCH,
    PERMISSIONS, Scene, TIME, TOKENS, TOOL, USER_INPUT, answer, ask, ask_command, decision, params,
    problem, scene_with, silence, within,
};

/// Never answers anything.
struct Hangs;

macro_rules! hangs {
    ($($method:ident $name:ident,)*) => {
        impl ServerRequestHandler for Hangs {
            $(async fn $method(&self, request: codexkit::$name) -> HandlerResult {
                request.resolved().await;
                std::future::pending().await
            })*
        }
    };
}

each_kind!(hangs);

#[tokio::test(start_paused = true)]
async fn by_default_nobody_waits_long_for_what_needs_no_person() {
    for (method, seconds) in [(TOOL, 300), (TOKENS, 9), (TIME, 9), (ATTESTATION, 9)] {
        let (codex, mut server) =
            FakeServer::start_with(Codex::builder().handler(Hangs)).await.unwrap();
        let mut feed = codex.notifications();
        ask(&mut server, 1, method, &params(method, "u1")).await;
        let started = Instant::now();
        assert_eq!(answer(&mut server).await["id"], 1);
        assert_eq!(started.elapsed().as_secs(), seconds, "{method}");
        let expected = format!("its handler gave no answer within {seconds}s");
        assert_eq!(problem(&mut feed).await, Some(expected));
        silence(&mut server).await;
    }
}

#[tokio::test(start_paused = true)]
async fn by_default_a_person_has_all_the_time() {
    let (_codex, mut server) =
        FakeServer::start_with(Codex::builder().handler(Hangs)).await.unwrap();
    let methods =
        [COMMAND, FILES, PERMISSIONS, USER_INPUT, ELICITATION, LEGACY_COMMAND, LEGACY_PATCH];
    for (id, method) in methods.into_iter().enumerate() {
        ask(&mut server, id, method, &params(method, "u1")).await;
    }
    let next = timeout(HOUR * 24 * 365, server.receive()).await;
    assert!(next.is_err(), "{next:?}");
}

fn hanging() -> Handlers {
    Handlers::new().command_approval(async |request: CommandApproval| {
        request.resolved().await;
        std::future::pending::<codexkit::Result<()>>().await
    })
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_handlers_is_that_of_all_of_them() {
    for after in [Duration::ZERO, Duration::from_millis(1), Duration::from_secs(100)] {
        let mut scene = scene_with(Codex::builder().handler(hanging().deadline(after))).await;
        let mut feed = scene.codex.notifications();
        ask_command(&mut scene.server, 1, "u1").await;
        let started = Instant::now();
        assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
        let took = started.elapsed();
        assert!(took >= after && took <= after + Duration::from_millis(2), "{took:?}");
        let problem = problem(&mut feed).await.unwrap();
        assert_eq!(problem, format!("its handler gave no answer within {after:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_never_reached_is_none() {
    for after in [Duration::MAX, Duration::from_secs(u64::MAX / 2), Duration::from_secs(1 << 62)] {
        let mut asked = Asked::new();
        let mut handler = asked.handler("client");
        handler.deadline = Some(after);
        let mut scene = scene_with(Codex::builder().handler(handler)).await;
        ask_command(&mut scene.server, 1, "u1").await;
        let request = asked.command().await;
        sleep(HOUR * 24 * 1000).await;
        request.accept().unwrap();
        assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_too_late_is_told_and_dropped() {
    let (guard, dropped) = Guard::new();
    let guard = std::sync::Mutex::new(Some(guard));
    let (sender, kept) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let handlers = Handlers::new().deadline(Duration::from_secs(5)).command_approval(
        move |request: CommandApproval| {
            let guard = guard.lock().unwrap().take();
            let _ = sender.lock().unwrap().take().unwrap().send(request);
            async move {
                std::future::pending::<()>().await;
                drop(guard);
                Ok::<_, codexkit::Error>(())
            }
        },
    );
    let mut scene = scene_with(Codex::builder().handler(handlers)).await;
    ask_command(&mut scene.server, 1, "u1").await;
    let request = within(kept).await.unwrap();
    assert_eq!(within(request.resolved()).await, Resolution::TimedOut);
    within(dropped).await.unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    match request.accept() {
        Err(error @ codexkit::Error::RequestResolved { resolution, .. }) => {
            assert_eq!(resolution, Resolution::TimedOut);
            assert!(error.to_string().contains("the time for its answer has passed"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_keeps_its_handler_at_work() {
    let (done, is_done) = tokio::sync::oneshot::channel();
    let done = std::sync::Mutex::new(Some(done));
    let handlers = Handlers::new().deadline(Duration::from_secs(5)).command_approval(
        move |request: CommandApproval| {
            let done = done.lock().unwrap().take().unwrap();
            async move {
                sleep(Duration::from_millis(4999)).await;
                request.accept()?;
                sleep(HOUR).await;
                let _ = done.send(());
                Ok::<_, codexkit::Error>(())
            }
        },
    );
    let mut scene = scene_with(Codex::builder().handler(handlers)).await;
    ask_command(&mut scene.server, 1, "u1").await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    // Also when its turn ends.
    scene.server.complete_turn("t1", "u1", "completed").await;
    timeout(HOUR * 2, is_done).await.unwrap().unwrap();
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_gets_it_next_has_a_time_of_its_own() {
    let mut asked = Asked::new();
    let mut client = asked.handler("client");
    client.deadline = Some(Duration::from_secs(10));
    let mut scene = scene_with(Codex::builder().handler(client)).await;
    let mut feed = scene.codex.notifications();
    let late = Handlers::new().deadline(Duration::from_secs(10)).command_approval(
        async |request: CommandApproval| {
            sleep(Duration::from_secs(9)).await;
            request.pass();
            // Whoever has passed it on is not in a hurry.
            sleep(HOUR).await;
            Ok::<_, codexkit::Error>(())
        },
    );
    scene.thread.set_handler(late);
    ask_command(&mut scene.server, 1, "u1").await;
    let started = Instant::now();
    let _kept = asked.command().await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    assert_eq!(started.elapsed().as_secs(), 19);
    assert_eq!(problem(&mut feed).await.as_deref(), Some("its handler gave no answer within 10s"));
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_parked_has_all_the_time() {
    let mut asked = Asked::new();
    let mut handler = asked.handler("turn");
    handler.deadline = Some(Duration::from_secs(10));
    let mut scene = scene_with(Codex::builder()).await;
    let start = scene.thread.turn("go").handler(handler).park_requests();
    let (turn, _) = tokio::join!(start.into_future(), scene.server.accept_turn("u1"));
    let mut turn = turn.unwrap();
    ask_command(&mut scene.server, 1, "u1").await;
    asked.next().await.1.pass();
    let request = crate::support::parked(&mut turn).await;
    sleep(HOUR * 100).await;
    crate::support::command_of(request).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
}

async fn tool_scene(tool: Tool) -> Scene {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let start = codex.thread_start().tool(tool).into_future();
    let (thread, _) = tokio::join!(start, server.accept_thread("t1"));
    Scene { codex, server, thread: thread.unwrap() }
}

#[tokio::test(start_paused = true)]
async fn a_tool_has_five_minutes_or_what_it_says() {
    for (after, seconds) in [(None, 300), (Some(Duration::from_secs(7)), 7)] {
        let tool = Tool::with_schema("x", "d", json!({}), async |_: Value, call: ToolCall| {
            call.resolved().await;
            std::future::pending::<Result<String, std::io::Error>>().await
        });
        let tool = match after {
            Some(after) => tool.deadline(after),
            None => tool,
        };
        let mut scene = tool_scene(tool).await;
        let mut feed = scene.codex.notifications();
        ask(&mut scene.server, 1, TOOL, &params(TOOL, "u1")).await;
        let started = Instant::now();
        let answer = answer(&mut scene.server).await;
        assert_eq!(started.elapsed().as_secs(), seconds);
        assert_eq!(answer["result"]["success"], false);
        let expected = format!("its handler gave no answer within {seconds}s");
        assert_eq!(problem(&mut feed).await, Some(expected));
    }
}

/// Gives some requests more time than others.
struct Choosy;

impl ServerRequestHandler for Choosy {
    async fn command_approval(&self, request: CommandApproval) -> HandlerResult {
        request.resolved().await;
        Ok(())
    }

    fn deadline(&self, request: &ServerRequest) -> Option<Duration> {
        let ServerRequest::CommandApproval(request) = request else { return None };
        Some(Duration::from_secs(if request.turn_id == "slow" { 100 } else { 10 }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_may_depend_on_the_request() {
    let mut scene = scene_with(Codex::builder().handler(Choosy)).await;
    let started = Instant::now();
    ask_command(&mut scene.server, 1, "slow").await;
    ask_command(&mut scene.server, 2, "u1").await;
    assert_eq!(answer(&mut scene.server).await, decision(2, "decline"));
    assert_eq!(started.elapsed().as_secs(), 10);
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    assert_eq!(started.elapsed().as_secs(), 100);
}
