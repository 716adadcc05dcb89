//! A thread that is taken up again goes on as it was, unless the caller says otherwise.

use codexkit::protocol::{
    ApprovalsReviewer, AskForApproval, ReasoningEffort, ReasoningSummary, SandboxPolicy,
    SortDirection, ThreadItem, ThreadItemEntry,
};
use codexkit::{ApprovalMode, Codex, Sandbox, Thread, ThreadOpened, ThreadResume};

use crate::lists::all;
use crate::notices::{close_with_notices, close_without_notices};
use crate::support::{Place, run};

/// Ends this runtime and starts another one in its place.
async fn another(place: &Place, codex: Codex) -> Codex {
    close_without_notices(codex).await;
    place.start().await
}

/// A thread of an earlier runtime with one turn.
async fn stored(place: &Place, thread: impl AsyncFnOnce(&Codex) -> Thread) -> (Codex, String) {
    let codex = place.start().await;
    let thread = thread(&codex).await;
    thread.run("one").await.unwrap();
    let id = thread.id().to_owned();
    (another(place, codex).await, id)
}

async fn opened(resume: ThreadResume) -> ThreadOpened {
    let thread = resume.await.unwrap();
    thread.opened().unwrap().clone()
}

/// The texts of messages, from whomever they are.
pub(crate) fn texts(items: &[ThreadItemEntry]) -> Vec<String> {
    let text = |entry: &ThreadItemEntry| match &entry.item {
        ThreadItem::UserMessage(it) => {
            let content = serde_json::to_value(&it.content).unwrap();
            content[0]["text"].as_str().unwrap().to_owned()
        }
        ThreadItem::AgentMessage(it) => it.text.clone(),
        other => panic!("{other:?}"),
    };
    items.iter().map(text).collect()
}

