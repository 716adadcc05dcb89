//! Threads with which not everything can be done: new ones, ephemeral ones, those of another process
//! and those that do not exist. Each call says so at once.

use codexkit::protocol::{
    ThreadMetadataGitInfoUpdateParams, ThreadStatus, ThreadUnsubscribeStatus,
};
use codexkit::{Codex, RpcErrorKind, Thread};

use crate::lifecycle::is_refused;
use crate::lists::all;
use crate::notices::close_without_notices;
use crate::support::run;

const NOT_ROLLED_OUT: &str = "no rollout found for thread id";

async fn set_branch(thread: &Thread) -> codexkit::Result<codexkit::protocol::Thread> {
    let branch = ThreadMetadataGitInfoUpdateParams::new().branch(Some("main".into()));
    thread.update_git_info(branch).await
}

#[tokio::test]
async fn a_thread_without_a_turn_is_not_stored() {
    run(async |place| {
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        let id = thread.id();
        assert_eq!(thread.read().await.unwrap().preview, "");
        assert!(all(codex.thread_list()).await.is_empty());
        let error = thread.turns().await.unwrap_err();
        assert_eq!(error.kind(), Some(RpcErrorKind::ThreadNotPersisted), "{error}");
        is_refused(thread.turns().await, -32600, "is not materialized yet");
        is_refused(thread.items().await, -32601, "thread/items/list is not supported yet");
        is_refused(codex.thread_resume(id).await, -32600, NOT_ROLLED_OUT);
        is_refused(codex.thread_fork(id).await, -32600, NOT_ROLLED_OUT);
        codex.thread_delete(id).await.unwrap();
        is_refused(thread.read().await, -32600, "thread not loaded");
        let thread = codex.thread_start().await.unwrap();
        is_refused(thread.revert(thread.id()).await, -32600, NOT_ROLLED_OUT);
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn a_name_makes_a_thread_without_a_turn_one_that_is_stored() {
    run(async |place| {
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.set_name("Empty").await.unwrap();
        assert!(all(codex.thread_list()).await.is_empty());
        assert!(codex.thread_resume(thread.id()).await.is_ok());
        assert!(codex.thread_fork(thread.id()).await.is_ok());
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn an_ephemeral_thread_has_turns_and_nothing_else() {
    run(async |place| {
        place.model.push("ok");
        let codex = place.start().await;
        let thread = codex.thread_start().ephemeral(true).await.unwrap();
        let id = thread.id();
        thread.run("hi").await.unwrap();
        assert!(thread.read().await.unwrap().ephemeral);
        assert!(all(codex.thread_list()).await.is_empty());
        is_refused(thread.turns().await, -32600, "ephemeral threads do not support");
        is_refused(thread.items().await, -32601, "thread/items/list is not supported yet");
        is_refused(codex.thread_resume(id).await, -32600, NOT_ROLLED_OUT);
        is_refused(codex.thread_fork(id).await, -32600, NOT_ROLLED_OUT);
        is_refused(codex.thread_archive(id).await, -32600, NOT_ROLLED_OUT);
        is_refused(thread.revert(id).await, -32600, "ephemeral threads do not support");
        let text = "ephemeral thread does not support metadata updates";
        is_refused(thread.set_name("Gone").await, -32600, text);
        is_refused(set_branch(&thread).await, -32600, text);
        is_refused(codex.thread_delete(id).await, -32600, "thread is not persisted");
        close_without_notices(codex).await;
    })
    .await;
}

#[tokio::test]
async fn an_unknown_id_is_refused_by_every_call() {
    run(async |place| {
        let codex = place.start().await;
        refused_by_every_call(&codex).await;
        close_without_notices(codex).await;
    })
    .await;
}

async fn refused_by_every_call(codex: &Codex) {
    let id = "019f0000-0000-7000-8000-000000000000";
    let thread = codex.thread(id);
    is_refused(thread.read().await, -32600, "thread not loaded");
    is_refused(thread.turns().await, -32600, "thread not loaded");
    is_refused(thread.items().await, -32601, "thread/items/list is not supported yet");
    is_refused(thread.turn("hi").await, -32600, "thread not found");
    is_refused(thread.revert(id).await, -32600, "thread not found");
    is_refused(thread.set_name("Nobody").await, -32600, NOT_ROLLED_OUT);
    is_refused(set_branch(&thread).await, -32600, NOT_ROLLED_OUT);
    is_refused(codex.thread_resume(id).await, -32600, NOT_ROLLED_OUT);
    is_refused(codex.thread_fork(id).await, -32600, NOT_ROLLED_OUT);
    is_refused(codex.thread_archive(id).await, -32600, NOT_ROLLED_OUT);
    is_refused(codex.thread_unarchive(id).await, -32600, "no archived rollout found");
    is_refused(codex.thread_delete(id).await, -32600, NOT_ROLLED_OUT);
    assert_eq!(thread.unsubscribe().await.unwrap(), ThreadUnsubscribeStatus::NotLoaded);

    let nonsense = codex.thread("nonsense");
    is_refused(nonsense.read().await, -32600, "invalid thread id");
    is_refused(nonsense.turns().await, -32600, "invalid thread id");
    is_refused(nonsense.items().await, -32600, "invalid thread id");
    is_refused(nonsense.turn("hi").await, -32600, "invalid thread id");
    is_refused(codex.thread_resume("nonsense").await, -32600, "invalid session id");
    is_refused(codex.thread_archive("nonsense").await, -32600, "invalid session id");
}

#[tokio::test]
async fn a_thread_that_another_process_has_loaded_can_be_read_and_named_only() {
    run(async |place| {
        place.model.always("ok");
        let owner = place.start().await;
        let thread = owner.thread_start().await.unwrap();
        let turn = thread.run("hi").await.unwrap();
        let id = thread.id();

        let codex = place.builder().start().await.unwrap();
        let elsewhere = codex.thread(id);
        let read = elsewhere.read().await.unwrap();
        assert!(matches!(read.status, ThreadStatus::NotLoaded(_)));
        assert_eq!(all(elsewhere.turns()).await[0].id, turn.id);
        assert_eq!(all(elsewhere.items()).await.len(), 2);
        assert_eq!(all(codex.thread_list()).await[0].id, id);
        elsewhere.set_name("Shared").await.unwrap();
        assert_eq!(elsewhere.read().await.unwrap().name.as_deref(), Some("Shared"));
        is_refused(elsewhere.turn("hi").await, -32600, "thread not found");
        is_refused(elsewhere.revert(&turn.id).await, -32600, "thread not found");
        let error = owner.thread_unarchive(id).await.unwrap_err();
        assert_eq!(error.kind(), Some(RpcErrorKind::ActiveWriter), "{error}");
        let text = "already has an active writer";
        is_refused(codex.thread_resume(id).await, -32600, text);
        is_refused(codex.thread_archive(id).await, -32600, text);
        is_refused(codex.thread_delete(id).await, -32600, text);

        close_without_notices(owner).await;
        let thread = codex.thread_resume(id).await.unwrap();
        thread.run("hi again").await.unwrap();
        close_without_notices(codex).await;
    })
    .await;
}
