//! A login with ChatGPT tokens that a service of your own gets and renews.
//!
//! It talks to an embedded login server and model: no account, no network. `--account` logs in to
//! the real ChatGPT with the token in `CHATGPT_ACCESS_TOKEN` of the account in `CHATGPT_ACCOUNT_ID`.
//! The runtime keeps such tokens in its memory alone; the login that you have (`codex login`) stays
//! as it is.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;

use codexkit::protocol::{
    ChatgptAuthTokensLoginAccountParams, ChatgptAuthTokensRefreshResponse, LoginAccountParams,
};
use codexkit::testing::{MockIssuer, MockModel, Reply, TestHome};
use codexkit::{Codex, Sandbox};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let home = TestHome::new()?;
    if env::args().any(|arg| arg == "--account") {
        let account = env::var("CHATGPT_ACCOUNT_ID").map_err(|_| "set CHATGPT_ACCOUNT_ID")?;
        let token = env::var("CHATGPT_ACCESS_TOKEN").map_err(|_| "set CHATGPT_ACCESS_TOKEN")?;
        let builder = Codex::builder().codex_home(home.codex_home()).cwd(home.workspace());
        // Without a provider a token that the model refuses fails the turn.
        return log_in(builder.start().await?, &account, &token).await;
    }
    let (model, issuer) = (MockModel::start().await?, MockIssuer::start().await?);
    let builder = issuer.configure(home.builder(&model));
    let service = issuer.clone();
    let builder = builder.chatgpt_token_provider(move |asked| {
        println!("the runtime asks for a new token: {}", asked.reason);
        let service = service.clone();
        async move {
            let account = asked.previous_account_id.ok_or("there is no account yet")?;
            let token = service.issue_token();
            Ok::<_, &str>(ChatgptAuthTokensRefreshResponse::new(account, token))
        }
    });
    // The first token is too old.
    model.extend([Reply::unauthorized(), "Tokens are keys that expire.".into()]);
    let token = issuer.issue_token();
    log_in(builder.start().await?, &issuer.account_id(), &token).await?;

    let requests = model.requests();
    let used: Vec<_> = requests.iter().filter_map(|it| it.header("authorization")).collect();
    let renewed = issuer.issued_secrets().pop().unwrap_or_default();
    assert_eq!(used, [format!("Bearer {token}"), format!("Bearer {renewed}")]);
    Ok(())
}

async fn log_in(codex: Codex, account: &str, token: &str) -> Outcome {
    let params = ChatgptAuthTokensLoginAccountParams::new(account, token);
    codex.request(LoginAccountParams::from(params)).await?;
    println!("logged in: {:?}", codex.require_account().await?.account);
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).ephemeral(true).await?;
    let result = thread.run("What is a token? Say it in five words.").await?;
    println!("agent: {}", result.final_response.unwrap_or_default());
    codex.logout().await?;
    codex.close().await;
    Ok(())
}
