//! An approver for the terminal: the agent asks, and whoever sits there decides.
//!
//! `cargo run --features testing --example approve` runs it against an embedded model, with answers
//! that come by themselves: no account, no network. Once the runtime is logged in (`codex login`),
//! `--account` behind it, after `--`, asks the real model, and you.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;

use codexkit::protocol::{McpServerElicitationRequestParams, PermissionGrantScope};
use codexkit::testing::{MockModel, Reply, TestHome};
use codexkit::{
    ApprovalMode, Codex, CommandApproval, Elicitation, Sandbox, ServerRequest, TurnEvent, TurnView,
    UserInput,
};
use serde_json::json;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader, Lines};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let task = "Make a file, and write a poem into another one.";
    if std::env::args().any(|arg| arg == "--account") {
        let terminal = BufReader::new(tokio::io::stdin()).lines();
        return work(Codex::start().await?, task, terminal).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    let command = json!({
        "cmd": "touch made.txt",
        "sandbox_permissions": "require_escalated",
        "justification": "May I make a file?",
    });
    let patch = "*** Begin Patch\n*** Add File: poem.txt\n+Roses are red.\n*** End Patch";
    model.push(Reply::new().function_call("call_1", "exec_command", command));
    model.push(Reply::new().custom_tool_call("call_2", "apply_patch", patch));
    model.push("I made the file, and no poem.");
    // The first of the decisions is to accept.
    let typed = BufReader::new(&b"1\nno\n"[..]).lines();
    work(home.builder(&model).start().await?, task, typed).await?;

    assert!(home.workspace().join("made.txt").exists(), "the command was accepted");
    assert!(!home.workspace().join("poem.txt").exists(), "the poem was not");
    Ok(())
}

async fn work(codex: Codex, task: &str, mut user: Lines<impl AsyncBufRead + Unpin>) -> Outcome {
    let start = codex.thread_start().sandbox(Sandbox::ReadOnly);
    let thread = start.approval_mode(ApprovalMode::Ask).await?;
    let mut turn = thread.turn(task).park_requests().await?;
    let mut view = TurnView::default();
    while let Some(event) = turn.next().await {
        let event = event?;
        view.apply(&event);
        let TurnEvent::Request(request) = event else { continue };
        tokio::select! {
            // What cannot be answered like that is refused when it is dropped.
            answered = answer(&request, &view, &mut user) => {
                if let Err(error) = answered {
                    println!("{error}");
                }
            }
            // Interrupted, say, while the user still thinks.
            why = request.resolved() => println!("never mind: {why}"),
        }
    }
    println!("agent: {}", turn.result().await?.final_response.unwrap_or_default());
    codex.close().await;
    Ok(())
}

/// Shows what the agent asks, and answers as the user says.
async fn answer(
    request: &ServerRequest,
    view: &TurnView,
    user: &mut Lines<impl AsyncBufRead + Unpin>,
) -> Outcome {
    match request {
        ServerRequest::CommandApproval(request) => decide(request, user).await?,
        ServerRequest::FileChangeApproval(request) => {
            let item = view.items().iter().find(|it| it.id() == Some(&request.item_id));
            println!("The agent wants to change files: {:?}", item.map(|it| &it.item));
            if let Some(root) = &request.grant_root {
                println!("and to write to {root} from now on");
            }
            if agrees(user).await? { request.accept()? } else { request.decline()? }
        }
        ServerRequest::PermissionsApproval(request) => {
            println!("The agent wants permissions: {:?}", request.permissions);
            if agrees(user).await? {
                request.grant_all(PermissionGrantScope::Turn)?;
            } else {
                request.decline()?;
            }
        }
        ServerRequest::UserInput(request) => reply(request, user).await?,
        ServerRequest::Elicitation(request) => consent(request, user).await?,
        other => {
            println!("refused: {}", other.method());
            other.refuse()?;
        }
    }
    Ok(())
}

async fn decide(request: &CommandApproval, user: &mut Lines<impl AsyncBufRead + Unpin>) -> Outcome {
    println!("The agent wants to run {:?}.", request.command.as_deref().unwrap_or("something"));
    println!("It says: {}", request.reason.as_deref().unwrap_or("nothing"));
    // A decision is about all of it.
    println!("Where: {:?}; network: {:?}", request.cwd, request.network_approval_context);
    #[cfg(feature = "experimental")]
    println!("With more permissions: {:?}", request.additional_permissions);
    let mut decisions = request.decisions();
    for (n, decision) in decisions.iter().enumerate() {
        println!("  {}. {}", n + 1, serde_json::to_string(decision)?);
    }
    let chosen = next_line(user).await?.trim().parse::<usize>().ok();
    match chosen.and_then(|n| n.checked_sub(1)).filter(|n| *n < decisions.len()) {
        Some(n) => request.decide(decisions.swap_remove(n))?,
        None => request.decline()?,
    }
    Ok(())
}

/// Shows no forms: one that has something to fill in cannot be accepted like this.
async fn consent(request: &Elicitation, user: &mut Lines<impl AsyncBufRead + Unpin>) -> Outcome {
    println!("{}: {}", request.server_name().unwrap_or("?"), request.message().unwrap_or("?"));
    match request.params() {
        McpServerElicitationRequestParams::Form(form) => println!("{:?}", form.meta),
        McpServerElicitationRequestParams::Url(page) => println!("It is at {}.", page.url),
        _ => return Ok(request.decline()?),
    }
    if agrees(user).await? {
        request.accept()?;
    } else {
        request.decline()?;
    }
    Ok(())
}

async fn reply(request: &UserInput, user: &mut Lines<impl AsyncBufRead + Unpin>) -> Outcome {
    let mut answers = BTreeMap::new();
    for question in &request.questions {
        println!("{}", question.question);
        for option in question.options.iter().flatten() {
            println!("  {}: {}", option.label, option.description);
        }
        answers.insert(question.id.clone(), next_line(user).await?);
    }
    // An option that there is not is invalid: nothing is sent.
    Ok(request.answer(answers)?)
}

async fn agrees(user: &mut Lines<impl AsyncBufRead + Unpin>) -> Outcome<bool> {
    println!("[yes/no]");
    Ok(next_line(user).await?.trim() == "yes")
}

/// What the user types; nothing at the end of the input.
async fn next_line(user: &mut Lines<impl AsyncBufRead + Unpin>) -> Outcome<String> {
    let line = user.next_line().await?.unwrap_or_default();
    println!("> {line}");
    Ok(line)
}
