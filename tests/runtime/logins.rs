//! Logins in a browser: how they end, and what is left of them.

use std::future::IntoFuture;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use codexkit::protocol::{
    Account, AccountLoginCompletedNotification, AuthMode, CancelLoginAccountStatus, PlanType,
    ServerNotification,
};
use codexkit::testing::{MockIssuer, Reply};
use codexkit::{
    ChatgptLoginHandle, CloseReason, Codex, Error, LoginFailure, Notifications, Result,
};
use tokio::net::TcpListener;

use crate::accounts::{authorization, start};
use crate::support::{SOON, next_event, next_update, run_with_browser, within};

/// How the login failed, which must be known soon.
pub(crate) async fn failure(login: &ChatgptLoginHandle) -> LoginFailure {
    failure_of(login.login_id(), login.wait()).await
}

/// The same of whatever kind of login it is.
pub(crate) async fn failure_of(
    id: &str,
    end: impl Future<Output = Result<AccountLoginCompletedNotification>>,
) -> LoginFailure {
    match within(SOON, end).await {
        Err(Error::LoginFailed(failure)) => {
            assert_eq!(failure.login_id, id);
            *failure
        }
        other => panic!("{other:?}"),
    }
}

/// Goes through with the login, and waits for its end.
pub(crate) async fn succeed(issuer: &MockIssuer, login: &ChatgptLoginHandle) {
    assert_eq!(visit(issuer, login).await.0, 200);
    let completed = within(SOON, login.wait()).await.unwrap();
    assert!(completed.success && completed.error.is_none(), "{completed:?}");
    assert_eq!(completed.login_id.as_deref(), Some(login.login_id()));
}

/// The last page that the browser sees.
async fn visit(issuer: &MockIssuer, login: &ChatgptLoginHandle) -> (u16, String) {
    issuer.visit(login.auth_url()).await.unwrap()
}

/// The id of an attempt that ended without anyone waiting for it.
pub(crate) async fn next_end(feed: &mut Notifications) -> String {
    next_event(feed, |it| match it {
        ServerNotification::AccountLoginCompleted(it) => {
            assert!(!it.success, "{it:?}");
            it.login_id
        }
        _ => None,
    })
    .await
}

/// Where the browser comes back to.
pub(crate) const PORT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 1455);

/// Waits until nobody listens where the browser comes back to. The runtime stops just after it has
/// told of the end of the login.
pub(crate) async fn port_is_free() {
    let free = async {
        while TcpListener::bind(PORT).await.is_err() {
            // Nothing tells about the end of a listener of somebody else.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    within(SOON, free).await;
}

async fn port_is_taken() {
    let error = TcpListener::bind(PORT).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

pub(crate) async fn has_account(codex: &Codex) -> bool {
    codex.account().await.unwrap().account.is_some()
}

#[tokio::test]
async fn a_login_in_the_browser_leads_to_an_account_until_the_logout() {
    run_with_browser(async |place, issuer| {
        place.model.always("ok");
        issuer.sign_in_as("ann@example.invalid", "account-of-ann", "pro");
        let codex = start(place, issuer).await;
        let mut events = codex.account_events();
        let login = codex.login_chatgpt().await.unwrap();
        assert!(login.auth_url().starts_with(&issuer.url()), "{}", login.auth_url());
        assert!(!has_account(&codex).await);
        succeed(issuer, &login).await;
        // It can be asked for again.
        assert!(login.wait().await.unwrap().success);

        let update = next_update(&mut events).await;
        assert_eq!(update.auth_mode, Some(AuthMode::Chatgpt));
        assert_eq!(update.plan_type, Some(PlanType::Pro));
        match codex.account().await.unwrap().account {
            Some(Account::Chatgpt(account)) => {
                assert_eq!(account.email.as_deref(), Some("ann@example.invalid"));
                assert_eq!(account.plan_type, PlanType::Pro);
            }
            other => panic!("{other:?}"),
        }
        codex.thread_start().await.unwrap().run("hi").await.unwrap();
        let request = place.model.requests().pop().unwrap();
        assert_eq!(request.header("chatgpt-account-id"), Some("account-of-ann"));
        let authorization = authorization(place).unwrap();
        let token = authorization.strip_prefix("Bearer ").unwrap();
        assert!(issuer.issued_secrets().iter().any(|it| it == token));

        codex.logout().await.unwrap();
        assert!(!has_account(&codex).await);
        assert_eq!(next_update(&mut events).await.auth_mode, None);
        issuer.wait_for_requests("/oauth/revoke", 1).await;
    })
    .await;
}

#[tokio::test]
async fn a_denied_login_says_so_and_the_next_one_may_succeed() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        issuer.deny_sign_in();
        let login = codex.login_chatgpt().await.unwrap();
        visit(issuer, &login).await;
        let failure = failure(&login).await;
        assert!(!failure.is_cancelled());
        let id = login.login_id();
        let text = "Login server error: Sign-in failed: access_denied";
        assert_eq!(failure.to_string(), format!("login {id} failed: {text}"));
        assert!(!has_account(&codex).await);
        issuer.approve_sign_in();
        succeed(issuer, &codex.login_chatgpt().await.unwrap()).await;
        assert!(has_account(&codex).await);
    })
    .await;
}

