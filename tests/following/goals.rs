//! The turns that the runtime starts for a goal are one run, from the first to the last.

use std::time::Duration;

use codexkit::protocol::{ThreadGoalStatus, TurnStatus};
use codexkit::testing::FakeServer;
use codexkit::{Codex, Error, GoalRun};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{
    HOUR, a_turn, accept_goal, get_goal, goal, next_notification, pause_goal, read_idle, silence,
    started_goal, sync, thread, turn, unsubscribe, update_goal,
};

fn line(method: &str, params: &serde_json::Value) -> String {
    format!("{}\n", json!({"method": method, "params": params}))
}

async fn a_run() -> (Codex, FakeServer, GoalRun) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let run = started_goal(&thread, &mut server).await;
    (codex, server, run)
}

#[tokio::test]
async fn a_goal_gets_its_turns_and_lets_other_events_of_the_thread_pass() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut events = thread.events();
    let run = started_goal(&thread, &mut server).await;
    assert_eq!(run.goal(), None);
    server.notify("thread/name/updated", json!({"threadId": "t1", "threadName": "new"})).await;
    server.message("t1", "g1", "First.").await;
    server.complete_turn("t1", "g1", "completed").await;
    server.start_turn("t1", "g2").await;
    update_goal(&mut server, "complete").await;
    server.message("t1", "g2", "Done.").await;
    server.complete_turn("t1", "g2", "completed").await;
    let result = run.result().await.unwrap();
    server.delta("t1", "g3", "after the end").await;
    assert_eq!(result.turns, ["g1", "g2"]);
    assert_eq!(result.goal.unwrap().status, ThreadGoalStatus::Complete);
    assert_eq!(result.turn.items.len(), 2);
    for expected in ["thread/name/updated", "item/agentMessage/delta"] {
        assert_eq!(next_notification(&mut events).await.method(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_goal_whose_turns_arrive_in_one_piece_is_followed() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let (run, ()) = tokio::join!(thread.goal_run("Finish.").into_future(), async {
        accept_goal(&mut server).await;
        let on = |goal| json!({"threadId": "t1", "goal": goal});
        let of = |turn| json!({"threadId": "t1", "turn": turn});
        let lines = [
            line("thread/goal/updated", &on(goal("active"))),
            line("turn/started", &of(a_turn("g1", "inProgress"))),
            line("thread/goal/updated", &on(goal("complete"))),
            line("turn/completed", &of(a_turn("g1", "completed"))),
        ];
        server.send_bytes(lines.concat().as_bytes()).await;
        silence(&mut server).await;
    });
    assert_eq!(run.unwrap().result().await.unwrap().turns, ["g1"]);
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_is_not_worked_on_is_an_error_and_paused() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let (run, ()) = tokio::join!(thread.goal_run("Finish.").into_future(), async {
        accept_goal(&mut server).await;
        get_goal(&mut server, "active").await;
        pause_goal(&mut server).await;
    });
    let error = run.unwrap_err();
    assert!(matches!(error, Error::Timeout { what: "turn/started", .. }), "{error:?}");
    // The thread is free for something else.
    turn(&thread, &mut server, "u1").await.interrupt_on_drop(false);
}

#[tokio::test(start_paused = true)]
async fn a_goal_is_not_run_beside_another_that_is_active() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let (run, ()) = tokio::join!(thread.goal_run("Finish.").into_future(), async {
        read_idle(&mut server).await;
        get_goal(&mut server, "active").await;
    });
    let error = run.unwrap_err();
    assert!(matches!(&error, Error::InvalidInput(it) if it.contains("another goal")), "{error:?}");
    silence(&mut server).await;
}

#[tokio::test]
async fn the_end_of_a_goal_that_cannot_be_understood_is_an_error_and_no_hang() {
    for end in [
        r#"{"method":"turn/completed","params":{"threadId":"t1","turn":{"id":"g1","status":}}}"#,
        r#"{"method":"turn/completed","params":{"threadId":"t1","turn":{"id":"g1","status":5}}}"#,
    ] {
        let (_codex, mut server, run) = a_run().await;
        server.send_bytes(format!("{end}\n").as_bytes()).await;
        let error = run.result().await.unwrap_err();
        assert!(
            matches!(&error, Error::Decode { method, .. } if method == "turn/completed"),
            "{error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_broken_end_of_the_last_turn_is_not_covered_by_the_turn_before() {
    let (_codex, mut server, run) = a_run().await;
    server.complete_turn("t1", "g1", "completed").await;
    server.start_turn("t1", "g2").await;
    let end =
        r#"{"method":"turn/completed","params":{"threadId":"t1","turn":{"id":"g2","status":}}}"#;
    server.send_bytes(format!("{end}\n").as_bytes()).await;
    let result = run.result().await;
    assert!(matches!(result, Err(Error::Decode { .. })), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_cut_off_by_the_end_of_the_connection_is_no_result() {
    let (_codex, mut server, mut run) = a_run().await;
    server.complete_turn("t1", "g1", "completed").await;
    server.start_turn("t1", "g2").await;
    drop(server);
    while run.next().await.is_some() {}
    let result = run.result().await;
    assert!(matches!(result, Err(Error::Closed(_))), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_with_its_thread() {
    for end in ["thread/closed", "thread/archived", "thread/deleted"] {
        let (_codex, mut server, run) = a_run().await;
        server.complete_turn("t1", "g1", "completed").await;
        server.notify(end, json!({"threadId": "t1"})).await;
        let result = timeout(HOUR, run.result()).await.unwrap();
        assert!(matches!(result, Err(Error::Detached { .. })), "{end}: {result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_when_its_thread_is_unsubscribed() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let run = started_goal(&thread, &mut server).await;
    unsubscribe(&thread, &mut server).await;
    let result = timeout(HOUR, run.result()).await.unwrap();
    assert!(matches!(result, Err(Error::Detached { .. })), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn an_old_run_that_is_dropped_leaves_the_new_one_alone() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let old = started_goal(&thread, &mut server).await;
    unsubscribe(&thread, &mut server).await;
    let (again, ()) = tokio::join!(codex.thread_resume("t1").into_future(), async {
        let request = server.expect("thread/resume").await;
        let resumed = json!({
            "thread": crate::support::a_thread("idle"),
            "approvalPolicy": "never",
            "approvalsReviewer": "user",
            "cwd": "/",
            "model": "m",
            "modelProvider": "mock",
            "sandbox": {"type": "readOnly"},
        });
        server.reply(&request.id, resumed).await;
    });
    let new = started_goal(&again.unwrap(), &mut server).await;
    drop(old);
    update_goal(&mut server, "complete").await;
    server.complete_turn("t1", "g1", "completed").await;
    let result = timeout(HOUR, new.result()).await.unwrap();
    assert_eq!(result.unwrap().turns, ["g1"]);
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_ends_between_two_turns_ends_the_run_soon() {
    let (_codex, mut server, run) = a_run().await;
    server.complete_turn("t1", "g1", "completed").await;
    update_goal(&mut server, "paused").await;
    let started = Instant::now();
    let result = run.result().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(result.goal.unwrap().status, ThreadGoalStatus::Paused);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_starts_soon_after_the_last_event_is_part_of_the_run() {
    let (_codex, mut server, run) = a_run().await;
    server.complete_turn("t1", "g1", "completed").await;
    update_goal(&mut server, "paused").await;
    let (result, ()) = tokio::join!(run.result(), async {
        // Each time less than the run waits, together more.
        sleep(Duration::from_millis(400)).await;
        update_goal(&mut server, "paused").await;
        sleep(Duration::from_millis(400)).await;
        server.start_turn("t1", "g2").await;
        server.complete_turn("t1", "g2", "completed").await;
    });
    assert_eq!(result.unwrap().turns, ["g1", "g2"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_goal_is_reached_waits_for_the_end_of_its_turn() {
    let (_codex, mut server, run) = a_run().await;
    update_goal(&mut server, "complete").await;
    let (result, ()) = tokio::join!(run.result(), async {
        sleep(Duration::from_secs(30)).await;
        server.message("t1", "g1", "Done.").await;
        server.complete_turn("t1", "g1", "completed").await;
    });
    assert_eq!(result.unwrap().turn.final_response.as_deref(), Some("Done."));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_does_not_complete_ends_the_run_although_the_goal_is_active() {
    for (status, expected) in
        [("failed", TurnStatus::Failed), ("interrupted", TurnStatus::Interrupted)]
    {
        let (_codex, mut server, run) = a_run().await;
        server.message("t1", "g1", "First.").await;
        server.complete_turn("t1", "g1", "completed").await;
        server.start_turn("t1", "g2").await;
        server.complete_turn("t1", "g2", status).await;
        let turn = match timeout(HOUR, run.result()).await.unwrap() {
            Ok(result) => {
                assert_eq!(result.turns, ["g1", "g2"]);
                assert_eq!(result.goal.unwrap().status, ThreadGoalStatus::Active);
                result.turn
            }
            Err(Error::TurnFailed(failure)) => failure.turn,
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!((&turn.status, turn.items.len()), (&expected, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_goal_began_with_its_first_turn_and_took_as_long_as_all_of_them() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    for end in ["completed", "failed"] {
        let (run, ()) = tokio::join!(thread.goal_run("Finish.").into_future(), async {
            accept_goal(&mut server).await;
            update_goal(&mut server, "active").await;
            for (id, started_at, duration_ms, status) in
                [("g1", 100, 20, "completed"), ("g2", 200, 3, end)]
            {
                let mut turn = a_turn(id, "inProgress");
                turn["startedAt"] = json!(started_at);
                server.notify("turn/started", json!({"threadId": "t1", "turn": turn})).await;
                if id == "g2" {
                    update_goal(&mut server, "complete").await;
                }
                turn["status"] = json!(status);
                turn["durationMs"] = json!(duration_ms);
                server.notify("turn/completed", json!({"threadId": "t1", "turn": turn})).await;
            }
        });
        let turn = match run.unwrap().result().await {
            Ok(result) => result.turn,
            Err(Error::TurnFailed(failure)) => failure.turn,
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!((&*turn.id, turn.started_at, turn.duration_ms), ("g1", Some(100), Some(23)));
    }
}

#[tokio::test(start_paused = true)]
async fn no_duration_of_turns_is_too_long() {
    let (_codex, mut server, run) = a_run().await;
    for id in ["g1", "g2"] {
        let mut turn = a_turn(id, "completed");
        turn["durationMs"] = json!(i64::MAX);
        server.notify("turn/completed", json!({"threadId": "t1", "turn": turn})).await;
        server.start_turn("t1", "g2").await;
    }
    update_goal(&mut server, "complete").await;
    server.complete_turn("t1", "g2", "completed").await;
    assert_eq!(run.result().await.unwrap().turn.duration_ms, Some(i64::MAX));
}

#[test]
fn a_run_can_be_polled_by_any_executor() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut run, codex, _server) = runtime.block_on(async {
        let (codex, mut server, run) = a_run().await;
        server.complete_turn("t1", "g1", "completed").await;
        update_goal(&mut server, "paused").await;
        sync(&codex, &mut server).await;
        (run, codex, server)
    });
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut events = 0;
    // Between two turns of a goal that is paused it sets a timer.
    while Box::pin(run.next()).as_mut().poll(&mut context).is_ready() {
        events += 1;
    }
    assert_eq!(events, 5);
    drop(codex);
}
