//! What was read, and what nobody can read any more, takes no memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

use codexkit::protocol::ServerNotification;
use codexkit::testing::FakeServer;
use codexkit::{Codex, TurnHandle};
use tokio::sync::Mutex;

/// How much is sent, twice.
const PIECES: usize = 200;
const PIECE: usize = 128 * 1024;

/// How much more the process may have taken at some time than before: several pieces are under way
/// at once, each in several forms.
const SLACK_KB: u64 = 8 * 1024;

/// Of how many threads the events are read, one after the other.
const THREADS: usize = 1000;

/// The memory of the process is that of all tests: one at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The most memory that this process ever had, in kB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

async fn turn(codex: &Codex, server: &mut FakeServer) -> TurnHandle {
    let (thread, _) = tokio::join!(codex.thread_start().into_future(), server.accept_thread("t1"));
    let thread = thread.unwrap();
    tokio::join!(thread.turn("go").into_future(), server.accept_turn("u1")).0.unwrap()
}

#[tokio::test]
async fn events_that_were_read_or_whose_handle_is_gone_take_no_memory() {
    let _alone = ALONE.lock().await;
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut turn = turn(&codex, &mut server).await;
    let before = most_memory();
    let piece = "x".repeat(PIECE);
    for _ in 0..PIECES {
        let ((), event) = tokio::join!(server.delta("t1", "u1", &piece), turn.next());
        match event.unwrap().unwrap().into_notification().unwrap() {
            ServerNotification::AgentMessageDelta(it) => assert_eq!(it.delta.len(), PIECE),
            other => panic!("{other:?}"),
        }
    }
    // Whether it is read or not: what waits is freed with the handle.
    server.delta("t1", "u1", &piece).await;
    drop(turn);
    for _ in 0..PIECES {
        server.delta("t1", "u1", &piece).await;
    }
    let grown = most_memory() - before;
    assert!(grown < SLACK_KB, "{grown} kB more after {PIECES} pieces of {PIECE} bytes, twice");
}

#[tokio::test]
async fn the_feeds_of_threads_that_nobody_reads_any_more_take_no_memory() {
    let _alone = ALONE.lock().await;
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let before = most_memory();
    for n in 0..THREADS {
        let id = format!("t{n}");
        let (thread, _) =
            tokio::join!(codex.thread_start().into_future(), server.accept_thread(&id));
        let mut events = thread.unwrap().events();
        server.delta(&id, "of somebody else", "one").await;
        events.next().await.unwrap().unwrap();
    }
    let grown = most_memory() - before;
    assert!(grown < SLACK_KB, "{grown} kB more after the feeds of {THREADS} threads");
}
