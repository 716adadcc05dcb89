//! Tokens that the client gets by itself.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use codexkit::protocol::{
    Account, AuthMode, ChatgptAuthTokensLoginAccountParams, ChatgptAuthTokensRefreshParams,
    ChatgptAuthTokensRefreshReason, ChatgptAuthTokensRefreshResponse, LoginAccountParams,
    LoginAccountResponse,
};
use codexkit::testing::{MockIssuer, Reply};
use codexkit::{Codex, CodexBuilder, ConnectionEvent, RpcErrorKind};

use crate::accounts::{authorization, start};
use crate::support::{Place, next_update, run_with_issuer};

/// Logs in with a token of the issuer, which is given back.
pub(crate) async fn log_in(codex: &Codex, issuer: &MockIssuer) -> String {
    let token = issuer.issue_token();
    let params = ChatgptAuthTokensLoginAccountParams::new(issuer.account_id(), &token);
    let response = codex.request(LoginAccountParams::from(params)).await.unwrap();
    assert!(matches!(response, LoginAccountResponse::ChatgptAuthTokens(_)), "{response:?}");
    token
}

pub(crate) type Asked = Arc<Mutex<Vec<ChatgptAuthTokensRefreshParams>>>;

/// Has new tokens made by the issuer, for the account `of`.
pub(crate) fn provider(
    builder: CodexBuilder,
    issuer: &MockIssuer,
    of: &str,
) -> (CodexBuilder, Asked) {
    let asked = Asked::default();
    let (issuer, of, seen) = (issuer.clone(), of.to_owned(), asked.clone());
    let builder = builder.chatgpt_token_provider(move |params| {
        seen.lock().unwrap().push(params);
        let response = ChatgptAuthTokensRefreshResponse::new(&of, issuer.issue_token());
        async { Ok::<_, io::Error>(response) }
    });
    (builder, asked)
}

/// How a turn ends in which the model refuses the token, and what is said of requests that were
/// refused meanwhile.
pub(crate) async fn failed_turn(
    place: &Place,
    issuer: &MockIssuer,
    builder: CodexBuilder,
) -> (String, Vec<Option<String>>) {
    let codex = place.start_with(builder).await;
    let mut feed = codex.notifications();
    log_in(&codex, issuer).await;
    place.model.push(Reply::unauthorized());
    let thread = codex.thread_start().await.unwrap();
    let error = thread.run("hi").await.unwrap_err();
    let message = error.turn().unwrap().error.clone().unwrap().message;
    assert_eq!(place.model.unused(), 0);
    codex.close().await;
    let mut problems = Vec::new();
    while let Some(Ok(event)) = feed.next().await {
        if let ConnectionEvent::RequestRefused { request, problem, source, .. } = event {
            assert_eq!(request.method, "account/chatgptAuthTokens/refresh");
            let source = source.map(|it| format!(": {it}")).unwrap_or_default();
            problems.push(problem.map(|it| it + &source));
        }
    }
    (message, problems)
}

/// What the runtime says when it gets no token.
pub(crate) const REFUSED: &str = "auth refresh request failed: code=-32000";

#[tokio::test]
async fn tokens_of_the_client_are_what_the_model_is_asked_with_until_the_logout() {
    run_with_issuer(async |place, issuer| {
        place.model.always("ok");
        let codex = start(place, issuer).await;
        let mut events = codex.account_events();
        let token = log_in(&codex, issuer).await;
        let update = next_update(&mut events).await;
        assert_eq!(update.auth_mode, Some(AuthMode::ChatgptAuthTokens));
        match codex.account().await.unwrap().account {
            Some(Account::Chatgpt(account)) => {
                assert_eq!(account.email.as_deref(), Some("someone@example.invalid"));
            }
            other => panic!("{other:?}"),
        }
        codex.thread_start().await.unwrap().run("hi").await.unwrap();
        assert_eq!(authorization(place), Some(format!("Bearer {token}")));
        // Another token takes its place.
        let token = log_in(&codex, issuer).await;
        codex.thread_start().await.unwrap().run("hi").await.unwrap();
        assert_eq!(authorization(place), Some(format!("Bearer {token}")));
        codex.logout().await.unwrap();
        assert_eq!(codex.account().await.unwrap().account, None);
    })
    .await;
}

#[tokio::test]
async fn tokens_of_the_client_are_gone_with_the_runtime() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        log_in(&codex, issuer).await;
        codex.require_account().await.unwrap();
        codex.close().await;
        assert!(!place.home.codex_home().join("auth.json").exists());
        let codex = start(place, issuer).await;
        assert_eq!(codex.account().await.unwrap().account, None);
    })
    .await;
}

#[tokio::test]
async fn no_other_login_replaces_the_tokens_of_the_client() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        log_in(&codex, issuer).await;
        for error in [
            codex.login_api_key("sk-instead").await.unwrap_err(),
            codex.login_chatgpt().await.unwrap_err(),
            codex.login_chatgpt_device_code().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), Some(RpcErrorKind::ExternalTokensActive), "{error}");
            assert!(error.to_string().ends_with("log out with `Codex::logout` first"), "{error}");
        }
        codex.logout().await.unwrap();
        codex.login_api_key("sk-instead").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_none_is_refused() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        let params = ChatgptAuthTokensLoginAccountParams::new("account-1", "not-a-token");
        let error = codex.request(LoginAccountParams::from(params)).await.unwrap_err();
        assert!(error.to_string().contains("invalid ID token format"), "{error}");
        assert!(!format!("{error:?} {error}").contains("not-a-token"), "{error:?}");
        assert_eq!(codex.account().await.unwrap().account, None);
    })
    .await;
}

