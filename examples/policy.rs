//! A policy: what the agent may do without asking anybody, and who is asked about the rest.
//!
//! `cargo run --features testing --example policy` runs it against an embedded model: no account, no
//! network. Once the runtime is logged in (`codex login`), `--account` behind it, after `--`, asks
//! the real model.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use codexkit::protocol::{AskForApproval, CommandExecutionRequestApprovalParams, ThreadItem};
use codexkit::testing::{MockModel, Reply, TestHome};
use codexkit::{Codex, CodexBuilder, CommandApproval, Handlers, RequestPolicy, Sandbox};
use serde_json::json;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    if std::env::args().any(|arg| arg == "--account") {
        return work(Codex::builder()).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    for command in ["pwd", "touch made.txt", "curl --version"] {
        let arguments = json!({"cmd": command});
        model.push(Reply::new().function_call(command, "exec_command", arguments));
    }
    model.push("I looked where I am, and was not allowed more.");
    work(home.builder(&model)).await?;

    assert!(!home.workspace().join("made.txt").exists(), "nobody has allowed it");
    let allowed = model.requests().pop().and_then(|it| it.tool_output("pwd")).unwrap_or_default();
    assert!(allowed.contains(&*home.workspace().to_string_lossy()), "{allowed}");
    Ok(())
}

async fn work(builder: CodexBuilder) -> Outcome {
    // Whatever no policy allows comes here. An interface would ask its user.
    let last = Handlers::new().command_approval(async |request: CommandApproval| {
        println!("declined: {}", request.command.as_deref().unwrap_or("?"));
        request.decline()
    });
    let codex = builder.handler(last).start().await?;
    let policy = RequestPolicy::deny_all().allow_commands_if(is_harmless).pass_the_rest();
    let start = codex.thread_start().sandbox(Sandbox::WorkspaceWrite).handler(policy);
    // Nearly every command is asked for, also inside of the sandbox.
    let thread = start.params(|it| it.approval_policy(AskForApproval::Untrusted)).await?;
    let result = thread.run("Where are you? Make a file there.").await?;
    for item in &result.items {
        if let ThreadItem::CommandExecution(command) = item {
            println!("{}: {}", command.status, command.command);
        }
    }
    println!("agent: {}", result.final_response.unwrap_or_default());
    codex.close().await;
    Ok(())
}

/// A whole command line, and nothing that only begins like one. Rules for commands never see what asks
/// for more than that: for the network, say.
fn is_harmless(asked: &CommandExecutionRequestApprovalParams) -> bool {
    ["pwd", "ls", "git status"].iter().any(|harmless| {
        let shell = [format!("/bin/bash -lc {harmless}"), format!("/bin/bash -lc '{harmless}'")];
        asked.command.as_ref().is_some_and(|it| shell.contains(it))
    })
}
