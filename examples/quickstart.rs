//! One turn of the agent, streamed.
//!
//! `cargo xtask demo` runs it against an embedded model: no account, no network. Once the runtime is
//! logged in (`codex login`), `cargo xtask demo --account` asks the real model.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::Write;

use codexkit::protocol::{ServerNotification, ThreadItem};
use codexkit::testing::{MockModel, Reply, TestHome, Usage};
use codexkit::{Codex, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|arg| arg == "--account") {
        return converse(Codex::start().await?).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    let words = ["Hello ", "from ", "the ", "embedded ", "model."];
    model.push(Reply::new().deltas(words).usage(Usage::new(1200, 5)));
    converse(home.builder(&model).start().await?).await
}

async fn converse(codex: Codex) -> Result<(), Box<dyn std::error::Error>> {
    println!("runtime {} in {}", codex.runtime().version, codex.runtime().codex_home.display());
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).await?;
    let mut turn = thread.turn("Say hello in one short sentence.").await?;
    print!("agent: ");
    while let Some(event) = turn.next().await {
        if let Some(ServerNotification::AgentMessageDelta(delta)) = event?.into_notification() {
            print!("{}", delta.delta);
            std::io::stdout().flush()?;
        }
    }
    println!();
    let result = turn.result().await?;
    println!("status: {}", result.status);
    for item in &result.items {
        match item {
            ThreadItem::UserMessage(message) => println!("item: user message {}", message.id),
            ThreadItem::AgentMessage(message) => println!("item: agent message {:?}", message.text),
            other => println!("item: {other:?}"),
        }
    }
    if let Some(usage) = &result.usage {
        let total = &usage.total;
        println!("tokens: {} in, {} out", total.input_tokens, total.output_tokens);
    }
    codex.close().await;
    Ok(())
}
