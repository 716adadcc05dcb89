//! The end of an attempt can be waited for by anybody, at any time, and again.

use std::task::{Context, Waker};
use std::time::Duration;

use codexkit::Error;
use codexkit::testing::FakeServer;
use tokio::time::Instant;

use crate::support::{
    assert_succeeded, chatgpt, complete, device_code, failure, poll_once, sync, within,
};

#[tokio::test(start_paused = true)]
async fn a_wait_can_be_dropped_and_called_again() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await;
    for _ in 0..3 {
        let mut wait = Box::pin(login.wait());
        poll_once(&mut wait).await;
        drop(wait);
    }
    complete(&mut server, "l1", None).await;
    assert_succeeded(within(login.wait()).await, "l1");
    // Nothing is used up.
    assert_succeeded(within(login.wait()).await, "l1");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_arrives_between_two_waits_is_kept() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = device_code(&codex, &mut server, "l1").await;
    let mut wait = Box::pin(login.wait());
    poll_once(&mut wait).await;
    drop(wait);
    complete(&mut server, "l1", Some("denied")).await;
    sync(&codex, &mut server).await;
    let failure = failure(within(login.wait()).await, "l1");
    assert!(!failure.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn many_tasks_and_clones_wait_for_the_same_end() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await;
    let waits: Vec<_> = (0..20)
        .map(|_| {
            let login = login.clone();
            tokio::spawn(async move { login.wait().await })
        })
        .collect();
    let mut own = Box::pin(login.wait());
    poll_once(&mut own).await;
    complete(&mut server, "l1", None).await;
    for wait in waits {
        assert_succeeded(within(wait).await.unwrap(), "l1");
    }
    assert_succeeded(within(own).await, "l1");
    assert_succeeded(within(login.clone().wait()).await, "l1");
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_in_its_time_and_the_attempt_goes_on() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (first, second) =
        (chatgpt(&codex, &mut server, "l1").await, device_code(&codex, &mut server, "l2").await);
    let five = Duration::from_secs(5);
    let started = Instant::now();
    let ends = [first.wait_timeout(five).await, second.wait_timeout(2 * five).await];
    assert_eq!(started.elapsed().as_secs(), 15);
    for (end, time) in ends.into_iter().zip([five, 2 * five]) {
        match end {
            Err(Error::LoginTimeout { after, .. }) => assert_eq!(after, time),
            other => panic!("{other:?}"),
        }
    }
    complete(&mut server, "l2", None).await;
    complete(&mut server, "l1", None).await;
    assert_succeeded(first.wait_timeout(five).await, "l1");
    assert_succeeded(within(second.wait()).await, "l2");
    // What is there is told, however short the time.
    assert_succeeded(second.wait_timeout(Duration::ZERO).await, "l2");
}

#[tokio::test(start_paused = true)]
async fn a_wait_can_be_begun_outside_of_the_async_runtime() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let login = chatgpt(&codex, &mut server, "l1").await;
    let begun = std::thread::spawn(move || {
        let mut wait = Box::pin(async move { login.wait_timeout(Duration::from_secs(60)).await });
        assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        wait
    });
    complete(&mut server, "l1", None).await;
    assert_succeeded(begun.join().unwrap().await, "l1");
}
