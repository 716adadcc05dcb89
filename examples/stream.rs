//! Turns as they go: all events with a view of what there is, the text alone, the items alone.
//!
//! It talks to an embedded model: no account, no network. Once the runtime is logged in
//! (`codex login`), `--account` asks the real model; its threads stay in your history.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::Write;

use codexkit::protocol::ThreadItem;
use codexkit::testing::{MockModel, Reply, TestHome};
use codexkit::{Codex, Thread, TurnView};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|arg| arg == "--account") {
        return converse(Codex::start().await?).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    let thinking = Reply::new().reasoning("It wants a greeting.", "");
    let echo = |it: Reply, id| it.function_call(id, "exec_command", json!({"cmd": "echo hi"}));
    model.extend([echo(thinking, "call_1"), Reply::new().deltas(["It says ", "hi."])]);
    model.push(Reply::new().deltas(["Echoes ", "come ", "back."]));
    model.extend([echo(Reply::new(), "call_2"), "It says hi again.".into()]);
    converse(home.builder(&model).start().await?).await
}

async fn converse(codex: Codex) -> Result<(), Box<dyn std::error::Error>> {
    let thread = codex.thread_start().await?;
    show_all(&thread).await?;
    show_text(&thread).await?;
    show_items(&thread).await?;
    codex.close().await;
    Ok(())
}

/// Every event, and after each of them all that is known of the items.
async fn show_all(thread: &Thread) -> Result<(), Box<dyn std::error::Error>> {
    let mut turn = thread.turn("Run `echo hi`, and tell me what it says.").await?;
    let mut view = TurnView::default();
    while let Some(event) = turn.next().await {
        let event = event?;
        view.apply(&event);
        if let Some(notification) = event.notification() {
            println!("{}", notification.method());
        }
        for open in view.items().iter().filter(|it| !it.is_complete) {
            println!("  {}: {:?}", open.id().unwrap_or("?"), open.text().unwrap_or_default());
        }
    }
    let ran = view.items().iter().any(|it| matches!(it.item, ThreadItem::CommandExecution(_)));
    if ran { Ok(()) } else { Err("the agent ran nothing".into()) }
}

async fn show_text(thread: &Thread) -> Result<(), Box<dyn std::error::Error>> {
    let mut turn = thread.turn("Write one sentence about echoes.").await?;
    let (mut deltas, mut said) = (turn.text_deltas(), String::new());
    while let Some(delta) = deltas.next().await {
        let delta = delta?;
        print!("{delta}");
        std::io::stdout().flush()?;
        said += &delta;
    }
    println!();
    let answer = turn.result().await?.final_response.unwrap_or_default();
    if said.ends_with(&answer) { Ok(()) } else { Err("the answer lacks its end".into()) }
}

async fn show_items(thread: &Thread) -> Result<(), Box<dyn std::error::Error>> {
    let mut turn = thread.turn("Run it again.").await?;
    let mut items = turn.completed_items();
    while let Some(item) = items.next().await {
        match item? {
            ThreadItem::CommandExecution(it) => println!("ran {}: {:?}", it.command, it.exit_code),
            ThreadItem::AgentMessage(it) => println!("agent: {}", it.text),
            _ => (),
        }
    }
    // The handle has gathered the same items for whoever wants them all at the end.
    println!("{} items", turn.result().await?.items.len());
    Ok(())
}
