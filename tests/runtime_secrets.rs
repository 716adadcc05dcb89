//! No key and no token is in anything that this crate tells or shows, whatever the real runtime does
//! with them.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "other tests need the rest")]
#[path = "runtime/processes.rs"]
mod processes;
#[allow(dead_code, reason = "other tests need the rest")]
#[path = "runtime/support.rs"]
mod support;

use std::fmt::{Debug, Write};
use std::fs::File;
use std::io;
use std::sync::Arc;

use codexkit::protocol::{
    ChatgptAuthTokensLoginAccountParams, ChatgptAuthTokensRefreshResponse, LoginAccountParams,
};
use codexkit::testing::{MockIssuer, Reply};
use codexkit::{Codex, Result};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::support::{Place, SOON, next_update, run_with_browser, within};

/// What a user may see, and what of it must stay secret.
#[derive(Default)]
struct Seen {
    text: String,
    secrets: Vec<String>,
}

impl Seen {
    fn show(&mut self, it: &impl Debug) {
        writeln!(self.text, "{it:?}\n{it:#?}").unwrap();
    }

    /// Shows an error with all that led to it.
    fn error<T: Debug>(&mut self, result: Result<T>) {
        let error = result.unwrap_err();
        self.show(&error);
        let mut next: Option<&dyn std::error::Error> = Some(&error);
        while let Some(it) = next {
            writeln!(self.text, "{it} {it:?}").unwrap();
            next = it.source();
        }
    }

    fn secret(&mut self, it: &str) {
        self.secrets.push(it.to_owned());
    }

    /// Fails if anything secret is there to be seen.
    fn check(&self) {
        for secret in &self.secrets {
            if let Some(at) = self.text.find(secret) {
                let before = self.text[..at].lines().last().unwrap_or_default();
                panic!("`{secret}` is behind `{before}`");
            }
        }
    }
}

async fn start(place: &Place, issuer: &MockIssuer, seen: &mut Seen) -> Codex {
    let issuer_of_provider = issuer.clone();
    let builder = issuer.configure(place.builder());
    let builder = builder.env("RUST_LOG", "trace").chatgpt_token_provider(move |params| {
        let token = issuer_of_provider.issue_token();
        let account = params.previous_account_id.unwrap_or_default();
        async { Ok::<_, io::Error>(ChatgptAuthTokensRefreshResponse::new(account, token)) }
    });
    seen.show(&builder);
    let codex = place.start_with(builder).await;
    seen.show(&codex);
    codex
}

/// Has the runtime say its last words, and shows all that the connection had to say.
async fn end(place: &Place, codex: Codex, seen: &mut Seen) {
    let mut feed = codex.notifications();
    processes::kill(place.process());
    let reason = within(SOON, codex.closed()).await;
    let words = reason.to_string();
    assert!(words.contains("; its last words were: "), "{words}");
    seen.show(&reason);
    writeln!(seen.text, "{reason}").unwrap();
    while let Some(event) = feed.next().await {
        seen.show(&event);
    }
    seen.error(codex.account().await);
}

async fn turn(place: &Place, codex: &Codex, replies: &[Reply], seen: &mut Seen) {
    place.model.extend(replies.iter().cloned());
    let thread = codex.thread_start().await.unwrap();
    seen.show(&thread);
    match thread.run("hi").await {
        Ok(result) => seen.show(&result),
        error => seen.error(error),
    }
    assert_eq!(place.model.unused(), 0);
    for request in place.model.requests() {
        seen.show(&request);
    }
}

async fn with_key(place: &Place, issuer: &MockIssuer, seen: &mut Seen) {
    let codex = start(place, issuer, seen).await;
    let mut events = codex.account_events();
    for key in ["sk-of-the-test-1", "sk-of-the-test-2"] {
        seen.secret(key);
        codex.login_api_key(key).await.unwrap();
        seen.show(&next_update(&mut events).await);
        seen.show(&codex.account().await);
        turn(place, &codex, &["ok".into()], seen).await;
        turn(place, &codex, &[Reply::unauthorized()], seen).await;
    }
    seen.secret("sk-with-a-space");
    seen.error(codex.login_api_key("sk-with-a-space ").await);
    codex.logout().await.unwrap();
    codex.login_api_key("sk-of-the-test-1").await.unwrap();
    seen.show(&events);
    end(place, codex, seen).await;
}

