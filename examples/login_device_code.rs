//! A login to ChatGPT with a code that is entered on any device, such as a phone, and one that is
//! given up.
//!
//! It talks to an embedded login server: no account, no network. `--account` logs in to the real
//! ChatGPT. Either way the account is kept in a temporary folder and forgotten at the end; the login
//! that you have (`codex login`) stays as it is.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use codexkit::protocol::{AuthMode, CancelLoginAccountStatus};
use codexkit::testing::{MockIssuer, MockModel, TestHome};
use codexkit::{AccountEvent, Codex, Error};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let home = TestHome::new()?;
    if std::env::args().any(|arg| arg == "--account") {
        let builder = Codex::builder().codex_home(home.codex_home()).cwd(home.workspace());
        return log_in(builder.start().await?).await;
    }
    let (model, issuer) = (MockModel::start().await?, MockIssuer::start().await?);
    let codex = issuer.configure(home.builder(&model)).start().await?;
    give_up(&codex).await?;
    // This is what somebody does who enters the code.
    issuer.approve_device();
    log_in(codex).await
}

async fn give_up(codex: &Codex) -> Outcome {
    let login = codex.login_chatgpt_device_code().await?;
    // Somebody may wait elsewhere, and hears of it.
    let waiter = login.clone();
    let waiter = tokio::spawn(async move { waiter.wait().await });
    assert_eq!(login.cancel().await?, CancelLoginAccountStatus::Canceled);
    match waiter.await? {
        Err(Error::LoginFailed(failure)) if failure.is_cancelled() => println!("{failure}"),
        other => return Err(format!("the login should be cancelled: {other:?}").into()),
    }
    Ok(())
}

async fn log_in(codex: Codex) -> Outcome {
    let mut events = codex.account_events();
    // A code that nobody waits for any more is given up, also if this function fails.
    let login = codex.login_chatgpt_device_code().await?.cancel_on_drop(true);
    println!("enter {} at {}", login.user_code(), login.verification_url());
    login.wait_timeout(Duration::from_secs(300)).await?;
    let update = loop {
        match events.next().await.ok_or("the events have ended")?? {
            AccountEvent::Updated(update) => break update,
            other => println!("{other:?}"),
        }
    };
    println!("logged in, with the plan {}", update.plan_type.ok_or("there should be a plan")?);
    assert_eq!(update.auth_mode, Some(AuthMode::Chatgpt));
    codex.require_account().await?;
    codex.logout().await?;
    codex.close().await;
    Ok(())
}