#[tokio::test]
async fn a_thread_goes_on_in_another_process_with_its_name_settings_and_history() {
    run(async |place| {
        place.model.extend(["first answer", "second answer", "third answer"]);
        let codex = place.start().await;
        let directory = place.home.path().canonicalize().unwrap();
        let start = codex.thread_start().cwd(&directory).sandbox(Sandbox::ReadOnly);
        let start = start.approval_mode(ApprovalMode::AutoReview).service_tier(Some("flex".into()));
        let start = start.base_instructions("Be a parrot.").developer_instructions("Be quiet.");
        let thread = start.await.unwrap();
        let first = thread.run("one").await.unwrap();
        let second = thread.run("two").effort("high").summary(ReasoningSummary::Detailed);
        let second = second.await.unwrap();
        thread.set_name("Birds").await.unwrap();
        let id = thread.id().to_owned();
        let codex = another(place, codex).await;

        let thread = codex.thread_resume(&id).await.unwrap();
        assert_eq!(thread.id(), id);
        let said = thread.opened().unwrap();
        assert!(matches!(said, ThreadOpened::Resumed(_)));
        assert_eq!(said.thread().name.as_deref(), Some("Birds"));
        assert!(said.thread().turns.is_empty());
        assert_eq!((said.cwd(), said.model()), (&*directory, "gpt-5.5"));
        assert!(matches!(said.sandbox(), SandboxPolicy::ReadOnly(_)));
        assert_eq!(said.approval_policy(), &AskForApproval::OnRequest);
        assert_eq!(said.approvals_reviewer(), &ApprovalsReviewer::AutoReview);
        assert_eq!(said.reasoning_effort().map(ReasoningEffort::as_str), Some("high"));
        assert_eq!(said.service_tier(), Some("flex"));

        let turns = all(thread.turns()).await;
        let ids: Vec<_> = turns.iter().map(|it| &*it.id).collect();
        assert_eq!(ids, [&*second.id, &*first.id]);
        let history = ["one", "first answer", "two", "second answer"];
        assert_eq!(texts(&all(thread.items()).await), history);

        thread.run("three").await.unwrap();
        let request = place.model.requests().pop().unwrap();
        let [.., one, two, three] = &request.input_texts("user")[..] else { panic!() };
        assert_eq!([*one, *two, *three], ["one", "two", "three"]);
        assert_eq!(request.input_texts("assistant"), ["first answer", "second answer"]);
        assert!(request.input_texts("developer").contains(&"Be a parrot."));
        assert!(request.input_texts("developer").contains(&"Be quiet."));
        assert_eq!(request.body()["reasoning"]["effort"], "high");
        assert_eq!(request.body()["reasoning"]["summary"], "detailed");
        assert_eq!(request.body()["service_tier"], "flex");
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn the_cursors_of_a_resumed_thread_lead_back_from_its_end() {
    run(async |place| {
        place.model.always("ok");
        let (codex, id) = stored(place, async |codex| codex.thread_start().await.unwrap()).await;
        let thread = codex.thread_resume(id).await.unwrap();
        let said = thread.opened().unwrap();
        let (turn, item) =
            (said.turns_backwards_cursor().unwrap(), said.items_backwards_cursor().unwrap());
        thread.run("two").await.unwrap();
        assert_eq!(all(thread.turns()).await.len(), 2);
        assert_eq!(all(thread.turns().cursor(turn)).await.len(), 1);
        let items = thread.items().sort_direction(SortDirection::Desc).cursor(item);
        assert_eq!(texts(&all(items).await), ["ok", "one"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_set_goes_before_what_is_stored() {
    run(async |place| {
        place.model.always("ok");
        let (codex, id) = stored(place, async |codex| {
            let start = codex.thread_start().base_instructions("Be a parrot.");
            start.developer_instructions("Be quiet.").await.unwrap()
        })
        .await;
        let resume = codex
            .thread_resume(&id)
            .cwd(place.home.path())
            .sandbox(Sandbox::ReadOnly)
            .approval_mode(ApprovalMode::AutoReview)
            .service_tier(Some("flex".into()))
            .base_instructions("Be a cat.")
            .developer_instructions("Be loud.")
            .config("model_verbosity", "high");
        let thread = resume.await.unwrap();
        let said = thread.opened().unwrap();
        assert_eq!(said.cwd(), place.home.path());
        assert!(matches!(said.sandbox(), SandboxPolicy::ReadOnly(_)));
        assert_eq!(said.approvals_reviewer(), &ApprovalsReviewer::AutoReview);
        thread.run("two").await.unwrap();
        let request = place.model.requests().pop().unwrap();
        let told = request.input_texts("developer");
        assert!(told.contains(&"Be a cat.") && !told.contains(&"Be a parrot."), "{told:?}");
        // The history says so, and is not rewritten.
        assert!(told.contains(&"Be quiet.") && !told.contains(&"Be loud."), "{told:?}");
        assert_eq!(request.body()["text"]["verbosity"], "high");
        assert_eq!(request.body()["service_tier"], "flex");

        let codex = another(place, codex).await;
        let thread = codex.thread_resume(&id).await.unwrap();
        let said = thread.opened().unwrap();
        assert_eq!(said.cwd(), place.home.path());
        assert_eq!(said.approvals_reviewer(), &ApprovalsReviewer::AutoReview);
        thread.run("three").await.unwrap();
        let request = place.model.requests().pop().unwrap();
        assert!(request.input_texts("developer").contains(&"Be a parrot."));
        assert_ne!(request.body()["text"]["verbosity"], "high");
    })
    .await;
}

#[tokio::test]
async fn who_approves_is_stored_with_the_thread_or_set_anew() {
    run(async |place| {
        place.model.always("ok");
        let deny = async |codex: &Codex| {
            codex.thread_start().approval_mode(ApprovalMode::DenyAll).await.unwrap()
        };
        let (codex, id) = stored(place, deny).await;
        codex.close().await;
        let builder = place.builder().config("approval_policy", "on-request");
        let codex = place.start_with(builder.clone()).await;
        let stored = opened(codex.thread_resume(&id)).await;
        assert_eq!(stored.approval_policy(), &AskForApproval::Never);

        codex.close().await;
        let codex = place.start_with(builder.clone()).await;
        let set = codex.thread_resume(&id).approval_mode(ApprovalMode::AutoReview);
        let thread = set.await.unwrap();
        let said = thread.opened().unwrap();
        assert_eq!(said.approval_policy(), &AskForApproval::OnRequest);
        assert_eq!(said.approvals_reviewer(), &ApprovalsReviewer::AutoReview);

        // What a turn sets holds for those after it, in this process and in the next one.
        thread.run("two").approval_mode(ApprovalMode::DenyAll).await.unwrap();
        for restart in [false, true] {
            let codex = if restart {
                codex.close().await;
                place.start_with(builder.clone()).await
            } else {
                codex.clone()
            };
            let thread = codex.thread_resume(&id).await.unwrap();
            assert_eq!(thread.opened().unwrap().approval_policy(), &AskForApproval::Never);
            thread.run("three").await.unwrap();
            codex.thread(&id).unsubscribe().await.unwrap();
            let said = opened(codex.thread_resume(&id)).await;
            assert_eq!(said.approval_policy(), &AskForApproval::Never);
        }
    })
    .await;
}

#[tokio::test]
async fn a_thread_that_is_loaded_is_joined_as_it_is() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("one").await.unwrap();
        let resume = codex.thread_resume(thread.id()).sandbox(Sandbox::ReadOnly);
        let again = resume.service_tier(Some("flex".into())).await.unwrap();
        assert_eq!(again.id(), thread.id());
        let said = again.opened().unwrap();
        assert!(matches!(said.sandbox(), SandboxPolicy::DangerFullAccess(_)));
        assert_eq!(said.service_tier(), None);
        again.run("two").await.unwrap();
        assert_eq!(all(thread.turns()).await.len(), 2);
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn the_whole_history_comes_for_who_asks_for_it_and_with_a_notice() {
    run(async |place| {
        place.model.always("ok");
        let (codex, id) = stored(place, async |codex| codex.thread_start().await.unwrap()).await;
        let said = opened(codex.thread_resume(&id).include_turns(true)).await;
        assert_eq!(said.thread().turns.len(), 1);
        assert_eq!(said.thread().turns[0].items.len(), 2);
        let said = opened(codex.thread_resume(&id).include_turns(false)).await;
        assert!(said.thread().turns.is_empty());
        close_with_notices(codex, 1).await;
    })
    .await;
}
