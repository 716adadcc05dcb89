//! Who answers what the server asks: handlers of a client, a thread and a turn, and whoever has the
//! request.

use codexkit::protocol::{ReviewTarget, ThreadGoalStatus, TurnStatus};
use codexkit::testing::Reply;
use codexkit::{
    Handlers, RequestPolicy, Resolution, Sandbox, ServerRequest, ServerRequestHandler, TurnEvent,
};
use tokio::sync::{mpsc, oneshot};

use crate::asking::{
    Asked, CALL, EVERYTHING, Log, asking, every, heard_of, made, next_refusal, next_request,
    nothing_was_made, nothing_went_wrong, still_talks, touch, untrusting, untrusting_start,
};
use crate::goals::{complete, status};
use crate::support::{Place, SOON, run, within};

/// The model wants to run a command, and then says something.
fn wants(place: &Place, call_id: &str) {
    place.model.extend([touch(Reply::new(), call_id), "Well.".into()]);
}

#[tokio::test]
async fn the_narrowest_handler_is_asked_alone() {
    run(async |place| {
        let log = Log::default();
        let builder = asking(place).handler(log.declines("client"));
        let codex = place.start_with(builder).await;
        let thread = untrusting_start(&codex).handler(log.declines("thread")).await.unwrap();
        let other = untrusting_start(&codex).await.unwrap();
        wants(place, "call_1");
        thread.run("Do it.").handler(log.declines("turn")).await.unwrap();
        assert_eq!(log.take(), ["turn"]);
        wants(place, "call_2");
        thread.run("Do it.").await.unwrap();
        assert_eq!(log.take(), ["thread"]);
        wants(place, "call_3");
        other.run("Do it.").await.unwrap();
        assert_eq!(log.take(), ["client"]);
        assert!(nothing_was_made(place));
    })
    .await;
}

