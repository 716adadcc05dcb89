//! The options of a new thread reach the runtime, which says what came of them.

use codexkit::protocol::{
    ApprovalsReviewer, AskForApproval, ReasoningEffort, SandboxPolicy, ThreadStartSource,
    TurnStatus,
};
use codexkit::testing::MockModel;
use codexkit::{ApprovalMode, Sandbox, Thread, ThreadOpened};
use serde_json::{Value, json};

use crate::notices::close_without_notices;
use crate::support::run;

fn opened(thread: &Thread) -> &ThreadOpened {
    thread.opened().unwrap()
}

/// What the runtime tells the server of the model about a turn, beside what the model sees.
fn metadata(model: &MockModel) -> Value {
    let request = model.requests().pop().unwrap();
    let metadata = &request.body()["client_metadata"]["x-codex-turn-metadata"];
    serde_json::from_str(metadata.as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn every_option_at_once_reaches_the_runtime() {
    run(async |place| {
        let other = MockModel::start().await.unwrap();
        other.always("ok");
        let provider = json!({"name": "other", "base_url": other.base_url()});
        let codex =
            place.start_with(place.builder().config("model_providers.other", provider)).await;
        let directory = place.home.workspace().canonicalize().unwrap().join("part");
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("AGENTS.md"), "Be nice.").unwrap();
        let thread = codex
            .thread_start()
            .model("gpt-5.5")
            .model_provider("other")
            .cwd(&directory)
            .sandbox(Sandbox::ReadOnly)
            .approval_mode(ApprovalMode::AutoReview)
            .config("model_reasoning_effort", "low")
            .base_instructions("Be a parrot.")
            .developer_instructions("Never say no.")
            .ephemeral(false)
            .service_tier(Some("flex".into()))
            .service_name("birds")
            .session_start_source(ThreadStartSource::Clear)
            .thread_source("aviary")
            .await
            .unwrap();

        let said = opened(&thread);
        assert!(matches!(said, ThreadOpened::Started(_)));
        assert_eq!(said.thread().id, thread.id());
        assert_eq!(said.thread().thread_source.as_deref(), Some("aviary"));
        assert!(!said.thread().ephemeral);
        assert_eq!((said.model(), said.model_provider()), ("gpt-5.5", "other"));
        assert_eq!(said.cwd(), directory);
        assert_eq!(said.instruction_sources().collect::<Vec<_>>(), [directory.join("AGENTS.md")]);
        assert!(matches!(said.sandbox(), SandboxPolicy::ReadOnly(_)));
        assert_eq!(said.approval_policy(), &AskForApproval::OnRequest);
        assert_eq!(said.approvals_reviewer(), &ApprovalsReviewer::AutoReview);
        assert_eq!(said.reasoning_effort().map(ReasoningEffort::as_str), Some("low"));
        assert_eq!(said.service_tier(), Some("flex"));
        assert_eq!((said.turns_backwards_cursor(), said.items_backwards_cursor()), (None, None));

        assert_eq!(thread.run("hi").await.unwrap().status, TurnStatus::Completed);
        let request = other.requests().pop().unwrap();
        assert_eq!(request.model(), Some("gpt-5.5"));
        assert_eq!(request.body()["reasoning"]["effort"], "low");
        assert_eq!(request.body()["service_tier"], "flex");
        assert!(request.input_texts("developer").contains(&"Be a parrot."));
        assert!(request.input_texts("developer").contains(&"Never say no."));
        let metadata = metadata(&other);
        assert_eq!(metadata["history_initialization"], "cleared");
        assert_eq!(metadata["thread_source"], "aviary");
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_decided_for_who_sets_nothing() {
    run(async |place| {
        let builder = place.builder().config("approval_policy", "on-request");
        let codex = place.start_with(builder.config("sandbox_mode", "read-only")).await;
        let thread = codex.thread_start().await.unwrap();
        let said = opened(&thread);
        assert_eq!(said.approval_policy(), &AskForApproval::OnRequest);
        assert_eq!(said.approvals_reviewer(), &ApprovalsReviewer::User);
        assert!(matches!(said.sandbox(), SandboxPolicy::ReadOnly(_)));
        assert_eq!((said.reasoning_effort(), said.service_tier()), (None, None));
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn the_presets_mean_the_same_for_a_thread_and_for_a_turn() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        for (mode, policy, reviewer) in [
            (ApprovalMode::DenyAll, AskForApproval::Never, ApprovalsReviewer::User),
            (ApprovalMode::AutoReview, AskForApproval::OnRequest, ApprovalsReviewer::AutoReview),
            (ApprovalMode::Ask, AskForApproval::OnRequest, ApprovalsReviewer::User),
        ] {
            for sandbox in [Sandbox::ReadOnly, Sandbox::WorkspaceWrite, Sandbox::FullAccess] {
                let start = codex.thread_start().sandbox(sandbox).approval_mode(mode);
                let thread = start.await.unwrap();
                let said = opened(&thread);
                assert_eq!(said.approval_policy(), &policy);
                assert_eq!(said.approvals_reviewer(), &reviewer);
                let of_thread = said.sandbox().clone();

                let thread = codex.thread_start().await.unwrap();
                thread.run("hi").sandbox(sandbox).approval_mode(mode).await.unwrap();
                let again = codex.thread_resume(thread.id()).await.unwrap();
                assert_eq!(opened(&again).sandbox(), &of_thread);
                assert_eq!(opened(&again).approval_policy(), &policy);
                assert_eq!(opened(&again).approvals_reviewer(), &reviewer);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_relative_directory_begins_at_that_of_the_runtime() {
    run(async |place| {
        let codex = place.start().await;
        let thread = codex.thread_start().cwd("part").await.unwrap();
        let workspace = place.home.workspace().canonicalize().unwrap();
        assert_eq!(opened(&thread).cwd(), workspace.join("part"));
    })
    .await;
}
