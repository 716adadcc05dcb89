//! What a runtime offers to decide holds with the feature `experimental` and without it, though the
//! field is experimental: the runtime sends it to everybody. The same tests run both ways.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use std::time::Duration;

use codexkit::testing::FakeServer;
use codexkit::{Codex, CommandApproval, Error, Handlers, RequestPolicy};
use serde_json::{Value, json};
use tokio::time::timeout;

/// What the client answers to the question about a command with these properties.
async fn decided(builder: codexkit::CodexBuilder, more: Value) -> Value {
    let (_codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let mut params = json!({
        "threadId": "t1", "turnId": "u1", "itemId": "i1", "startedAtMs": 1,
        "command": "ls", "cwd": "/",
    });
    let more = more.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(more);
    let method = "item/commandExecution/requestApproval";
    server.send(json!({"id": 1, "method": method, "params": params})).await;
    let answer = timeout(Duration::from_secs(3600), server.receive()).await.unwrap().unwrap();
    answer.params["result"]["decision"].clone()
}

fn policy() -> codexkit::CodexBuilder {
    Codex::builder().handler(RequestPolicy::deny_all().allow_commands())
}

#[tokio::test(start_paused = true)]
async fn a_policy_allows_what_is_offered_and_nothing_that_comes_with_more() {
    let permissions = json!({"network": {"enabled": true}});
    for (more, expected) in [
        (json!({}), "accept"),
        (json!({"availableDecisions": null}), "accept"),
        (json!({"availableDecisions": ["accept", "cancel"]}), "accept"),
        (json!({"availableDecisions": ["cancel"]}), "decline"),
        (
            json!({"availableDecisions": ["accept"], "additionalPermissions": permissions}),
            "decline",
        ),
        (json!({"availableDecisions": ["accept"], "later": 1}), "decline"),
    ] {
        assert_eq!(decided(policy(), more.clone()).await, expected, "{more}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_offered_cannot_be_decided() {
    let handlers = || {
        Handlers::new().command_approval(async |request: CommandApproval| {
            let offered = serde_json::to_value(request.decisions()).unwrap();
            assert_eq!(offered, json!(["accept", "cancel", "decline"]));
            let refused = request.accept_for_session();
            assert!(matches!(refused, Err(Error::InvalidInput(_))), "{refused:?}");
            request.accept()
        })
    };
    let offer = json!({"availableDecisions": ["accept", "cancel"]});
    assert_eq!(decided(Codex::builder().handler(handlers()), offer).await, "accept");
}
