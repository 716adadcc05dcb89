//! What the agent works on from turn to turn.

use codexkit::protocol::{
    ServerNotification, ThreadGoalSetParams, ThreadGoalStatus, ThreadGoalUpdatedNotification,
    ThreadItem, TurnStatus,
};
use codexkit::testing::{Reply, Usage};
use codexkit::{Error, GoalResult, GoalRun, Notifications, Thread};
use serde_json::json;

use crate::support::{SOON, next_event, run, within};

/// The model says that the goal is reached.
pub(crate) fn complete() -> Reply {
    Reply::new().function_call("call_done", "update_goal", json!({"status": "complete"}))
}

pub(crate) fn status(result: &GoalResult) -> Option<&ThreadGoalStatus> {
    result.goal.as_ref().map(|goal| &goal.status)
}

pub(crate) async fn next_delta(goal: &mut GoalRun) -> String {
    while let Some(event) = goal.next().await {
        if let ServerNotification::AgentMessageDelta(it) =
            event.unwrap().into_notification().unwrap()
        {
            return it.delta;
        }
    }
    panic!("the run ended before the model said anything");
}

/// Shows that the thread is not harmed.
pub(crate) async fn still_talks(thread: &Thread) {
    let result = thread.run("Are you still there?").await.unwrap();
    assert_eq!(
        (result.status, result.final_response.as_deref()),
        (TurnStatus::Completed, Some("Yes."))
    );
}

#[tokio::test]
async fn the_turns_of_a_goal_are_one_result() {
    run(async |place| {
        let step = |text: &str| Reply::from(text).usage(Usage::new(100, 5));
        place.model.extend([step("First."), step("Second."), complete(), step("Done.")]);
        let thread = place.thread().await;
        let goal = thread.goal_run("Count to two.").await.unwrap();
        let result = within(SOON, goal.result()).await.unwrap();
        assert_eq!(status(&result), Some(&ThreadGoalStatus::Complete));
        assert_eq!(result.goal.as_ref().unwrap().objective, "Count to two.");
        assert_eq!(result.turns.len(), 3);
        assert_eq!(
            (&result.turn.id, result.turn.status),
            (&result.turns[0], TurnStatus::Completed)
        );
        assert_eq!(result.turn.final_response.as_deref(), Some("Done."));
        let texts = result.turn.items.iter().filter_map(|item| match item {
            ThreadItem::AgentMessage(message) => Some(message.text.as_str()),
            _ => None,
        });
        assert_eq!(texts.collect::<Vec<_>>(), ["First.", "Second.", "Done."]);
        assert_eq!(result.turn.usage.unwrap().total.input_tokens, 300);
        assert!(result.turn.started_at <= result.turn.completed_at);
        assert!(result.turn.started_at.is_some() && result.turn.duration_ms.is_some());
        let asked = format!("{:?}", place.model.requests()[0].body());
        assert!(asked.contains("Count to two."), "the model is not told the goal");
        assert_eq!(thread.goal().await.unwrap().unwrap().status, ThreadGoalStatus::Complete);
        place.model.push("Yes.");
        still_talks(&thread).await;
    })
    .await;
}

#[tokio::test]
async fn the_events_of_a_goal_are_those_of_all_its_turns_as_they_are() {
    run(async |place| {
        place.model.extend(["First.".into(), complete(), "Done.".into()]);
        let thread = place.thread().await;
        let mut goal = thread.goal_run("Count to one.").await.unwrap();
        let (mut started, mut completed, mut updated) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(event) = goal.next().await {
            match event.unwrap().into_notification().unwrap() {
                ServerNotification::TurnStarted(it) => started.push(it.turn.id),
                ServerNotification::TurnCompleted(it) => completed.push(it.turn.id),
                ServerNotification::ThreadGoalUpdated(it) => {
                    let ThreadGoalUpdatedNotification { goal, .. } = *it;
                    updated.push(goal.status);
                }
                _ => (),
            }
        }
        assert_eq!(started, completed);
        assert_eq!(started.len(), 2);
        assert_eq!(updated.first(), Some(&ThreadGoalStatus::Active));
        assert_eq!(updated.last(), Some(&ThreadGoalStatus::Complete));
        assert_eq!(goal.result().await.unwrap().turns, started);
    })
    .await;
}

