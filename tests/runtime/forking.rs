//! A fork goes on from the history of another thread and leaves it alone.

use codexkit::protocol::{
    ApprovalsReviewer, AskForApproval, SandboxPolicy, SortDirection, TurnStatus,
};
use codexkit::{ApprovalMode, Sandbox, ThreadOpened};

use crate::lists::all;
use crate::notices::{close_with_notices, close_without_notices};
use crate::resuming::texts;
use crate::support::run;

#[tokio::test]
async fn a_fork_is_another_thread_with_the_same_history() {
    run(async |place| {
        place.model.extend(["first answer", "second answer", "answer in the fork"]);
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("one").await.unwrap();
        thread.run("two").await.unwrap();
        let fork = codex.thread_fork(thread.id()).thread_source("fork").await.unwrap();
        assert_ne!(fork.id(), thread.id());
        let said = fork.opened().unwrap();
        assert!(matches!(said, ThreadOpened::Forked(_)));
        assert_eq!(said.thread().forked_from_id.as_deref(), Some(thread.id()));
        assert_eq!(said.thread().thread_source.as_deref(), Some("fork"));
        assert!(said.thread().turns.is_empty());

        fork.run("three").await.unwrap();
        let asked = place.model.requests().pop().unwrap();
        assert_eq!(asked.input_texts("assistant"), ["first answer", "second answer"]);
        let history = ["one", "first answer", "two", "second answer"];
        assert_eq!(texts(&all(thread.items()).await), history);
        let more = ["three", "answer in the fork"];
        assert_eq!(texts(&all(fork.items()).await), [&history[..], &more].concat());
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn a_fork_can_end_with_an_earlier_turn() {
    run(async |place| {
        place.model.extend(["first answer", "second answer", "another second answer"]);
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        let first = thread.run("one").await.unwrap();
        thread.run("two").await.unwrap();
        let fork = codex.thread_fork(thread.id()).last_turn_id(&first.id).await.unwrap();
        let turns = all(fork.turns().sort_direction(SortDirection::Asc)).await;
        assert_eq!(turns.iter().map(|it| &it.id).collect::<Vec<_>>(), [&first.id]);
        fork.run("another two").await.unwrap();
        let asked = place.model.requests().pop().unwrap();
        assert_eq!(asked.input_texts("assistant"), ["first answer"]);

        let error = codex.thread_fork(thread.id()).last_turn_id("nothing").await.unwrap_err();
        assert_eq!(error.code(), Some(-32600));
        assert!(error.to_string().contains("turn not found: nothing"), "{error}");
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn a_fork_has_the_permissions_and_instructions_of_its_thread_but_not_the_model() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let start = codex.thread_start().cwd(place.home.path()).sandbox(Sandbox::ReadOnly);
        let start = start.approval_mode(ApprovalMode::AutoReview).service_tier(Some("flex".into()));
        let start = start.base_instructions("Be a parrot.").developer_instructions("Be quiet.");
        let thread = start.model("gpt-5.4").await.unwrap();
        thread.run("one").effort("high").await.unwrap();

        let fork = codex.thread_fork(thread.id()).await.unwrap();
        let said = fork.opened().unwrap();
        assert_eq!(said.cwd(), place.home.path());
        assert!(matches!(said.sandbox(), SandboxPolicy::ReadOnly(_)));
        assert_eq!(said.approval_policy(), &AskForApproval::OnRequest);
        assert_eq!(said.approvals_reviewer(), &ApprovalsReviewer::AutoReview);
        assert_eq!((said.model(), said.model_provider()), ("gpt-5.5", "mock"));
        assert_eq!((said.reasoning_effort(), said.service_tier()), (None, None));
        fork.run("two").await.unwrap();
        let asked = place.model.requests().pop().unwrap();
        assert_eq!(asked.model(), Some("gpt-5.5"));
        assert!(asked.input_texts("developer").contains(&"Be a parrot."));
        assert!(asked.input_texts("developer").contains(&"Be quiet."));
    })
    .await;
}

#[tokio::test]
async fn what_is_set_goes_before_what_the_thread_had() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let start = codex.thread_start().approval_mode(ApprovalMode::DenyAll);
        let thread = start.sandbox(Sandbox::ReadOnly).base_instructions("Be a parrot.");
        let thread = thread.await.unwrap();
        thread.run("one").await.unwrap();
        let inherited = codex.thread_fork(thread.id()).await.unwrap();
        let said = inherited.opened().unwrap();
        assert_eq!(said.approval_policy(), &AskForApproval::Never);

        let fork = codex
            .thread_fork(thread.id())
            .approval_mode(ApprovalMode::AutoReview)
            .sandbox(Sandbox::WorkspaceWrite)
            .cwd(place.home.path())
            .model("gpt-5.4")
            .service_tier(Some("flex".into()))
            .base_instructions("Be a cat.")
            .config("model_reasoning_effort", "low");
        let fork = fork.await.unwrap();
        let said = fork.opened().unwrap();
        assert_eq!(said.approval_policy(), &AskForApproval::OnRequest);
        assert_eq!(said.approvals_reviewer(), &ApprovalsReviewer::AutoReview);
        assert!(matches!(said.sandbox(), SandboxPolicy::WorkspaceWrite(_)));
        assert_eq!((said.cwd(), said.model()), (place.home.path(), "gpt-5.4"));
        assert_eq!(said.service_tier(), Some("flex"));
        fork.run("two").await.unwrap();
        let asked = place.model.requests().pop().unwrap();
        assert!(asked.input_texts("developer").contains(&"Be a cat."));
        assert_eq!(asked.body()["reasoning"]["effort"], "low");
    })
    .await;
}

#[tokio::test]
async fn an_ephemeral_fork_has_a_history_and_no_file() {
    run(async |place| {
        place.model.extend(["first answer", "second answer"]);
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("one").await.unwrap();
        let fork = codex.thread_fork(thread.id()).ephemeral(true);
        let error = fork.clone().include_turns(true).await.unwrap_err();
        assert!(error.to_string().contains("requires `excludeTurns: true`"), "{error}");
        let fork = fork.await.unwrap();
        let said = fork.opened().unwrap().thread();
        assert!(said.ephemeral && said.path.is_none());
        assert_eq!(fork.run("two").await.unwrap().status, TurnStatus::Completed);
        let asked = place.model.requests().pop().unwrap();
        assert_eq!(asked.input_texts("assistant"), ["first answer"]);
        assert_eq!(all(codex.thread_list()).await.len(), 1);
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn a_thread_that_another_process_has_loaded_can_be_forked() {
    run(async |place| {
        place.model.extend(["first answer", "second answer"]);
        let owner = place.start().await;
        let thread = owner.thread_start().await.unwrap();
        thread.run("one").await.unwrap();
        let codex = place.builder().start().await.unwrap();
        let fork = codex.thread_fork(thread.id()).await.unwrap();
        fork.run("two").await.unwrap();
        let asked = place.model.requests().pop().unwrap();
        assert_eq!(asked.input_texts("assistant"), ["first answer"]);
        close_without_notices(codex).await;
        close_without_notices(owner).await;
    })
    .await;
}

#[tokio::test]
async fn the_whole_history_comes_for_who_asks_for_it_and_with_a_notice() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("one").await.unwrap();
        let fork = codex.thread_fork(thread.id()).include_turns(true).await.unwrap();
        assert_eq!(fork.opened().unwrap().thread().turns.len(), 1);
        close_with_notices(codex, 1).await;
    })
    .await;
}
