//! What is set on a thread or a turn has exactly the form of the protocol, and what is not set is
//! left out.

#![allow(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

use codexkit::protocol::{
    AdditionalContextEntry, AdditionalContextKind, ReasoningSummary, SandboxMode, SandboxPolicy,
    WorkspaceWriteSandboxPolicy,
};
use codexkit::testing::FakeServer;
use codexkit::{ApprovalMode, Codex, Error, Sandbox, Thread, ThreadStart, TurnHandle, TurnStart};
use serde_json::{Value, json};

/// The params of `thread/start`.
async fn thread_wire(set: impl FnOnce(ThreadStart) -> ThreadStart) -> Value {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let start = set(codex.thread_start());
    let (thread, received) = tokio::join!(start.into_future(), server.accept_thread("t"));
    thread.unwrap();
    received.params
}

async fn a_thread(codex: &Codex, server: &mut FakeServer) -> Thread {
    tokio::join!(codex.thread_start().into_future(), server.accept_thread("t")).0.unwrap()
}

/// The params of `turn/start` without those that each has.
async fn turn_wire(set: impl FnOnce(TurnStart<TurnHandle>) -> TurnStart<TurnHandle>) -> Value {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = a_thread(&codex, &mut server).await;
    let start = set(thread.turn("hi"));
    let (turn, mut received) = tokio::join!(start.into_future(), server.accept_turn("u"));
    drop(turn.unwrap());
    let params = received.params.as_object_mut().unwrap();
    assert_eq!(params.remove("threadId").unwrap(), "t");
    let input = json!([{"type": "text", "text": "hi", "text_elements": []}]);
    assert_eq!(params.remove("input").unwrap(), input);
    received.params
}

#[tokio::test]
async fn what_is_not_set_is_left_out() {
    assert_eq!(thread_wire(|it| it).await, json!({}));
    assert_eq!(turn_wire(|it| it).await, json!({}));
}

#[tokio::test]
async fn a_sandbox_is_a_mode_of_a_thread_and_a_policy_of_a_turn() {
    let workspace_write = json!({
        "type": "workspaceWrite", "networkAccess": false, "writableRoots": [],
        "excludeSlashTmp": false, "excludeTmpdirEnvVar": false,
    });
    let cases = [
        (Sandbox::ReadOnly, "read-only", json!({"type": "readOnly", "networkAccess": false})),
        (Sandbox::WorkspaceWrite, "workspace-write", workspace_write),
        (Sandbox::FullAccess, "danger-full-access", json!({"type": "dangerFullAccess"})),
    ];
    for (sandbox, mode, policy) in cases {
        assert_eq!(thread_wire(|it| it.sandbox(sandbox)).await, json!({"sandbox": mode}));
        let mode_of_protocol = SandboxMode::from(sandbox);
        assert_eq!(thread_wire(|it| it.sandbox(mode_of_protocol)).await, json!({"sandbox": mode}));
        assert_eq!(turn_wire(|it| it.sandbox(sandbox)).await, json!({"sandboxPolicy": policy}));
    }
}

#[tokio::test]
async fn a_turn_takes_a_policy_of_the_protocol_as_it_is() {
    let policy = WorkspaceWriteSandboxPolicy::new()
        .network_access(true)
        .writable_roots(["/srv".to_owned()])
        .exclude_slash_tmp(true);
    let expected = json!({"sandboxPolicy": {
        "type": "workspaceWrite", "networkAccess": true, "writableRoots": ["/srv"],
        "excludeSlashTmp": true, "excludeTmpdirEnvVar": false,
    }});
    assert_eq!(turn_wire(|it| it.sandbox(policy.clone())).await, expected);
    assert_eq!(turn_wire(|it| it.sandbox(SandboxPolicy::from(policy))).await, expected);
    let expected =
        json!({"sandboxPolicy": {"type": "externalSandbox", "networkAccess": "restricted"}});
    assert_eq!(turn_wire(|it| it.sandbox(SandboxPolicy::external_sandbox())).await, expected);
}

#[tokio::test]
async fn an_approval_mode_is_a_policy_and_who_reviews() {
    let cases = [
        (ApprovalMode::DenyAll, json!({"approvalPolicy": "never"})),
        (
            ApprovalMode::AutoReview,
            json!({"approvalPolicy": "on-request", "approvalsReviewer": "auto_review"}),
        ),
        (ApprovalMode::Ask, json!({"approvalPolicy": "on-request", "approvalsReviewer": "user"})),
    ];
    for (mode, expected) in cases {
        assert_eq!(thread_wire(|it| it.approval_mode(mode)).await, expected);
        assert_eq!(turn_wire(|it| it.approval_mode(mode)).await, expected);
    }
}

