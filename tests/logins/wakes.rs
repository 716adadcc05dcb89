//! Whoever is woken may run any code at once, such as dropping a handle: no lock is held then.

use std::any::Any;
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use codexkit::Codex;
use codexkit::testing::FakeServer;
use serde_json::json;
use tokio::runtime;

use crate::support::{chatgpt, complete};

type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the runtime does then.
type Caused = Pin<Box<dyn Future<Output = FakeServer>>>;

/// Drops what it holds when it is woken, as an executor does that is gone.
#[derive(Default)]
struct DropOnWake(Mutex<Option<Box<dyn Any + Send>>>);

impl Wake for DropOnWake {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().unwrap().take());
    }
}

/// Has a handle of a login dropped by the wake that `cause` leads to, and uses the connection again.
fn drop_in_the_wake_of(
    wait: fn(&Codex) -> Option<Waiting>,
    cause: fn(Codex, FakeServer) -> Caused,
) {
    let (sender, done) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        runtime.block_on(async {
            let (codex, mut server) = FakeServer::start().await.unwrap();
            let handle = chatgpt(&codex, &mut server, "l1").await;
            let waker = Arc::new(DropOnWake::default());
            let other = handle.clone();
            let wait = wait(&codex);
            let mut wait =
                wait.unwrap_or_else(|| Box::pin(async move { drop(other.wait().await) }));
            let woken = Waker::from(Arc::clone(&waker));
            assert!(wait.as_mut().poll(&mut Context::from_waker(&woken)).is_pending());
            *waker.0.lock().unwrap() = Some(Box::new((handle, wait)));
            let server = cause(codex.clone(), server).await;
            while waker.0.lock().unwrap().is_some() {
                tokio::task::yield_now().await;
            }
            // This needs the lock as well.
            drop(codex.account_events());
            drop(server);
        });
        sender.send(()).unwrap();
        runtime.shutdown_background();
    });
    let done = done.recv_timeout(Duration::from_secs(20));
    done.expect("the lock of the connection is held for ever");
}

#[test]
fn the_end_of_a_login_wakes_without_the_lock() {
    drop_in_the_wake_of(
        |_| None,
        |_, mut server| {
            Box::pin(async move {
                complete(&mut server, "l1", None).await;
                server
            })
        },
    );
}

#[test]
fn the_end_of_the_connection_wakes_without_the_lock() {
    let waits: [fn(&Codex) -> Option<Waiting>; 4] = [
        |_| None,
        |codex| {
            let codex = codex.clone();
            Some(Box::pin(async move { drop(codex.closed().await) }))
        },
        |codex| {
            let mut feed = codex.notifications();
            Some(Box::pin(async move { drop(feed.next().await) }))
        },
        |codex| {
            let mut feed = codex.account_events();
            Some(Box::pin(async move { drop(feed.next().await) }))
        },
    ];
    for wait in waits {
        drop_in_the_wake_of(wait, |_, server| {
            Box::pin(async move {
                drop(server);
                FakeServer::pipes().0
            })
        });
    }
}

#[test]
fn the_end_of_a_feed_of_a_thread_wakes_without_the_lock() {
    drop_in_the_wake_of(
        |codex| {
            let mut feed = codex.thread("t1").events();
            Some(Box::pin(async move { drop(feed.next().await) }))
        },
        |codex, mut server| {
            Box::pin(async move {
                let thread = codex.thread("t1");
                let (ended, ()) = tokio::join!(thread.unsubscribe(), async {
                    let id = server.expect("thread/unsubscribe").await.id;
                    server.reply(&id, json!({"status": "unsubscribed"})).await;
                });
                ended.unwrap();
                server
            })
        },
    );
}
