//! Logins, with a server that repeats what it was given.

use std::time::Duration;

use codexkit::protocol::{
    AmazonBedrockLoginAccountParams, ApiKeyLoginAccountParams, ChatgptAuthTokensLoginAccountParams,
    ChatgptAuthTokensRefreshResponse, LoginAccountParams,
};
use codexkit::testing::FakeServer;
use codexkit::{Codex, ConnectionEvent, Error, Result, RetryPolicy, SecretString};
use serde_json::{Value, json};

use crate::written::Written;
use crate::{KEY, NEW_TOKEN, OTHER, TOKEN};

const LOGIN: &str = "account/login/start";

/// Logs in with the key; the server answers with this, but for the id.
async fn log_in(codex: &Codex, server: &mut FakeServer, mut answer: Value) -> Result<()> {
    let (outcome, ()) = tokio::join!(codex.login_api_key(KEY), async {
        let start = server.expect(LOGIN).await;
        assert_eq!(start.params["apiKey"], KEY);
        answer["id"] = start.id;
        server.send(answer).await;
    });
    outcome
}

pub(crate) async fn keys(written: &mut Written) {
    written.debug(&SecretString::from(KEY));
    let policy = RetryPolicy::default();
    written.debug(&policy);
    let builder = Codex::builder().retry_overloaded(policy);
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    log_in(&codex, &mut server, json!({"result": {"type": "apiKey"}})).await.unwrap();
    let request = json!({"method": LOGIN, "params": {"type": "apiKey", "apiKey": KEY}});
    for error in [
        json!({"code": -32603, "message": format!("cannot take {KEY}")}),
        json!({"code": -32603, "message": format!("cannot take {request}")}),
        json!({"code": -32603, "message": format!("cannot take {request:?}")}),
        json!({"code": -32603, "message": "no", "data": request}),
        json!({"code": -32603, "message": "no", "data": {"body": request.to_string()}}),
        json!({"code": -32603, "message": "no", "data": {"codexErrorInfo": {"new": request}}}),
        json!({"code": KEY, "message": "no"}),
        json!({"code": -1, "message": {"of": KEY}}),
        json!(KEY),
    ] {
        written.failure(log_in(&codex, &mut server, json!({"error": error})).await);
    }
    for result in [json!(KEY), json!({"type": KEY}), json!({"type": "new", "apiKey": KEY})] {
        let failed = log_in(&codex, &mut server, json!({"result": result})).await;
        assert!(matches!(written.failure(failed), Error::Decode { .. }));
    }
    let (outcome, ()) = tokio::join!(codex.login_api_key(KEY), async {
        for _ in 0..3 {
            let id = server.expect(LOGIN).await.id;
            server.reply_error(&id, -32001, &format!("too much: {request}")).await;
        }
    });
    assert!(written.failure(outcome).is_overloaded());
    written.failure(codex.login_api_key(format!("{KEY}\n")).await);
    let (outcome, _) = tokio::join!(codex.login_api_key(KEY), server.expect(LOGIN));
    assert!(matches!(written.failure(outcome), Error::Timeout { .. }));
    let (outcome, ()) = tokio::join!(codex.login_api_key(KEY), async {
        server.expect(LOGIN).await;
        drop(server);
    });
    assert!(written.failure(outcome).is_closed());
    assert!(written.failure(codex.login_api_key(KEY).await).is_closed());
    written.debug(&codex.close_reason().unwrap());
}

/// Logins whose address or code is the secret.
pub(crate) async fn logins(written: &mut Written) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut events = codex.account_events();
    written.debug(&codex.login_chatgpt());
    written.debug(&codex.login_chatgpt_device_code());
    let (login, ()) = tokio::join!(codex.login_chatgpt().into_future(), async {
        let id = server.expect(LOGIN).await.id;
        let url = format!("https://auth/?state={OTHER}");
        server.reply(&id, json!({"type": "chatgpt", "loginId": "l1", "authUrl": url})).await;
    });
    let login = login.unwrap();
    assert!(login.auth_url().contains(OTHER));
    written.debug(&login);
    let start = codex.login_chatgpt_device_code().into_future();
    let (code, ()) = tokio::join!(start, async {
        let id = server.expect(LOGIN).await.id;
        let url = "https://auth/device";
        let reply = json!({
            "type": "chatgptDeviceCode",
            "loginId": "l2",
            "userCode": OTHER,
            "verificationUrl": url,
        });
        server.reply(&id, reply).await;
    });
    let code = code.unwrap();
    assert_eq!(code.user_code(), OTHER);
    written.debug(&code);
    let wait = code.wait_timeout(Duration::from_secs(1)).await;
    assert!(matches!(written.failure(wait), Error::LoginTimeout { .. }));
    let end = json!({"loginId": "l1", "success": false, "error": "denied", "new": OTHER});
    server.notify("account/login/completed", end).await;
    match written.failure(login.wait().await) {
        Error::LoginFailed(failure) => written.debug(&*failure),
        other => panic!("{other:?}"),
    }
    let end = json!({"loginId": "l2", "success": OTHER});
    server.notify("account/login/completed", end).await;
    assert!(matches!(written.failure(code.wait().await), Error::Decode { .. }));
    // An answer that has the address, and is not understood.
    for reply in [
        json!({"type": "chatgpt", "loginId": 7, "authUrl": OTHER}),
        json!({"type": "new", "authUrl": OTHER}),
        json!(OTHER),
    ] {
        let (login, ()) = tokio::join!(codex.login_chatgpt().into_future(), async {
            let id = server.expect(LOGIN).await.id;
            server.reply(&id, reply).await;
        });
        assert!(matches!(written.failure(login), Error::Decode { .. }));
    }
    server.notify("account/updated", json!({"authMode": "apikey", "new": {"key": KEY}})).await;
    server.notify("account/updated", json!({"authMode": [KEY]})).await;
    let gateway = json!({"providerId": "p", "status": "connected", "new": OTHER});
    server.notify("account/gatewayOAuth/changed", gateway).await;
    for _ in 0..3 {
        written.debug(&events.next().await.unwrap().unwrap());
    }
    written.debug(&events);
    written.error(&Error::AccountRequired);
}

