//! The feed of a thread has what concerns the thread and no turn with a handle, and an end.

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