#[tokio::test]
async fn a_goal_run_ends_every_time() {
    run(async |place| {
        let thread = place.thread().await;
        for round in 0..50 {
            place.model.extend(["Working.".into(), complete(), "Done.".into()]);
            let goal = thread.goal_run(format!("Round {round}.")).await.unwrap();
            let result = within(SOON, goal.result()).await.unwrap();
            assert_eq!(status(&result), Some(&ThreadGoalStatus::Complete), "round {round}");
            assert_eq!(result.turns.len(), 2, "round {round}");
            assert_eq!(result.goal.unwrap().objective, format!("Round {round}."));
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_goal_starts_to_count_anew_and_a_bad_one_leaves_the_old_one_alone() {
    run(async |place| {
        let usage = Usage::new(100, 5);
        let working = Reply::from("Working.").usage(usage);
        place.model.extend([working, complete(), "Done.".into()]);
        let thread = place.thread().await;
        let first = thread.goal_run("First.").await.unwrap().result().await.unwrap();
        assert!(first.goal.unwrap().tokens_used > 0);
        let too_long = "x".repeat(4001);
        for bad in [" ", &too_long] {
            let error = thread.goal_run(bad).await.unwrap_err();
            assert_eq!(error.code(), Some(-32600), "{error}");
            assert_eq!(thread.goal().await.unwrap().unwrap().objective, "First.");
        }
        place.model.extend([complete(), "Done.".into()]);
        let second = thread.goal_run("Second.").await.unwrap().result().await.unwrap();
        let second = second.goal.unwrap();
        assert_eq!((second.objective.as_str(), second.tokens_used), ("Second.", 0));
    })
    .await;
}

#[tokio::test]
async fn a_goal_whose_turn_fails_is_blocked_and_the_failure_has_what_was_done() {
    run(async |place| {
        place.model.extend([Reply::from("First."), Reply::new().failed("server_error", "no")]);
        let thread = place.thread().await;
        let goal = thread.goal_run("Fail.").await.unwrap();
        let error = within(SOON, goal.result()).await.unwrap_err();
        let turn = error.turn().unwrap();
        assert_eq!((&turn.status, turn.items.len()), (&TurnStatus::Failed, 1));
        assert_eq!(thread.goal().await.unwrap().unwrap().status, ThreadGoalStatus::Blocked);
        place.model.push("Yes.");
        still_talks(&thread).await;
    })
    .await;
}

#[tokio::test]
async fn a_goal_ends_with_its_budget() {
    run(async |place| {
        place.model.always(Reply::from("More.").usage(Usage::new(500, 5)));
        let thread = place.thread().await;
        let goal = thread.goal_run("Spend.").token_budget(800).await.unwrap();
        let result = within(SOON, goal.result()).await.unwrap();
        assert_eq!(status(&result), Some(&ThreadGoalStatus::BudgetLimited));
        assert_eq!((result.turn.status, result.turns.len()), (TurnStatus::Completed, 2));
    })
    .await;
}

#[tokio::test]
async fn a_goal_that_is_paused_or_cleared_ends_with_its_turn() {
    run(async |place| {
        let thread = place.thread().await;
        for clear in [false, true] {
            let (reply, hold) = Reply::new().delta("Working").hold();
            place.model.push(reply);
            let mut goal = thread.goal_run("Wait.").await.unwrap();
            assert_eq!(next_delta(&mut goal).await, "Working");
            if clear {
                assert!(thread.goal_clear().await.unwrap());
            } else {
                thread.goal_pause().await.unwrap();
            }
            hold.release();
            let result = within(SOON, goal.result()).await.unwrap();
            let expected = (!clear).then_some(ThreadGoalStatus::Paused);
            assert_eq!(status(&result), expected.as_ref());
            assert_eq!((result.turn.status, result.turns.len()), (TurnStatus::Completed, 1));
        }
        assert!(!thread.goal_clear().await.unwrap());
        assert_eq!(thread.goal().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_paused_goal_can_be_resumed_and_its_turns_are_events_of_the_thread() {
    run(async |place| {
        let thread = place.thread().await;
        let params = ThreadGoalSetParams::new(thread.id()).objective("Later.");
        let params = params.status(ThreadGoalStatus::Paused);
        thread.codex().request(params).await.unwrap();
        let mut events = thread.events();
        place.model.extend([complete(), Reply::new().delta("Done.")]);
        let goal = thread.goal_resume().await.unwrap();
        assert_eq!(goal.status, ThreadGoalStatus::Active);
        let text = next_event(&mut events, |it| match it {
            ServerNotification::AgentMessageDelta(it) => Some(it.delta),
            _ => None,
        });
        assert_eq!(text.await, "Done.");
    })
    .await;
}

#[tokio::test]
async fn a_goal_is_not_run_where_its_turns_could_not_be_told_from_others() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.extend([reply, complete(), "Done.".into()]);
        let thread = place.thread().await;
        let turn = thread.turn("Tell me a story.").await.unwrap();
        let error = thread.goal_run("Finish.").await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
        assert!(error.to_string().contains("has a turn running"), "{error}");
        hold.release();
        turn.result().await.unwrap();
        let (reply, hold) = Reply::new().delta("Working").hold();
        place.model.push(reply);
        // What was left of the replies is for the goal.
        let goal = thread.goal_run("Finish.").await.unwrap();
        let error = thread.goal_run("Another.").await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
        hold.release();
        within(SOON, goal.result()).await.unwrap();
        let ephemeral = thread.codex().thread_start().ephemeral(true).await.unwrap();
        let error = ephemeral.goal_run("Finish.").await.unwrap_err();
        assert!(error.to_string().contains("ephemeral thread"), "{error}");
        assert_eq!(error.code(), Some(-32600));
    })
    .await;
}

#[tokio::test]
async fn without_the_feature_a_goal_is_refused() {
    run(async |place| {
        let codex = place.start_with(place.builder().config("features.goals", false)).await;
        let thread = codex.thread_start().await.unwrap();
        let error = thread.goal_run("Finish.").await.unwrap_err();
        assert!(error.to_string().contains("goals feature is disabled"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_dropped_run_lets_the_goal_go_on_unless_it_should_not() {
    run(async |place| {
        let thread = place.thread().await;
        let mut events = thread.events();
        let (reply, hold) = Reply::new().delta("Working").hold();
        place.model.extend([reply, complete(), "Done.".into()]);
        drop(thread.goal_run("Go on.").await.unwrap());
        hold.release();
        until_status(&mut events, ThreadGoalStatus::Complete).await;
        next_event(&mut events, |it| {
            matches!(it, ServerNotification::TurnCompleted(_)).then_some(())
        })
        .await;
        let (reply, hold) = Reply::new().delta("Working").hold();
        place.model.push(reply);
        let mut goal = thread.goal_run("Stop.").interrupt_on_drop(true).await.unwrap();
        assert_eq!(next_delta(&mut goal).await, "Working");
        drop(goal);
        within(SOON, hold.abandoned()).await.unwrap();
        until_status(&mut events, ThreadGoalStatus::Paused).await;
    })
    .await;
}

async fn until_status(events: &mut Notifications, status: ThreadGoalStatus) {
    next_event(events, |it| {
        matches!(it, ServerNotification::ThreadGoalUpdated(it) if it.goal.status == status)
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_runtime_that_dies_ends_the_run_with_the_reason() {
    run(async |place| {
        let (reply, _hold) = Reply::new().delta("Working").hold();
        place.model.push(reply);
        let thread = place.thread().await;
        let mut goal = thread.goal_run("Never done.").await.unwrap();
        assert_eq!(next_delta(&mut goal).await, "Working");
        thread.codex().close().await;
        assert!(within(SOON, goal.result()).await.unwrap_err().is_closed());
    })
    .await;
}
