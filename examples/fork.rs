//! Two ways on from one conversation: the second begins after its first turn.
//!
//! `cargo run --features testing --example fork` runs it against an embedded model: no account, no
//! network. Once the runtime is logged in (`codex login`), `--account` behind it, after `--`, asks
//! the real model; its threads stay in your history.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use codexkit::testing::{MockModel, TestHome};
use codexkit::{Codex, Sandbox, Thread};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|arg| arg == "--account") {
        return converse(Codex::start().await?).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    model.extend(["Noted: a tale of the sea.", "A storm comes up.", "The sea is calm."]);
    converse(home.builder(&model).start().await?).await
}

async fn converse(codex: Codex) -> Result<(), Box<dyn std::error::Error>> {
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).await?;
    let first = thread.run("We write a tale of the sea. Only say that you have noted it.").await?;
    thread.run("Go on with a storm, in one sentence.").await?;
    let other = codex.thread_fork(thread.id()).last_turn_id(first.id).await?;
    other.run("Go on without any wind, in one sentence.").await?;
    for thread in [thread, other] {
        print_answers(&thread).await?;
    }
    codex.close().await;
    Ok(())
}

async fn print_answers(thread: &Thread) -> codexkit::Result<()> {
    println!("thread {}", thread.id());
    let mut items = thread.items().all();
    while let Some(entry) = items.next().await {
        if let codexkit::protocol::ThreadItem::AgentMessage(message) = entry?.item {
            println!("  {}", message.text);
        }
    }
    Ok(())
}
