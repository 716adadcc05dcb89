//! Who is closest is asked first, and hands on what somebody else is to answer.

use codexkit::{
    Codex, CommandApproval, Handlers, ServerRequest, Tool, ToolNamespace, ToolOutput, TurnEvent,
    TurnHandle,
};
use serde_json::json;

use crate::support::{
    ATTESTATION, Asked, COMMAND, ELICITATION, LEGACY_COMMAND, Scene, TIME, TOKENS, TOOL, answer,
    ask, ask_command, command_of, decision, params, parked, problem, quiet, scene_with, silence,
    within,
};

/// A client and a thread with a handler each.
pub(crate) async fn two_handlers() -> (Scene, Asked) {
    let asked = Asked::new();
    let scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    scene.thread.set_handler(asked.handler("thread"));
    (scene, asked)
}

#[tokio::test(start_paused = true)]
async fn the_handler_of_the_turn_comes_before_those_of_the_thread_and_of_the_client() {
    let (mut scene, mut asked) = two_handlers().await;
    let mut feed = scene.codex.notifications();
    let _turn = scene.turn_with("u1", asked.handler("turn")).await;
    ask_command(&mut scene.server, 1, "u1").await;
    let (who, request) = asked.next().await;
    assert_eq!(who, "turn");
    request.pass();
    let (who, request) = asked.next().await;
    assert_eq!(who, "thread");
    request.pass();
    let (who, request) = asked.next().await;
    assert_eq!(who, "client");
    assert_eq!(request.resolution(), None);
    request.pass();
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    assert_eq!(problem(&mut feed).await, None);
    quiet(&mut feed, &mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_is_asked_may_answer_and_then_nobody_else_is() {
    for passes in 0..3 {
        let (mut scene, mut asked) = two_handlers().await;
        let _turn = scene.turn_with("u1", asked.handler("turn")).await;
        ask_command(&mut scene.server, 1, "u1").await;
        for _ in 0..passes {
            asked.next().await.1.pass();
        }
        asked.command().await.accept().unwrap();
        assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
        scene.sync().await;
        asked.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_parks_stands_between_its_handler_and_that_of_the_thread() {
    let (mut scene, mut asked) = two_handlers().await;
    let start = scene.thread.turn("go").handler(asked.handler("turn")).park_requests();
    let (turn, _) = tokio::join!(start.into_future(), scene.server.accept_turn("u1"));
    let mut turn = turn.unwrap();
    ask_command(&mut scene.server, 1, "u1").await;
    let (who, request) = asked.next().await;
    assert_eq!(who, "turn");
    request.pass();
    let request = parked(&mut turn).await;
    asked.assert_empty();
    request.pass();
    let (who, request) = asked.next().await;
    assert_eq!(who, "thread");
    command_of(request).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    silence(&mut scene.server).await;
}

/// A request that the handler of the turn has kept, before those of the thread and the client.
async fn kept_by_the_turn() -> (Scene, Asked, TurnHandle, CommandApproval) {
    let (mut scene, mut asked) = two_handlers().await;
    let turn = scene.turn_with("u1", asked.handler("turn")).await;
    ask_command(&mut scene.server, 1, "u1").await;
    let kept = command_of(asked.next().await.1);
    (scene, asked, turn, kept)
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_can_be_passed_on_much_later() {
    let (mut scene, mut asked, _turn, kept) = kept_by_the_turn().await;
    tokio::time::sleep(std::time::Duration::from_secs(100_000)).await;
    let id = kept.id().clone();
    kept.pass();
    let (who, request) = asked.next().await;
    assert_eq!((who, request.id()), ("thread", &id));
    command_of(request).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn one_handle_that_passes_takes_nothing_from_the_others() {
    let (mut scene, mut asked, _turn, kept) = kept_by_the_turn().await;
    kept.clone().pass();
    scene.sync().await;
    kept.accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    silence(&mut scene.server).await;
    asked.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn handles_that_all_pass_reach_the_next_once() {
    let (mut scene, mut asked, _turn, kept) = kept_by_the_turn().await;
    kept.clone().pass();
    // One that is merely dropped does not refuse what another one has passed.
    drop(kept.clone());
    kept.pass();
    let (who, request) = asked.next().await;
    assert_eq!(who, "thread");
    command_of(request.clone()).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    silence(&mut scene.server).await;
    asked.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn two_handles_of_a_turn_that_park_have_a_request_until_both_pass() {
    let (mut scene, mut asked) = two_handlers().await;
    let mut first = scene.parking_turn("u1").await;
    let mut second = scene.parking_turn("u1").await;
    ask_command(&mut scene.server, 1, "u1").await;
    let of_first = command_of(parked(&mut first).await);
    let of_second = command_of(parked(&mut second).await);
    of_first.pass();
    scene.sync().await;
    assert_eq!(of_second.resolution(), None);
    of_second.pass();
    let (who, request) = asked.next().await;
    assert_eq!(who, "thread");
    command_of(request).decline().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
}

#[tokio::test(start_paused = true)]
async fn a_turn_has_its_own_handler_and_no_other() {
    let (mut scene, mut asked) = two_handlers().await;
    let _first = scene.turn_with("u1", asked.handler("first")).await;
    let _second = scene.turn_with("u2", asked.handler("second")).await;
    let on = |thread: &str, turn: &str| {
        let mut params = params(COMMAND, turn);
        params["threadId"] = json!(thread);
        params
    };
    for (id, thread, turn, expected) in [
        (1, "t1", "u1", "first"),
        (2, "t1", "u2", "second"),
        (3, "t1", "u3", "thread"),
        (4, "t2", "u1", "client"),
        (5, "t2", "u9", "client"),
    ] {
        ask(&mut scene.server, id, COMMAND, &on(thread, turn)).await;
        let (who, request) = asked.next().await;
        assert_eq!(who, expected);
        assert_eq!((request.thread_id(), request.turn_id()), (Some(thread), Some(turn)));
        command_of(request).accept().unwrap();
        assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_names_no_turn_or_no_thread_begins_farther_out() {
    let (mut scene, mut asked) = two_handlers().await;
    let _turn = scene.turn_with("u1", asked.handler("turn")).await;
    let mut of_no_turn = params(ELICITATION, "u1");
    of_no_turn["turnId"] = json!(null);
    for (id, method, params, expected) in [
        (1, TIME, params(TIME, ""), "thread"),
        (2, LEGACY_COMMAND, params(LEGACY_COMMAND, ""), "thread"),
        (3, ELICITATION, of_no_turn, "thread"),
        (4, ELICITATION, params(ELICITATION, "u1"), "turn"),
        (5, ATTESTATION, params(ATTESTATION, ""), "client"),
        (6, TOKENS, params(TOKENS, ""), "client"),
    ] {
        ask(&mut scene.server, id, method, &params).await;
        let (who, request) = asked.next().await;
        assert_eq!((who, request.method()), (expected, method));
        request.refuse().unwrap();
        assert_eq!(answer(&mut scene.server).await["id"], id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_of_tokens_comes_before_the_handler_of_the_client() {
    use codexkit::protocol::ChatgptAuthTokensRefreshResponse as Tokens;

    let mut asked = Asked::new();
    let builder = Codex::builder()
        .handler(asked.handler("client"))
        .chatgpt_token_provider(async |_| Ok::<_, std::io::Error>(Tokens::new("a1", "secret")));
    let mut scene = scene_with(builder).await;
    ask(&mut scene.server, 1, TOKENS, &params(TOKENS, "")).await;
    assert_eq!(answer(&mut scene.server).await["result"]["accessToken"], "secret");
    ask(&mut scene.server, 2, ATTESTATION, &json!({})).await;
    assert_eq!(asked.next().await.0, "client");
}

#[tokio::test(start_paused = true)]
async fn the_tools_of_the_thread_come_before_every_handler() {
    let mut asked = Asked::new();
    let (codex, mut server) = codexkit::testing::FakeServer::start_with(
        Codex::builder().handler(asked.handler("client")),
    )
    .await
    .unwrap();
    let tool = |says: &'static str| {
        Tool::with_schema("x", "d", json!({}), move |_: serde_json::Value, _| {
            std::future::ready(Ok::<_, std::io::Error>(ToolOutput::text(says)))
        })
    };
    let start = codex
        .thread_start()
        .handler(asked.handler("thread"))
        .tool(tool("plain"))
        .tool_namespace(ToolNamespace::new("n", "d").tool(tool("of n")));
    let (thread, _) = tokio::join!(start.into_future(), server.accept_thread("t1"));
    let mut scene = Scene { codex, server, thread: thread.unwrap() };
    let _turn = scene.turn_with("u1", asked.handler("turn")).await;
    let call = |namespace: Option<&str>, tool: &str| {
        let mut params = params(TOOL, "u1");
        (params["namespace"], params["tool"]) = (json!(namespace), json!(tool));
        params
    };
    for (id, params, expected) in [(1, call(None, "x"), "plain"), (2, call(Some("n"), "x"), "of n")]
    {
        ask(&mut scene.server, id, TOOL, &params).await;
        let result = &answer(&mut scene.server).await["result"];
        assert_eq!(result["contentItems"][0]["text"], expected);
    }
    let others = [call(None, "y"), call(Some("m"), "x"), call(Some("n"), "y"), call(Some(""), "x")];
    for (id, params) in others.into_iter().enumerate() {
        ask(&mut scene.server, 10 + id, TOOL, &params).await;
        let (who, request) = asked.next().await;
        assert_eq!(who, "turn");
        request.pass();
        assert_eq!(asked.next().await.0, "thread");
        assert_eq!(answer(&mut scene.server).await["result"]["success"], false);
    }
    // Of other threads the tools are not.
    let mut params = call(None, "x");
    params["threadId"] = json!("t2");
    ask(&mut scene.server, 20, TOOL, &params).await;
    assert_eq!(asked.next().await.0, "client");
}

#[tokio::test(start_paused = true)]
async fn a_new_handler_replaces_the_old_one_for_what_comes_from_then_on() {
    let (mut scene, mut asked) = two_handlers().await;
    ask_command(&mut scene.server, 1, "u1").await;
    let (who, first) = asked.next().await;
    assert_eq!(who, "thread");
    scene.thread.set_handler(asked.handler("new"));
    ask_command(&mut scene.server, 2, "u1").await;
    let (who, second) = asked.next().await;
    assert_eq!(who, "new");
    for (id, request) in [(2, second), (1, first)] {
        command_of(request).accept().unwrap();
        assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
    }
}

#[tokio::test(start_paused = true)]
async fn input_that_joins_a_turn_replaces_its_handler() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder()).await;
    let _first = scene.turn_with("u1", asked.handler("first")).await;
    let _joined = scene.turn_with("u1", asked.handler("joined")).await;
    ask_command(&mut scene.server, 1, "u1").await;
    assert_eq!(asked.next().await.0, "joined");
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_is_resumed_has_the_handler_that_was_given_then() {
    let (mut scene, mut asked) = two_handlers().await;
    let resume = scene.codex.thread_resume("t1").handler(asked.handler("resumed"));
    let (resumed, ()) = tokio::join!(resume.into_future(), async {
        let request = within(scene.server.expect("thread/resume")).await;
        let result = json!({
            "thread": crate::threads::a_thread("idle"), "approvalPolicy": "never",
            "approvalsReviewer": "user", "cwd": "/", "model": "m", "modelProvider": "mock",
            "sandbox": {"type": "readOnly"},
        });
        // What is asked behind the answer belongs to it.
        let reply = json!({"id": request.id, "result": result});
        let asks = crate::support::request(1, COMMAND, &params(COMMAND, "u1"));
        crate::support::send_at_once(&mut scene.server, &[reply, asks]).await;
    });
    resumed.unwrap();
    assert_eq!(asked.next().await.0, "resumed");
}

#[tokio::test(start_paused = true)]
async fn handlers_of_closures_pass_on_what_they_have_no_closure_for() {
    let (mut scene, mut asked) = two_handlers().await;
    let handlers = Handlers::new().file_change_approval(async |request| request.accept());
    let _turn = scene.turn_with("u1", handlers).await;
    ask(&mut scene.server, 1, crate::support::FILES, &params(crate::support::FILES, "u1")).await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    for (id, method) in crate::support::KINDS.into_iter().enumerate() {
        if method == crate::support::FILES {
            continue;
        }
        ask(&mut scene.server, 10 + id, method, &params(method, "u1")).await;
        let (who, request) = asked.next().await;
        assert_ne!(who, "turn");
        assert_eq!(request.method(), method);
        request.refuse().unwrap();
        assert_eq!(answer(&mut scene.server).await["id"], 10 + id);
    }
}

#[tokio::test(start_paused = true)]
async fn two_handles_of_a_turn_that_park_have_the_same_request() {
    let (mut scene, mut asked) = two_handlers().await;
    let mut first = scene.parking_turn("u1").await;
    let mut second = scene.parking_turn("u1").await;
    let (third, _) =
        tokio::join!(scene.thread.turn("go").into_future(), scene.server.accept_turn("u1"));
    let mut third = third.unwrap();
    ask_command(&mut scene.server, 1, "u1").await;
    let (one, other) = (parked(&mut first).await, parked(&mut second).await);
    assert_eq!(one, other);
    // One of them gives up, the other does not.
    drop(one);
    scene.sync().await;
    assert_eq!(other.resolution(), None);
    command_of(other).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    scene.server.complete_turn("t1", "u1", "completed").await;
    let event = within(third.next()).await.unwrap().unwrap();
    assert!(matches!(event, TurnEvent::Notification { .. }), "{event:?}");
    asked.assert_empty();
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn two_handles_that_both_drop_a_request_refuse_it_once() {
    let mut scene = scene_with(Codex::builder()).await;
    let mut feed = scene.codex.notifications();
    let mut first = scene.parking_turn("u1").await;
    let second = scene.parking_turn("u1").await;
    ask_command(&mut scene.server, 1, "u1").await;
    let request: ServerRequest = parked(&mut first).await;
    drop(request);
    scene.sync().await;
    drop(second);
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    assert_eq!(problem(&mut feed).await.as_deref(), Some("it was dropped without an answer"));
    silence(&mut scene.server).await;
}
