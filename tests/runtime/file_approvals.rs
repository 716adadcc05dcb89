//! The agent changes what files the client lets it change.

use codexkit::protocol::{PatchApplyStatus, ServerNotification, ThreadItem, TurnStatus};
use codexkit::testing::Reply;
use codexkit::{Handlers, RequestPolicy, ServerRequest, TurnEvent, TurnResult};

use crate::asking::{
    CALL, add_file, heard_of, made, nothing_was_made, nothing_went_wrong, patch, still_talks,
    untrusting,
};
use crate::support::{Place, SOON, run, within};

fn status(result: &TurnResult, id: &str) -> Option<PatchApplyStatus> {
    result.items.iter().find_map(|item| match item {
        ThreadItem::FileChange(it) if it.id == id => Some(it.status.clone()),
        _ => None,
    })
}

/// Runs a turn whose model wants to make a file, with these handlers of the turn. Nothing goes
/// wrong.
async fn answered(place: &Place, handlers: Handlers) -> TurnResult {
    let thread = untrusting(place).await;
    let codex = thread.codex().clone();
    let feed = codex.notifications();
    place.model.extend([add_file(Reply::new(), CALL, "made.txt"), "Well.".into()]);
    let turn = thread.turn("Do it.").handler(handlers).await.unwrap();
    let result = within(SOON, turn.result()).await.unwrap();
    if result.status == TurnStatus::Completed {
        assert_eq!(result.final_response.as_deref(), Some("Well."));
        still_talks(place, &thread).await;
    }
    drop(thread);
    nothing_went_wrong(codex, feed).await;
    result
}

#[tokio::test]
async fn a_change_that_is_accepted_is_made() {
    run(async |place| {
        let handlers = Handlers::new().file_change_approval(async |request| {
            assert_eq!(request.item_id, CALL);
            request.accept()
        });
        let result = answered(place, handlers).await;
        assert_eq!(result.status, TurnStatus::Completed);
        assert_eq!(status(&result, CALL), Some(PatchApplyStatus::Completed));
        assert!(heard_of(place, CALL).contains("Success."));
        let text = std::fs::read_to_string(place.home.workspace().join("made.txt")).unwrap();
        assert_eq!(text, "hello\n");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_declined_is_not_made_and_the_turn_goes_on() {
    run(async |place| {
        let handlers = Handlers::new().file_change_approval(async |request| request.decline());
        let result = answered(place, handlers).await;
        assert_eq!(result.status, TurnStatus::Completed);
        assert_eq!(status(&result, CALL), Some(PatchApplyStatus::Declined));
        assert_eq!(heard_of(place, CALL), "patch rejected by user");
        assert!(nothing_was_made(place));
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_cancelled_is_not_made_and_the_turn_is_interrupted() {
    run(async |place| {
        let handlers = Handlers::new().file_change_approval(async |request| request.cancel());
        let result = answered(place, handlers).await;
        assert_eq!(result.status, TurnStatus::Interrupted);
        assert!(nothing_was_made(place));
    })
    .await;
}

#[tokio::test]
async fn what_is_to_be_changed_is_told_before_it_is_asked() {
    run(async |place| {
        let thread = untrusting(place).await;
        place.model.extend([add_file(Reply::new(), CALL, "made.txt"), "Well.".into()]);
        let mut turn = thread.turn("Do it.").park_requests().await.unwrap();
        let mut changes = None;
        let request = loop {
            match within(SOON, turn.next()).await.unwrap().unwrap() {
                TurnEvent::Request(ServerRequest::FileChangeApproval(request)) => break request,
                event => {
                    if let Some(ServerNotification::ItemStarted(it)) = event.into_notification()
                        && let ThreadItem::FileChange(it) = it.item
                    {
                        changes = Some((it.id, it.changes));
                    }
                }
            }
        };
        let (id, changes) = changes.unwrap();
        assert_eq!(id, request.item_id);
        assert_eq!(changes.len(), 1);
        assert!(changes[0].path.ends_with("made.txt"), "{changes:?}");
        assert!(changes[0].diff.contains("hello"), "{changes:?}");
        request.accept().unwrap();
        turn.result().await.unwrap();
        assert_eq!(made(place), ["made.txt"]);
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_accepted_for_the_session_allows_others_of_the_same_file() {
    run(async |place| {
        let thread = untrusting(place).await;
        place.model.extend([add_file(Reply::new(), CALL, "made.txt"), "Well.".into()]);
        let accept = Handlers::new().file_change_approval(async |it| it.accept_for_session());
        thread.run("Do it.").handler(accept).await.unwrap();
        // Nobody is there to accept these.
        let update = "*** Update File: made.txt\n@@\n-hello\n+good bye";
        place.model.push(patch(Reply::new(), "call_2", update));
        place.model.push(add_file(Reply::new(), "call_3", "other.txt"));
        place.model.push("Well.");
        let result = thread.run("Go on.").await.unwrap();
        assert_eq!(status(&result, "call_2"), Some(PatchApplyStatus::Completed));
        assert_eq!(status(&result, "call_3"), Some(PatchApplyStatus::Declined));
        assert_eq!(made(place), ["made.txt"]);
        let text = std::fs::read_to_string(place.home.workspace().join("made.txt")).unwrap();
        assert_eq!(text, "good bye\n");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_accepted_once_is_asked_for_again() {
    run(async |place| {
        let thread = untrusting(place).await;
        place.model.extend([add_file(Reply::new(), CALL, "made.txt"), "Well.".into()]);
        let policy = RequestPolicy::deny_all().allow_file_changes();
        thread.run("Do it.").handler(policy).await.unwrap();
        // Nobody is there to accept this.
        let delete = "*** Delete File: made.txt";
        place.model.extend([patch(Reply::new(), "call_2", delete), "Well.".into()]);
        let result = thread.run("Undo it.").await.unwrap();
        assert_eq!(status(&result, "call_2"), Some(PatchApplyStatus::Declined));
        assert_eq!(made(place), ["made.txt"]);
    })
    .await;
}