/// Logins with other secrets, as plain requests.
fn other_logins() -> [LoginAccountParams; 3] {
    [
        ApiKeyLoginAccountParams::new(KEY).into(),
        ChatgptAuthTokensLoginAccountParams::new("a1", TOKEN).into(),
        AmazonBedrockLoginAccountParams::new(TOKEN, "eu-west-1").into(),
    ]
}

pub(crate) async fn tokens(written: &mut Written) {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    for params in other_logins() {
        written.debug(&params);
        written.debug(&codex.request(params.clone()));
        let (reply, ()) = tokio::join!(codex.request(params.clone()).into_future(), async {
            let start = server.expect(LOGIN).await;
            let reply = json!({"type": start.params["type"], "new": start.params});
            server.reply(&start.id, reply).await;
        });
        written.debug(&reply.unwrap());
        for answer in [
            json!({"error": TOKEN}),
            json!({"error": {"code": TOKEN, "message": "no"}}),
            json!({"error": {"code": -1, "message": [TOKEN]}}),
            json!({"error": {"code": {TOKEN: TOKEN}, "message": "no"}}),
        ] {
            let (refused, ()) = tokio::join!(codex.request(params.clone()).into_future(), async {
                let mut answer = answer;
                answer["id"] = server.expect(LOGIN).await.id;
                server.send(answer).await;
            });
            assert!(matches!(written.failure(refused), Error::Decode { .. }));
        }
        let call = codex.request(params.clone()).timeout(Duration::from_secs(1)).into_future();
        let (late, _) = tokio::join!(call, server.expect(LOGIN));
        assert!(matches!(written.failure(late), Error::Timeout { .. }));
    }
    drop(server);
    for params in other_logins() {
        assert!(written.failure(codex.request(params).await).is_closed());
    }
    let builder = Codex::builder().experimental_api(false);
    let (codex, _server) = FakeServer::start_as("0.100.0", builder).await.unwrap();
    let [_, tokens, bedrock] = other_logins();
    for params in [tokens, bedrock] {
        let failed = codex.request(params).timeout(Duration::from_secs(1)).await;
        written.failure(failed);
    }
}

/// Tokens that are renewed, and a server that shows them around afterwards.
pub(crate) async fn provider(written: &mut Written) {
    let builder = Codex::builder().chatgpt_token_provider(
        async |asked: codexkit::protocol::ChatgptAuthTokensRefreshParams| match asked
            .previous_account_id
            .as_deref()
        {
            Some("panics") => panic!("with a token"),
            Some("fails") => Err(std::io::Error::other("no tokens")),
            Some("hangs") => std::future::pending().await,
            _ => Ok(ChatgptAuthTokensRefreshResponse::new("a1", NEW_TOKEN)),
        },
    );
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let mut feed = codex.notifications();
    for (id, account) in ["works", "fails", "panics", "hangs"].into_iter().enumerate() {
        let method = "account/chatgptAuthTokens/refresh";
        let params = json!({"reason": "unauthorized", "previousAccountId": account, "new": TOKEN});
        server.send(json!({"id": id, "method": method, "params": params})).await;
        let answer = server.receive().await.unwrap().params;
        if account == "works" {
            assert_eq!(answer["result"]["accessToken"], NEW_TOKEN);
            server.reply(&json!(987), answer).await;
            let event = feed.next().await.unwrap().unwrap();
            assert!(matches!(event, ConnectionEvent::UnmatchedResponse { .. }));
            written.debug(&event);
        } else {
            assert!(answer["error"].is_object());
            let event = feed.next().await.unwrap().unwrap();
            assert!(matches!(event, ConnectionEvent::RequestRefused { .. }));
            written.debug(&event);
        }
    }
    written.debug(&ChatgptAuthTokensRefreshResponse::new("a1", NEW_TOKEN));
    written.debug(&codex);
    written.debug(codex.runtime());
}
