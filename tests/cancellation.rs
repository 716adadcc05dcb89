//! A future may be dropped at any of its awaits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use codexkit::protocol::{ThreadLoadedListParams, TurnStatus};
use codexkit::testing::FakeServer;
use codexkit::{Codex, Thread};
use serde_json::json;

/// Gives up after a number of polls.
struct DropAfter<F> {
    future: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for DropAfter<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        match self.future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // Every further poll is one that something has happened before.
            Poll::Pending if self.polls == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn drop_after<F: IntoFuture>(future: F, polls: usize) -> DropAfter<F::IntoFuture> {
    DropAfter { future: Box::pin(future.into_future()), polls }
}

/// Answers everything, each turn in many small steps.
async fn serve(mut server: FakeServer) {
    let mut turns = 0;
    while let Some(request) = server.receive().await {
        match &*request.method {
            "turn/start" => {
                turns += 1;
                let turn = format!("u{turns}");
                let accepted = json!({"id": turn, "items": [], "status": "inProgress"});
                server.reply(&request.id, json!({"turn": accepted})).await;
                tokio::task::yield_now().await;
                server.start_turn("t1", &turn).await;
                tokio::task::yield_now().await;
                server.delta("t1", &turn, "hel").await;
                tokio::task::yield_now().await;
                server.message("t1", &turn, "hello").await;
                tokio::task::yield_now().await;
                server.complete_turn("t1", &turn, "completed").await;
            }
            "thread/loaded/list" => server.reply(&request.id, json!({"data": []})).await,
            other => panic!("unexpected `{other}`"),
        }
    }
}

async fn set_up() -> (Codex, Thread) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (thread, _) = tokio::join!(codex.thread_start().into_future(), server.accept_thread("t1"));
    tokio::spawn(serve(server));
    (codex, thread.unwrap())
}

#[tokio::test]
async fn run_can_be_dropped_at_every_await() {
    let (codex, thread) = set_up().await;
    let mut polls = 0;
    loop {
        let finished = drop_after(thread.run("go"), polls).await;
        let result = thread.run("go").await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("hello"), "after {polls} polls");
        codex.request(ThreadLoadedListParams::default()).await.unwrap();
        if let Some(result) = finished {
            assert_eq!(result.unwrap().status, TurnStatus::Completed);
            break;
        }
        polls += 1;
    }
    assert!(polls >= 3, "only {polls} awaits were tried");
}

#[tokio::test]
async fn next_loses_nothing_when_it_is_dropped() {
    let (_codex, thread) = set_up().await;
    let mut turn = thread.turn("go").await.unwrap();
    let mut events = 0;
    let mut dropped = 0;
    loop {
        match drop_after(turn.next(), 1).await {
            None => {
                dropped += 1;
                tokio::task::yield_now().await;
            }
            Some(Some(event)) => {
                event.unwrap();
                events += 1;
            }
            Some(None) => break,
        }
    }
    assert!(dropped > 0);
    assert_eq!(events, 4);
    assert_eq!(turn.result().await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn requests_can_be_dropped_at_every_await() {
    let (codex, _thread) = set_up().await;
    for polls in 0.. {
        let call = codex.request(ThreadLoadedListParams::default());
        let finished = drop_after(call, polls).await;
        codex.request(ThreadLoadedListParams::default()).await.unwrap();
        if let Some(result) = finished {
            result.unwrap();
            assert!(polls >= 2, "only {polls} awaits were tried");
            return;
        }
    }
}