#[tokio::test]
async fn a_forged_page_does_not_end_the_login() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        issuer.corrupt_state();
        let login = codex.login_chatgpt().await.unwrap();
        let (status, page) = visit(issuer, &login).await;
        assert_eq!((status, page.as_str()), (400, "State mismatch"));
        let after = Duration::from_millis(50);
        match login.wait_timeout(after).await {
            Err(Error::LoginTimeout { after: it, .. }) => {
                assert_eq!(it, after);
            }
            other => panic!("{other:?}"),
        }
        issuer.approve_sign_in();
        succeed(issuer, &login).await;
        assert!(login.wait_timeout(SOON).await.unwrap().success);
        assert!(has_account(&codex).await);
    })
    .await;
}

#[tokio::test]
async fn a_login_without_tokens_fails() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        issuer.refuse_tokens("none today");
        let login = codex.login_chatgpt().await.unwrap();
        visit(issuer, &login).await;
        let failure = failure(&login).await;
        assert!(!failure.is_cancelled());
        let text =
            "Token exchange failed: token endpoint returned status 400 Bad Request: none today";
        assert!(failure.to_string().ends_with(text), "{failure}");
        assert!(!has_account(&codex).await);
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_login_ends_for_all_who_wait_and_frees_the_port() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let login = codex.login_chatgpt().await.unwrap();
        let waiters = [login.clone(), login.clone()];
        let waiters = waiters.map(|it| tokio::spawn(async move { failure(&it).await }));
        port_is_taken().await;
        assert_eq!(login.cancel().await.unwrap(), CancelLoginAccountStatus::Canceled);
        for waiter in waiters {
            let failure = waiter.await.unwrap();
            assert!(failure.is_cancelled(), "{failure}");
        }
        assert!(failure(&login).await.is_cancelled());
        port_is_free().await;
        assert_eq!(login.cancel().await.unwrap(), CancelLoginAccountStatus::NotFound);
        assert!(issuer.visit(login.auth_url()).await.is_err());
        assert!(!has_account(&codex).await);
    })
    .await;
}

#[tokio::test]
async fn all_who_wait_hear_of_the_success() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let login = codex.login_chatgpt().await.unwrap();
        let waiters = [login.clone(), login.clone()];
        let waiters = waiters.map(|it| tokio::spawn(async move { it.wait().await }));
        succeed(issuer, &login).await;
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap().unwrap(), login.wait().await.unwrap());
        }
        // It is over.
        assert_eq!(login.cancel().await.unwrap(), CancelLoginAccountStatus::NotFound);
        assert!(has_account(&codex).await);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_handle_gives_the_login_up_only_if_that_is_wanted() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let mut feed = codex.notifications();
        let login = codex.login_chatgpt().await.unwrap().cancel_on_drop(true);
        let id = login.login_id().to_owned();
        drop(login.clone());
        port_is_taken().await;
        drop(login);
        assert_eq!(next_end(&mut feed).await, id);
        port_is_free().await;

        let mut events = codex.account_events();
        let login = codex.login_chatgpt().await.unwrap();
        let url = login.auth_url().to_owned();
        drop(login);
        assert_eq!(issuer.visit(&url).await.unwrap().0, 200);
        assert_eq!(next_update(&mut events).await.auth_mode, Some(AuthMode::Chatgpt));
    })
    .await;
}

