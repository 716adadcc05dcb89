//! The account that the runtime works with, and errors that a login would mend.

use codexkit::protocol::{Account, CodexErrorInfo};
use codexkit::testing::{FakeServer, Received};
use codexkit::{Codex, Error, Result, RpcErrorKind};
use serde_json::{Value, json};

use crate::support::within;

/// Answers a call with what `answer` makes of its request.
async fn answered<T>(
    server: &mut FakeServer,
    call: impl IntoFuture<Output = Result<T>>,
    method: &str,
    answer: impl FnOnce(&Received) -> Value,
) -> Result<T> {
    let (result, ()) = tokio::join!(call.into_future(), async {
        let request = within(server.expect(method)).await;
        let mut message = answer(&request);
        message["id"] = request.id;
        server.send(message).await;
    });
    result
}

fn result(result: Value) -> Value {
    let mut message = json!({});
    message["result"] = result;
    message
}

fn error(code: i64, message: &str) -> Value {
    json!({"error": {"code": code, "message": message}})
}

#[tokio::test(start_paused = true)]
async fn the_account_is_read_and_its_token_renewed_if_asked_for() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let plus = json!({"type": "chatgpt", "email": "a@b.c", "planType": "plus"});
    let account = json!({"account": plus, "requiresOpenaiAuth": true});
    for (call, renews) in [(codex.account(), false), (codex.account().refresh_token(), true)] {
        let found = answered(&mut server, call, "account/read", |request| {
            let renewed = request.params.get("refreshToken").and_then(Value::as_bool);
            assert_eq!(renewed.unwrap_or_default(), renews, "{request:?}");
            result(account.clone())
        });
        let found = found.await.unwrap();
        match found.account {
            Some(Account::Chatgpt(it)) => assert_eq!(it.email.as_deref(), Some("a@b.c")),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_is_required_exactly_if_there_has_to_be_one_and_is_none() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let key = json!({"type": "apiKey"});
    for (account, required) in
        [(Value::Null, true), (Value::Null, false), (key.clone(), true), (key, false)]
    {
        let is_missing = account.is_null() && required;
        let is_there = !account.is_null();
        let answer = json!({"account": account, "requiresOpenaiAuth": required});
        let found =
            answered(&mut server, codex.require_account(), "account/read", |_| result(answer))
                .await;
        match found {
            Err(Error::AccountRequired) => assert!(is_missing),
            Ok(found) => assert_eq!((is_missing, found.account.is_some()), (false, is_there)),
            other => panic!("{other:?}"),
        }
    }
    let refused =
        answered(&mut server, codex.require_account(), "account/read", |_| error(-1, "no"));
    assert_eq!(refused.await.unwrap_err().code(), Some(-1));
}

#[test]
fn the_error_for_a_missing_account_names_the_calls_to_make() {
    let text = Error::AccountRequired.to_string();
    for call in
        ["Codex::login_chatgpt`", "Codex::login_chatgpt_device_code`", "Codex::login_api_key`"]
    {
        assert!(text.contains(call), "{text}");
    }
    assert!(Error::AccountRequired.needs_login());
    assert_eq!(Error::AccountRequired.kind(), None);
}

#[tokio::test(start_paused = true)]
async fn refusals_for_lack_of_an_account_say_so_and_others_do_not() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let limits = (
        -32600,
        "codex account authentication required to read rate limits",
        "account/rateLimits/read",
    );
    let refused =
        answered(&mut server, codex.rate_limits(), limits.2, |_| error(limits.0, limits.1)).await;
    let refused = refused.unwrap_err();
    assert!(refused.needs_login());
    assert_eq!(refused.kind(), Some(RpcErrorKind::AccountRequired));
    assert!(refused.to_string().contains("Codex::login_chatgpt"), "{refused}");
    let usage = "chatgpt authentication required to read token usage";
    let refused = answered(&mut server, codex.account_usage(), "account/usage/read", |_| {
        error(-32600, usage)
    });
    assert!(refused.await.unwrap_err().needs_login());
    let external = "External auth is active. Use account/logout to clear it.";
    for (code, message) in
        [(-32600, external), (-32600, "no"), (-32001, "overloaded"), (-32603, "")]
    {
        let refused =
            answered(&mut server, codex.logout(), "account/logout", |_| error(code, message)).await;
        let refused = refused.unwrap_err();
        assert!(!refused.needs_login(), "{refused}");
        if message == external {
            assert_eq!(refused.kind(), Some(RpcErrorKind::ExternalTokensActive));
            assert!(refused.to_string().contains("Codex::logout"), "{refused}");
        }
    }
    drop(server);
    let closed = within(codex.account()).await.unwrap_err();
    assert!(!closed.needs_login(), "{closed}");
}

/// The error of a turn that failed of `info`.
async fn failed_turn(codex: &Codex, server: &mut FakeServer, info: Value) -> Error {
    let (thread, _) = tokio::join!(codex.thread_start().into_future(), server.accept_thread("t1"));
    let thread = thread.unwrap();
    let (failed, ()) = tokio::join!(thread.run("go").into_future(), async {
        server.accept_turn("u1").await;
        let error = json!({"message": "it failed", "codexErrorInfo": info});
        let turn = json!({"id": "u1", "items": [], "status": "failed", "error": error});
        server.notify("turn/completed", json!({"threadId": "t1", "turn": turn})).await;
    });
    failed.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_failed_because_the_model_takes_no_such_account_needs_a_login() {
    let of_status = |case: &str, status: Value| json!({case: {"httpStatusCode": status}});
    for (info, needs_login) in [
        (json!("unauthorized"), true),
        (of_status("httpConnectionFailed", json!(401)), true),
        (of_status("responseStreamConnectionFailed", json!(401)), true),
        (of_status("responseTooManyFailedAttempts", json!(401)), true),
        (of_status("httpConnectionFailed", json!(403)), false),
        (of_status("httpConnectionFailed", json!(500)), false),
        (of_status("httpConnectionFailed", json!(null)), false),
        (json!("serverOverloaded"), false),
        (json!("usageLimitExceeded"), false),
        (json!({"new": {"httpStatusCode": 401}}), false),
        (json!(null), false),
    ] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let error = failed_turn(&codex, &mut server, info.clone()).await;
        assert_eq!(error.needs_login(), needs_login, "{info}");
        assert_eq!(error.to_string().contains("Codex::login_chatgpt"), needs_login, "{error}");
        if needs_login {
            let known = error.codex_error_info().unwrap();
            assert!(!matches!(known, CodexErrorInfo::Unrecognized(_)), "{known:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_logout_is_sent_without_params_of_its_own() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let gone = answered(&mut server, codex.logout(), "account/logout", |request| {
        assert!(request.params.is_null() || request.params == json!({}), "{request:?}");
        result(json!({}))
    });
    gone.await.unwrap();
}
