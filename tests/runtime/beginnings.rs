//! Turns that begin in another way than with input: reviews, compaction, turns of somebody else.

use std::future::poll_fn;
use std::task::Poll;

use codexkit::protocol::{
    ReviewTarget, ServerNotification, ThreadItem, ThreadResumeParams, TurnStatus,
};
use codexkit::testing::Reply;
use codexkit::{ConnectionEvent, Error};

use crate::asking::is_harmless;
use crate::support::{SOON, next_delta, next_event, next_where, rest, run, within};

fn kinds(items: &[ThreadItem]) -> Vec<&'static str> {
    let kind = |item: &ThreadItem| match item {
        ThreadItem::UserMessage(_) => "user",
        ThreadItem::AgentMessage(_) => "agent",
        ThreadItem::EnteredReviewMode(_) => "entered",
        ThreadItem::ExitedReviewMode(_) => "exited",
        ThreadItem::ContextCompaction(_) => "compaction",
        other => panic!("{other:?}"),
    };
    items.iter().map(kind).collect()
}

#[tokio::test]
async fn a_review_has_all_its_events_although_it_works_under_another_id() {
    run(async |place| {
        let thread = place.thread().await;
        for _ in 0..50 {
            place.model.push("Looks fine.");
            let target = ReviewTarget::uncommitted_changes();
            let mut review = thread.review(target).await.unwrap();
            let mut started = Vec::new();
            let events = within(SOON, rest(&mut review)).await.unwrap();
            for event in &events {
                if let ServerNotification::TurnStarted(it) = event.notification().unwrap() {
                    started.push(it.turn.id.clone());
                }
            }
            assert_eq!(started.len(), 1);
            assert_ne!(started[0], review.id());
            let result = review.result().await.unwrap();
            assert_eq!(result.status, TurnStatus::Completed);
            assert_eq!(kinds(&result.items), ["entered", "user", "exited", "agent"]);
            assert_eq!(result.final_response.as_deref(), Some("Looks fine."));
        }
    })
    .await;
}

