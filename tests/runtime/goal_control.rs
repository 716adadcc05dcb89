//! The work on a goal is steered and interrupted, wherever its turns are.

use codexkit::protocol::{ThreadGoalStatus, TurnStatus};
use codexkit::testing::Reply;

use crate::goals::{complete, next_delta, status, still_talks};
use crate::support::{SOON, run, within};

#[tokio::test]
async fn the_work_on_a_goal_can_be_interrupted_and_is_then_paused() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Working").hold();
        place.model.extend([Reply::from("First."), reply]);
        let thread = place.thread().await;
        let mut goal = thread.goal_run("Never done.").await.unwrap();
        while next_delta(&mut goal).await != "Working" {}
        goal.interrupt().await.unwrap();
        hold.abandoned().await.unwrap();
        let result = within(SOON, goal.result()).await.unwrap();
        assert_eq!(status(&result), Some(&ThreadGoalStatus::Paused));
        assert_eq!((result.turn.status, result.turns.len()), (TurnStatus::Interrupted, 2));
        place.model.push("Yes.");
        still_talks(&thread).await;
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_wins_wherever_the_turns_of_a_goal_are() {
    run(async |place| {
        place.model.always("Not yet.");
        let thread = place.thread().await;
        for round in 0..30 {
            let mut goal = thread.goal_run("Never done.").await.unwrap();
            // One event later each time, over more than one turn.
            for _ in 0..round {
                goal.next().await.unwrap().unwrap();
            }
            goal.interrupt().await.unwrap_or_else(|error| panic!("round {round}: {error}"));
            let result = within(SOON, goal.result()).await.unwrap();
            assert_eq!(status(&result), Some(&ThreadGoalStatus::Paused), "round {round}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_work_on_a_goal_can_be_steered() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Working").hold();
        place.model.extend([reply, complete(), "Done.".into()]);
        let thread = place.thread().await;
        let mut goal = thread.goal_run("Write a story.").await.unwrap();
        assert_eq!(next_delta(&mut goal).await, "Working");
        goal.steer("Make it short.").await.unwrap();
        hold.abandoned().await.unwrap();
        let result = within(SOON, goal.result()).await.unwrap();
        assert_eq!(status(&result), Some(&ThreadGoalStatus::Complete));
        let requests = place.model.requests();
        assert!(requests[1].input_texts("user").contains(&"Make it short."));
    })
    .await;
}

#[tokio::test]
async fn a_later_turn_of_a_goal_can_be_steered_and_joined() {
    run(async |place| {
        let (working, _hold) = Reply::new().delta("Working").hold();
        place.model.push("First.");
        // Each input ends the answer before, so that it may be asked for once or twice.
        place.model.answer_with(move |request| {
            if request.tool_output("call_done").is_some() {
                Reply::from("Done.")
            } else if request.input_texts("user").contains(&"And funny.") {
                complete()
            } else {
                working.clone()
            }
        });
        let thread = place.thread().await;
        let mut goal = thread.goal_run("Write a story.").await.unwrap();
        while next_delta(&mut goal).await != "Working" {}
        goal.steer("Make it short.").await.unwrap();
        let joined = thread.turn("And funny.").await.unwrap();
        let joined = within(SOON, joined.result()).await.unwrap();
        let result = within(SOON, goal.result()).await.unwrap();
        assert_eq!(status(&result), Some(&ThreadGoalStatus::Complete));
        assert_eq!(result.turns.last(), Some(&joined.id));
        let told = place.model.requests().pop().unwrap();
        let told = told.input_texts("user");
        assert!(told.contains(&"Make it short.") && told.contains(&"And funny."), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn steering_between_two_turns_reaches_the_next_one() {
    run(async |place| {
        place.model.always("Not yet.");
        let thread = place.thread().await;
        let mut goal = thread.goal_run("Never done.").await.unwrap();
        for round in 0..20 {
            // Wherever the turns are by now.
            for _ in 0..round % 7 {
                goal.next().await.unwrap().unwrap();
            }
            let input = format!("Round {round}.");
            within(SOON, goal.steer(input.as_str()))
                .await
                .unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        let has_heard = |round: u32| {
            let last = place.model.requests().pop().unwrap();
            last.input_texts("user").contains(&format!("Round {round}.").as_str())
        };
        // It is asked with the last one when what it says now is over.
        while !has_heard(19) {
            goal.next().await.unwrap().unwrap();
        }
        for round in 0..19 {
            assert!(has_heard(round), "round {round}");
        }
        goal.interrupt().await.unwrap();
        within(SOON, goal.result()).await.unwrap();
    })
    .await;
}
