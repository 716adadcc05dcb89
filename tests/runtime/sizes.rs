//! Much more than anyone expects arrives whole.

use codexkit::ConnectionEvent;
use codexkit::protocol::{ServerNotification, ThreadStatus};
use codexkit::testing::Reply;

use crate::support::{rest, run};

#[tokio::test]
async fn a_message_of_8_mb_arrives_whole() {
    run(async |place| {
        let text = "0123456789abcdef".repeat(512 * 1024);
        place.model.push(Reply::new().delta(&*text));
        let mut turn = place.thread().await.turn("Go on.").await.unwrap();
        let events = rest(&mut turn).await.unwrap();
        let mut deltas =
            events.into_iter().filter_map(|event| match event.into_notification().unwrap() {
                ServerNotification::AgentMessageDelta(delta) => Some(delta.delta),
                _ => None,
            });
        // No `assert_eq`, which would print it.
        assert!(deltas.next().unwrap() == text && deltas.next().is_none());
        assert!(turn.result().await.unwrap().final_response.unwrap() == text);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_lost_when_nobody_reads_before_the_turn_has_ended() {
    run(async |place| {
        let words: Vec<_> = (0..5_000).map(|n| format!("{n} ")).collect();
        place.model.push(Reply::new().deltas(&words));
        let codex = place.start().await;
        let mut feed = codex.notifications();
        let thread = codex.thread_start().await.unwrap();
        let mut turn = thread.turn("Count.").await.unwrap();
        let mut active = false;
        loop {
            if let ConnectionEvent::Notification { notification, .. } =
                feed.next().await.unwrap().unwrap()
                && let ServerNotification::ThreadStatusChanged(it) = *notification
            {
                match it.status {
                    ThreadStatus::Active(_) => active = true,
                    ThreadStatus::Idle(_) if active => break,
                    _ => (),
                }
            }
        }
        let events = rest(&mut turn).await.unwrap();
        let deltas =
            events.into_iter().filter_map(|event| match event.into_notification().unwrap() {
                ServerNotification::AgentMessageDelta(delta) => Some(delta.delta),
                _ => None,
            });
        assert!(deltas.eq(words));
    })
    .await;
}
