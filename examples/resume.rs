//! A conversation that goes on in another process: what was said, and the next turn.
//!
//! `cargo run --features testing --example resume` runs it against an embedded model: no account, no
//! network. Once the runtime is logged in (`codex login`), `--account` behind it, after `--`, asks
//! the real model; its threads stay in your history.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use codexkit::protocol::{SortDirection, ThreadItem, TurnItemsView, UserInput};
use codexkit::testing::{MockModel, TestHome};
use codexkit::{Codex, CodexBuilder, Sandbox, Thread};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|arg| arg == "--account") {
        return converse(Codex::builder()).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    model.extend(["Hello Ada.", "You are Ada."]);
    converse(home.builder(&model)).await
}

async fn converse(runtime: CodexBuilder) -> Result<(), Box<dyn std::error::Error>> {
    let codex = runtime.clone().start().await?;
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).await?;
    thread.run("My name is Ada. Say hello in one short sentence.").await?;
    thread.set_name("Names").await?;
    let id = thread.id().to_owned();
    codex.close().await;

    let codex = runtime.start().await?;
    let thread = codex.thread_resume(id).await?;
    if let Some(opened) = thread.opened() {
        println!("resumed {:?} with {}", opened.thread().name, opened.model());
    }
    print_history(&thread).await?;
    let result = thread.run("What is my name?").await?;
    println!("agent: {}", result.final_response.unwrap_or_default());
    codex.close().await;
    Ok(())
}

async fn print_history(thread: &Thread) -> codexkit::Result<()> {
    let oldest_first = thread.turns().sort_direction(SortDirection::Asc);
    let mut turns = oldest_first.items_view(TurnItemsView::Full).all();
    while let Some(turn) = turns.next().await {
        for item in turn?.items {
            match item {
                ThreadItem::UserMessage(message) => {
                    for part in message.content {
                        if let UserInput::Text(text) = part {
                            println!("user: {}", text.text);
                        }
                    }
                }
                ThreadItem::AgentMessage(message) => println!("agent: {}", message.text),
                _ => (),
            }
        }
    }
    Ok(())
}
