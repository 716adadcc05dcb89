//! What is set on a turn works for that turn, and for later ones where it says so.

use codexkit::protocol::{
    AdditionalContextEntry, AdditionalContextKind, ApprovalsReviewer, AskForApproval,
    PermissionProfileListParams, SandboxPolicy, ThreadItem, ThreadResumeParams,
    ThreadResumeResponse, WorkspaceWriteSandboxPolicy,
};
use codexkit::testing::{MockModel, Reply};
use codexkit::{ApprovalMode, Sandbox, Thread};
use serde_json::{Value, json};

use crate::support::{next_delta, run};

/// What the newest request to the model says of its turn.
fn metadata(model: &MockModel) -> Value {
    let request = model.requests().pop().unwrap();
    let text = request.body()["client_metadata"]["x-codex-turn-metadata"].as_str().unwrap();
    serde_json::from_str(text).unwrap()
}

fn tier(model: &MockModel) -> Value {
    model.requests().pop().unwrap().body()["service_tier"].clone()
}

/// The settings that the thread has now.
async fn settings(thread: &Thread) -> ThreadResumeResponse {
    let params = ThreadResumeParams::new(thread.id()).exclude_turns(true);
    thread.codex().request(params).await.unwrap()
}

#[tokio::test]
async fn the_service_tier_of_a_turn_ends_with_it_and_that_of_the_thread_stays() {
    run(async |place| {
        place.model.always("ok");
        let thread = place.thread().await;
        thread.run("one").turn_service_tier("flex").await.unwrap();
        assert_eq!(tier(&place.model), "flex");
        thread.run("two").await.unwrap();
        assert_eq!(tier(&place.model), Value::Null);
        thread.run("three").service_tier(Some("flex".into())).await.unwrap();
        thread.run("four").await.unwrap();
        assert_eq!(tier(&place.model), "flex");
        thread.run("five").turn_service_tier("default").await.unwrap();
        assert_eq!(tier(&place.model), Value::Null);
        thread.run("six").await.unwrap();
        assert_eq!(tier(&place.model), "flex");
        thread.run("seven").service_tier(None).await.unwrap();
        assert_eq!(tier(&place.model), Value::Null);
    })
    .await;
}

#[tokio::test]
async fn what_is_for_a_new_turn_alone_does_nothing_to_one_that_is_joined() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.extend([reply, "ok".into()]);
        let thread = place.thread().await;
        let mut first = thread.turn("one").trigger("person").await.unwrap();
        assert_eq!(next_delta(&mut first).await, "Once");
        let second = thread.turn("two").trigger("cron").turn_service_tier("flex").await.unwrap();
        assert_eq!(second.id(), first.id());
        hold.release();
        first.result().await.unwrap();
        assert_eq!(place.model.requests().len(), 2);
        assert_eq!(tier(&place.model), Value::Null);
        assert_eq!(metadata(&place.model)["turn_trigger"], "person");
    })
    .await;
}

#[tokio::test]
async fn a_trigger_is_told_to_the_provider_for_its_turn_alone() {
    run(async |place| {
        place.model.always("ok");
        let thread = place.thread().await;
        thread.run("one").trigger("cron").await.unwrap();
        assert_eq!(metadata(&place.model)["turn_trigger"], "cron");
        thread.run("two").await.unwrap();
        assert_eq!(metadata(&place.model)["turn_trigger"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn the_message_of_the_user_carries_the_id_of_the_client() {
    run(async |place| {
        place.model.push("ok");
        let result = place.thread().await.run("hi").client_message_id("m-1").await.unwrap();
        match &result.items[0] {
            ThreadItem::UserMessage(item) => assert_eq!(item.client_id.as_deref(), Some("m-1")),
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn additional_context_reaches_the_model_and_stays_in_the_thread() {
    run(async |place| {
        place.model.always("ok");
        let thread = place.thread().await;
        let entry =
            |text: &str| AdditionalContextEntry::new(AdditionalContextKind::Untrusted, text);
        let turn = thread.run("hi").additional_context("editor", entry("a.rs is open"));
        turn.additional_context("editor", entry("b.rs is open")).await.unwrap();
        thread.run("again").await.unwrap();
        for request in place.model.requests() {
            let outputs = request.input().iter().filter(|it| it["type"] == "function_call_output");
            let outputs: Vec<_> = outputs.map(|it| (&it["name"], &it["output"])).collect();
            assert_eq!(outputs, [(&json!("editor"), &json!("b.rs is open"))]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_policy_with_roots_and_network_holds_from_its_turn_on() {
    run(async |place| {
        place.model.always("ok");
        let thread = place.thread().await;
        let root = place.home.path().to_str().unwrap().to_owned();
        let policy = WorkspaceWriteSandboxPolicy::new().writable_roots([root]).network_access(true);
        thread.run("one").sandbox(policy.clone()).await.unwrap();
        assert_eq!(settings(&thread).await.sandbox, SandboxPolicy::WorkspaceWrite(policy));
        thread.run("two").sandbox(Sandbox::FullAccess).await.unwrap();
        thread.run("three").await.unwrap();
        assert_eq!(settings(&thread).await.sandbox, SandboxPolicy::danger_full_access());
    })
    .await;
}

#[tokio::test]
async fn an_approval_mode_holds_until_another_one_is_set() {
    run(async |place| {
        place.model.always("ok");
        let start = place.start().await.thread_start();
        let thread = start.approval_mode(ApprovalMode::DenyAll).await.unwrap();
        let now = async || {
            let settings = settings(&thread).await;
            (settings.approval_policy, settings.approvals_reviewer)
        };
        thread.run("one").await.unwrap();
        assert_eq!(now().await, (AskForApproval::Never, ApprovalsReviewer::User));
        thread.run("two").approval_mode(ApprovalMode::AutoReview).await.unwrap();
        thread.run("three").await.unwrap();
        assert_eq!(now().await, (AskForApproval::OnRequest, ApprovalsReviewer::AutoReview));
        thread.run("four").approval_mode(ApprovalMode::Ask).await.unwrap();
        assert_eq!(now().await, (AskForApproval::OnRequest, ApprovalsReviewer::User));
        thread.run("five").approval_mode(ApprovalMode::DenyAll).await.unwrap();
        assert_eq!(now().await.0, AskForApproval::Never);
    })
    .await;
}

#[tokio::test]
async fn a_profile_of_permissions_holds_from_its_turn_on() {
    run(async |place| {
        place.model.always("ok");
        let thread = place.thread().await;
        let profiles =
            thread.codex().request(PermissionProfileListParams::default()).await.unwrap();
        let profile = &profiles.data.iter().find(|it| it.id.contains("read-only")).unwrap().id;
        thread.run("one").permissions(profile).await.unwrap();
        thread.run("two").await.unwrap();
        let active = settings(&thread).await.active_permission_profile.unwrap();
        assert_eq!(&active.id, profile);
        let both = thread.run("three").permissions(profile).sandbox(Sandbox::ReadOnly);
        let error = both.await.unwrap_err().to_string();
        assert!(error.contains("cannot be combined with `sandboxPolicy`"), "{error}");
    })
    .await;
}
