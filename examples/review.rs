//! A review of the changes in a working directory, and a conversation that is summed up.
//!
//! It talks to an embedded model: no account, no network. Once the runtime is logged in
//! (`codex login`), `--account` has the real model review where you are; its threads stay in your
//! history.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use codexkit::protocol::{ReviewTarget, ThreadItem};
use codexkit::testing::{MockModel, Reply, TestHome, Usage};
use codexkit::{Codex, Sandbox, Thread};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|arg| arg == "--account") {
        return look(Codex::start().await?).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    model.push(Reply::from("The changes look fine.").usage(Usage::new(9000, 5)));
    model.push(Reply::from("There was a review.").usage(Usage::new(9000, 4)));
    model.push(Reply::from("It was fine.").usage(Usage::new(700, 4)));
    look(home.builder(&model).start().await?).await
}

async fn look(codex: Codex) -> Result<(), Box<dyn std::error::Error>> {
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).await?;
    review(&thread).await?;
    compact(&thread).await?;
    let answer = thread.run("How was it, in three words?").await?;
    println!("agent: {}", answer.final_response.unwrap_or_default());
    codex.close().await;
    Ok(())
}

async fn review(thread: &Thread) -> Result<(), Box<dyn std::error::Error>> {
    let mut turn = thread.review(ReviewTarget::uncommitted_changes()).await?;
    let (mut items, mut findings) = (turn.completed_items(), None);
    while let Some(item) = items.next().await {
        match item? {
            ThreadItem::EnteredReviewMode(it) => println!("review of {}", it.review),
            ThreadItem::CommandExecution(it) => println!("  it ran {}", it.command),
            ThreadItem::ExitedReviewMode(it) => findings = Some(it.review),
            _ => (),
        }
    }
    turn.result().await?;
    println!("{}", findings.ok_or("the review has no end")?);
    Ok(())
}

/// The conversation goes on with a summary in the place of what was said.
async fn compact(thread: &Thread) -> Result<(), Box<dyn std::error::Error>> {
    let turn = thread.compact().await?;
    let result = turn.result().await?;
    let is_done = |item: &ThreadItem| matches!(item, ThreadItem::ContextCompaction(_));
    if !result.items.iter().any(is_done) {
        return Err("nothing was summed up".into());
    }
    println!("summed up in {} ms", result.duration_ms.unwrap_or_default());
    Ok(())
}
