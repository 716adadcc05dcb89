//! What can happen to a thread between its turns.

use codexkit::protocol::{
    ThreadMetadataGitInfoUpdateParams, ThreadStatus, ThreadUnsubscribeStatus, TurnStatus,
};
use codexkit::testing::Reply;
use codexkit::{Codex, Error};

use crate::lists::all;
use crate::notices::close_without_notices;
use crate::support::{SOON, next_delta, run, within};

#[track_caller]
pub(crate) fn is_refused<T>(result: Result<T, Error>, code: i64, text: &str) {
    let error = result.err().unwrap();
    assert_eq!(error.code(), Some(code), "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

async fn listed(codex: &Codex, archived: bool) -> Vec<String> {
    let mut ids: Vec<_> =
        all(codex.thread_list().archived(archived)).await.into_iter().map(|it| it.id).collect();
    // The runtime may list a thread twice that was only just archived.
    ids.dedup();
    ids
}

#[tokio::test]
async fn a_thread_has_the_name_that_it_is_given() {
    run(async |place| {
        place.model.push("ok");
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("hi").await.unwrap();
        assert_eq!(thread.read().await.unwrap().name, None);
        for name in ["Birds", "Wörter, «viele»"] {
            thread.set_name(name).await.unwrap();
            let read = thread.read().await.unwrap();
            assert_eq!((read.name.as_deref(), read.preview.as_str()), (Some(name), "hi"));
            assert!(matches!(read.status, ThreadStatus::Idle(_)), "{:?}", read.status);
        }
        is_refused(thread.set_name("  ").await, -32600, "thread name must not be empty");
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn an_archived_thread_is_out_of_the_way_until_it_is_got_back_and_resumed() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("one").await.unwrap();
        let id = thread.id();
        codex.thread_archive(id).await.unwrap();
        assert_eq!(listed(&codex, false).await, [""; 0]);
        assert_eq!(listed(&codex, true).await, [id]);
        assert_eq!(thread.read().await.unwrap().id, id);
        is_refused(thread.turn("two").await, -32600, "thread not found");
        is_refused(codex.thread_resume(id).await, -32600, "is archived");
        is_refused(codex.thread_fork(id).await, -32600, "is archived");
        is_refused(codex.thread_archive(id).await, -32600, "no rollout found");

        let back = codex.thread_unarchive(id).await.unwrap();
        assert_eq!(back.id, id);
        assert!(matches!(back.status, ThreadStatus::NotLoaded(_)));
        assert_eq!(listed(&codex, false).await, [id]);
        assert_eq!(listed(&codex, true).await, [""; 0]);
        is_refused(codex.thread_unarchive(id).await, -32600, "no archived rollout found");
        is_refused(thread.turn("two").await, -32600, "thread not found");
        let thread = codex.thread_resume(id).await.unwrap();
        assert_eq!(thread.run("two").await.unwrap().status, TurnStatus::Completed);
        assert_eq!(all(thread.turns()).await.len(), 2);
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn a_deleted_thread_is_gone() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("one").await.unwrap();
        let path = thread.read().await.unwrap().path.unwrap();
        assert!(std::fs::exists(&path).unwrap());
        codex.thread_delete(thread.id()).await.unwrap();
        assert!(!std::fs::exists(&path).unwrap());
        assert_eq!(listed(&codex, false).await, [""; 0]);
        is_refused(thread.read().await, -32600, "thread not loaded");
        is_refused(codex.thread_resume(thread.id()).await, -32600, "no rollout found");
        is_refused(codex.thread_delete(thread.id()).await, -32600, "no rollout found");
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn a_thread_stays_as_long_as_a_fork_needs_its_history() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("one").await.unwrap();
        let fork = codex.thread_fork(thread.id()).await.unwrap();
        let text = "forked history still references it";
        is_refused(codex.thread_delete(thread.id()).await, -32600, text);
        codex.thread_delete(fork.id()).await.unwrap();
        codex.thread_delete(thread.id()).await.unwrap();
        assert_eq!(listed(&codex, false).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn archiving_or_deleting_a_thread_interrupts_its_turn() {
    run(async |place| {
        for delete in [false, true] {
            let (reply, _hold) = Reply::new().delta("Once").hold();
            place.model.push(reply.text("upon a time"));
            let codex = place.start().await;
            let thread = codex.thread_start().await.unwrap();
            let mut turn = thread.turn("Tell me a tale.").await.unwrap();
            next_delta(&mut turn).await;
            if delete {
                codex.thread_delete(thread.id()).await.unwrap();
            } else {
                codex.thread_archive(thread.id()).await.unwrap();
            }
            let result = within(SOON, turn.result()).await.unwrap();
            assert_eq!(result.status, TurnStatus::Interrupted);
            codex.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_reverted_thread_has_forgotten_a_turn_and_those_after_it() {
    run(async |place| {
        place.model.extend(["first answer", "second answer", "third answer", "fourth answer"]);
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        let first = thread.run("one").await.unwrap();
        let second = thread.run("two").await.unwrap();
        thread.run("three").await.unwrap();
        let reverted = thread.revert(&second.id).await.unwrap();
        assert_eq!(reverted.thread.id, thread.id());
        let turns = all(thread.turns()).await;
        assert_eq!(turns.iter().map(|it| &it.id).collect::<Vec<_>>(), [&first.id]);
        is_refused(thread.revert(&second.id).await, -32600, "turn not found");
        thread.run("four").await.unwrap();
        let asked = place.model.requests().pop().unwrap();
        assert_eq!(asked.input_texts("assistant"), ["first answer"]);
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_stored_of_git_is_kept_replaced_or_removed() {
    run(async |place| {
        place.model.push("ok");
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("hi").await.unwrap();
        let changes = ThreadMetadataGitInfoUpdateParams::new;
        let all = changes().branch(Some("main".into())).sha(Some("abc".into()));
        thread.update_git_info(all.origin_url(Some("url".into()))).await.unwrap();
        let some = changes().branch(Some("dev".into())).sha(None);
        let info = thread.update_git_info(some).await.unwrap().git_info.unwrap();
        assert_eq!((info.branch.as_deref(), info.sha.as_deref()), (Some("dev"), None));
        assert_eq!(info.origin_url.as_deref(), Some("url"));
        let text = "gitInfo must include at least one field";
        is_refused(thread.update_git_info(changes()).await, -32600, text);
        let none = changes().branch(None).sha(None).origin_url(None);
        assert_eq!(thread.update_git_info(none).await.unwrap().git_info, None);
    })
    .await;
}

#[tokio::test]
async fn who_has_unsubscribed_resumes_to_have_turns_again() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("one").await.unwrap();
        let id = thread.id().to_owned();
        let status = thread.clone().unsubscribe().await.unwrap();
        assert_eq!(status, ThreadUnsubscribeStatus::Unsubscribed);
        let status = thread.unsubscribe().await.unwrap();
        assert_eq!(status, ThreadUnsubscribeStatus::NotSubscribed);
        assert_eq!(all(codex.thread_loaded_list()).await, [&*id]);
        let thread = codex.thread_resume(id).await.unwrap();
        let result = within(SOON, thread.run("two").into_future()).await.unwrap();
        assert_eq!(result.status, TurnStatus::Completed);
        close_without_notices(codex).await;
    })
    .await;
}
