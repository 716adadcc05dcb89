//! A thousand requests at once are a thousand answers, and leave nothing behind.

use std::sync::Arc;

use codexkit::protocol::ChatgptAuthTokensRefreshResponse;
use codexkit::testing::FakeServer;
use codexkit::{Codex, Resolution, ServerRequest};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::support::{
    Asked, COMMAND, KINDS, TOKENS, TOOL, answer, counted, decision, let_go, params, problem,
    request, scene_with, send_at_once, silence, sync, within,
};

const CROWD: usize = 1000;

fn crowd() -> Vec<Value> {
    (0..CROWD).map(|id| request(id, COMMAND, &params(COMMAND, "u1"))).collect()
}

/// How many tasks there are once everybody has got to run.
async fn tasks() -> usize {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    Handle::current().metrics().num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_that_wait_together_are_answered_in_reverse() {
    let mut asked = Asked::new();
    let (guard, handlers) = counted();
    let mut handler = asked.handler("client");
    handler.guard = Some(Box::new(guard));
    let mut scene = scene_with(Codex::builder().handler(handler)).await;
    let before = tasks().await;
    for round in 0..3 {
        let crowd =
            (0..CROWD).map(|id| request(round * CROWD + id, COMMAND, &params(COMMAND, "u1")));
        send_at_once(&mut scene.server, &crowd.collect::<Vec<_>>()).await;
        let mut requests = Vec::new();
        for _ in 0..CROWD {
            requests.push(asked.command().await);
        }
        assert!(tasks().await >= before + CROWD);
        for request in requests.iter().rev() {
            request.accept().unwrap();
            let id = serde_json::to_value(request.id()).unwrap();
            assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
        }
        assert_eq!(tasks().await, before);
        // The connection and this.
        assert_eq!(Arc::strong_count(&handlers), 2);
    }
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_that_nobody_answers_are_refused() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let before = tasks().await;
    let crowd = crowd();
    send_at_once(&mut server, &crowd).await;
    for id in 0..CROWD {
        assert_eq!(answer(&mut server).await, decision(id, "decline"));
    }
    sync(&codex, &mut server).await;
    assert_eq!(tasks().await, before);
    // The oldest of what nobody reads are lost.
    let mut feed = codex.notifications();
    match feed.next().await.unwrap().unwrap() {
        codexkit::ConnectionEvent::Lagged(lost) => assert!(lost > 700, "{lost}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(problem(&mut feed).await, None);
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_that_end_with_their_turn_are_refused_once() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let before = tasks().await;
    send_at_once(&mut scene.server, &crowd()).await;
    let mut requests = Vec::new();
    for _ in 0..CROWD {
        requests.push(asked.command().await);
    }
    scene.server.complete_turn("t1", "u1", "interrupted").await;
    let mut ids = Vec::new();
    for _ in 0..CROWD {
        let answer = answer(&mut scene.server).await;
        assert_eq!(answer["result"], json!({"decision": "decline"}));
        ids.push(answer["id"].as_u64().unwrap());
    }
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..u64::try_from(CROWD).unwrap()));
    assert!(requests.iter().all(|it| it.resolution() == Some(Resolution::TurnEnded)));
    drop(requests);
    assert_eq!(tasks().await, before);
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn handlers_that_go_on_working_end_with_the_connection_and_leave_no_task() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let idle = tasks().await;
    drop(codex);
    assert!(within(server.receive()).await.is_none());
    drop(server);
    let alone = tasks().await;
    assert!(alone < idle);

    let (guard, working) = counted();
    let handlers = codexkit::Handlers::new().tool_call(move |request| {
        let guard = Arc::clone(&guard);
        async move {
            request.refuse()?;
            std::future::pending::<()>().await;
            drop(guard);
            Ok::<_, codexkit::Error>(())
        }
    });
    let (codex, mut server) =
        FakeServer::start_with(Codex::builder().handler(handlers)).await.unwrap();
    for id in 0..100 {
        crate::support::ask(&mut server, id, TOOL, &params(TOOL, "u1")).await;
        assert_eq!(answer(&mut server).await["result"]["success"], false);
    }
    assert_eq!(Arc::strong_count(&working), 102);
    codex.close().await;
    assert_eq!(tasks().await, alone);
    drop(codex);
    let_go().await;
    assert_eq!(Arc::strong_count(&working), 1);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_all_kinds_is_answered_in_one_go() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let crowd: Vec<_> = (0..CROWD)
        .map(|id| {
            let method = KINDS[id % KINDS.len()];
            request(id, method, &params(method, "u1"))
        })
        .collect();
    send_at_once(&mut server, &crowd).await;
    for id in 0..CROWD {
        assert_eq!(answer(&mut server).await["id"], id);
    }
    sync(&codex, &mut server).await;
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_with_others_between_that_make_no_sense_are_each_answered_once() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let mut all = Vec::new();
    for request in crowd() {
        let id = request["id"].as_u64().unwrap();
        all.push(request);
        if id.is_multiple_of(10) {
            all.push(crate::support::request(format!("unknown-{id}"), "later", &json!({})));
            all.push(crate::support::request(format!("odd-{id}"), COMMAND, &json!({"turnId": 7})));
            all.push(json!({"id": 0.5, "method": COMMAND, "params": params(COMMAND, "u1")}));
        }
    }
    send_at_once(&mut scene.server, &all).await;
    for _ in 0..CROWD {
        asked.command().await.accept().unwrap();
    }
    let mut counts = std::collections::BTreeMap::<(i64, bool), usize>::new();
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..all.len() {
        let answer = answer(&mut scene.server).await;
        let code = answer["error"]["code"].as_i64().unwrap_or_default();
        *counts.entry((code, answer["id"].is_string())).or_default() += 1;
        if answer["id"] != json!(0.5) {
            assert!(ids.insert(answer["id"].to_string()), "{answer} is the second");
        }
    }
    let tenth = CROWD / 10;
    let expected = [((-32602, true), tenth), ((-32601, true), tenth), ((-32600, false), tenth)];
    assert_eq!(counts, expected.into_iter().chain([((0, false), CROWD)]).collect());
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn two_questions_for_tokens_are_answered_in_reverse() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    for id in [1, 2] {
        crate::support::ask(&mut scene.server, id, TOKENS, &params(TOKENS, "u1")).await;
    }
    let both = [asked.next().await.1, asked.next().await.1];
    for (request, id) in both.iter().rev().zip([2, 1]) {
        let ServerRequest::TokenRefresh(request) = request else { panic!("{request:?}") };
        let tokens = ChatgptAuthTokensRefreshResponse::new("a1", format!("token-{id}"));
        request.respond(tokens).unwrap();
        let answer = answer(&mut scene.server).await;
        assert_eq!(answer["id"], id);
        assert_eq!(answer["result"]["accessToken"], format!("token-{id}"));
    }
}
