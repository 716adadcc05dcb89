//! Turns that take too long, and handles that nobody wants any more.

use std::task::Poll;
use std::time::Duration;

use codexkit::Error;
use codexkit::protocol::{ServerNotification, ThreadItem, ThreadStatus, TurnStatus};
use codexkit::testing::Reply;

use crate::support::{SOON, next_delta, next_event, rest, run, within};

#[tokio::test]
async fn a_turn_that_takes_too_long_is_interrupted_and_gives_what_there_is() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.extend([reply, "Yes.".into()]);
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        // Before that there would be no model to abandon.
        next_delta(&mut turn).await;
        turn.set_deadline(Duration::from_millis(200));
        let events = within(SOON, rest(&mut turn)).await.unwrap();
        assert!(!events.is_empty());
        hold.abandoned().await.unwrap();
        let error = turn.result().await.unwrap_err();
        let Error::TurnTimeout { after, turn, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*after, Duration::from_millis(200));
        assert_eq!(turn.status, TurnStatus::Interrupted);
        assert!(matches!(&turn.items[..], [ThreadItem::UserMessage(_)]));
        assert!(error.to_string().contains("was not done within 200ms"), "{error}");
        assert_eq!(thread.run("Still there?").await.unwrap().status, TurnStatus::Completed);
    })
    .await;
}

#[tokio::test]
async fn a_deadline_holds_although_nobody_reads_the_events() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        next_delta(&mut turn).await;
        turn.set_deadline(Duration::ZERO);
        within(SOON, hold.abandoned()).await.unwrap();
        assert!(matches!(turn.result().await, Err(Error::TurnTimeout { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_is_done_in_time_is_a_result() {
    run(async |place| {
        place.model.push("Yes.");
        let thread = place.thread().await;
        let mut turn = thread.turn("Are you there?").await.unwrap();
        turn.set_deadline(SOON);
        assert_eq!(turn.result().await.unwrap().final_response.as_deref(), Some("Yes."));
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_before_the_deadline_is_a_result() {
    run(async |place| {
        let (reply, _hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        turn.set_deadline(SOON);
        turn.interrupt().await.unwrap();
        assert_eq!(turn.result().await.unwrap().status, TurnStatus::Interrupted);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_handle_lets_its_turn_go_on_unless_it_should_not() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        let thread = place.thread().await;
        let turn = thread.turn("Tell me a story.").await.unwrap();
        let mut other = thread.attach(turn.id()).await.unwrap();
        drop(turn);
        hold.release();
        while let Some(event) = other.next().await {
            event.unwrap();
        }
        assert_eq!(other.result().await.unwrap().status, TurnStatus::Completed);
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        next_delta(&mut turn).await;
        turn.interrupt_on_drop(true);
        drop(turn);
        within(SOON, hold.abandoned()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_options_of_a_start_hold_for_its_handle_and_its_result() {
    run(async |place| {
        let (reply, _hold) = Reply::new().delta("Once").hold();
        place.model.always(reply);
        let thread = place.thread().await;
        let start = thread.run("Tell me a story.").deadline(Duration::from_millis(200));
        let error = within(SOON, start.into_future()).await.unwrap_err();
        assert_eq!(error.turn().unwrap().status, TurnStatus::Interrupted);
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        let start = thread.turn("Tell me a story.").interrupt_on_drop(true);
        let mut turn = start.await.unwrap();
        next_delta(&mut turn).await;
        // The future of the result owns the handle.
        drop(turn.result());
        within(SOON, hold.abandoned()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_is_interrupted_once_it_is_accepted() {
    run(async |place| {
        let (reply, _hold) = Reply::new().delta("Once").hold();
        place.model.always(reply);
        let thread = place.thread().await;
        let mut events = thread.events();
        for _ in 0..20 {
            let mut start = thread.turn("Tell me a story.").interrupt_on_drop(true).into_future();
            let begun = std::future::poll_fn(|cx| Poll::Ready(start.as_mut().poll(cx))).await;
            assert!(begun.is_pending());
            // The request is sent, and its answer takes longer than this.
            tokio::task::yield_now().await;
            drop(start);
            // The turn has, or had, a handle; the status of the thread tells of its end.
            next_event(&mut events, |it| match it {
                ServerNotification::ThreadStatusChanged(it) => {
                    matches!(it.status, ThreadStatus::Idle(_)).then_some(())
                }
                _ => None,
            })
            .await;
        }
    })
    .await;
}
