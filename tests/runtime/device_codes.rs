//! Logins with a code: how they end, and what happens where none is to be had.

use std::future::IntoFuture;
use std::net::Ipv4Addr;
use std::time::Duration;

use codexkit::protocol::{Account, AuthMode, CancelLoginAccountStatus};
use codexkit::testing::MockIssuer;
use codexkit::{
    CloseReason, CodexBuilder, DeviceCodeLoginHandle, Error, LoginFailure, RpcErrorKind,
};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::accounts::{authorization, start};
use crate::logins::{failure_of, next_end};
use crate::support::{Place, SOON, next_update, run_with_issuer, within};

/// Where the runtime asks whether the code was entered.
const POLLED: &str = "/api/accounts/deviceauth/token";

/// How the login failed, which must be known soon.
pub(crate) async fn failure(login: &DeviceCodeLoginHandle) -> LoginFailure {
    failure_of(login.login_id(), login.wait()).await
}

#[tokio::test]
async fn a_login_with_a_code_leads_to_an_account_once_the_code_was_entered() {
    run_with_issuer(async |place, issuer| {
        place.model.always("ok");
        let codex = start(place, issuer).await;
        let mut events = codex.account_events();
        let login = codex.login_chatgpt_device_code().await.unwrap();
        assert_eq!(login.user_code(), "ABCD-1234");
        assert_eq!(login.verification_url(), format!("{}/codex/device", issuer.url()));
        let waiter = login.clone();
        let waiter = tokio::spawn(async move { waiter.wait().await });
        issuer.wait_for_requests(POLLED, 1).await;
        assert_eq!(codex.account().await.unwrap().account, None);
        issuer.approve_device();
        let completed = within(SOON, login.wait()).await.unwrap();
        assert_eq!(completed.login_id.as_deref(), Some(login.login_id()));
        assert_eq!(waiter.await.unwrap().unwrap(), completed);

        assert_eq!(next_update(&mut events).await.auth_mode, Some(AuthMode::Chatgpt));
        let account = codex.account().await.unwrap().account;
        assert!(matches!(account, Some(Account::Chatgpt(_))), "{account:?}");
        codex.thread_start().await.unwrap().run("hi").await.unwrap();
        let authorization = authorization(place).unwrap();
        let token = authorization.strip_prefix("Bearer ").unwrap();
        assert!(issuer.issued_secrets().iter().any(|it| it == token));
        assert_eq!(login.cancel().await.unwrap(), CancelLoginAccountStatus::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_code_is_of_no_use_any_more() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        let login = codex.login_chatgpt_device_code().await.unwrap();
        assert_eq!(login.cancel().await.unwrap(), CancelLoginAccountStatus::Canceled);
        let ended = failure(&login).await;
        assert!(ended.is_cancelled(), "{ended}");
        assert_eq!(
            ended.to_string(),
            format!("login {} failed: Login was not completed", login.login_id())
        );
        assert_eq!(login.cancel().await.unwrap(), CancelLoginAccountStatus::NotFound);
        assert!(failure(&login).await.is_cancelled());
        assert_eq!(codex.account().await.unwrap().account, None);
    })
    .await;
}

#[tokio::test]
async fn a_second_code_a_key_and_a_logout_end_the_login() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        let first = codex.login_chatgpt_device_code().await.unwrap();
        let second = codex.login_chatgpt_device_code().await.unwrap();
        assert!(failure(&first).await.is_cancelled());
        codex.login_api_key("sk-instead").await.unwrap();
        assert!(failure(&second).await.is_cancelled());
        let third = codex.login_chatgpt_device_code().await.unwrap();
        codex.logout().await.unwrap();
        assert!(failure(&third).await.is_cancelled());
        assert_eq!(codex.account().await.unwrap().account, None);
    })
    .await;
}

