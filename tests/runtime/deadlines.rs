//! Turns that take too long, and handles that nobody wants any more.

use std::time::Duration;

use codexkit::Error;
use codexkit::protocol::{ThreadItem, TurnStatus};
use codexkit::testing::Reply;

use crate::support::{SOON, next_delta, rest, run, within};

#[tokio::test]
async fn a_turn_that_takes_too_long_is_interrupted_and_gives_what_there_is() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.extend([reply, "Yes.".into()]);
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
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
