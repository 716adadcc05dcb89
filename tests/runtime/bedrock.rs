//! Keys of Amazon Bedrock, by typed requests: they are an account, and choose the model provider.

use codexkit::Codex;
use codexkit::protocol::{
    Account, AmazonBedrockAccessKeysLoginAccountParams, AmazonBedrockLoginAccountParams,
    LoginAccountParams, ServerNotification,
};

use crate::support::{next_event, run};

#[tokio::test]
async fn keys_of_bedrock_are_the_account_and_choose_the_provider_until_the_logout() {
    run(async |place| {
        // What is set for the process alone, such as the provider of the other tests, goes before.
        let config = place.home.codex_home().join("config.toml");
        let settings = "[analytics]\nenabled = false\n\n[features]\nplugins = false\n";
        std::fs::write(&config, settings).unwrap();
        let builder = Codex::builder()
            .cwd(place.home.workspace())
            .env_clear()
            .env("HOME", place.home.codex_home())
            .env("PATH", std::env::var_os("PATH").unwrap())
            .codex_home(place.home.codex_home());
        let codex = place.start_with(builder).await;
        let mut feed = codex.notifications();

        for login in [
            LoginAccountParams::from(AmazonBedrockLoginAccountParams::new("key", "us-east-1")),
            AmazonBedrockAccessKeysLoginAccountParams::new("id", "secret", "us-east-1").into(),
        ] {
            codex.request(login).await.unwrap();
            let end = next_event(&mut feed, |it| match it {
                ServerNotification::AccountLoginCompleted(it) => Some(it),
                _ => None,
            })
            .await;
            assert!(end.success && end.login_id.is_none(), "{end:?}");
            let found = codex.require_account().await.unwrap();
            assert!(matches!(found.account, Some(Account::AmazonBedrock(_))), "{found:?}");
            let changed = std::fs::read_to_string(&config).unwrap();
            assert!(changed.contains(r#"model_provider = "amazon-bedrock""#), "{changed}");

            codex.logout().await.unwrap();
            assert!(codex.require_account().await.unwrap_err().needs_login());
            assert_eq!(std::fs::read_to_string(&config).unwrap(), settings);
        }
    })
    .await;
}

#[tokio::test]
async fn keys_of_bedrock_are_refused_where_the_provider_is_set_for_the_process() {
    run(async |place| {
        let codex = place.start().await;
        let login = AmazonBedrockLoginAccountParams::new("sk-of-bedrock", "us-east-1");
        let error = codex.request(LoginAccountParams::from(login)).await.unwrap_err();
        assert!(error.to_string().contains("model_provider"), "{error}");
        assert!(!format!("{error} {error:?}").contains("sk-of-bedrock"), "{error}");
    })
    .await;
}
