//! The account that the runtime works with.

use codexkit::protocol::{Account, ApiKeyLoginAccountParams, LoginAccountParams};

use crate::support::run;

#[tokio::test]
async fn an_api_key_is_what_the_model_is_asked_with_until_the_logout() {
    run(async |place| {
        place.model.always("ok");
        let builder = place.builder().config("model_providers.mock.requires_openai_auth", true);
        let codex = place.start_with(builder).await;
        let account = codex.account().await.unwrap();
        assert!(account.account.is_none() && account.requires_openai_auth);

        let key = ApiKeyLoginAccountParams::new("sk-test");
        codex.request(LoginAccountParams::from(key)).await.unwrap();
        let account = codex.account().await.unwrap().account;
        assert!(matches!(account, Some(Account::ApiKey(_))), "{account:?}");
        codex.thread_start().await.unwrap().run("hi").await.unwrap();
        let request = place.model.requests().pop().unwrap();
        assert_eq!(request.header("authorization"), Some("Bearer sk-test"));

        codex.logout().await.unwrap();
        assert_eq!(codex.account().await.unwrap().account, None);
    })
    .await;
}
