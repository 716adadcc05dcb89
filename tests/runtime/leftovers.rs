//! No process outlives what it belongs to, and the end of one is no secret.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use codexkit::CloseReason;
use codexkit::protocol::{CommandExecParams, ThreadLoadedListParams};
use codexkit::testing::{MockModel, Reply, TestHome};
use serde_json::json;

use crate::commands::until_command_started;
use crate::endings::{cut_off, last_of, reason, reasons_of_later_calls, speaking};
use crate::processes::{end_within, kill, of_home, runtime_of, terminate};
use crate::support::{SOON, run, within};

fn assert_killed(reason: &CloseReason) {
    match reason {
        CloseReason::Exited { status, .. } => assert_eq!(status.unwrap().signal(), Some(9)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn when_the_runtime_is_killed_everyone_is_told_at_once() {
    run(async |place| {
        let codex = place.start().await;
        let feed = codex.notifications();
        let thread = codex.thread_start().await.unwrap();
        let (turn, _hold) = speaking(place, &thread).await;
        let control = turn.control();
        let command = ["sleep", "1000"].map(String::from);
        let pending = codex.request(CommandExecParams::new(command)).no_timeout();
        let pending = tokio::spawn(pending.into_future());
        // The request is on its way: the one after it was answered.
        codex.request(ThreadLoadedListParams::default()).await.unwrap();

        kill(place.process());
        let told = async {
            let early = [
                reason(pending.await.unwrap()),
                reason(control.interrupt().await),
                reason(control.steer("Quick!").await),
                cut_off(turn).await,
                last_of(feed).await,
            ];
            early.iter().for_each(assert_killed);
            reasons_of_later_calls(&codex, &thread).await.iter().for_each(assert_killed);
        };
        within(SOON, told).await;
        within(SOON, codex.close()).await;
    })
    .await;
}

#[tokio::test]
async fn a_runtime_that_is_killed_leaves_no_command_behind() {
    run(async |place| {
        let command = json!({"cmd": "exec sleep 1000", "yield_time_ms": 30_000});
        place.model.push(Reply::new().function_call("call_1", "exec_command", command));
        let thread = place.thread().await;
        let mut turn = thread.turn("Wait.").await.unwrap();
        until_command_started(&mut turn).await;
        let home = place.home.codex_home();
        let processes = of_home(&home);
        assert!(processes.len() > 1, "the command is not to be seen");
        kill(place.process());
        within(SOON, cut_off(turn)).await;
        end_within(SOON, &processes, &home).await;
    })
    .await;
}

#[tokio::test]
async fn dropping_everything_ends_the_runtime_though_turns_run() {
    run(async |place| {
        let codex = place.start().await;
        let mut turns = Vec::new();
        for _ in 0..2 {
            let thread = codex.thread_start().await.unwrap();
            let (turn, hold) = speaking(place, &thread).await;
            turns.push((thread, turn, hold));
        }
        let (pid, home) = (place.process(), place.home.codex_home());
        drop(codex);
        drop(turns);
        end_within(SOON, &[pid], &home).await;
    })
    .await;
}

#[tokio::test]
async fn a_runtime_that_is_asked_to_end_by_somebody_else_says_so() {
    run(async |place| {
        let thread = place.thread().await;
        let (turn, _hold) = speaking(place, &thread).await;
        terminate(place.process());
        match within(SOON, cut_off(turn)).await {
            CloseReason::Exited { status, .. } => assert_eq!(status.unwrap().code(), Some(0)),
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_no_process() {
    run(async |place| {
        let mut processes = Vec::new();
        for milliseconds in [1, 10, 40] {
            let limit = Duration::from_millis(milliseconds);
            // Whether it was in time or not: nobody has a handle.
            drop(tokio::time::timeout(limit, place.builder().start()).await);
            processes.extend(of_home(&place.home.codex_home()));
        }
        assert_ne!(processes, [0; 0]);
        end_within(SOON, &processes, &place.home.codex_home()).await;
    })
    .await;
}

#[test]
fn an_async_runtime_that_goes_away_takes_the_process_with_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (home, codex, pid) = runtime.block_on(async {
        let home = TestHome::new().unwrap();
        let model = MockModel::start().await.unwrap();
        let codex = home.builder(&model).start().await.unwrap();
        let pid = runtime_of(&home.codex_home());
        (home, codex, pid)
    });
    drop(runtime);
    let directory = Path::new("/proc").join(pid.to_string());
    assert!(!directory.exists(), "process {pid} is still there");
    drop((codex, home));
}

#[tokio::test]
async fn a_close_is_done_when_the_process_is_gone() {
    run(async |place| {
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        let (_turn, _hold) = speaking(place, &thread).await;
        let process = Path::new("/proc").join(place.process().to_string());
        assert!(process.exists());
        within(SOON, codex.close()).await;
        assert!(!process.exists());
    })
    .await;
}
