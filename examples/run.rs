//! Turns that are waited for: what a result holds, and what to do about a turn that fails.
//!
//! It talks to an embedded model: no account, no network. Once the runtime is logged in
//! (`codex login`), `--account` asks the real model; its threads stay in your history.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use codexkit::protocol::CodexErrorInfo;
use codexkit::testing::{MockModel, Reply, TestHome, Usage};
use codexkit::{Codex, Error, Sandbox, Thread};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|arg| arg == "--account") {
        converse(Codex::start().await?).await?;
        return Ok(());
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    model.push(Reply::from("A borrow is a loan.").usage(Usage::new(1200, 6)));
    model.extend([Reply::usage_limit_reached(), "When you give it back.".into()]);
    let answers = converse(home.builder(&model).start().await?).await?;
    let expected = [Some("A borrow is a loan."), None, Some("When you give it back.")];
    assert_eq!(answers.each_ref().map(Option::as_deref), expected);
    Ok(())
}

async fn converse(codex: Codex) -> codexkit::Result<[Option<String>; 3]> {
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).await?;
    let answers = [
        ask(&thread, "What is a borrow? Say it in five words.").await?,
        ask(&thread, "What does it cost?").await?,
        ask(&thread, "When does it end?").await?,
    ];
    codex.close().await;
    Ok(answers)
}

/// The answer; `None` if the turn failed, which does the thread no harm.
async fn ask(thread: &Thread, question: &str) -> codexkit::Result<Option<String>> {
    let result = match thread.run(question).effort("low").await {
        Ok(result) => result,
        Err(error) if error.is_retryable() => {
            println!("try again later: {error}");
            return Ok(None);
        }
        Err(error @ Error::TurnFailed(_)) => {
            let advice = match error.codex_error_info() {
                Some(CodexErrorInfo::UsageLimitExceeded) => "come back when the limit is reset",
                Some(CodexErrorInfo::ContextWindowExceeded) => "compact the thread",
                _ => "ask in another way",
            };
            println!("{error} ({advice})");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    println!("{} in {} ms", result.status, result.duration_ms.unwrap_or_default());
    if let Some(usage) = &result.usage {
        println!("{} tokens in, {} out", usage.last.input_tokens, usage.last.output_tokens);
    }
    println!("agent: {}", result.final_response.as_deref().unwrap_or_default());
    Ok(result.final_response)
}
