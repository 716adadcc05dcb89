//! A turn that is given more input while it runs, one that is interrupted, and one that takes too
//! long.
//!
//! It talks to an embedded model: no account, no network. Once the runtime is logged in
//! (`codex login`), `--account` asks the real model; its threads stay in your history.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use codexkit::protocol::TurnStatus;
use codexkit::testing::{MockModel, Reply, TestHome};
use codexkit::{Codex, Error, Sandbox, Thread};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|arg| arg == "--account") {
        return converse(Codex::start().await?).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    // It begins and does not go on: whatever is to end these turns has to do so.
    let (endless, _hold) = Reply::new().delta("Once upon a time").hold();
    model.extend([endless.clone(), "A mouse roared. The end.".into()]);
    model.always(endless);
    converse(home.builder(&model).start().await?).await
}

async fn converse(codex: Codex) -> Result<(), Box<dyn std::error::Error>> {
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).await?;
    steer(&thread).await?;
    interrupt(&thread).await?;
    give_it_a_second(&thread).await?;
    codex.close().await;
    Ok(())
}

async fn steer(thread: &Thread) -> Result<(), Box<dyn std::error::Error>> {
    let mut turn = thread.turn("Tell me a story of a mouse, as long as you can.").await?;
    let begun = turn.text_deltas().next().await.transpose()?;
    println!("agent: {} …", begun.unwrap_or_default());
    turn.steer("I have to go: end it in one sentence.").await?;
    let result = turn.result().await?;
    println!("agent: {}", result.final_response.unwrap_or_default());
    expect(&result.status, &TurnStatus::Completed)
}

async fn interrupt(thread: &Thread) -> Result<(), Box<dyn std::error::Error>> {
    let turn = thread.turn("Tell me another one.").await?;
    // It can be had anywhere, as in a task that waits for a key to be pressed.
    let control = turn.control();
    let task = tokio::spawn(async move { control.interrupt().await });
    let result = turn.result().await?;
    task.await??;
    println!("{} after {} ms", result.status, result.duration_ms.unwrap_or_default());
    expect(&result.status, &TurnStatus::Interrupted)
}

async fn give_it_a_second(thread: &Thread) -> Result<(), Box<dyn std::error::Error>> {
    let epic = thread.run("Tell me an epic of two thousand lines.");
    match epic.deadline(Duration::from_secs(1)).await {
        Err(Error::TurnTimeout { after, turn, .. }) => {
            println!("not done within {after:?}, and now {}", turn.status);
            expect(&turn.status, &TurnStatus::Interrupted)
        }
        other => Err(format!("it should have taken too long: {other:?}").into()),
    }
}

fn expect(status: &TurnStatus, expected: &TurnStatus) -> Result<(), Box<dyn std::error::Error>> {
    if status == expected {
        return Ok(());
    }
    Err(format!("the turn is {status}, not {expected}").into())
}
