//! Whoever ends the connection, and whenever: everyone is told, and nothing is left.

use codexkit::protocol::{ServerNotification, ThreadLoadedListParams, ThreadStatus};
use codexkit::testing::{Hold, Reply};
use codexkit::{CloseReason, Codex, ConnectionEvent, Error, Notifications, Thread, TurnHandle};

use crate::support::{Place, SOON, next_delta, run, within};

/// A turn in the middle of its answer.
pub(crate) async fn speaking(place: &Place, thread: &Thread) -> (TurnHandle, Hold) {
    let (reply, hold) = Reply::new().delta("Once").hold();
    place.model.push(reply.delta(" upon a time."));
    let mut turn = thread.turn("Tell me a story.").await.unwrap();
    assert_eq!(next_delta(&mut turn).await, "Once");
    (turn, hold)
}

pub(crate) fn reason<T: std::fmt::Debug>(result: codexkit::Result<T>) -> CloseReason {
    match result {
        Err(Error::Closed(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

/// The reason at the end of a turn that was cut off.
pub(crate) async fn cut_off(mut turn: TurnHandle) -> CloseReason {
    let reason = loop {
        match turn.next().await.unwrap() {
            Ok(_) => (),
            error => break reason(error),
        }
    };
    assert!(turn.next().await.is_none());
    assert!(matches!(turn.result().await, Err(Error::Closed(_))));
    reason
}

/// The reason that is the last event of a feed.
pub(crate) async fn last_of(mut feed: Notifications) -> CloseReason {
    let reason = loop {
        match feed.next().await.unwrap() {
            Ok(_) => (),
            error => break reason(error),
        }
    };
    assert!(feed.next().await.is_none());
    reason
}

/// What calls get after the end.
pub(crate) async fn reasons_of_later_calls(codex: &Codex, thread: &Thread) -> Vec<CloseReason> {
    vec![
        codex.close_reason().unwrap(),
        codex.closed().await,
        reason(codex.request(ThreadLoadedListParams::default()).await),
        reason(codex.thread_start().await),
        reason(thread.turn("Still there?").await),
        reason(thread.run("Still there?").await),
        last_of(codex.notifications()).await,
    ]
}

#[tokio::test]
async fn a_close_in_the_middle_of_a_turn_ends_it_here() {
    run(async |place| {
        let codex = place.start().await;
        let feed = codex.notifications();
        let thread = codex.thread_start().await.unwrap();
        let (turn, hold) = speaking(place, &thread).await;
        within(SOON, codex.close()).await;
        hold.abandoned().await.unwrap();
        let mut reasons = vec![cut_off(turn).await, last_of(feed).await];
        reasons.extend(within(SOON, reasons_of_later_calls(&codex, &thread)).await);
        for reason in reasons {
            assert!(matches!(reason, CloseReason::Local), "{reason:?}");
        }
        within(SOON, codex.close()).await;
    })
    .await;
}

#[tokio::test]
async fn a_turn_keeps_the_runtime_alive() {
    run(async |place| {
        let thread = place.thread().await;
        let (turn, hold) = speaking(place, &thread).await;
        drop(thread);
        hold.release();
        let result = turn.result().await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("Once upon a time."));
    })
    .await;
}

#[tokio::test]
async fn a_feed_does_not_keep_the_runtime_alive() {
    run(async |place| {
        let codex = place.start().await;
        let feed = codex.notifications();
        drop(codex);
        let reason = within(SOON, last_of(feed)).await;
        assert!(matches!(reason, CloseReason::Local), "{reason:?}");
    })
    .await;
}

#[tokio::test]
async fn a_turn_whose_handle_is_dropped_goes_on() {
    run(async |place| {
        let codex = place.start().await;
        let mut feed = codex.notifications();
        let thread = codex.thread_start().await.unwrap();
        let (turn, hold) = speaking(place, &thread).await;
        drop(turn);
        hold.release();
        // The events of the turn are thrown away, but not those of its thread.
        loop {
            if let ConnectionEvent::Notification { notification, .. } =
                feed.next().await.unwrap().unwrap()
                && let ServerNotification::ThreadStatusChanged(it) = *notification
                && matches!(it.status, ThreadStatus::Idle(_))
            {
                break;
            }
        }
        place.model.push("The end.");
        thread.run("Go on.").await.unwrap();
        let requests = place.model.requests();
        assert_eq!(requests[1].input_texts("assistant"), ["Once upon a time."]);
    })
    .await;
}
