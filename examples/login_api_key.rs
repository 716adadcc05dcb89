//! A login with an API key: who is logged in, a turn with that account, and the logout.
//!
//! It talks to an embedded model: no account, no network. `--account` takes the key in
//! `OPENAI_API_KEY` and asks the real model one question with it. Either way the account is kept in a
//! temporary folder and forgotten at the end; the login that you have (`codex login`) stays as it is.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use codexkit::protocol::Account;
use codexkit::testing::{MockIssuer, MockModel, TestHome};
use codexkit::{Codex, Error, Sandbox, SecretString};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = TestHome::new()?;
    if std::env::args().any(|arg| arg == "--account") {
        let key = std::env::var("OPENAI_API_KEY").map_err(|_| "set OPENAI_API_KEY to your key")?;
        let builder = Codex::builder().codex_home(home.codex_home()).cwd(home.workspace());
        return log_in(builder.start().await?, key.into()).await;
    }
    let (model, issuer) = (MockModel::start().await?, MockIssuer::start().await?);
    model.push("A key opens doors.");
    let codex = issuer.configure(home.builder(&model)).start().await?;
    log_in(codex, "sk-example".into()).await?;
    let request = model.requests().pop().ok_or("the model was not asked")?;
    assert_eq!(request.header("authorization"), Some("Bearer sk-example"));
    Ok(())
}

async fn log_in(codex: Codex, key: SecretString) -> Result<(), Box<dyn std::error::Error>> {
    match codex.require_account().await {
        Err(error @ Error::AccountRequired) => println!("before: {error}"),
        other => return Err(format!("nobody should be logged in yet: {other:?}").into()),
    }
    codex.login_api_key(key).await?;
    let account = codex.require_account().await?.account;
    if !matches!(account, Some(Account::ApiKey(_))) {
        return Err(format!("the account should be that of the key: {account:?}").into());
    }
    println!("after: logged in with a key");
    ask(&codex).await?;
    codex.logout().await?;
    if codex.account().await?.account.is_some() {
        return Err("the account should be forgotten".into());
    }
    codex.close().await;
    Ok(())
}

/// The runtime does not try a key by itself: that it is wrong is known now.
async fn ask(codex: &Codex) -> codexkit::Result<()> {
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).ephemeral(true).await?;
    match thread.run("What is a key good for? Say it in three words.").await {
        Ok(result) => {
            println!("agent: {}", result.final_response.unwrap_or_default());
            Ok(())
        }
        Err(error) if error.needs_login() => {
            println!("the model does not take this key");
            Err(error)
        }
        Err(error) => Err(error),
    }
}