#[tokio::test]
async fn a_review_can_be_interrupted_as_soon_as_it_is_started() {
    run(async |place| {
        let (reply, _hold) = Reply::new().delta("Reading").hold();
        place.model.always(reply);
        let thread = place.thread().await;
        for round in 0..10 {
            let review = thread.review(ReviewTarget::uncommitted_changes()).await.unwrap();
            review.interrupt().await.unwrap_or_else(|error| panic!("round {round}: {error}"));
            let result = within(SOON, review.result()).await.unwrap();
            assert_eq!(result.status, TurnStatus::Interrupted, "round {round}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_review_cannot_be_steered_and_says_so() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Reading").hold();
        place.model.push(reply);
        let thread = place.thread().await;
        let mut review = thread.review(ReviewTarget::uncommitted_changes()).await.unwrap();
        next_where(&mut review, |it| {
            matches!(it, ServerNotification::TurnStarted(_)).then_some(())
        })
        .await;
        let error = review.steer("Faster.").await.unwrap_err();
        assert!(error.to_string().contains("cannot steer a review turn"), "{error}");
        hold.release();
        assert_eq!(review.result().await.unwrap().status, TurnStatus::Completed);
    })
    .await;
}

#[tokio::test]
async fn compaction_is_a_turn_with_a_handle() {
    run(async |place| {
        let thread = place.thread().await;
        place.model.push("Hello.");
        thread.run("Say hello.").await.unwrap();
        for _ in 0..10 {
            place.model.push("A summary.");
            let compaction = within(SOON, thread.compact()).await.unwrap();
            let result = within(SOON, compaction.result()).await.unwrap();
            assert_eq!(result.status, TurnStatus::Completed);
            assert_eq!(kinds(&result.items), ["compaction"]);
        }
        assert_eq!(place.model.requests().len(), 11);
    })
    .await;
}

#[tokio::test]
async fn compaction_takes_no_turn_of_somebody_else_for_its_own() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.always("A summary.");
        place.model.push(reply);
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        next_delta(&mut turn).await;
        let compaction = within(SOON, thread.compact()).await.unwrap();
        assert_ne!(turn.id(), compaction.id());
        hold.abandoned().await.unwrap();
        // The runtime ends the turn that runs for it.
        assert_eq!(turn.result().await.unwrap().status, TurnStatus::Interrupted);
        assert_eq!(kinds(&compaction.result().await.unwrap().items), ["compaction"]);
        for _ in 0..10 {
            // A turn that nobody waits for, which the runtime ends for the compaction.
            let mut start = thread.turn("Go on.").into_future();
            assert!(poll_fn(|cx| Poll::Ready(start.as_mut().poll(cx))).await.is_pending());
            tokio::task::yield_now().await;
            drop(start);
            let compaction = within(SOON, thread.compact()).await.unwrap();
            let items = within(SOON, compaction.result()).await.unwrap().items;
            assert_eq!(kinds(&items), ["compaction"]);
        }
        // The turns of a goal are nobody's, either.
        place.model.always("Not yet.");
        for _ in 0..10 {
            thread.goal_set("Never done.").await.unwrap();
            let compaction = within(SOON, thread.compact()).await.unwrap();
            let items = within(SOON, compaction.result()).await.unwrap().items;
            assert_eq!(kinds(&items), ["compaction"]);
            thread.goal_clear().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_turn_of_another_handle_can_be_joined_by_its_id() {
    run(async |place| {
        let thread = place.thread().await;
        for _ in 0..50 {
            let (reply, hold) = Reply::new().delta("Once").hold();
            place.model.push(reply.delta(" upon a time"));
            let mut first = thread.turn("Tell me a story.").await.unwrap();
            assert_eq!(next_delta(&mut first).await, "Once");
            let mut second = thread.attach(first.id()).await.unwrap();
            hold.release();
            assert_eq!(next_delta(&mut second).await, " upon a time");
            let (first, second) = (first.result().await.unwrap(), second.result().await.unwrap());
            assert_eq!((first.id, first.status), (second.id, second.status));
            assert_eq!(second.final_response.as_deref(), Some("Once upon a time"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_is_not_running_cannot_be_joined() {
    run(async |place| {
        place.model.push("Yes.");
        let thread = place.thread().await;
        let ended = thread.run("Are you there?").await.unwrap().id;
        for id in [ended.as_str(), "unknown"] {
            let error = within(SOON, thread.attach(id)).await.unwrap_err();
            assert!(matches!(&error, Error::InvalidInput(_)), "{error:?}");
            assert!(error.to_string().contains("is not running"), "{error}");
        }
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        next_delta(&mut turn).await;
        assert!(thread.attach(ended).await.is_err());
        hold.release();
        turn.result().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_turn_of_an_ephemeral_thread_can_be_joined() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        let thread = place.start().await.thread_start().ephemeral(true).await.unwrap();
        let mut first = thread.turn("Tell me a story.").await.unwrap();
        next_delta(&mut first).await;
        let second = thread.attach(first.id()).await.unwrap();
        hold.release();
        assert_eq!(second.result().await.unwrap().status, TurnStatus::Completed);
    })
    .await;
}

#[tokio::test]
async fn a_turn_without_a_handle_is_among_the_events_of_its_thread() {
    run(async |place| {
        let thread = place.thread().await;
        let mut events = thread.events();
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        // Started past the client, as the runtime or another client would.
        let params = codexkit::protocol::TurnStartParams::new(
            thread.id(),
            vec![codexkit::protocol::TextUserInput::new("Tell me a story.").into()],
        );
        let turn = thread.codex().request(params).await.unwrap().turn.id;
        let delta = next_event(&mut events, |it| match it {
            ServerNotification::AgentMessageDelta(it) => Some(it),
            _ => None,
        })
        .await;
        assert_eq!((delta.delta.as_str(), &delta.turn_id), ("Once", &turn));
        let handle = thread.attach(&turn).await.unwrap();
        hold.release();
        assert_eq!(handle.result().await.unwrap().final_response.as_deref(), Some("Once"));
    })
    .await;
}

#[tokio::test]
async fn events_of_a_thread_come_to_its_listener_and_to_nobody_else() {
    run(async |place| {
        place.model.always("Yes.");
        let codex = place.start().await;
        let (first, second) =
            (codex.thread_start().await.unwrap(), codex.thread_start().await.unwrap());
        let (mut of_first, mut of_rest) = (first.events(), codex.notifications());
        first.run("Are you there?").await.unwrap();
        second.run("Are you there?").await.unwrap();
        codex.close().await;
        let statuses = |wanted: &'static str| {
            move |it: &ServerNotification| match it {
                ServerNotification::ThreadStatusChanged(it) => Some((it.thread_id.clone(), wanted)),
                _ => None,
            }
        };
        let mut seen = Vec::new();
        for (events, name) in [(&mut of_first, "thread"), (&mut of_rest, "connection")] {
            loop {
                match events.next().await.unwrap() {
                    Ok(ConnectionEvent::Notification { notification, .. }) => {
                        seen.extend(statuses(name)(&notification));
                    }
                    Ok(event) => assert!(is_harmless(&event), "{event:?}"),
                    Err(error) => break assert!(error.is_closed()),
                }
            }
            assert!(events.next().await.is_none());
        }
        // Active and idle.
        let (first, second) = (first.id().to_owned(), second.id().to_owned());
        let expected = [
            (&first, "thread"),
            (&first, "thread"),
            (&second, "connection"),
            (&second, "connection"),
        ];
        let seen: Vec<_> = seen.iter().map(|(id, name)| (id, *name)).collect();
        assert_eq!(seen, expected);
    })
    .await;
}

#[tokio::test]
async fn a_command_that_outlives_its_turn_ends_among_the_events_of_the_thread() {
    run(async |place| {
        let shell = "until [ -e turn_is_over ]; do sleep 0.1; done; echo late";
        let command = serde_json::json!({"cmd": shell, "yield_time_ms": 250});
        place.model.extend([
            Reply::new().function_call("call_1", "exec_command", command),
            Reply::from("Started."),
        ]);
        let thread = place.thread().await;
        let mut events = thread.events();
        let result = thread.run("Run it.").await.unwrap();
        assert!(result.items.iter().all(|it| !matches!(it, ThreadItem::CommandExecution(_))));
        std::fs::write(place.home.workspace().join("turn_is_over"), "").unwrap();
        let completed = next_event(&mut events, |it| match it {
            ServerNotification::ItemCompleted(it) => Some(it),
            _ => None,
        })
        .await;
        assert_eq!(completed.turn_id, result.id);
        let ThreadItem::CommandExecution(command) = &completed.item else {
            panic!("{completed:?}")
        };
        assert_eq!(command.aggregated_output.as_deref(), Some("late\n"));
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_runs_while_its_thread_is_resumed_can_be_joined() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        next_delta(&mut turn).await;
        let resume = ThreadResumeParams::new(thread.id()).exclude_turns(true);
        let resumed = thread.codex().request(resume).await.unwrap();
        assert!(matches!(resumed.thread.status, codexkit::protocol::ThreadStatus::Active(_)));
        let joined = thread.attach(turn.id()).await.unwrap();
        hold.release();
        assert_eq!(joined.result().await.unwrap().status, TurnStatus::Completed);
        assert_eq!(turn.result().await.unwrap().status, TurnStatus::Completed);
    })
    .await;
}

#[tokio::test]
async fn a_thread_that_is_unsubscribed_leaves_nobody_waiting() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        next_delta(&mut turn).await;
        let mut events = thread.events();
        thread.unsubscribe().await.unwrap();
        let error = within(SOON, rest(&mut turn)).await.unwrap_err();
        assert!(matches!(error, Error::Detached { .. }), "{error:?}");
        assert!(turn.next().await.is_none());
        assert!(matches!(turn.result().await, Err(Error::Detached { .. })));
        let error = within(SOON, thread.run("Are you there?").into_future()).await.unwrap_err();
        assert!(error.to_string().contains("thread_resume"), "{error}");
        assert!(matches!(thread.compact().await, Err(Error::Detached { .. })));
        hold.release();
        let resumed = thread.codex().thread_resume(thread.id()).await.unwrap();
        // Also for whoever looks only now.
        let end = async { while events.next().await.unwrap().is_ok() {} };
        within(SOON, end).await;
        assert!(events.next().await.is_none());
        place.model.push("Yes.");
        let result = within(SOON, resumed.run("Are you there?").into_future()).await.unwrap();
        assert_eq!(result.status, TurnStatus::Completed);
    })
    .await;
}
