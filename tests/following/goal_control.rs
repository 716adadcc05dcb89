//! The work on a goal is steered and interrupted wherever it is, and nothing else.

use std::time::Duration;

use codexkit::testing::FakeServer;
use codexkit::{Codex, Error, GoalRun, RpcErrorKind, Thread};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{
    HOUR, accept_interrupt, expect_goal, expect_interrupt, get_goal, goal, pause_goal, poll_once,
    refuse, silence, started_goal, sync, thread, turn, update_goal,
};

async fn a_run() -> (Codex, FakeServer, Thread, GoalRun) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let run = started_goal(&thread, &mut server).await;
    (codex, server, thread, run)
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_pauses_the_goal_and_ends_its_turn() {
    let (_codex, mut server, _thread, run) = a_run().await;
    let (interrupted, ()) = tokio::join!(run.interrupt(), async {
        get_goal(&mut server, "active").await;
        pause_goal(&mut server).await;
        accept_interrupt(&mut server, "g1").await;
    });
    interrupted.unwrap();
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_between_two_turns_names_none_that_is_over() {
    let (codex, mut server, _thread, run) = a_run().await;
    server.complete_turn("t1", "g1", "completed").await;
    sync(&codex, &mut server).await;
    let started = Instant::now();
    let (interrupted, ()) = tokio::join!(run.interrupt(), async {
        get_goal(&mut server, "active").await;
        pause_goal(&mut server).await;
        silence(&mut server).await;
    });
    interrupted.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_between_two_turns_gets_the_one_that_was_about_to_start() {
    let (codex, mut server, _thread, run) = a_run().await;
    server.complete_turn("t1", "g1", "completed").await;
    sync(&codex, &mut server).await;
    let (interrupted, ()) = tokio::join!(run.interrupt(), async {
        get_goal(&mut server, "active").await;
        pause_goal(&mut server).await;
        sleep(Duration::from_millis(400)).await;
        server.start_turn("t1", "g2").await;
        accept_interrupt(&mut server, "g2").await;
    });
    interrupted.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_that_is_refused_for_ever_is_an_error_after_five_seconds() {
    let (_codex, mut server, _thread, run) = a_run().await;
    let (interrupted, started) = tokio::join!(run.interrupt(), async {
        get_goal(&mut server, "active").await;
        pause_goal(&mut server).await;
        let started = Instant::now();
        let interrupt = expect_interrupt(&mut server, "g1").await;
        refuse(&mut server, &interrupt).await;
        started
    });
    assert_eq!(interrupted.unwrap_err().kind(), Some(RpcErrorKind::NoActiveTurn));
    assert_eq!(started.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_goal_that_is_reached_can_be_interrupted_again_and_not_steered() {
    let (_codex, mut server, _thread, run) = a_run().await;
    let control = run.control();
    update_goal(&mut server, "complete").await;
    server.complete_turn("t1", "g1", "completed").await;
    run.result().await.unwrap();
    // Nothing is sent: what happens on the thread from now on is not the work of this run.
    control.interrupt().await.unwrap();
    let (steered, ()) = tokio::join!(control.steer("more"), async {
        let steer = server.expect("turn/steer").await;
        server.reply_error(&steer.id, -32600, "no active turn to steer").await;
    });
    assert_eq!(steered.unwrap_err().kind(), Some(RpcErrorKind::NoActiveTurn));
}

/// A turn that somebody has tried to join in vain has no handle.
#[tokio::test(start_paused = true)]
async fn a_turn_of_a_paused_goal_is_interrupted_although_somebody_tried_to_join_it() {
    let (codex, mut server, thread, run) = a_run().await;
    server.complete_turn("t1", "g1", "completed").await;
    sync(&codex, &mut server).await;
    let (joined, ()) = tokio::join!(thread.attach("g2"), async {
        let list = server.expect("thread/turns/list").await;
        server.reply(&list.id, json!({"data": []})).await;
    });
    assert!(matches!(joined, Err(Error::InvalidInput(_))));
    server.start_turn("t1", "g2").await;
    sync(&codex, &mut server).await;
    let (interrupted, ()) = tokio::join!(timeout(HOUR, run.interrupt()), async {
        get_goal(&mut server, "paused").await;
        let next = timeout(HOUR, accept_interrupt(&mut server, "g2")).await;
        assert!(next.is_ok(), "g2 goes on");
    });
    interrupted.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_goal_is_steered_in_the_turn_it_has_come_to_also_without_its_run() {
    let (codex, mut server, _thread, run) = a_run().await;
    let control = run.control();
    drop(run);
    server.complete_turn("t1", "g1", "completed").await;
    server.start_turn("t1", "g2").await;
    sync(&codex, &mut server).await;
    let (steered, ()) = tokio::join!(control.steer("Faster."), async {
        let steer = server.expect("turn/steer").await;
        assert_eq!(steer.params["expectedTurnId"], "g2");
        server.reply(&steer.id, json!({"turnId": "g2"})).await;
    });
    steered.unwrap();
}

#[tokio::test(start_paused = true)]
async fn input_that_is_refused_for_what_it_is_is_offered_once() {
    let (_codex, mut server, _thread, run) = a_run().await;
    let (steered, ()) = tokio::join!(run.steer("a lot"), async {
        let steer = server.expect("turn/steer").await;
        server.reply_error(&steer.id, -32600, "input is too long").await;
        server.complete_turn("t1", "g1", "completed").await;
        server.start_turn("t1", "g2").await;
        silence(&mut server).await;
    });
    assert_eq!(steered.unwrap_err().kind(), Some(RpcErrorKind::Other));
}

/// Answers offers of input for ever: no turn takes it, and another one starts each second.
async fn refuse_input(server: &mut FakeServer, news_first: bool) {
    loop {
        let steer = server.expect("turn/steer").await;
        sleep(Duration::from_secs(1)).await;
        if !news_first {
            server.reply_error(&steer.id, -32600, "no active turn to steer").await;
        }
        server.complete_turn("t1", "g", "completed").await;
        server.start_turn("t1", "g").await;
        if news_first {
            server.reply_error(&steer.id, -32600, "no active turn to steer").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn input_that_no_turn_takes_is_not_offered_for_ever() {
    for news_first in [false, true] {
        let (_codex, mut server, _thread, run) = a_run().await;
        let started = Instant::now();
        let steered = tokio::select! {
            steered = timeout(HOUR, run.steer("more")) => steered,
            () = refuse_input(&mut server, news_first) => unreachable!("it goes on for ever"),
        };
        let kind = steered.unwrap().unwrap_err().kind();
        assert_eq!(kind, Some(RpcErrorKind::NoActiveTurn), "{news_first}");
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_run_interrupts_the_turn_that_is_about_to_start() {
    let (codex, mut server, _thread, mut run) = a_run().await;
    run.interrupt_on_drop(true);
    server.complete_turn("t1", "g1", "completed").await;
    sync(&codex, &mut server).await;
    drop(run);
    get_goal(&mut server, "active").await;
    pause_goal(&mut server).await;
    server.start_turn("t1", "g2").await;
    accept_interrupt(&mut server, "g2").await;
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_end_was_not_read_interrupts_no_turn_of_somebody_else() {
    let (_codex, mut server, thread, mut run) = a_run().await;
    run.interrupt_on_drop(true);
    update_goal(&mut server, "complete").await;
    server.complete_turn("t1", "g1", "completed").await;
    let _mine = turn(&thread, &mut server, "u1").await;
    server.start_turn("t1", "u1").await;
    drop(run);
    get_goal(&mut server, "complete").await;
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_end_was_read_does_nothing_when_it_is_dropped() {
    let (_codex, mut server, _thread, mut run) = a_run().await;
    run.interrupt_on_drop(true);
    update_goal(&mut server, "complete").await;
    server.complete_turn("t1", "g1", "completed").await;
    while run.next().await.is_some() {}
    drop(run);
    silence(&mut server).await;
}

#[tokio::test]
async fn a_guarded_goal_that_is_dropped_while_it_is_set_is_paused() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let start = tokio::spawn(thread.goal_run("Finish.").interrupt_on_drop(true).into_future());
    let set = expect_goal(&mut server).await;
    start.abort();
    server.reply(&set.id, json!({"goal": goal("active")})).await;
    server.start_turn("t1", "g1").await;
    get_goal(&mut server, "active").await;
    pause_goal(&mut server).await;
    accept_interrupt(&mut server, "g1").await;
}

#[tokio::test(start_paused = true)]
async fn a_goal_whose_start_is_dropped_before_it_is_set_is_never_set() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut start = thread.goal_run("Finish.").interrupt_on_drop(true).into_future();
    poll_once(&mut start).await;
    let read = server.expect("thread/read").await;
    drop(start);
    server.reply(&read.id, json!({"thread": crate::support::a_thread("idle")})).await;
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn a_guarded_goal_that_is_refused_interrupts_no_turn_of_somebody_else() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let start = thread.goal_run("Finish.").interrupt_on_drop(true).into_future();
    let (refused, ()) = tokio::join!(start, async {
        let set = expect_goal(&mut server).await;
        server.start_turn("t1", "of somebody else").await;
        server.reply_error(&set.id, -32600, "goals are for grown-ups").await;
    });
    assert_eq!(refused.unwrap_err().kind(), Some(RpcErrorKind::Other));
    silence(&mut server).await;
}
