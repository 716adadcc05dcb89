//! Turns are joined, controlled and given up at once, wherever the runtime is with them.

use std::future::poll_fn;
use std::task::Poll;

use codexkit::protocol::{ReviewStartParams, ReviewTarget, ThreadItem, TurnStatus};
use codexkit::testing::Reply;
use codexkit::{ConnectionEvent, Error, Notifications};

use crate::support::{SOON, next_delta, next_event, run, within};

/// Reads the events of a thread until one is of this method.
async fn until(events: &mut Notifications, method: &str) {
    next_event(events, |it| (it.method() == method).then_some(())).await;
}

#[tokio::test]
async fn an_old_turn_cannot_be_joined_while_another_is_starting() {
    run(async |place| {
        place.model.push("Yes.");
        let thread = place.thread().await;
        let mut ended = thread.run("Are you there?").await.unwrap().id;
        for _ in 0..10 {
            let (reply, hold) = Reply::new().delta("Once").hold();
            place.model.push(reply);
            let turn = thread.turn("Tell me a story.").await.unwrap();
            for _ in 0..4 {
                let joined = thread.attach(&ended).await;
                assert!(matches!(joined, Err(Error::InvalidInput(_))), "{joined:?}");
            }
            hold.release();
            ended = turn.result().await.unwrap().id;
        }
    })
    .await;
}

#[tokio::test]
async fn a_turn_of_an_ephemeral_thread_that_is_over_cannot_be_joined() {
    run(async |place| {
        let thread = place.start().await.thread_start().ephemeral(true).await.unwrap();
        place.model.push("Yes.");
        let old = thread.run("Are you there?").await.unwrap().id;
        let joined = thread.attach(&old).await;
        assert!(matches!(joined, Err(Error::InvalidInput(_))), "{joined:?}");
        let (reply, _hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        next_delta(&mut turn).await;
        let joined = thread.attach(&old).await;
        assert!(matches!(joined, Err(Error::InvalidInput(_))), "{joined:?}");
    })
    .await;
}

#[tokio::test]
async fn a_review_of_somebody_else_can_be_joined_and_interrupted() {
    run(async |place| {
        let (reply, _hold) = Reply::new().delta("Reading").hold();
        place.model.push(reply);
        let thread = place.thread().await;
        let mut events = thread.events();
        let params = ReviewStartParams::new(thread.id(), ReviewTarget::uncommitted_changes());
        let id = thread.codex().request(params).await.unwrap().turn.id;
        until(&mut events, "turn/started").await;
        let joined = thread.attach(&id).await.unwrap();
        joined.interrupt().await.unwrap();
        let result = within(SOON, joined.result()).await.unwrap();
        assert_eq!(result.status, TurnStatus::Interrupted);
    })
    .await;
}

#[tokio::test]
async fn a_review_that_is_joined_under_the_listed_id_ends() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Reading").hold();
        place.model.push(reply);
        let thread = place.thread().await;
        let mut review = thread.review(ReviewTarget::uncommitted_changes()).await.unwrap();
        within(SOON, async {
            while review.next().await.unwrap().unwrap().notification().unwrap().method()
                != "turn/started"
            {}
        })
        .await;
        let listed = within(SOON, async {
            loop {
                if let Some(turn) = thread.turns().await.unwrap().data.first() {
                    return turn.id.clone();
                }
            }
        })
        .await;
        let joined = thread.attach(&listed).await.unwrap();
        hold.release();
        within(SOON, review.result()).await.unwrap();
        within(SOON, joined.result()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_compaction_after_a_start_that_was_dropped_is_a_compaction() {
    run(async |place| {
        place.model.always("A summary.");
        let thread = place.thread().await;
        thread.run("Are you there?").await.unwrap();
        for sent in [false, true].repeat(4) {
            let mut start = thread.turn("Go on.").into_future();
            let ready = poll_fn(|cx| Poll::Ready(start.as_mut().poll(cx).is_ready())).await;
            assert!(!ready);
            if sent {
                // The task that sends it gets to run.
                tokio::task::yield_now().await;
            }
            drop(start);
            let compaction = within(SOON, thread.compact()).await.unwrap();
            let items = within(SOON, compaction.result()).await.unwrap().items;
            assert!(matches!(items[..], [ThreadItem::ContextCompaction(_)]), "{items:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_command_can_be_controlled_as_soon_as_it_is_spawned() {
    run(async |place| {
        let codex = place.start().await;
        for _ in 0..10 {
            let mut command = codex.command(["cat"]).spawn().await.unwrap();
            command.control().write("x").await.unwrap();
            let output = within(SOON, command.next()).await.unwrap().unwrap();
            assert_eq!(output.bytes, b"x");
            command.control().terminate().await.unwrap();
            within(SOON, command.wait()).await.unwrap();
            let command = codex.command(["sleep", "60"]).spawn().await.unwrap();
            command.control().terminate().await.unwrap();
            within(SOON, command.wait()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_watch_that_is_dropped_says_no_more() {
    run(async |place| {
        let codex = place.start().await;
        let workspace = place.home.workspace();
        let mut feed = codex.notifications();
        let mut watch = codex.fs().watch(&workspace).await.unwrap();
        codex.fs().write(workspace.join("one.txt"), "1").await.unwrap();
        within(SOON, watch.next()).await.unwrap().unwrap();
        drop(watch);
        // What is watched afterwards sees the next change; what was watched before does not.
        let mut watch = codex.fs().watch(&workspace).await.unwrap();
        codex.fs().write(workspace.join("two.txt"), "2").await.unwrap();
        within(SOON, watch.next()).await.unwrap().unwrap();
        codex.close().await;
        while let Some(Ok(event)) = feed.next().await {
            if let ConnectionEvent::Notification { notification, .. } = event {
                assert_ne!(notification.method(), "fs/changed");
            }
        }
    })
    .await;
}
