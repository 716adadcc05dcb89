//! The files of the user are left alone, whoever logs in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use codexkit::Codex;
use codexkit::protocol::{ChatgptAuthTokensLoginAccountParams, LoginAccountParams};
use codexkit::testing::MockIssuer;

use crate::support::{SOON, run_with_browser, within};

/// What a directory holds: of each file the bytes, and when it was written.
fn snapshot(directory: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            let written = fs::metadata(&path).unwrap().modified().unwrap();
            files.insert(path.clone(), (fs::read(&path).unwrap(), written));
        }
    }
    files
}

/// Every way to log in and out, with a turn after each login.
async fn use_accounts(codex: &Codex, issuer: &MockIssuer) {
    codex.login_api_key("sk-key").await.unwrap();
    log_out(codex).await;

    let login = codex.login_chatgpt().await.unwrap();
    issuer.visit(login.auth_url()).await.unwrap();
    within(SOON, login.wait()).await.unwrap();
    codex.account().refresh_token().await.unwrap();
    log_out(codex).await;

    issuer.approve_device();
    let login = codex.login_chatgpt_device_code().await.unwrap();
    within(SOON, login.wait()).await.unwrap();
    log_out(codex).await;

    let (account, token) = (issuer.account_id(), issuer.issue_token());
    let params = ChatgptAuthTokensLoginAccountParams::new(account, token);
    codex.request(LoginAccountParams::from(params)).await.unwrap();
    log_out(codex).await;

    issuer.deny_sign_in();
    let login = codex.login_chatgpt().await.unwrap();
    issuer.visit(login.auth_url()).await.unwrap();
    within(SOON, login.wait()).await.unwrap_err();
    codex.login_chatgpt().await.unwrap().cancel().await.unwrap();
}

async fn log_out(codex: &Codex) {
    codex.require_account().await.unwrap();
    codex.thread_start().await.unwrap().run("hi").await.unwrap();
    codex.logout().await.unwrap();
}

#[tokio::test]
async fn the_files_of_the_user_are_as_they_were_after_all_logins_and_logouts() {
    run_with_browser(async |place, issuer| {
        place.model.always("ok");
        let home = place.home.path().join("home-of-the-user");
        let of_the_user = home.join(".codex");
        fs::create_dir_all(&of_the_user).unwrap();
        fs::write(of_the_user.join("auth.json"), r#"{"OPENAI_API_KEY":"sk-of-the-user"}"#).unwrap();
        fs::write(of_the_user.join("config.toml"), "model = \"of-the-user\" # mine\n").unwrap();
        let before = snapshot(&home);
        let config = place.home.codex_home().join("config.toml");
        fs::write(&config, "# written by hand\nhide_agent_reasoning = true\n").unwrap();
        let config_before = fs::read(&config).unwrap();

        let codex = place.start_with(issuer.configure(place.builder()).env("HOME", &home)).await;
        assert_eq!(codex.account().await.unwrap().account, None);
        use_accounts(&codex, issuer).await;
        codex.login_api_key("sk-last").await.unwrap();
        codex.close().await;

        assert_eq!(before.len(), 2);
        assert!(snapshot(&home) == before, "{:?}", snapshot(&home).keys());
        assert_eq!(fs::read(&config).unwrap(), config_before);
        // The runtime keeps the account where it was told to, and takes care of that file itself.
        let kept = fs::read_to_string(place.home.codex_home().join("auth.json")).unwrap();
        assert!(kept.contains("sk-last"), "{kept}");
    })
    .await;
}
