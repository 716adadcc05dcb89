//! Logins that others end: a later one, another runtime, a program that has the port.

use std::future::IntoFuture;

use codexkit::protocol::{Account, CancelLoginAccountStatus};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::accounts::start;
use crate::device_codes;
use crate::logins::{PORT, failure, has_account, port_is_free, succeed};
use crate::support::{run, run_with_browser};

#[tokio::test]
async fn a_second_login_ends_the_first() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let first = codex.login_chatgpt().await.unwrap();
        let second = codex.login_chatgpt().await.unwrap();
        let ended = failure(&first).await;
        assert!(ended.is_cancelled(), "{ended}");
        assert_eq!(first.cancel().await.unwrap(), CancelLoginAccountStatus::NotFound);
        succeed(issuer, &second).await;
        assert!(failure(&first).await.is_cancelled());
    })
    .await;
}

#[tokio::test]
async fn of_two_logins_that_begin_at_once_one_stays() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let (first, second) =
            tokio::join!(codex.login_chatgpt().into_future(), codex.login_chatgpt().into_future());
        let (first, second) = (first.unwrap(), second.unwrap());
        let (ended, stays) = tokio::select! {
            failure = failure(&first) => (failure, second),
            failure = failure(&second) => (failure, first),
        };
        assert!(ended.is_cancelled(), "{ended}");
        succeed(issuer, &stays).await;
    })
    .await;
}

#[tokio::test]
async fn a_login_with_a_code_ends_one_in_the_browser_and_the_other_way_round() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let browser = codex.login_chatgpt().await.unwrap();
        let device = codex.login_chatgpt_device_code().await.unwrap();
        assert!(failure(&browser).await.is_cancelled());
        let browser = codex.login_chatgpt().await.unwrap();
        assert!(device_codes::failure(&device).await.is_cancelled());
        succeed(issuer, &browser).await;
    })
    .await;
}

#[tokio::test]
async fn a_login_of_another_runtime_takes_the_port_and_ends_this_one() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let first = codex.login_chatgpt().await.unwrap();
        run(async |place| {
            let other = start(place, issuer).await;
            let second = other.login_chatgpt().await.unwrap();
            let ended = failure(&first).await;
            assert!(ended.is_cancelled(), "{ended}");
            assert!(ended.to_string().ends_with("Login server error: Login cancelled"), "{ended}");
            succeed(issuer, &second).await;
            assert!(has_account(&other).await);
        })
        .await;
        assert!(!has_account(&codex).await);
    })
    .await;
}

#[tokio::test]
async fn a_key_and_a_logout_end_a_login_in_the_browser() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let login = codex.login_chatgpt().await.unwrap();
        codex.login_api_key("sk-instead").await.unwrap();
        assert!(failure(&login).await.is_cancelled());
        let account = codex.account().await.unwrap().account;
        assert!(matches!(account, Some(Account::ApiKey(_))), "{account:?}");

        let login = codex.login_chatgpt().await.unwrap();
        assert!(has_account(&codex).await);
        codex.logout().await.unwrap();
        assert!(failure(&login).await.is_cancelled());
        assert!(!has_account(&codex).await);
        port_is_free().await;
    })
    .await;
}

/// A program that knows nothing of logins.
async fn answer_everyone(listener: TcpListener) {
    let answer = b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(answer).await.unwrap();
    }
}

#[tokio::test]
async fn where_another_program_has_the_port_a_second_one_is_used() {
    run_with_browser(async |place, issuer| {
        let codex = start(place, issuer).await;
        let program = answer_everyone(TcpListener::bind(PORT).await.unwrap());
        let login = async {
            let login = codex.login_chatgpt().await.unwrap();
            assert!(login.auth_url().contains("127.0.0.1%3A1457"), "{}", login.auth_url());
            succeed(issuer, &login).await;
        };
        tokio::select! {
            () = login => (),
            () = program => (),
        }
    })
    .await;
}
