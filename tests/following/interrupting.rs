//! An interrupt is repeated for as long as it may help, and reaches no turn that is over.

use std::time::Duration;

use codexkit::testing::FakeServer;
use codexkit::{Codex, RpcErrorKind, TurnHandle};
use tokio::time::{Instant, sleep};

use crate::support::{accept_interrupt, expect_interrupt, refuse, silence, sync, thread, turn};

/// A turn `u1` that runs.
async fn a_turn() -> (Codex, FakeServer, TurnHandle) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let turn = turn(&thread, &mut server, "u1").await;
    server.start_turn("t1", "u1").await;
    sync(&codex, &mut server).await;
    (codex, server, turn)
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_that_fails_for_another_reason_is_not_repeated() {
    let (_codex, mut server, turn) = a_turn().await;
    let started = Instant::now();
    let (interrupted, ()) = tokio::join!(turn.interrupt(), async {
        let interrupt = expect_interrupt(&mut server, "u1").await;
        server.reply_error(&interrupt.id, -32603, "out of order").await;
    });
    assert_eq!(interrupted.unwrap_err().kind(), Some(RpcErrorKind::Internal));
    assert_eq!(started.elapsed().as_secs(), 0);
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_that_is_refused_for_ever_is_an_error_after_five_seconds() {
    let (_codex, mut server, turn) = a_turn().await;
    let started = Instant::now();
    let (interrupted, ()) = tokio::join!(turn.interrupt(), async {
        let interrupt = expect_interrupt(&mut server, "u1").await;
        refuse(&mut server, &interrupt).await;
    });
    assert_eq!(interrupted.unwrap_err().kind(), Some(RpcErrorKind::NoActiveTurn));
    assert_eq!(started.elapsed().as_secs(), 5);
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_that_is_refused_because_the_turn_ends_is_content_with_that() {
    let (_codex, mut server, turn) = a_turn().await;
    let (interrupted, ()) = tokio::join!(turn.interrupt(), async {
        let interrupt = expect_interrupt(&mut server, "u1").await;
        refuse(&mut server, &interrupt).await;
        sleep(Duration::from_secs(1)).await;
        server.complete_turn("t1", "u1", "completed").await;
        silence(&mut server).await;
    });
    interrupted.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_that_was_refused_says_at_once_that_the_connection_has_ended() {
    let (_codex, mut server, turn) = a_turn().await;
    let started = Instant::now();
    let (interrupted, ()) = tokio::join!(turn.interrupt(), async {
        let interrupt = expect_interrupt(&mut server, "u1").await;
        refuse(&mut server, &interrupt).await;
        sleep(Duration::from_secs(1)).await;
        drop(server);
    });
    assert!(interrupted.unwrap_err().is_closed());
    assert_eq!(started.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_guarded_turn_is_interrupted_when_it_is_dropped() {
    let (_codex, mut server, mut turn) = a_turn().await;
    turn.interrupt_on_drop(true);
    drop(turn);
    accept_interrupt(&mut server, "u1").await;
}

#[tokio::test(start_paused = true)]
async fn a_guarded_turn_that_has_ended_is_left_alone_whether_that_was_read_or_not() {
    for read in [false, true] {
        let (codex, mut server, mut turn) = a_turn().await;
        turn.interrupt_on_drop(true);
        server.complete_turn("t1", "u1", "completed").await;
        sync(&codex, &mut server).await;
        if read {
            while turn.next().await.is_some() {}
        }
        drop(turn);
        silence(&mut server).await;
    }
}
