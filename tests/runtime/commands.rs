//! What the agent does.

use std::fs;
use std::path::Path;

use codexkit::protocol::{
    CommandExecutionStatus, CommandExecutionThreadItem, FileChangeThreadItem, PatchApplyStatus,
    ServerNotification, ThreadItem, TurnStatus,
};
use codexkit::testing::Reply;
use codexkit::{ConnectionEvent, TurnResult};
use serde_json::{Value, json};

use crate::support::{Gate, next_where, run, until_command_started};

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
