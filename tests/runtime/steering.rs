//! More input for a turn that runs.

use codexkit::protocol::{ServerNotification, ThreadItem, TurnStatus, UserInput};
use codexkit::testing::Reply;
use codexkit::{Error, TurnResult};

use crate::support::{next_delta, rest, run};

/// The texts that the user gave to a turn.
fn prompts(result: &TurnResult) -> Vec<&str> {
    let user = result.items.iter().filter_map(|item| match item {
        ThreadItem::UserMessage(message) => Some(&message.content),
        _ => None,
    });
    user.flatten()
        .filter_map(|input| match input {
            UserInput::Text(text) => Some(text.text.as_str()),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_turn_that_is_steered_goes_on_with_the_new_input() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once upon a time").hold();
        place.model.extend([reply, "A haiku, then.".into()]);
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        assert_eq!(next_delta(&mut turn).await, "Once upon a time");
        turn.steer("Make it a haiku.").await.unwrap();
        hold.abandoned().await.unwrap();
        let requests = place.model.wait_for_requests(2).await;
        let texts = requests[1].input_texts("user");
        assert!(texts.ends_with(&["Tell me a story.", "Make it a haiku."]), "{texts:?}");
        let id = turn.id().to_owned();
        let result = turn.result().await.unwrap();
        assert_eq!((&result.id, result.status.clone()), (&id, TurnStatus::Completed));
        assert_eq!(prompts(&result), ["Tell me a story.", "Make it a haiku."]);
        assert_eq!(result.final_response.as_deref(), Some("A haiku, then."));
    })
    .await;
}

#[tokio::test]
async fn a_turn_can_be_steered_as_soon_as_it_is_started() {
    run(async |place| {
        place.model.always("ok");
        let thread = place.thread().await;
        for _ in 0..5 {
            let turn = thread.turn("Go left.").await.unwrap();
            turn.steer("No, right.").await.unwrap();
            let result = turn.result().await.unwrap();
            assert_eq!(prompts(&result), ["Go left.", "No, right."]);
            assert_eq!(result.status, TurnStatus::Completed);
        }
    })
    .await;
}

#[tokio::test]
async fn a_second_turn_joins_the_first_and_both_handles_see_the_end() {
    run(async |place| {
        let thread = place.thread().await;
        for _ in 0..50 {
            let (reply, hold) = Reply::new().delta("Once").hold();
            place.model.extend([reply, "Done.".into()]);
            let mut first = thread.turn("Tell me a story.").await.unwrap();
            assert_eq!(next_delta(&mut first).await, "Once");
            let mut second = thread.turn("A short one.").await.unwrap();
            assert_eq!(second.id(), first.id());
            hold.abandoned().await.unwrap();
            let events = rest(&mut second).await.unwrap();
            let last = events.last().unwrap().notification().unwrap();
            assert!(matches!(last, ServerNotification::TurnCompleted(_)));
            let (first, second) = (first.result().await.unwrap(), second.result().await.unwrap());
            assert_eq!(prompts(&first), ["Tell me a story.", "A short one."]);
            assert_eq!(prompts(&second), ["A short one."]);
            for result in [first, second] {
                assert_eq!(result.status, TurnStatus::Completed);
                assert_eq!(result.final_response.as_deref(), Some("Done."));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_input_is_heard_whether_it_meets_the_end_of_a_turn_or_not() {
    run(async |place| {
        place.model.always(Reply::new().delta("Yes."));
        let thread = place.thread().await;
        for round in 0..16 {
            let mut first = thread.turn("Are you there?").await.unwrap();
            // One event later each time, up to the last.
            for _ in 0..round % 8 {
                first.next().await.unwrap().unwrap();
            }
            let prompt = format!("And now, {round}?");
            let second = thread.run(&prompt).await.unwrap();
            assert_eq!(prompts(&second).last(), Some(&&*prompt));
            assert_eq!(second.final_response.as_deref(), Some("Yes."));
            let last = place.model.requests().pop().unwrap();
            assert!(last.input_texts("user").contains(&&*prompt), "round {round}");
            first.result().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_has_ended_cannot_be_steered() {
    run(async |place| {
        place.model.push("ok");
        let thread = place.thread().await;
        let turn = thread.turn("hi").await.unwrap();
        let control = turn.control();
        turn.result().await.unwrap();
        let error = control.steer("more").await.unwrap_err();
        assert_eq!(error.code(), Some(-32600));
        assert_eq!(error.to_string(), "`turn/steer` failed: no active turn to steer (-32600)");
        assert!(matches!(control.steer(" ").await, Err(Error::InvalidInput(_))));
        assert_eq!(place.model.requests().len(), 1);
    })
    .await;
}
