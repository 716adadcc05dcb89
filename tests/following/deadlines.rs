//! A turn has the time that it is given, and is over soon after that.

use std::time::Duration;

use codexkit::protocol::TurnStatus;
use codexkit::testing::FakeServer;
use codexkit::{Codex, Error, Thread, TurnHandle};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{
    HOUR, accept_interrupt, expect_interrupt, refuse, silence, sync, thread, turn, unsubscribe,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A turn `u1` that runs and has a minute for it.
async fn a_turn_with_a_minute() -> (Codex, FakeServer, Thread, TurnHandle) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut turn = turn(&thread, &mut server, "u1").await;
    turn.set_deadline(MINUTE);
    server.start_turn("t1", "u1").await;
    sync(&codex, &mut server).await;
    (codex, server, thread, turn)
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_does_not_even_end_after_its_deadline_ends_for_its_handle() {
    let (_codex, mut server, _thread, mut turn) = a_turn_with_a_minute().await;
    server.message("t1", "u1", "So far.").await;
    let started = Instant::now();
    let (error, ()) = tokio::join!(
        async {
            for expected in ["turn/started", "item/completed"] {
                let event = turn.next().await.unwrap().unwrap();
                assert_eq!(event.notification().unwrap().method(), expected);
            }
            let error = turn.next().await.unwrap().unwrap_err();
            assert!(turn.next().await.is_none());
            error
        },
        accept_interrupt(&mut server, "u1")
    );
    assert!(matches!(error, Error::Timeout { what: "turn/completed", .. }), "{error:?}");
    assert_eq!(started.elapsed().as_secs(), 70);
    let error = turn.result().await.unwrap_err();
    let Error::TurnTimeout { after, turn, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*after, &turn.status), (MINUTE, &TurnStatus::InProgress));
    assert_eq!(turn.final_response.as_deref(), Some("So far."));
}

#[tokio::test(start_paused = true)]
async fn a_turn_interrupted_before_its_deadline_is_a_result_however_late_it_is_read() {
    let (codex, mut server, _thread, turn) = a_turn_with_a_minute().await;
    let (interrupted, ()) = tokio::join!(turn.interrupt(), async {
        accept_interrupt(&mut server, "u1").await;
        server.complete_turn("t1", "u1", "interrupted").await;
    });
    interrupted.unwrap();
    sync(&codex, &mut server).await;
    sleep(2 * MINUTE).await;
    assert_eq!(turn.result().await.unwrap().status, TurnStatus::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_completes_at_its_deadline_is_a_result() {
    let (_codex, mut server, _thread, turn) = a_turn_with_a_minute().await;
    let (result, ()) = tokio::join!(turn.result(), async {
        let interrupt = expect_interrupt(&mut server, "u1").await;
        server.message("t1", "u1", "Done.").await;
        server.complete_turn("t1", "u1", "completed").await;
        refuse(&mut server, &interrupt).await;
    });
    assert_eq!(result.unwrap().final_response.as_deref(), Some("Done."));
}

#[tokio::test(start_paused = true)]
async fn a_turn_interrupted_by_its_deadline_is_an_error_with_what_it_did() {
    let (_codex, mut server, _thread, turn) = a_turn_with_a_minute().await;
    server.message("t1", "u1", "So far.").await;
    let (result, ()) = tokio::join!(turn.result(), async {
        accept_interrupt(&mut server, "u1").await;
        server.complete_turn("t1", "u1", "interrupted").await;
    });
    let error = result.unwrap_err();
    let Error::TurnTimeout { after, turn, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*after, &turn.status), (MINUTE, &TurnStatus::Interrupted));
    assert_eq!(turn.items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_starts_long_after_its_deadline_is_interrupted() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut turn = turn(&thread, &mut server, "u1").await;
    turn.set_deadline(Duration::from_secs(1));
    let first = expect_interrupt(&mut server, "u1").await;
    refuse(&mut server, &first).await;
    let started = Instant::now();
    let second = expect_interrupt(&mut server, "u1").await;
    assert_eq!(started.elapsed().as_secs(), 5);
    refuse(&mut server, &second).await;
    sleep(Duration::from_secs(1)).await;
    server.start_turn("t1", "u1").await;
    let started = Instant::now();
    accept_interrupt(&mut server, "u1").await;
    assert_eq!(started.elapsed().as_secs(), 0);
    server.complete_turn("t1", "u1", "interrupted").await;
    let result = turn.result().await;
    assert!(matches!(result, Err(Error::TurnTimeout { .. })), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_expired_is_no_result_whatever_happens_afterwards() {
    enum Then {
        AnotherDeadline,
        ItsEnd,
        TheEndOfTheConnection,
    }
    for then in [Then::AnotherDeadline, Then::ItsEnd, Then::TheEndOfTheConnection] {
        let (codex, mut server, _thread, mut turn) = a_turn_with_a_minute().await;
        accept_interrupt(&mut server, "u1").await;
        sleep(MINUTE).await;
        match then {
            Then::AnotherDeadline => turn.set_deadline(HOUR),
            Then::ItsEnd => {
                server.complete_turn("t1", "u1", "completed").await;
                sync(&codex, &mut server).await;
            }
            Then::TheEndOfTheConnection => {
                drop(server);
                codex.closed().await;
            }
        }
        let result = timeout(HOUR, turn.result()).await.unwrap();
        assert!(
            matches!(&result, Err(Error::TurnTimeout { turn, .. })
                if turn.status == TurnStatus::InProgress),
            "{result:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_replaced_or_whose_handle_is_gone_does_nothing() {
    let (_codex, mut server, _thread, mut turn) = a_turn_with_a_minute().await;
    turn.set_deadline(HOUR);
    let next = timeout(2 * MINUTE, server.receive()).await;
    assert!(next.is_err(), "{next:?}");
    drop(turn);
    let next = timeout(2 * HOUR, server.receive()).await;
    assert!(next.is_err(), "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_does_nothing_to_a_turn_that_is_over() {
    let (_codex, mut server, _thread, turn) = a_turn_with_a_minute().await;
    server.complete_turn("t1", "u1", "completed").await;
    silence(&mut server).await;
    silence(&mut server).await;
    assert_eq!(turn.result().await.unwrap().status, TurnStatus::Completed);
    server.notify("warning", json!({"message": "still here"})).await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_lets_go_of_a_turn_whose_thread_is_unsubscribed() {
    let (codex, mut server, thread, mut turn) = a_turn_with_a_minute().await;
    turn.set_deadline(MINUTE);
    let interrupt = expect_interrupt(&mut server, "u1").await;
    refuse(&mut server, &interrupt).await;
    unsubscribe(&thread, &mut server).await;
    // It is refused at once from now on, and would be asked again and again.
    sync(&codex, &mut server).await;
    silence(&mut server).await;
    assert!(matches!(turn.result().await, Err(Error::Detached { .. })));
}
