//! A login to ChatGPT in the browser, and what the account then has: limits, and a turn.
//!
//! It talks to an embedded login server and model: no account, no network, and no browser either,
//! unless `--browser` opens yours. `--account` logs in to the real ChatGPT. Either way the account is
//! kept in a temporary folder and forgotten at the end; the login that you have (`codex login`) stays
//! as it is.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use codexkit::protocol::Account;
use codexkit::testing::{CallbackPort, MockIssuer, MockModel, TestHome};
use codexkit::{ChatgptLoginHandle, Codex, Error, Sandbox};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let home = TestHome::new()?;
    let asked_for = |flag: &str| std::env::args().any(|arg| arg == flag);
    if asked_for("--account") {
        let builder = Codex::builder().codex_home(home.codex_home()).cwd(home.workspace());
        let codex = builder.start().await?;
        let login = codex.login_chatgpt().await?;
        show(&login, asked_for("--browser")).await?;
        return use_account(codex, &login).await;
    }
    // The browser comes back to a port that all runtimes share.
    let _port = CallbackPort::lock().await?;
    let (model, issuer) = (MockModel::start().await?, MockIssuer::start().await?);
    model.push("It knows who you are.");
    let codex = issuer.configure(home.builder(&model)).start().await?;
    let login = codex.login_chatgpt().await?;
    show(&login, asked_for("--browser")).await?;
    if !asked_for("--browser") {
        let (status, _page) = issuer.visit(login.auth_url()).await?;
        assert_eq!(status, 200);
    }
    use_account(codex, &login).await?;
    let request = model.requests().pop().ok_or("the model was not asked")?;
    assert_eq!(request.header("chatgpt-account-id"), Some(issuer.account_id().as_str()));
    Ok(())
}

/// Whoever opens the address logs in, so it belongs on the screen and into no log.
async fn show(login: &ChatgptLoginHandle, in_browser: bool) -> Outcome {
    if in_browser {
        match login.open_browser().await {
            Err(error @ Error::Browser(_)) => println!("{error}"),
            other => return Ok(other?),
        }
    }
    println!("open {}", login.auth_url());
    Ok(())
}

async fn use_account(codex: Codex, login: &ChatgptLoginHandle) -> Outcome {
    match login.wait_timeout(Duration::from_secs(300)).await {
        Ok(_) => println!("login {} has succeeded", login.login_id()),
        Err(error @ Error::LoginTimeout { .. }) => {
            login.cancel().await?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    }
    let Some(Account::Chatgpt(account)) = codex.account().await?.account else {
        return Err("the account should be one of ChatGPT".into());
    };
    println!("{} has the plan {}", account.email.unwrap_or_default(), account.plan_type);
    let limits = codex.rate_limits().await?.rate_limits;
    for window in [limits.primary, limits.secondary].into_iter().flatten() {
        let minutes = window.window_duration_mins.unwrap_or_default();
        println!("{} % of {minutes} minutes used", window.used_percent);
    }
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).ephemeral(true).await?;
    let result = thread.run("What is a login good for? Say it in five words.").await?;
    println!("agent: {}", result.final_response.unwrap_or_default());
    codex.logout().await?;
    codex.close().await;
    Ok(())
}