#[tokio::test]
async fn what_everybody_passes_on_is_refused() {
    run(async |place| {
        for asked in EVERYTHING {
            let log = Log::default();
            let builder = asking(place).handler(log.passes("client"));
            let codex = place.start_with(builder).await;
            let mut feed = codex.notifications();
            let thread = untrusting_start(&codex).handler(log.passes("thread")).await.unwrap();
            place.model.extend([asked.call(), "Well.".into()]);
            thread.run("Do it.").handler(log.passes("turn")).await.unwrap();
            assert_eq!(log.take(), ["turn", "thread", "client"]);
            let heard = heard_of(place, CALL);
            assert!(asked.is_refused(place, &heard), "{heard}");
            let refusal = next_refusal(&mut feed).await;
            assert_eq!((&*refusal.request.method, refusal.problem), (asked.method(), None));
            codex.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_handler_leaves_what_it_has_no_closure_for_to_the_next_one() {
    run(async |place| {
        let log = Log::default();
        let thread = untrusting(place).await;
        thread.set_handler(log.declines("thread"));
        let only_files = Handlers::new().file_change_approval(async |it| it.accept());
        wants(place, CALL);
        thread.run("Do it.").handler(only_files).await.unwrap();
        assert_eq!(log.take(), ["thread"]);
    })
    .await;
}

#[tokio::test]
async fn a_thread_has_the_handler_that_was_set_last() {
    run(async |place| {
        let log = Log::default();
        let codex = place.start_with(asking(place)).await;
        let thread = untrusting_start(&codex).handler(log.declines("first")).await.unwrap();
        wants(place, "call_1");
        thread.run("Do it.").await.unwrap();
        thread.set_handler(log.declines("second"));
        wants(place, "call_2");
        thread.run("Do it.").await.unwrap();
        let resumed = codex.thread_resume(thread.id()).handler(log.declines("third"));
        let thread = resumed.await.unwrap();
        wants(place, "call_3");
        thread.run("Do it.").await.unwrap();
        // Resuming it without one changes nothing.
        let thread = codex.thread_resume(thread.id()).await.unwrap();
        wants(place, "call_4");
        thread.run("Do it.").await.unwrap();
        assert_eq!(log.take(), ["first", "second", "third", "third"]);
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_parks_comes_after_its_handler_and_before_that_of_the_thread() {
    run(async |place| {
        let log = Log::default();
        let thread = untrusting(place).await;
        thread.set_handler(log.declines("thread"));
        // The handler of the turn takes it.
        wants(place, "call_1");
        let start = thread.turn("Do it.").handler(log.declines("turn")).park_requests();
        start.await.unwrap().result().await.unwrap();
        assert_eq!(log.take(), ["turn"]);
        // It does not, and the handle does.
        wants(place, "call_2");
        let start = thread.turn("Do it.").handler(log.passes("turn")).park_requests();
        let mut turn = start.await.unwrap();
        next_request(&mut turn).await.refuse().unwrap();
        turn.result().await.unwrap();
        assert_eq!(log.take(), ["turn"]);
        // The handle does not, either.
        wants(place, "call_3");
        let mut turn = thread.turn("Do it.").park_requests().await.unwrap();
        next_request(&mut turn).await.pass();
        turn.result().await.unwrap();
        assert_eq!(log.take(), ["thread"]);
    })
    .await;
}

#[tokio::test]
async fn a_handle_parks_as_long_as_it_is_told_to() {
    run(async |place| {
        let log = Log::default();
        let thread = untrusting(place).await;
        thread.set_handler(log.declines("thread"));
        let (reply, hold) = Reply::new().hold();
        place.model.push(touch(reply, "call_1"));
        place.model.extend([touch(Reply::new(), "call_2"), "Well.".into()]);
        let mut turn = thread.turn("Do it.").await.unwrap();
        turn.park_requests(true);
        hold.release();
        let request = next_request(&mut turn).await;
        turn.park_requests(false);
        request.refuse().unwrap();
        turn.result().await.unwrap();
        assert_eq!(log.take(), ["thread"]);
    })
    .await;
}

#[tokio::test]
async fn a_request_is_answered_from_another_task() {
    run(async |place| {
        for asked in EVERYTHING {
            let (sender, mut requests) = mpsc::unbounded_channel::<ServerRequest>();
            let answering = tokio::spawn(async move {
                let request = requests.recv().await.unwrap();
                asked.accept(&request).unwrap();
                request.resolved().await
            });
            let thread = untrusting(place).await;
            place.model.extend([asked.call(), "Done.".into()]);
            let mut turn = thread.turn("Do it.").park_requests().await.unwrap();
            sender.send(next_request(&mut turn).await).unwrap();
            within(SOON, turn.result()).await.unwrap();
            assert_eq!(within(SOON, answering).await.unwrap(), Resolution::Answered);
            let heard = heard_of(place, CALL);
            assert!(asked.is_done(place, &heard), "{heard}");
            forget(place);
            thread.codex().close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_handler_may_hand_a_request_to_somebody_who_answers_later() {
    run(async |place| {
        let (sender, mut requests) = mpsc::unbounded_channel();
        let thread = untrusting(place).await;
        let codex = thread.codex().clone();
        let feed = codex.notifications();
        thread.set_handler(every(move |request| {
            let sent = sender.send(request);
            async { Ok(sent?) }
        }));
        place.model.extend([Asked::Command.call(), "Done.".into()]);
        let turn = thread.turn("Do it.").await.unwrap();
        let request = within(SOON, requests.recv()).await.unwrap();
        // Its handler has returned long before this is answered.
        codex.models().await.unwrap();
        assert_eq!(request.resolution(), None);
        Asked::Command.accept(&request).unwrap();
        within(SOON, turn.result()).await.unwrap();
        assert_eq!(made(place), ["made.txt"]);
        drop(thread);
        nothing_went_wrong(codex, feed).await;
    })
    .await;
}

/// Removes what the agent has made.
fn forget(place: &Place) {
    for name in made(place) {
        std::fs::remove_file(place.home.workspace().join(name)).unwrap();
    }
}

/// Ends with whoever owns it.
struct Owner(#[expect(dead_code, reason = "it is dropped")] oneshot::Sender<()>);

impl ServerRequestHandler for Owner {}

#[tokio::test]
async fn the_handler_of_a_turn_is_let_go_of_at_its_end() {
    run(async |place| {
        let (sender, mut owner) = oneshot::channel();
        let thread = untrusting(place).await;
        let (reply, hold) = Reply::new().hold();
        place.model.push(reply.text("Well."));
        let turn = thread.turn("Do it.").handler(Owner(sender)).await.unwrap();
        place.model.wait_for_requests(1).await;
        assert!(owner.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        hold.release();
        turn.result().await.unwrap();
        within(SOON, owner).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn the_handler_of_a_thread_is_let_go_of_when_that_is_unsubscribed() {
    run(async |place| {
        let (sender, mut owner) = oneshot::channel();
        let thread = untrusting(place).await;
        thread.set_handler(Owner(sender));
        still_talks(place, &thread).await;
        assert!(owner.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        thread.unsubscribe().await.unwrap();
        within(SOON, owner).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn a_goal_parks_what_its_turns_ask() {
    run(async |place| {
        let log = Log::default();
        let thread = untrusting(place).await;
        thread.set_handler(log.declines("thread"));
        place.model.extend(["First.".into(), touch(Reply::new(), CALL), complete()]);
        place.model.push("Done.");
        let mut goal = thread.goal_run("Make it.").park_requests().await.unwrap();
        let request = within(SOON, async {
            loop {
                match goal.next().await.unwrap().unwrap() {
                    TurnEvent::Request(request) => break request,
                    _ => assert!(nothing_was_made(place)),
                }
            }
        })
        .await;
        Asked::Command.accept(&request).unwrap();
        let asked_by = request.turn_id().unwrap().to_owned();
        let result = within(SOON, goal.result()).await.unwrap();
        assert_eq!(status(&result), Some(&ThreadGoalStatus::Complete));
        assert!(result.turns[1..].contains(&asked_by), "{:?}", result.turns);
        assert_eq!(made(place), ["made.txt"]);
        assert_eq!(log.take(), [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_goal_that_does_not_park_asks_the_handler_of_its_thread() {
    run(async |place| {
        let thread = untrusting(place).await;
        thread.set_handler(RequestPolicy::deny_all().allow_commands());
        place.model.extend([touch(Reply::new(), CALL), complete(), "Done.".into()]);
        let goal = thread.goal_run("Make it.").await.unwrap();
        within(SOON, goal.result()).await.unwrap();
        assert_eq!(made(place), ["made.txt"]);
    })
    .await;
}

#[tokio::test]
async fn a_review_asks_nothing() {
    run(async |place| {
        let log = Log::default();
        let codex = place.start_with(asking(place)).await;
        let start = untrusting_start(&codex).sandbox(Sandbox::ReadOnly);
        let thread = start.handler(log.declines("thread")).await.unwrap();
        let calls = EVERYTHING.map(Asked::call);
        place.model.extend(calls);
        place.model.push("Well.");
        let mut review = thread.review(ReviewTarget::uncommitted_changes()).await.unwrap();
        review.park_requests(true);
        while let Some(event) = within(SOON, review.next()).await {
            assert!(event.unwrap().notification().is_some());
        }
        assert_eq!(review.result().await.unwrap().status, TurnStatus::Completed);
        assert_eq!(place.model.unused(), 0);
        assert!(nothing_was_made(place));
        assert_eq!(log.take(), [""; 0]);
    })
    .await;
}
