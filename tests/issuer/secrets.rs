//! What must not be seen, and where it goes.

use std::collections::HashSet;

use codexkit::protocol::{ChatgptDeviceCodeLoginAccountParams, GetAccountParams};

use crate::support::run;

#[tokio::test]
async fn every_secret_is_listed_and_none_is_shown() {
    run(async |place| {
        place.issuer.approve_device();
        place.start_login(ChatgptDeviceCodeLoginAccountParams::default()).await;
        let polls = place.issuer.wait_for_requests("/api/accounts/deviceauth/token", 1).await;
        assert!(polls[0].body().contains("device-1"), "{}", polls[0].body());
        let exchange = place.issuer.wait_for_requests("/oauth/token", 1).await.remove(0);
        let check = place.issuer.wait_for_requests("/backend-api/", 1).await.remove(0);

        let secrets = place.issuer.issued_secrets();
        assert_eq!(secrets.iter().collect::<HashSet<_>>().len(), secrets.len());
        let code = exchange.form("code").unwrap();
        let token = check.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
        for secret in [code.as_str(), token] {
            assert!(secrets.iter().any(|it| it == secret));
        }
        let shown = format!("{:?} {:?}", place.issuer, place.issuer.requests());
        assert!(shown.contains("/oauth/token") && shown.contains("authorization"), "{shown}");
        assert!(!secrets.iter().any(|it| shown.contains(it)), "{shown}");
    })
    .await;
}

#[tokio::test]
async fn a_refresh_gets_new_tokens_and_a_logout_gives_them_back() {
    run(async |place| {
        place.issuer.approve_device();
        place.start_login(ChatgptDeviceCodeLoginAccountParams::default()).await;
        let check = place.issuer.wait_for_requests("/backend-api/", 1).await.remove(0);
        let params = GetAccountParams::default().refresh_token(true);
        place.codex.request(params).await.unwrap();
        let checks = place.issuer.wait_for_requests("/backend-api/", 2).await;
        assert_ne!(checks[1].header("authorization"), check.header("authorization"));

        place.codex.logout().await.unwrap();
        let revoked = place.issuer.wait_for_requests("/oauth/revoke", 1).await;
        let secrets = place.issuer.issued_secrets();
        assert!(secrets.iter().any(|it| revoked[0].body().contains(it)));
    })
    .await;
}
