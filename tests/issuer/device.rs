//! The login on another device.

use codexkit::protocol::{
    ChatgptDeviceCodeLoginAccountParams, ChatgptDeviceCodeLoginAccountResponse, LoginAccountParams,
    LoginAccountResponse,
};

use crate::support::{Place, run};

const POLL: &str = "/api/accounts/deviceauth/token";

#[tokio::test]
async fn a_code_waits_until_it_is_approved() {
    run(async |place| {
        let login = start(place).await;
        assert_eq!(login.user_code, "ABCD-1234");
        place.issuer.wait_for_requests(POLL, 1).await;
        place.issuer.approve_device();
        place.outcome(Some(&login.login_id)).await.unwrap();
        assert!(place.issuer.requests().iter().filter(|it| it.path() == POLL).count() > 1);
        let account = place.chatgpt_account().await;
        assert_eq!(account.email.as_deref(), Some("someone@example.invalid"));
    })
    .await;
}

#[tokio::test]
async fn a_code_can_be_denied() {
    run(async |place| {
        place.issuer.deny_device();
        let login = start(place).await;
        let error = place.outcome(Some(&login.login_id)).await.unwrap_err();
        assert_eq!(error, "device auth failed with status 400 Bad Request");
    })
    .await;
}

#[tokio::test]
async fn codes_can_be_switched_off() {
    run(async |place| {
        place.issuer.disable_device_codes();
        let params = LoginAccountParams::from(ChatgptDeviceCodeLoginAccountParams::default());
        let error = place.codex.request(params).await.unwrap_err().to_string();
        assert!(error.contains("device code login is not enabled"), "{error}");
    })
    .await;
}

async fn start(place: &Place) -> ChatgptDeviceCodeLoginAccountResponse {
    match place.start_login(ChatgptDeviceCodeLoginAccountParams::default()).await {
        LoginAccountResponse::ChatgptDeviceCode(login) => login,
        other => panic!("no device code: {other:?}"),
    }
}
