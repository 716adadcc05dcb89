//! What the agent does, in the shell of a Unix system.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use codexkit::protocol::{
    CommandExecutionStatus, CommandExecutionThreadItem, FileChangeThreadItem, PatchApplyStatus,
    ServerNotification, ThreadItem, TurnStatus,
};
use codexkit::testing::Reply;
use codexkit::{ConnectionEvent, TurnHandle, TurnResult};
use serde_json::{Value, json};

use crate::support::{Place, SOON, next_where, rest, run, within};

fn exec(arguments: Value) -> Reply {
    Reply::new().function_call("call_1", "exec_command", arguments)
}

fn command_in(result: &TurnResult) -> &CommandExecutionThreadItem {
    let mut items = result.items.iter();
    let command = items.find_map(|item| match item {
        ThreadItem::CommandExecution(command) => Some(command),
        _ => None,
    });
    command.unwrap()
}

/// Reads events until a command has begun. What it says before that has no delta.
pub(crate) async fn until_command_started(turn: &mut TurnHandle) {
    next_where(turn, |it| match it {
        ServerNotification::ItemStarted(it) => {
            matches!(it.item, ThreadItem::CommandExecution(_)).then_some(())
        }
        _ => None,
    })
    .await;
}

/// A place where a command waits until the test lets it go on.
struct Gate {
    path: PathBuf,
    pipe: File,
}

impl Gate {
    fn new(place: &Place) -> Gate {
        let path = place.home.path().join("gate");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        // Open at both ends, so that nobody here has to wait for the command to open it.
        let pipe = File::options().read(true).write(true).open(&path).unwrap();
        Gate { path, pipe }
    }

    /// The shell command that waits here.
    fn wait(&self) -> String {
        format!("read -r _ < '{}'", self.path.display())
    }

    fn open(mut self) {
        writeln!(self.pipe).unwrap();
    }
}

#[tokio::test]
async fn a_command_runs_and_its_output_arrives_in_the_turn() {
    run(async |place| {
        let gate = Gate::new(place);
        let command = format!("{}; echo late", gate.wait());
        place.model.extend([exec(json!({"cmd": command})), "It was late.".into()]);
        let thread = place.thread().await;
        let mut turn = thread.turn("Run it.").await.unwrap();
        until_command_started(&mut turn).await;
        gate.open();
        let delta = next_where(&mut turn, |it| match it {
            ServerNotification::CommandExecutionOutputDelta(it) => Some(it),
            _ => None,
        });
        let delta = delta.await;
        assert_eq!((&*delta.item_id, &*delta.delta), ("call_1", "late\n"));
        let result = turn.result().await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("It was late."));
        let command = command_in(&result);
        assert_eq!(command.status, CommandExecutionStatus::Completed);
        assert_eq!(command.exit_code, Some(0));
        assert_eq!(command.aggregated_output.as_deref(), Some("late\n"));
        let output = place.model.requests()[1].tool_output("call_1").unwrap();
        assert!(output.ends_with("late\n"), "{output}");
    })
    .await;
}

#[tokio::test]
async fn a_command_that_fails_is_an_item_and_no_failure_of_the_turn() {
    run(async |place| {
        place.model.extend([exec(json!({"cmd": "echo oops >&2; exit 3"})), "It failed.".into()]);
        let result = place.thread().await.run("Run it.").await.unwrap();
        assert_eq!(result.status, TurnStatus::Completed);
        let command = command_in(&result);
        assert_eq!(command.status, CommandExecutionStatus::Failed);
        assert_eq!(command.exit_code, Some(3));
        assert_eq!(command.aggregated_output.as_deref(), Some("oops\n"));
    })
    .await;
}

