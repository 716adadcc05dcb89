//! The account that the runtime works with, and what it is good for.

use codexkit::protocol::{Account, AuthMode, PlanType};
use codexkit::testing::{MockIssuer, Reply};
use codexkit::{Codex, Error, RpcErrorKind};
use serde_json::Value;

use crate::support::{Place, SOON, next_update, run, run_with_issuer, within};

/// What the model was asked with the last time.
pub(crate) fn authorization(place: &Place) -> Option<String> {
    let request = place.model.requests().pop().unwrap();
    request.header("authorization").map(str::to_owned)
}

/// A runtime whose accounts come from `issuer`.
pub(crate) async fn start(place: &Place, issuer: &MockIssuer) -> Codex {
    place.start_with(issuer.configure(place.builder())).await
}

async fn ask(codex: &Codex) {
    codex.thread_start().await.unwrap().run("hi").await.unwrap();
}

#[tokio::test]
async fn an_api_key_is_what_the_model_is_asked_with_until_the_logout() {
    run_with_issuer(async |place, issuer| {
        place.model.always("ok");
        let codex = start(place, issuer).await;
        let mut events = codex.account_events();
        let account = codex.account().await.unwrap();
        assert!(account.account.is_none() && account.requires_openai_auth);

        codex.login_api_key("sk-first").await.unwrap();
        let account = codex.account().await.unwrap().account;
        assert!(matches!(account, Some(Account::ApiKey(_))), "{account:?}");
        assert_eq!(codex.require_account().await.unwrap().account, account);
        assert_eq!(next_update(&mut events).await.auth_mode, Some(AuthMode::Apikey));
        ask(&codex).await;
        assert_eq!(authorization(place).as_deref(), Some("Bearer sk-first"));

        codex.login_api_key("sk-second").await.unwrap();
        assert_eq!(next_update(&mut events).await.auth_mode, Some(AuthMode::Apikey));
        ask(&codex).await;
        assert_eq!(authorization(place).as_deref(), Some("Bearer sk-second"));

        codex.logout().await.unwrap();
        assert_eq!(codex.account().await.unwrap().account, None);
        assert_eq!(next_update(&mut events).await.auth_mode, None);
        ask(&codex).await;
        assert_eq!(authorization(place), None);
    })
    .await;
}

#[tokio::test]
async fn an_account_outlives_the_runtime_that_logged_in() {
    run_with_issuer(async |place, issuer| {
        place.model.always("ok");
        let codex = start(place, issuer).await;
        codex.login_api_key("sk-kept").await.unwrap();
        codex.close().await;
        let codex = start(place, issuer).await;
        codex.require_account().await.unwrap();
        ask(&codex).await;
        assert_eq!(authorization(place).as_deref(), Some("Bearer sk-kept"));
    })
    .await;
}

#[tokio::test]
async fn a_key_that_the_configuration_does_not_allow_is_refused_without_being_repeated() {
    run_with_issuer(async |place, issuer| {
        let builder = issuer.configure(place.builder()).config("forced_login_method", "chatgpt");
        let codex = place.start_with(builder).await;
        let error = codex.login_api_key("sk-not-wanted").await.unwrap_err();
        let text = "API key login is disabled. Use ChatGPT login instead.";
        assert_eq!(error.code(), Some(-32600));
        assert!(error.to_string().contains(text), "{error}");
        assert!(!format!("{error:?} {error}").contains("sk-not-wanted"), "{error:?}");
        assert_eq!(codex.account().await.unwrap().account, None);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_cannot_be_one_is_not_sent() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        for key in ["", "sk-line\n", " sk-space", "sk-\0"] {
            let error = codex.login_api_key(key).await.unwrap_err();
            assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
        }
        assert_eq!(codex.account().await.unwrap().account, None);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_the_model_refuses_fails_the_turn_with_what_to_do() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        codex.login_api_key("sk-wrong").await.unwrap();
        place.model.push(Reply::unauthorized());
        let thread = codex.thread_start().await.unwrap();
        let error = thread.run("hi").await.unwrap_err();
        assert!(error.needs_login(), "{error}");
        let advice = "log in with `Codex::login_chatgpt`, `Codex::login_chatgpt_device_code` or \
                      `Codex::login_api_key`";
        assert!(error.to_string().ends_with(advice), "{error}");
        assert!(!format!("{error:?} {error}").contains("sk-wrong"), "{error:?}");

        codex.login_api_key("sk-right").await.unwrap();
        place.model.push("ok");
        thread.run("hi").await.unwrap();
        assert_eq!(authorization(place).as_deref(), Some("Bearer sk-right"));
    })
    .await;
}

