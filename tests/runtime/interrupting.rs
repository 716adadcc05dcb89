//! The end of a turn before its end.

use codexkit::protocol::{ThreadItem, TurnInterruptParams, TurnStatus};
use codexkit::testing::Reply;
use codexkit::{Codex, Thread};

use crate::support::{next_delta, run};

/// Shows that the thread is not harmed.
async fn still_talks(thread: &Thread) {
    let result = thread.run("Are you still there?").await.unwrap();
    assert_eq!(result.status, TurnStatus::Completed);
    assert_eq!(result.final_response.as_deref(), Some("Yes."));
}

#[tokio::test]
async fn a_turn_can_be_interrupted_as_soon_as_it_is_started() {
    run(async |place| {
        let (reply, _hold) = Reply::new().delta("Once").hold();
        place.model.always(reply);
        let thread = place.thread().await;
        for round in 0..200 {
            let turn = thread.turn("Tell me a story.").await.unwrap();
            turn.interrupt().await.unwrap_or_else(|error| panic!("round {round}: {error}"));
            let result = turn.result().await.unwrap();
            assert_eq!(result.status, TurnStatus::Interrupted, "round {round}");
            assert_eq!(result.error, None);
            assert_eq!(result.final_response, None);
        }
        place.model.always("Yes.");
        still_talks(&thread).await;
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_that_the_runtime_refuses_as_too_early_is_brought_through() {
    async fn ask(codex: &Codex, thread: &str, turn: &str) -> codexkit::Result<()> {
        codex.request(TurnInterruptParams::new(thread, turn)).await.map(drop)
    }
    run(async |place| {
        let (reply, _hold) = Reply::new().delta("Once").hold();
        place.model.always(reply);
        let thread = place.thread().await;
        let mut refused = false;
        for _ in 0..25 {
            let turn = thread.turn("Tell me a story.").await.unwrap();
            if let Err(error) = ask(thread.codex(), thread.id(), turn.id()).await {
                let text = error.to_string();
                assert!(text.contains("no active turn to interrupt (-32600)"), "{text}");
                refused = true;
            }
            turn.interrupt().await.unwrap();
            assert_eq!(turn.result().await.unwrap().status, TurnStatus::Interrupted);
            if refused {
                break;
            }
        }
        // Otherwise the client would take care of something that does not happen.
        assert!(refused);
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_ends_the_answer_of_the_model() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.extend([reply, "Yes.".into()]);
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        assert_eq!(next_delta(&mut turn).await, "Once");
        turn.interrupt().await.unwrap();
        hold.abandoned().await.unwrap();
        let result = turn.result().await.unwrap();
        assert_eq!(result.status, TurnStatus::Interrupted);
        // The message is never completed.
        assert!(matches!(&result.items[..], [ThreadItem::UserMessage(_)]), "{:?}", result.items);
        still_talks(&thread).await;
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_ends_every_handle_of_the_turn() {
    run(async |place| {
        let (reply, _hold) = Reply::new().delta("Once").hold();
        place.model.always(reply);
        let thread = place.thread().await;
        let mut first = thread.turn("Tell me a story.").await.unwrap();
        assert_eq!(next_delta(&mut first).await, "Once");
        let second = thread.turn("A long one.").await.unwrap();
        second.interrupt().await.unwrap();
        assert_eq!(first.result().await.unwrap().status, TurnStatus::Interrupted);
        assert_eq!(second.result().await.unwrap().status, TurnStatus::Interrupted);
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_after_the_end_is_fine() {
    run(async |place| {
        place.model.always("Yes.");
        let thread = place.thread().await;
        let turn = thread.turn("Are you there?").await.unwrap();
        let control = turn.control();
        assert_eq!(turn.result().await.unwrap().status, TurnStatus::Completed);
        control.interrupt().await.unwrap();
        still_talks(&thread).await;
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_that_meets_the_end_is_fine() {
    run(async |place| {
        place.model.always(Reply::new().delta("Yes."));
        let thread = place.thread().await;
        let mut statuses = Vec::new();
        for round in 0..32 {
            let mut turn = thread.turn("Are you there?").await.unwrap();
            // One event later each time, up to the last.
            for _ in 0..round % 8 {
                turn.next().await.unwrap().unwrap();
            }
            turn.interrupt().await.unwrap_or_else(|error| panic!("round {round}: {error}"));
            statuses.push(turn.result().await.unwrap().status);
        }
        assert!(statuses.contains(&TurnStatus::Interrupted), "{statuses:?}");
        assert!(statuses.contains(&TurnStatus::Completed), "{statuses:?}");
    })
    .await;
}
