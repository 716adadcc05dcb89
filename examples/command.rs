//! Commands that the runtime runs for its client in its sandbox, without any model.
//!
//! It uses a runtime with a home of its own; with `--account` it is yours, with your settings.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use codexkit::testing::{MockModel, TestHome};
use codexkit::{Codex, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|arg| arg == "--account") {
        return command(Codex::start().await?).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    command(home.builder(&model).start().await?).await
}

async fn command(codex: Codex) -> Result<(), Box<dyn std::error::Error>> {
    wait_for_it(&codex).await?;
    talk_to_it(&codex).await?;
    codex.close().await;
    Ok(())
}

/// What is short can be waited for.
async fn wait_for_it(codex: &Codex) -> Result<(), Box<dyn std::error::Error>> {
    let script = "echo \"$GREETING\"; touch made.txt || exit 3";
    let command = codex.command(["sh", "-c", script]).env("GREETING", "hello");
    let limited = command.sandbox(Sandbox::ReadOnly).timeout(Duration::from_secs(5));
    let result = limited.await?;
    print!("exit code {}: {}{}", result.exit_code, result.stdout, result.stderr);
    // That nothing can be written there is the sandbox at work.
    if (result.exit_code, result.stdout.as_str()) == (3, "hello\n") {
        return Ok(());
    }
    Err("the command did something else".into())
}

/// What takes longer gives its output as it comes, and can be written to.
async fn talk_to_it(codex: &Codex) -> Result<(), Box<dyn std::error::Error>> {
    let script = "while read -r word; do echo \"got $word\"; done; exit 5";
    let mut command = codex.command(["sh", "-c", script]).spawn().await?;
    command.terminate_on_drop(true);
    let control = command.control();
    control.write("one\n").await?;
    let Some(first) = command.next().await else { return Err("it ended early".into()) };
    let mut said = first?.bytes;
    control.write("two\n").await?;
    control.close_stdin().await?;
    while let Some(output) = command.next().await {
        said.extend(output?.bytes);
    }
    let (code, said) = (command.wait().await?, String::from_utf8(said)?);
    print!("exit code {code}: {said}");
    if code == 5 && said == "got one\ngot two\n" { Ok(()) } else { Err("it was misheard".into()) }
}
