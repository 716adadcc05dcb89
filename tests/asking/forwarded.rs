//! What a handler gives to somebody else can be answered there, whenever.

use std::time::Duration;

use codexkit::{Codex, CommandApproval, Handlers, Resolution};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, sleep};

use crate::support::{
    Asked, HOUR, OnDrop, answer, ask_command, decision, problem, quiet, resolve_elsewhere,
    scene_with, silence, within,
};

#[tokio::test(start_paused = true)]
async fn it_is_answered_long_after_its_handler_has_ended() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    ask_command(&mut scene.server, 1, "u1").await;
    let request = asked.command().await;
    sleep(HOUR * 24 * 400).await;
    assert_eq!(request.resolution(), None);
    request.accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn it_has_the_time_of_its_handler() {
    let mut asked = Asked::new();
    let mut handler = asked.handler("client");
    handler.deadline = Some(Duration::from_secs(30));
    let mut scene = scene_with(Codex::builder().handler(handler)).await;
    let mut feed = scene.codex.notifications();
    let started = Instant::now();
    ask_command(&mut scene.server, 1, "u1").await;
    let request = asked.command().await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    assert_eq!(started.elapsed().as_secs(), 30);
    assert_eq!(request.resolution(), Some(Resolution::TimedOut));
    assert_eq!(problem(&mut feed).await.as_deref(), Some("its handler gave no answer within 30s"));
    request.accept().unwrap_err();
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn it_may_be_passed_on_from_there() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let mut handler = asked.handler("thread");
    handler.deadline = Some(Duration::from_secs(30));
    scene.thread.set_handler(handler);
    ask_command(&mut scene.server, 1, "u1").await;
    let (who, request) = asked.next().await;
    assert_eq!(who, "thread");
    sleep(Duration::from_secs(29)).await;
    request.pass();
    let (who, request) = asked.next().await;
    assert_eq!(who, "client");
    // The time of the first one does not concern the second.
    sleep(HOUR).await;
    assert_eq!(request.resolution(), None);
    crate::support::command_of(request).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_refused_when_it_is_dropped_there() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let mut feed = scene.codex.notifications();
    ask_command(&mut scene.server, 1, "u1").await;
    let request = asked.command().await;
    let clone = request.clone();
    scene.sync().await;
    drop(request);
    scene.sync().await;
    assert_eq!(clone.resolution(), None);
    drop(clone);
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    assert_eq!(problem(&mut feed).await.as_deref(), Some("it was dropped without an answer"));
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn it_may_be_answered_while_its_handler_still_works() {
    let (sender, mut kept) = unbounded_channel();
    let handlers = Handlers::new().command_approval(move |request: CommandApproval| {
        let sender = sender.clone();
        async move {
            let _ = sender.send(request);
            sleep(HOUR / 2).await;
            Ok::<_, codexkit::Error>(())
        }
    });
    let mut scene = scene_with(Codex::builder().handler(handlers)).await;
    let mut feed = scene.codex.notifications();
    ask_command(&mut scene.server, 1, "u1").await;
    within(kept.recv()).await.unwrap().accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    // One that is dropped there while the handler works is refused at the latest when that ends.
    ask_command(&mut scene.server, 2, "u1").await;
    drop(within(kept.recv()).await.unwrap());
    assert_eq!(answer(&mut scene.server).await, decision(2, "decline"));
    assert_eq!(problem(&mut feed).await.as_deref(), Some("its handler gave no answer"));
    quiet(&mut feed, &mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn it_can_be_answered_while_something_else_is_dropped() {
    // Of a handler that is given up, of one that panics, and of one that ends.
    for way in 0..3 {
        let handlers = Handlers::new().deadline(Duration::from_secs(5)).command_approval(
            move |request: CommandApproval| {
                let last = request.clone();
                let answers = OnDrop(Some(move || drop(last.accept())));
                async move {
                    match way {
                        0 => std::future::pending::<()>().await,
                        1 => assert!(request.turn_id.is_empty(), "on purpose"),
                        _ => (),
                    }
                    drop(answers);
                    Ok::<_, codexkit::Error>(())
                }
            },
        );
        let mut scene = scene_with(Codex::builder().handler(handlers)).await;
        ask_command(&mut scene.server, 1, "u1").await;
        // The time was over before.
        let expected = if way == 0 { "decline" } else { "accept" };
        assert_eq!(answer(&mut scene.server).await, decision(1, expected));
        silence(&mut scene.server).await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_can_be_answered_from_a_thread_without_a_runtime() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    scene.thread.set_handler(asked.handler("thread"));
    for (id, expected) in [(1, "accept"), (2, "decline"), (3, "decline")] {
        ask_command(&mut scene.server, id, "u1").await;
        let request = asked.command().await;
        let thread = std::thread::spawn(move || match id {
            1 => request.accept().unwrap(),
            2 => drop(request),
            _ => request.pass(),
        });
        thread.join().unwrap();
        if id == 3 {
            let (who, request) = asked.next().await;
            assert_eq!(who, "client");
            request.refuse().unwrap();
        }
        assert_eq!(answer(&mut scene.server).await, decision(id, expected));
    }
}

#[tokio::test(start_paused = true)]
async fn many_that_are_kept_are_resolved_one_by_one() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let mut requests = Vec::new();
    for id in 0..20 {
        ask_command(&mut scene.server, id, "u1").await;
        requests.push(asked.command().await);
    }
    for (id, request) in requests.iter().enumerate().filter(|(id, _)| id % 2 == 0) {
        resolve_elsewhere(&mut scene.server, id).await;
        assert_eq!(within(request.resolved()).await, Resolution::Elsewhere);
    }
    for (id, request) in requests.iter().enumerate() {
        if id % 2 == 0 {
            request.accept().unwrap_err();
        } else {
            request.accept().unwrap();
            assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
        }
    }
    silence(&mut scene.server).await;
}