#[tokio::test]
async fn a_mode_without_a_reviewer_leaves_the_one_that_was_set() {
    let (auto, deny) = (ApprovalMode::AutoReview, ApprovalMode::DenyAll);
    let expected = json!({"approvalPolicy": "never", "approvalsReviewer": "auto_review"});
    assert_eq!(thread_wire(|it| it.approval_mode(auto).approval_mode(deny)).await, expected);
    assert_eq!(turn_wire(|it| it.approval_mode(auto).approval_mode(deny)).await, expected);
    let expected = json!({"approvalPolicy": "on-request", "approvalsReviewer": "user"});
    let ask = ApprovalMode::Ask;
    assert_eq!(turn_wire(|it| it.approval_mode(deny).approval_mode(ask)).await, expected);
}

#[tokio::test]
async fn params_cannot_move_a_turn_to_another_thread_or_change_its_input() {
    let wire = turn_wire(|it| {
        it.params(|mut params| {
            params.thread_id = "other".into();
            params.input = Vec::new();
            params
        })
    });
    assert_eq!(wire.await, json!({}));
}

#[tokio::test]
async fn every_option_of_a_turn_has_its_property() {
    let set = |turn: TurnStart<TurnHandle>| {
        turn.model("m")
            .effort("low")
            .summary(ReasoningSummary::None)
            .turn_service_tier("default")
            .cwd("/p")
            .permissions("careful")
            .output_schema(json!({"type": "object"}))
            .trigger("cron")
            .client_message_id("c1")
            .additional_context(
                "editor",
                AdditionalContextEntry::new(AdditionalContextKind::Untrusted, "a.rs is open"),
            )
    };
    let expected = json!({
        "model": "m",
        "effort": "low",
        "summary": "none",
        "serviceTierForTurn": "default",
        "cwd": "/p",
        "permissions": "careful",
        "outputSchema": {"type": "object"},
        "turnTrigger": "cron",
        "clientUserMessageId": "c1",
        "additionalContext": {"editor": {"kind": "untrusted", "value": "a.rs is open"}},
    });
    assert_eq!(turn_wire(set).await, expected);
}

#[tokio::test]
async fn no_service_tier_differs_from_the_standard_one() {
    let tier = |tier: &str| Some(tier.to_owned());
    let wire = turn_wire(|it| it.service_tier(tier("flex"))).await;
    assert_eq!(wire, json!({"serviceTier": "flex"}));
    assert_eq!(turn_wire(|it| it.service_tier(None)).await, json!({"serviceTier": null}));
}

#[tokio::test]
async fn the_personality_none_differs_from_no_personality() {
    #[expect(
        deprecated,
        reason = "what is deprecated goes through `params`, and still has to work"
    )]
    let wire = turn_wire(|it| {
        it.params(|params| params.personality(codexkit::protocol::Personality::None))
    });
    assert_eq!(wire.await, json!({"personality": "none"}));
}

#[tokio::test]
async fn a_number_that_json_lacks_cannot_break_a_message() {
    for number in [f64::NAN, f64::INFINITY] {
        let wire = thread_wire(|it| it.config("key", number)).await;
        assert_eq!(wire, json!({"config": {"key": null}}));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_is_not_utf8_is_refused_before_anything_is_sent() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = a_thread(&codex, &mut server).await;
    let [first, second] = [OsStr::from_bytes(b"/first/\xff"), OsStr::from_bytes(b"/second/\xff")];
    let assert_first = |error| match error {
        Error::InvalidInput(text) => {
            assert!(text.starts_with("the path `/first/"), "{text}");
            assert!(text.contains("is not valid UTF-8"), "{text}");
        }
        other => panic!("{other:?}"),
    };
    let turn = thread.turn("hi").cwd(first).cwd(second).cwd("/x");
    assert_first(turn.await.map(drop).unwrap_err());
    let start = codex.thread_start().cwd(first).cwd(second).cwd("/x");
    assert_first(start.await.map(drop).unwrap_err());
    let list = codex.thread_list().cwd(first).cwd(second);
    assert_first(list.await.map(drop).unwrap_err());
    drop((thread, codex));
    assert_eq!(server.receive().await, None);
}