#[tokio::test]
async fn a_refused_code_and_refused_tokens_say_so() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        issuer.deny_device();
        let login = codex.login_chatgpt_device_code().await.unwrap();
        let denied = failure(&login).await;
        assert!(!denied.is_cancelled());
        let text = "device auth failed with status 400 Bad Request";
        assert!(denied.to_string().ends_with(text), "{denied}");
        issuer.refuse_tokens("none today");
        issuer.approve_device();
        let login = codex.login_chatgpt_device_code().await.unwrap();
        let refused = failure(&login).await;
        assert!(!refused.is_cancelled());
        assert!(refused.to_string().ends_with("400 Bad Request: none today"), "{refused}");
        assert_eq!(codex.account().await.unwrap().account, None);
    })
    .await;
}

#[tokio::test]
async fn where_there_are_no_codes_the_error_says_what_else_to_do() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        issuer.disable_device_codes();
        let error = codex.login_chatgpt_device_code().await.unwrap_err();
        let text = "device code login is not enabled for this Codex server. Use the browser login";
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.code(), Some(-32600));

        issuer.answer("/api/accounts/deviceauth/usercode", 500, json!({}));
        let error = codex.login_chatgpt_device_code().await.unwrap_err();
        let text = "failed to request device code: device code request failed with status 500";
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.kind(), Some(RpcErrorKind::Internal));
    })
    .await;
}

/// A runtime with an issuer elsewhere.
fn at(place: &Place, issuer: &MockIssuer, url: &str) -> CodexBuilder {
    issuer.configure(place.builder()).env("CODEX_APP_SERVER_LOGIN_ISSUER", url)
}

#[tokio::test]
async fn an_issuer_that_is_not_there_is_an_error_at_once() {
    run_with_issuer(async |place, issuer| {
        let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", nobody.local_addr().unwrap());
        drop(nobody);
        let codex = place.start_with(at(place, issuer, &url)).await;
        let begin = codex.login_chatgpt_device_code().into_future();
        // Where no name can be resolved the runtime needs 5 s for the same error.
        let error = within(Duration::from_secs(5), begin).await.unwrap_err();
        let text = "failed to request device code: error sending request for url";
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.kind(), Some(RpcErrorKind::Internal));
    })
    .await;
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_in_time_is_not_waited_for() {
    run_with_issuer(async |place, issuer| {
        let slow = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", slow.local_addr().unwrap());
        // The runtime itself waits for more than half a minute.
        let builder = at(place, issuer, &url).request_timeout(Duration::from_secs(1));
        let codex = place.start_with(builder).await;
        let mut feed = codex.notifications();
        let (started, accepted) =
            tokio::join!(codex.login_chatgpt_device_code().into_future(), slow.accept());
        let what = "account/login/start";
        assert!(
            matches!(started, Err(Error::Timeout { what: it, .. }) if it == what),
            "{started:?}"
        );
        // It answers nothing else about accounts meanwhile, and everything else.
        codex.thread_start().await.unwrap();
        let error = codex.account().await.unwrap_err();
        assert!(matches!(error, Error::Timeout { .. }), "{error:?}");

        let code = r#"{"device_auth_id":"device-1","user_code":"ABCD-1234","interval":"1"}"#;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
        let answer = format!("{head}: {}\r\n\r\n{code}", code.len());
        accepted.unwrap().0.write_all(answer.as_bytes()).await.unwrap();
        // What came too late is given up.
        next_end(&mut feed).await;
        assert_eq!(codex.account().await.unwrap().account, None);
    })
    .await;
}

#[tokio::test]
async fn a_code_that_nobody_takes_is_given_up() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        let mut feed = codex.notifications();
        let login = codex.login_chatgpt_device_code().await.unwrap().cancel_on_drop(true);
        let id = login.login_id().to_owned();
        drop(login);
        assert_eq!(next_end(&mut feed).await, id);

        let begin = codex.login_chatgpt_device_code().into_future();
        tokio::time::timeout(Duration::ZERO, begin).await.unwrap_err();
        next_end(&mut feed).await;
    })
    .await;
}

#[tokio::test]
async fn who_waits_for_a_code_hears_that_the_connection_was_closed() {
    run_with_issuer(async |place, issuer| {
        let codex = start(place, issuer).await;
        let login = codex.login_chatgpt_device_code().await.unwrap();
        let (result, ()) = tokio::join!(login.wait(), codex.close());
        assert!(matches!(result, Err(Error::Closed(CloseReason::Local))), "{result:?}");
    })
    .await;
}
