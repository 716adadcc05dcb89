//! What is newer than this crate, or makes no sense, costs a turn or a request nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use codexkit::protocol::{ServerNotification, ThreadItem, ThreadLoadedListParams};
use codexkit::testing::FakeServer;
use codexkit::{Codex, Error, TurnHandle};
use serde_json::{Value, json};

async fn turn(codex: &Codex, server: &mut FakeServer) -> TurnHandle {
    let (thread, _) = tokio::join!(codex.thread_start().into_future(), server.accept_thread("t1"));
    let thread = thread.unwrap();
    tokio::join!(thread.turn("go").into_future(), server.accept_turn("u1")).0.unwrap()
}

#[tokio::test]
async fn an_unknown_notification_that_names_a_turn_is_an_event_of_that_turn() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut turn = turn(&codex, &mut server).await;
    for (method, params) in [
        ("turn/mused", json!({"threadId": "t1", "turnId": "u1", "about": "birds"})),
        ("turn/slept", json!({"threadId": "t1", "turn": {"id": "u1"}, "about": "birds"})),
    ] {
        server.notify(method, params).await;
        match turn.next().await.unwrap().unwrap().into_notification().unwrap() {
            ServerNotification::Unrecognized(it) => {
                assert_eq!((&*it.method, &it.params["about"]), (method, &json!("birds")));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_turn_with_an_unknown_item_and_an_unknown_status_has_a_result_with_both() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let turn = turn(&codex, &mut server).await;
    let item = json!({"type": "sculpture", "id": "s1", "material": "clay"});
    let params =
        json!({"item": item.clone(), "threadId": "t1", "turnId": "u1", "completedAtMs": 1});
    server.notify("item/completed", params).await;
    server.message("t1", "u1", "Look.").await;
    server.complete_turn("t1", "u1", "postponed").await;
    let result = turn.result().await.unwrap();
    assert_eq!(result.status.as_str(), "postponed");
    assert_eq!(result.final_response.as_deref(), Some("Look."));
    match &result.items[..] {
        [ThreadItem::Unrecognized(it), ThreadItem::AgentMessage(_)] => assert_eq!(it, &item),
        other => panic!("{other:?}"),
    }
}

/// The error of a request that gets `answer`.
async fn error_of(codex: &Codex, server: &mut FakeServer, answer: Value) -> Error {
    let call = codex.request(ThreadLoadedListParams::default());
    let (result, ()) = tokio::join!(call.into_future(), async {
        let id = server.expect("thread/loaded/list").await.id;
        let mut message = answer;
        message["id"] = id;
        server.send(message).await;
    });
    result.unwrap_err()
}

#[tokio::test]
async fn a_malformed_answer_is_an_error_of_its_request_alone() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    for (answer, place) in [
        (json!({"result": 7}), "expected an object, found a number"),
        (json!({"result": {"data": 7}}), "`data`: expected an array, found a number"),
        (json!({"error": 7}), "expected an object, found a number"),
        (json!({"error": {"message": "no code"}}), "`code`"),
    ] {
        match error_of(&codex, &mut server, answer).await {
            Error::Decode { method, source, .. } => {
                assert_eq!(method, "thread/loaded/list");
                assert!(source.to_string().contains(place), "{source}");
            }
            other => panic!("{other:?}"),
        }
    }
    let error = error_of(&codex, &mut server, json!({"error": {"code": 5}})).await;
    assert_eq!((error.code(), codex.close_reason().is_none()), (Some(5), true));
}
