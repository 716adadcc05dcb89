//! The login in a browser.

use codexkit::protocol::PlanType;

use crate::support::{run, run_with_browser};

#[tokio::test]
async fn the_account_signs_in_that_the_test_chose() {
    run_with_browser(async |place| {
        place.issuer.sign_in_as("ann@example.invalid", "account-ann", "pro");
        let login = place.start_browser_login().await;
        assert!(login.auth_url.starts_with(&place.issuer.url()), "{}", login.auth_url);
        let (status, page) = place.issuer.visit(&login.auth_url).await.unwrap();
        assert!(status == 200 && page.contains("<html"), "{status}: {page}");
        place.outcome(Some(&login.login_id)).await.unwrap();

        let account = place.chatgpt_account().await;
        assert_eq!(account.email.as_deref(), Some("ann@example.invalid"));
        assert_eq!(account.plan_type, PlanType::Pro);
        let requests = place.issuer.requests();
        let (first, last) = (requests.first().unwrap(), requests.last().unwrap());
        assert_eq!((first.method(), first.path()), ("GET", "/oauth/authorize"));
        assert_eq!(first.query("response_type").as_deref(), Some("code"));
        assert_eq!(last.path(), "/backend-api/wham/accounts/check");
        assert_eq!(last.header("ChatGPT-Account-Id"), Some("account-ann"));
    })
    .await;
}

#[tokio::test]
async fn a_login_can_be_denied() {
    run_with_browser(async |place| {
        place.issuer.deny_sign_in();
        let login = place.start_browser_login().await;
        place.issuer.visit(&login.auth_url).await.unwrap();
        let error = place.outcome(Some(&login.login_id)).await.unwrap_err();
        assert_eq!(error, "Login server error: Sign-in failed: access_denied");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_state_is_refused_and_leaves_the_login_open() {
    run_with_browser(async |place| {
        let login = place.start_browser_login().await;
        place.issuer.corrupt_state();
        let (status, page) = place.issuer.visit(&login.auth_url).await.unwrap();
        assert_eq!((status, page.as_str()), (400, "State mismatch"));
        place.issuer.approve_sign_in();
        assert_eq!(place.issuer.visit(&login.auth_url).await.unwrap().0, 200);
        place.outcome(Some(&login.login_id)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn tokens_can_be_refused_and_granted_again() {
    run_with_browser(async |place| {
        place.issuer.refuse_tokens("no more of this");
        let login = place.start_browser_login().await;
        place.issuer.visit(&login.auth_url).await.unwrap();
        let error = place.outcome(Some(&login.login_id)).await.unwrap_err();
        assert!(error.contains("400") && error.ends_with(": no more of this"), "{error}");

        place.issuer.grant_tokens();
        let login = place.start_browser_login().await;
        place.issuer.visit(&login.auth_url).await.unwrap();
        place.outcome(Some(&login.login_id)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_browser_stays_on_this_machine() {
    run(async |place| {
        for url in ["https://127.0.0.1/", "http://example.invalid/?token=hidden", "/only-a-path"] {
            let error = place.issuer.visit(url).await.unwrap_err().to_string();
            assert!(error.contains("only http pages of 127.0.0.1"), "{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    })
    .await;
}