#[tokio::test]
async fn an_account_that_is_missing_is_an_error_only_where_one_is_asked_for() {
    run(async |place| {
        let codex = place.start().await;
        let found = codex.require_account().await.unwrap();
        assert!(found.account.is_none() && !found.requires_openai_auth);
    })
    .await;
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        let error = codex.require_account().await.unwrap_err();
        assert!(matches!(error, Error::AccountRequired) && error.needs_login(), "{error:?}");
        for call in ["login_chatgpt`", "login_chatgpt_device_code`", "login_api_key`"] {
            assert!(error.to_string().contains(&format!("`Codex::{call}")), "{error}");
        }
        place.model.push(Reply::unauthorized());
        let error = codex.thread_start().await.unwrap().run("hi").await.unwrap_err();
        assert!(error.needs_login(), "{error}");
        assert_eq!(authorization(place), None);
    })
    .await;
}

#[tokio::test]
async fn limits_and_usage_are_those_of_the_account() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        for error in
            [codex.rate_limits().await.unwrap_err(), codex.account_usage().await.unwrap_err()]
        {
            assert_eq!(error.kind(), Some(RpcErrorKind::AccountRequired), "{error}");
            assert!(error.needs_login());
            assert!(error.to_string().contains("`Codex::login_chatgpt`"), "{error}");
        }

        codex.login_api_key("sk-key").await.unwrap();
        let error = codex.rate_limits().await.unwrap_err();
        assert_eq!(error.kind(), Some(RpcErrorKind::AccountRequired), "{error}");
        codex.logout().await.unwrap();

        issuer.approve_device();
        codex.login_chatgpt_device_code().await.unwrap().wait().await.unwrap();
        let limits = codex.rate_limits().await.unwrap().rate_limits;
        assert_eq!(limits.plan_type, Some(PlanType::Plus));
        let (primary, secondary) = (limits.primary.unwrap(), limits.secondary.unwrap());
        assert_eq!((primary.used_percent, primary.window_duration_mins), (25, Some(300)));
        assert_eq!((secondary.used_percent, secondary.window_duration_mins), (10, Some(10_080)));
        assert_eq!(primary.resets_at, Some(2_000_000_000));
        let usage = codex.account_usage().await.unwrap();
        assert_eq!(usage.summary.lifetime_tokens, Some(123_456));
        assert_eq!(usage.summary.peak_daily_tokens, Some(4000));
        let days = usage.daily_usage_buckets.unwrap();
        assert_eq!((days[0].start_date.as_str(), days[0].tokens), ("2033-05-01", 1000));
    })
    .await;
}

#[tokio::test]
async fn the_token_is_renewed_before_the_account_is_read_if_that_is_wanted() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        issuer.approve_device();
        codex.login_chatgpt_device_code().await.unwrap().wait().await.unwrap();
        let tokens = || issuer.requests().into_iter().filter(|it| it.path() == "/oauth/token");
        let before = tokens().count();
        codex.account().await.unwrap();
        assert_eq!(tokens().count(), before);
        let account = codex.account().refresh_token().await.unwrap().account;
        assert!(matches!(account, Some(Account::Chatgpt(_))), "{account:?}");
        assert_eq!(tokens().count(), before + 1);
        let renewal: Value = serde_json::from_str(tokens().last().unwrap().body()).unwrap();
        assert_eq!(renewal["grant_type"], "refresh_token");

        // The runtime says of it only this, and remembers it until the next login.
        issuer.refuse_tokens("no more of them");
        assert_eq!(codex.account().refresh_token().await.unwrap().account, None);
        issuer.grant_tokens();
        assert_eq!(codex.account().await.unwrap().account, None);
        codex.login_chatgpt_device_code().await.unwrap().wait().await.unwrap();
        codex.require_account().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_events_of_the_account_end_with_the_connection() {
    run_with_issuer(async |place, issuer| {
        place.model.always("ok");
        let codex = start(place, issuer).await;
        let mut events = codex.account_events();
        codex.login_api_key("sk-key").await.unwrap();
        assert_eq!(next_update(&mut events).await.auth_mode, Some(AuthMode::Apikey));
        codex.logout().await.unwrap();
        assert_eq!(next_update(&mut events).await.auth_mode, None);
        codex.close().await;
        let end = within(SOON, events.next()).await.unwrap();
        assert!(matches!(end, Err(Error::Closed(_))), "{end:?}");
        assert!(events.next().await.is_none());
    })
    .await;
}