async fn with_browser(place: &Place, issuer: &MockIssuer, seen: &mut Seen) {
    let codex = start(place, issuer, seen).await;
    seen.show(&codex.login_chatgpt());
    seen.show(&codex.login_chatgpt_device_code());
    let visit = async |seen: &mut Seen| {
        let login = codex.login_chatgpt().await.unwrap();
        seen.secret(login.auth_url());
        let (_, state) = login.auth_url().split_once("&state=").unwrap();
        seen.secret(state.split('&').next().unwrap());
        issuer.visit(login.auth_url()).await.unwrap();
        seen.show(&login);
        login
    };
    issuer.deny_sign_in();
    let denied = visit(seen).await;
    seen.error(denied.wait().await);
    issuer.approve_sign_in();
    issuer.refuse_tokens("none today");
    let refused = visit(seen).await;
    seen.error(refused.wait().await);
    issuer.grant_tokens();
    let login = visit(seen).await;
    seen.show(&login.wait().await);
    seen.show(&codex.account().refresh_token().await);
    seen.show(&codex.rate_limits().await);
    turn(place, &codex, &[Reply::unauthorized(), Reply::unauthorized(), "ok".into()], seen).await;
    codex.logout().await.unwrap();

    let login = codex.login_chatgpt_device_code().await.unwrap();
    seen.secret(login.user_code());
    seen.show(&login);
    issuer.approve_device();
    seen.show(&login.wait().await);
    end(place, codex, seen).await;
}

async fn with_tokens(place: &Place, issuer: &MockIssuer, seen: &mut Seen) {
    let codex = start(place, issuer, seen).await;
    codex.logout().await.unwrap();
    let log_in = async |token: &str, seen: &mut Seen| {
        let params = ChatgptAuthTokensLoginAccountParams::new(issuer.account_id(), token);
        let params = LoginAccountParams::from(params);
        seen.show(&params);
        let call = codex.request(params);
        seen.show(&call);
        call.await
    };
    seen.secret("token-that-is-none");
    let refused = log_in("token-that-is-none", seen).await;
    seen.error(refused);
    let response = log_in(&issuer.issue_token(), seen).await;
    seen.show(&response);
    seen.secret("sk-that-is-refused");
    seen.error(codex.login_api_key("sk-that-is-refused").await);
    seen.error(codex.login_chatgpt().await);
    turn(place, &codex, &[Reply::unauthorized(), "ok".into()], seen).await;
    seen.show(&ChatgptAuthTokensRefreshResponse::new("account-1", issuer.issue_token()));
    end(place, codex, seen).await;
}

#[tokio::test]
async fn keys_and_tokens_are_in_nothing_that_a_user_sees() {
    run_with_browser(async |place, issuer| {
        let path = place.home.path().join("told.log");
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_writer(Arc::new(File::create(&path).unwrap()))
            .with_ansi(false)
            .with_span_events(FmtSpan::FULL)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let mut seen = Seen::default();
        with_key(place, issuer, &mut seen).await;
        with_browser(place, issuer, &mut seen).await;
        with_tokens(place, issuer, &mut seen).await;

        let told = std::fs::read_to_string(&path).unwrap();
        for wanted in [
            "request{method=\"account/login/start\"}: codexkit: answered",
            "request{method=\"account/login/start\"}: codexkit: failed",
            "notification method=account/login/completed",
        ] {
            assert!(told.contains(wanted), "`{wanted}` is missing in:\n{told}");
        }
        seen.text.push_str(&told);
        seen.show(issuer);
        for request in issuer.requests() {
            seen.show(&request);
        }
        let issued = issuer.issued_secrets();
        assert!(issued.len() > 10, "{}", issued.len());
        // Also the part of a token alone that says whose it is.
        seen.secrets.extend(issued.iter().filter_map(|it| Some(it.split('.').nth(1)?.to_owned())));
        seen.secrets.extend(issued);
        seen.check();
    })
    .await;
}

#[test]
#[should_panic(expected = "`sk-1` is behind `before `")]
fn a_secret_that_is_shown_is_found() {
    let mut seen = Seen { text: "before sk-1".to_owned(), ..Seen::default() };
    seen.secret("sk-1");
    seen.check();
}