#[tokio::test]
async fn a_login_that_nobody_takes_is_given_up() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let mut feed = codex.notifications();
        drop(codex.login_chatgpt());
        drop(codex.login_chatgpt().into_future());
        let begin = codex.login_chatgpt().into_future();
        tokio::time::timeout(Duration::ZERO, begin).await.unwrap_err();
        next_end(&mut feed).await;
        port_is_free().await;
        // Only one has begun.
        succeed(issuer, &codex.login_chatgpt().await.unwrap()).await;
        codex.close().await;
        while let Some(Ok(event)) = feed.next().await {
            let event = format!("{event:?}");
            assert!(!event.contains("account/login/completed"), "{event}");
        }
    })
    .await;
}

#[tokio::test]
async fn who_waits_hears_that_the_connection_was_closed() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let login = codex.login_chatgpt().await.unwrap();
        let waiter = login.clone();
        let waiter = tokio::spawn(async move { waiter.wait().await });
        // It has begun to wait.
        tokio::task::yield_now().await;
        codex.close().await;
        for result in [waiter.await.unwrap(), login.wait().await] {
            assert!(matches!(result, Err(Error::Closed(CloseReason::Local))), "{result:?}");
        }
        let result = login.cancel().await;
        assert!(matches!(result, Err(Error::Closed(CloseReason::Local))), "{result:?}");
        port_is_free().await;
    })
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_waits_hears_that_the_runtime_is_gone() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let login = codex.login_chatgpt().await.unwrap();
        crate::processes::kill(place.process());
        let result = within(SOON, login.wait()).await;
        assert!(matches!(result, Err(Error::Closed(CloseReason::Exited { .. }))), "{result:?}");
        port_is_free().await;
    })
    .await;
}

#[tokio::test]
async fn a_login_goes_on_when_its_handle_is_all_that_is_left() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let mut events = codex.account_events();
        let login = codex.login_chatgpt().await.unwrap();
        drop(codex);
        tokio::time::timeout(Duration::ZERO, login.wait()).await.unwrap_err();
        succeed(issuer, &login).await;
        assert_eq!(next_update(&mut events).await.auth_mode, Some(AuthMode::Chatgpt));
    })
    .await;
}

#[tokio::test]
async fn the_runtime_renews_a_token_that_the_model_refuses() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        succeed(issuer, &codex.login_chatgpt().await.unwrap()).await;
        place.model.extend([Reply::unauthorized(), Reply::unauthorized(), "ok".into()]);
        codex.thread_start().await.unwrap().run("hi").await.unwrap();
        let requests = place.model.requests();
        let used: Vec<_> = requests.iter().map(|it| it.header("authorization")).collect();
        // First it looks whether somebody else has renewed it already.
        assert!(used.len() == 3 && used[0] == used[1] && used[1] != used[2], "{}", used.len());
    })
    .await;
}

#[tokio::test]
async fn a_login_that_the_configuration_does_not_allow_is_refused() {
    run_with_browser(async |place, issuer| {
        let builder = issuer.configure(place.builder()).config("forced_login_method", "api");
        let codex = place.start_with(builder).await;
        let error = codex.login_chatgpt().await.unwrap_err();
        let text = "ChatGPT login is disabled. Use API key login instead.";
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.code(), Some(-32600));
        port_is_free().await;
    })
    .await;
}

#[tokio::test]
async fn a_login_is_begun_with_what_its_params_say() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let login = codex
            .login_chatgpt()
            .params(|it| it.use_hosted_login_success_page(true).codex_streamlined_login(true));
        let login = login.await.unwrap();
        // Its last page is then not one of the runtime.
        let error = issuer.visit(login.auth_url()).await.unwrap_err();
        assert!(error.to_string().contains("`https://chatgpt.com`"), "{error}");
        assert!(within(SOON, login.wait()).await.unwrap().success);
    })
    .await;
}