#[tokio::test]
async fn a_refused_token_is_renewed_by_the_provider_and_the_turn_goes_on() {
    run_with_issuer(async |place, issuer| {
        let (builder, asked) = provider(issuer.configure(place.builder()), issuer, "account-1");
        let codex = place.start_with(builder).await;
        let old = log_in(&codex, issuer).await;
        let thread = codex.thread_start().await.unwrap();
        place.model.extend([Reply::unauthorized(), "ok".into(), "ok".into()]);
        let result = thread.run("hi").await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("ok"));
        match &asked.lock().unwrap()[..] {
            [params] => {
                assert_eq!(params.reason, ChatgptAuthTokensRefreshReason::Unauthorized);
                assert_eq!(params.previous_account_id.as_deref(), Some("account-1"));
            }
            other => panic!("{other:?}"),
        }
        let new = issuer.issued_secrets().pop().unwrap();
        let requests = place.model.requests();
        let used: Vec<_> = requests.iter().map(|it| it.header("authorization").unwrap()).collect();
        assert_eq!(used, [format!("Bearer {old}"), format!("Bearer {new}")]);
        // The next turn begins with it.
        thread.run("hi").await.unwrap();
        assert_eq!(authorization(place), Some(format!("Bearer {new}")));
        assert_eq!(asked.lock().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn without_a_provider_a_refused_token_fails_the_turn() {
    run_with_issuer(async |place, issuer| {
        let ended = failed_turn(place, issuer, issuer.configure(place.builder())).await;
        assert_eq!(ended, (REFUSED.to_owned(), vec![None]));
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_has_no_token_fails_the_turn_and_says_why() {
    run_with_issuer(async |place, issuer| {
        let builder = issuer.configure(place.builder()).chatgpt_token_provider(async |_| {
            Err::<ChatgptAuthTokensRefreshResponse, _>(io::Error::other("no token today"))
        });
        let ended = failed_turn(place, issuer, builder).await;
        let problem = "its handler failed: no token today".to_owned();
        assert_eq!(ended, (REFUSED.to_owned(), vec![Some(problem)]));
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_panics_fails_the_turn_and_nothing_else() {
    run_with_issuer(async |place, issuer| {
        let asked = AtomicUsize::new(0);
        let builder = issuer.configure(place.builder()).chatgpt_token_provider(move |_| {
            let is_first = asked.fetch_add(1, Ordering::Relaxed) == 0;
            assert!(!is_first, "before there is a future");
            async move { panic!("in the future") as Result<_, io::Error> }
        });
        let problem = Some("its handler panicked".to_owned());
        for _ in 0..2 {
            let ended = failed_turn(place, issuer, builder.clone()).await;
            assert_eq!(ended, (REFUSED.to_owned(), vec![problem.clone()]));
        }
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_is_too_slow_is_given_up_before_the_runtime_gives_up() {
    run_with_issuer(async |place, issuer| {
        let builder = issuer.configure(place.builder()).chatgpt_token_provider(|_| {
            std::future::pending::<Result<ChatgptAuthTokensRefreshResponse, io::Error>>()
        });
        let ended = failed_turn(place, issuer, builder).await;
        let problem = "its handler gave no answer within 9s".to_owned();
        assert_eq!(ended, (REFUSED.to_owned(), vec![Some(problem)]));
    })
    .await;
}

#[tokio::test]
async fn a_token_of_another_account_fails_the_turn_or_is_used() {
    run_with_issuer(async |place, issuer| {
        let (builder, asked) = provider(issuer.configure(place.builder()), issuer, "account-2");
        let codex = place.start_with(builder).await;
        log_in(&codex, issuer).await;
        place.model.extend([Reply::unauthorized(), "ok".into()]);
        let result = codex.thread_start().await.unwrap().run("hi").await;
        let account = place.model.requests().pop().unwrap();
        let account = account.header("chatgpt-account-id").map(str::to_owned);
        // It mostly fails, but not if the runtime has not yet noticed the change.
        match result {
            Err(error) => {
                let text = "Fatal error: application network policy is unavailable";
                assert!(error.to_string().ends_with(text), "{error}");
                assert_eq!(account.as_deref(), Some("account-1"));
            }
            Ok(_) => assert_eq!(account.as_deref(), Some("account-2")),
        }
        assert_eq!(asked.lock().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_new_token_that_is_none_fails_the_turn() {
    run_with_issuer(async |place, issuer| {
        let builder = issuer.configure(place.builder()).chatgpt_token_provider(async |_| {
            Ok::<_, io::Error>(ChatgptAuthTokensRefreshResponse::new("account-1", "none"))
        });
        let (message, problems) = failed_turn(place, issuer, builder).await;
        assert_eq!(message, "auth refresh returned invalid credentials");
        assert!(problems.is_empty(), "{problems:?}");
    })
    .await;
}

#[tokio::test]
async fn a_new_token_that_is_refused_as_well_fails_the_turn_with_what_to_do() {
    run_with_issuer(async |place, issuer| {
        let (builder, asked) = provider(issuer.configure(place.builder()), issuer, "account-1");
        let codex = place.start_with(builder).await;
        log_in(&codex, issuer).await;
        place.model.extend([Reply::unauthorized(), Reply::unauthorized()]);
        let thread = codex.thread_start().await.unwrap();
        let error = thread.run("hi").await.unwrap_err();
        assert!(error.needs_login(), "{error}");
        assert_eq!((asked.lock().unwrap().len(), place.model.unused()), (1, 0));
    })
    .await;
}