#[tokio::test]
async fn what_a_command_says_after_its_turn_is_in_the_notifications() {
    run(async |place| {
        let gate = Gate::new(place);
        let command = format!("{}; echo late", gate.wait());
        let start = exec(json!({"cmd": command, "yield_time_ms": 250}));
        place.model.extend([start, "It runs.".into()]);
        let codex = place.start().await;
        let mut feed = codex.notifications();
        let thread = codex.thread_start().await.unwrap();
        let result = thread.run("Run it.").await.unwrap();
        assert!(result.items.iter().all(|it| !matches!(it, ThreadItem::CommandExecution(_))));
        gate.open();
        let mut said = Vec::new();
        loop {
            let ConnectionEvent::Notification { notification, .. } =
                feed.next().await.unwrap().unwrap()
            else {
                continue;
            };
            match *notification {
                ServerNotification::CommandExecutionOutputDelta(it) => {
                    assert_eq!((&it.turn_id, &*it.item_id), (&result.id, "call_1"));
                    said.push(it.delta);
                }
                ServerNotification::ItemCompleted(it) => {
                    assert_eq!(it.turn_id, result.id);
                    let ThreadItem::CommandExecution(command) = it.item else {
                        panic!("{:?}", it.item)
                    };
                    assert_eq!(command.aggregated_output.as_deref(), Some("late\n"));
                    break;
                }
                _ => (),
            }
        }
        assert_eq!(said, ["late\n"]);
    })
    .await;
}

#[tokio::test]
async fn a_patch_changes_files() {
    run(async |place| {
        let patch = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch";
        place.model.push(Reply::new().custom_tool_call("call_1", "apply_patch", patch));
        place.model.push("Done.");
        let result = place.thread().await.run("Make a file.").await.unwrap();
        let changes: Vec<&FileChangeThreadItem> = result
            .items
            .iter()
            .filter_map(|item| match item {
                ThreadItem::FileChange(change) => Some(change),
                _ => None,
            })
            .collect();
        let file = place.home.workspace().join("new.txt");
        match changes[..] {
            [it] => {
                assert_eq!(it.status, PatchApplyStatus::Completed);
                assert_eq!(Path::new(&it.changes[0].path), file);
            }
            _ => panic!("{changes:?}"),
        }
        assert_eq!(fs::read_to_string(file).unwrap(), "hello\n");
    })
    .await;
}

#[tokio::test]
async fn the_output_of_a_command_arrives_whole() {
    run(async |place| {
        let gate = Gate::new(place);
        let command = format!("{}; seq 20000", gate.wait());
        let start = exec(json!({"cmd": command, "yield_time_ms": 30_000}));
        place.model.extend([start, "Done.".into()]);
        let mut turn = place.thread().await.turn("Count.").await.unwrap();
        until_command_started(&mut turn).await;
        gate.open();
        let (mut output, mut item) = (String::new(), None);
        for event in rest(&mut turn).await.unwrap() {
            match event.into_notification().unwrap() {
                ServerNotification::CommandExecutionOutputDelta(it) => output.push_str(&it.delta),
                ServerNotification::ItemCompleted(it) => {
                    if let ThreadItem::CommandExecution(command) = it.item {
                        item = command.aggregated_output;
                    }
                }
                _ => (),
            }
        }
        let lines: Vec<_> = (1..=20_000).map(|n| format!("{n}\n")).collect();
        let expected = lines.concat();
        assert!(output == expected, "{} of {} bytes", output.len(), expected.len());
        assert!(item.unwrap() == expected);
    })
    .await;
}

#[tokio::test]
async fn an_interrupted_turn_does_not_wait_for_its_command() {
    run(async |place| {
        let start = exec(json!({"cmd": "exec sleep 1000", "yield_time_ms": 30_000}));
        place.model.extend([start, "Yes.".into()]);
        let thread = place.thread().await;
        let mut turn = thread.turn("Wait.").await.unwrap();
        until_command_started(&mut turn).await;
        turn.interrupt().await.unwrap();
        let result = within(SOON, turn.result()).await.unwrap();
        assert_eq!(result.status, TurnStatus::Interrupted);
        let next = thread.run("Are you still there?").await.unwrap();
        assert_eq!(next.final_response.as_deref(), Some("Yes."));
    })
    .await;
}

#[tokio::test]
async fn commands_see_the_environment_of_the_client() {
    run(async |place| {
        let print = exec(json!({"cmd": "echo \"[$KEPT$GONE]\""}));
        place.model.extend([print, "ok".into()]);
        let builder = place.builder().env("KEPT", "kept").env("GONE", "gone").env_remove("GONE");
        let thread = place.start_with(builder).await.thread_start().await.unwrap();
        thread.run("go").await.unwrap();
        let output = place.model.requests()[1].tool_output("call_1").unwrap();
        assert!(output.contains("[kept]"), "{output}");
    })
    .await;
}
