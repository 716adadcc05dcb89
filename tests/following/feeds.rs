//! The feed of a thread has what concerns the thread and no turn with a handle, and an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use codexkit::protocol::ServerNotification;
use codexkit::testing::FakeServer;
use codexkit::{ConnectionEvent, Error, Notifications};
use tokio::time::timeout;

use crate::support::{HOUR, next_notification, thread, unsubscribe};

async fn delta_in(feed: &mut Notifications) -> String {
    match next_notification(feed).await {
        ServerNotification::AgentMessageDelta(delta) => delta.delta,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_feed_of_a_thread_says_how_much_it_lost() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let (mut events, mut rest) = (thread.events(), codex.notifications());
    for n in 0..300 {
        server.delta("t1", "of somebody else", &n.to_string()).await;
    }
    server.delta("t2", "of somebody else", "elsewhere").await;
    assert_eq!(delta_in(&mut rest).await, "elsewhere");
    assert!(matches!(events.next().await, Some(Ok(ConnectionEvent::Lagged(44)))));
    assert_eq!(delta_in(&mut events).await, "44");
    drop(events);
    server.delta("t1", "of somebody else", "to everyone").await;
    assert_eq!(delta_in(&mut rest).await, "to everyone");
}

#[tokio::test]
async fn the_feed_of_a_thread_ends_with_the_connection_and_says_why() {
    let (codex, server) = FakeServer::start().await.unwrap();
    let mut server = server;
    let thread = thread(&codex, &mut server).await;
    let mut events = thread.events();
    drop(server);
    assert!(events.next().await.unwrap().unwrap_err().is_closed());
    assert!(events.next().await.is_none());
    assert!(thread.events().next().await.unwrap().unwrap_err().is_closed());
}

#[tokio::test(start_paused = true)]
async fn the_feed_of_an_unsubscribed_thread_ends_and_says_why() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = thread(&codex, &mut server).await;
    let mut before = thread.events();
    unsubscribe(&thread, &mut server).await;
    for events in [&mut before, &mut thread.events()] {
        let end = timeout(HOUR, events.next()).await.unwrap();
        assert!(matches!(end, Some(Err(Error::Detached { .. }))), "{end:?}");
        assert!(events.next().await.is_none());
    }
}

#[tokio::test]
async fn a_feed_in_which_something_always_waits_lets_others_run() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (mut full, mut last) = (codex.notifications(), codex.notifications());
    for n in 0..250 {
        server.delta("t1", "of somebody else", &n.to_string()).await;
    }
    // All of it has arrived.
    while delta_in(&mut last).await != "249" {}
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ran);
    let others = tokio::spawn(async move {
        loop {
            counter.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    while delta_in(&mut full).await != "249" {}
    others.abort();
    assert!(ran.load(Ordering::Relaxed) > 0, "nobody else ran");
}
