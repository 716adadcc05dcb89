//! A goal, which the agent works on from turn to turn until it says that it is reached.
//!
//! It talks to an embedded model: no account, no network. Once the runtime is logged in
//! (`codex login`), `--account` asks the real model; its threads stay in your history.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use codexkit::protocol::{ServerNotification, ThreadGoalStatus, ThreadItem};
use codexkit::testing::{MockModel, Reply, TestHome, Usage};
use codexkit::{Codex, Sandbox};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|arg| arg == "--account") {
        return pursue(Codex::start().await?).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    model.extend(["One.", "Two."].map(|it| Reply::from(it).usage(Usage::new(100, 1))));
    // A tool that the runtime gives the model as long as there is a goal.
    let reached = json!({"status": "complete"});
    model.push(Reply::new().function_call("call_1", "update_goal", reached));
    model.push(Reply::from("Three, and done.").usage(Usage::new(100, 4)));
    pursue(home.builder(&model).start().await?).await
}

async fn pursue(codex: Codex) -> Result<(), Box<dyn std::error::Error>> {
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).await?;
    let goal = thread.goal_run("Count to three, with one number in each turn.");
    // Should this program end early, the work on the goal does so, too.
    let mut run = goal.token_budget(200_000).interrupt_on_drop(true).await?;
    while let Some(event) = run.next().await {
        match event?.into_notification() {
            Some(ServerNotification::TurnStarted(it)) => println!("turn {}", it.turn.id),
            Some(ServerNotification::ThreadGoalUpdated(it)) => {
                println!("  goal: {}", it.goal.status);
            }
            Some(ServerNotification::ItemCompleted(it)) => {
                if let ThreadItem::AgentMessage(message) = it.item {
                    println!("  agent: {}", message.text);
                }
            }
            _ => (),
        }
    }
    let result = run.result().await?;
    let Some(goal) = result.goal else { return Err("somebody took the goal away".into()) };
    println!("{} after {} turns, {} tokens", goal.status, result.turns.len(), goal.tokens_used);
    println!("at last: {}", result.turn.final_response.unwrap_or_default());
    codex.close().await;
    if goal.status == ThreadGoalStatus::Complete {
        return Ok(());
    }
    Err(format!("the goal is {}", goal.status).into())
}
