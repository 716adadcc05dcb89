//! What is refused because of an overload is tried again, as often and as slowly as was asked for.

#![allow(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

use std::cell::Cell;
use std::time::Duration;

use codexkit::protocol::{Request, ThreadLoadedListParams};
use codexkit::testing::FakeServer;
use codexkit::{Codex, Error, Result, RetryPolicy, RpcErrorKind, retry_on_overload};
use serde_json::json;
use tokio::time::Instant;

const METHOD: &str = ThreadLoadedListParams::METHOD;

async fn start(policy: RetryPolicy) -> (Codex, FakeServer) {
    FakeServer::start_with(Codex::builder().retry_overloaded(policy)).await.unwrap()
}

async fn ask(codex: &Codex) -> Result<Vec<String>> {
    Ok(codex.request(ThreadLoadedListParams::default()).await?.data)
}

/// Refuses the next request, which must be ours.
async fn refuse(server: &mut FakeServer, code: i64) {
    let id = server.expect(METHOD).await.id;
    server.reply_error(&id, code, "Server overloaded; retry later.").await;
}

async fn accept(server: &mut FakeServer) {
    let id = server.expect(METHOD).await.id;
    server.reply(&id, json!({"data": ["t"]})).await;
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[tokio::test(start_paused = true)]
async fn a_request_is_repeated_after_pauses_that_double() {
    let (codex, mut server) = start(RetryPolicy::default()).await;
    let before = Instant::now();
    let (data, times) = tokio::join!(ask(&codex), async {
        refuse(&mut server, -32001).await;
        let first = Instant::now();
        refuse(&mut server, -32001).await;
        let second = Instant::now();
        accept(&mut server).await;
        [first, second, Instant::now()]
    });
    assert_eq!(data.unwrap(), ["t"]);
    let [first, second, third] = times;
    assert_eq!(first, before);
    // The clock of tokio has steps of a millisecond.
    assert!((ms(200)..=ms(301)).contains(&second.duration_since(first)), "{times:?}");
    assert!((ms(400)..=ms(601)).contains(&third.duration_since(second)), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_error_is_given() {
    let (codex, mut server) = start(RetryPolicy::default().max_attempts(2)).await;
    let (data, ()) = tokio::join!(ask(&codex), async {
        refuse(&mut server, -32001).await;
        refuse(&mut server, -32001).await;
    });
    assert_eq!(data.unwrap_err().kind(), Some(RpcErrorKind::Overloaded));
    drop(codex);
    assert_eq!(server.receive().await, None);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_repeated_unless_the_builder_says_so() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (data, ()) = tokio::join!(ask(&codex), refuse(&mut server, -32001));
    assert!(data.unwrap_err().is_overloaded());
    drop(codex);
    assert_eq!(server.receive().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_overload_is_not_repeated() {
    let (codex, mut server) = start(RetryPolicy::default()).await;
    let (data, ()) = tokio::join!(ask(&codex), refuse(&mut server, -32600));
    assert_eq!(data.unwrap_err().code(), Some(-32600));
    drop(codex);
    assert_eq!(server.receive().await, None);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_request_is_for_all_of_its_attempts() {
    let policy = RetryPolicy::default().max_attempts(u32::MAX);
    let builder = Codex::builder().retry_overloaded(policy).request_timeout(ms(3000));
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let before = Instant::now();
    let refusing = tokio::spawn(async move {
        loop {
            refuse(&mut server, -32001).await;
        }
    });
    match ask(&codex).await {
        Err(Error::Timeout { what, after, .. }) => assert_eq!((what, after), (METHOD, ms(3000))),
        other => panic!("{other:?}"),
    }
    assert!((ms(3000)..=ms(3001)).contains(&before.elapsed()), "{:?}", before.elapsed());
    refusing.abort();
}

#[tokio::test(start_paused = true)]
async fn dropping_a_request_between_two_attempts_sends_no_more() {
    let (codex, mut server) = start(RetryPolicy::default()).await;
    {
        let mut asking = Box::pin(ask(&codex));
        tokio::select! {
            data = &mut asking => panic!("{data:?}"),
            () = refuse(&mut server, -32001) => (),
        }
        // Long enough to read the refusal, not to try again.
        assert!(tokio::time::timeout(ms(100), asking).await.is_err());
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    drop(codex);
    assert_eq!(server.receive().await, None);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_connection_ends_a_pause() {
    let (codex, mut server) = start(RetryPolicy::default().initial_delay(ms(2000))).await;
    let before = Instant::now();
    let (data, ()) = tokio::join!(ask(&codex), async {
        refuse(&mut server, -32001).await;
        drop(server);
    });
    assert!(data.unwrap_err().is_closed());
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_start_of_a_turn_that_is_repeated_misses_nothing_of_the_turn() {
    let (codex, mut server) = start(RetryPolicy::default()).await;
    let (thread, _) = tokio::join!(codex.thread_start().into_future(), server.accept_thread("t"));
    let thread = thread.unwrap();
    let (result, ()) = tokio::join!(thread.run("hi").into_future(), async {
        let id = server.expect("turn/start").await.id;
        server.reply_error(&id, -32001, "Server overloaded; retry later.").await;
        let id = server.expect("turn/start").await.id;
        server.message("t", "u", "Yes.").await;
        server.complete_turn("t", "u", "completed").await;
        let turn =
            json!({"id": "u", "items": [], "status": "inProgress", "itemsView": "notLoaded"});
        server.reply(&id, json!({"turn": turn})).await;
    });
    assert_eq!(result.unwrap().final_response.as_deref(), Some("Yes."));
}

#[tokio::test]
async fn a_policy_that_cannot_work_is_refused_at_the_start() {
    let (_server, reader, writer) = FakeServer::pipes();
    let builder = Codex::builder().retry_overloaded(RetryPolicy::default().max_attempts(0));
    match builder.connect(reader, writer).await {
        Err(Error::InvalidInput(text)) => assert!(text.contains("at least 1 attempt"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_operation_is_repeated_as_a_whole() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let tries = Cell::new(0);
    let (data, ()) = tokio::join!(
        retry_on_overload(async || {
            tries.set(tries.get() + 1);
            ask(&codex).await
        }),
        async {
            refuse(&mut server, -32001).await;
            refuse(&mut server, -32001).await;
            accept(&mut server).await;
        }
    );
    assert_eq!((data.unwrap(), tries.get()), (vec!["t".to_owned()], 3));
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_dropped_between_two_attempts_is_not_called_again() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let tries = Cell::new(0);
    {
        let mut operation = Box::pin(retry_on_overload(async || {
            tries.set(tries.get() + 1);
            ask(&codex).await
        }));
        tokio::select! {
            data = &mut operation => panic!("{data:?}"),
            () = refuse(&mut server, -32001) => (),
        }
        assert!(tokio::time::timeout(ms(100), operation).await.is_err());
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(tries.get(), 1);
}

/// Never called: that it compiles is the claim.
#[expect(dead_code, reason = "the compiler is the test")]
fn an_operation_can_be_spawned(thread: codexkit::Thread) {
    fn spawned<T: Send + 'static>(_: T) {}
    let other = thread.clone();
    spawned(async move { retry_on_overload(|| thread.run("hi")).await });
    spawned(async move { retry_on_overload(async || other.run("hi").await).await });
}
