//! A login with an API key, which is never shown.

use std::error::Error as _;

use codexkit::testing::FakeServer;
use codexkit::{Codex, Error, Result, RetryPolicy, SecretString};
use serde_json::{Value, json};

use crate::support::{expect_start, reply, silence, within};

const KEY: &str = "sk-proj-0123456789abcdef";

/// Keys that look different where they are quoted.
const ODD_KEYS: [&str; 3] = [KEY, r#"sk-"quoted"-0123456789"#, r"sk-back\slash-0123456789"];

/// Logs in with `key`; the server answers with `answer`, which gets the id of the request.
async fn log_in(key: &str, answer: impl FnOnce(Value) -> Value) -> Result<()> {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (outcome, ()) = tokio::join!(codex.login_api_key(key), async {
        let start = expect_start(&mut server, "apiKey").await;
        assert_eq!(start.params, json!({"type": "apiKey", "apiKey": key}));
        server.send(answer(start.id)).await;
    });
    outcome
}

/// Fails if anything that an error says has `key` in it, plainly or as JSON would quote it.
#[track_caller]
fn assert_hidden(error: &Error, key: &str) {
    let mut texts = vec![format!("{error}"), format!("{error:?}"), format!("{error:#?}")];
    let mut source = error.source();
    while let Some(it) = source {
        texts.extend([format!("{it}"), format!("{it:?}"), format!("{it:#?}")]);
        source = it.source();
    }
    if let Error::Rpc(error) = error {
        texts.push(error.message.clone());
        texts.extend(error.data.as_ref().map(Value::to_string));
        texts.push(format!("{:?}", error.codex_error_info()));
    }
    let mut forms = vec![key.to_owned()];
    // Each time that a text is quoted it is escaped once more.
    for _ in 0..3 {
        let quoted = json!(forms.last()).to_string();
        forms.push(quoted[1..quoted.len() - 1].to_owned());
        forms.push(forms[0].escape_debug().to_string());
    }
    for text in texts {
        for form in &forms {
            assert!(!text.contains(form), "`{form}` is in {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_sent_as_it_is_and_nothing_else() {
    for key in ODD_KEYS {
        log_in(key, |id| json!({"id": id, "result": {"type": "apiKey"}})).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_may_be_a_secret_or_any_text() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    for n in 0..3 {
        let call = async {
            match n {
                0 => codex.login_api_key(KEY).await,
                1 => codex.login_api_key(KEY.to_owned()).await,
                _ => codex.login_api_key(SecretString::from(KEY)).await,
            }
        };
        let (outcome, ()) = tokio::join!(call, async {
            let start = expect_start(&mut server, "apiKey").await;
            assert_eq!(start.params["apiKey"], KEY);
            server.reply(&start.id, json!({"type": "apiKey"})).await;
        });
        outcome.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_one_is_refused_before_anything_is_sent() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let spoilt = [
        "",
        " ",
        "\n",
        "sk-012345\n",
        " sk-012345",
        "sk- 012345",
        "sk-012345\u{a0}",
        "sk-012345\u{0}",
        "sk-012345\r\n",
        "sk-\t012345",
        "sk-é012345",
    ];
    for key in spoilt {
        match codex.login_api_key(key).await {
            Err(error @ Error::InvalidInput(_)) => {
                let texts = [format!("{error}"), format!("{error:?}")];
                assert!(texts.iter().all(|it| !it.contains("sk-")), "{texts:?}");
            }
            other => panic!("{key:?}: {other:?}"),
        }
    }
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn an_error_that_repeats_the_key_does_not_show_it() {
    for key in ODD_KEYS {
        let request = json!({"params": {"apiKey": key}}).to_string();
        let quoted_twice = json!({"body": request}).to_string();
        for message in [
            format!("Incorrect API key provided: {key}."),
            format!("{key} and again {key}"),
            format!("cannot take {key:?}"),
            format!("cannot take {request}"),
            format!("cannot take {quoted_twice}"),
        ] {
            let error = json!({"code": -32603, "message": message});
            let outcome = log_in(key, |id| json!({"id": id, "error": error})).await;
            let error = outcome.unwrap_err();
            assert_eq!(error.code(), Some(-32603));
            assert_hidden(&error, key);
            let text = error.to_string();
            assert!(text.contains("<redacted>"), "{text}");
            assert!(text.contains("-32603") && text.contains("account/login/start"), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_error_says_around_the_key_is_shown() {
    let error = json!({"code": -32603, "message": format!("Incorrect key: {KEY}. Try another.")});
    let outcome = log_in(KEY, |id| json!({"id": id, "error": error})).await;
    let text = outcome.unwrap_err().to_string();
    assert!(text.contains("Incorrect key: <redacted>. Try another."), "{text}");
}

#[tokio::test(start_paused = true)]
async fn data_of_an_error_that_repeat_the_key_do_not_show_it() {
    for key in ODD_KEYS {
        let request = json!({"params": {"apiKey": key}}).to_string();
        let info = json!({"new": {"key": key}});
        for data in [
            json!(key),
            json!({"request": {"params": [{"apiKey": key}]}}),
            json!({"request": request}),
            json!({"request": json!({"body": request}).to_string()}),
            json!({key: "as a name"}),
            json!({"codexErrorInfo": info}),
            json!({"codexErrorInfo": key}),
            json!({"codexErrorInfo": {"activeTurnNotSteerable": {"turnKind": key}}}),
        ] {
            let error = json!({"code": -32603, "message": "no", "data": data});
            let outcome = log_in(key, |id| json!({"id": id, "error": error})).await;
            assert_hidden(&outcome.unwrap_err(), key);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn data_of_an_error_that_do_not_repeat_the_key_are_kept() {
    let error = json!({"code": -32603, "message": "no", "data": {"hint": "another"}});
    match log_in(KEY, |id| json!({"id": id, "error": error})).await {
        Err(Error::Rpc(error)) => {
            assert_eq!(
                (error.message.as_str(), error.data),
                ("no", Some(json!({"hint": "another"})))
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_understood_does_not_show_the_key() {
    for key in ODD_KEYS {
        for answer in [
            json!({"result": key}),
            json!({"result": {"type": key}}),
            json!({"result": {"type": key, "loginId": key}}),
            json!({"result": {"type": {key: key}}}),
            json!({"result": {key: key}}),
            json!({"result": [key]}),
            json!({"error": key}),
            json!({"error": {"code": key, "message": "no"}}),
            json!({"error": {"code": -1, "message": [key]}}),
            json!({"error": {"code": -1, "message": {key: key}}}),
            json!({"error": [key]}),
        ] {
            let shown = answer.to_string();
            let outcome = log_in(key, |id| {
                let mut answer = answer;
                answer["id"] = id;
                answer
            });
            let error = outcome.await.unwrap_err();
            assert!(matches!(error, Error::Decode { .. }), "{shown}: {error:?}");
            assert_hidden(&error, key);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_refused_by_an_overload_sends_the_key_again() {
    let builder = Codex::builder().retry_overloaded(RetryPolicy::default());
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let (outcome, ()) = tokio::join!(codex.login_api_key(KEY), async {
        for _ in 0..2 {
            let start = expect_start(&mut server, "apiKey").await;
            server.reply_error(&start.id, -32001, &format!("overloaded by {KEY}")).await;
        }
        let start = expect_start(&mut server, "apiKey").await;
        assert_eq!(start.params, json!({"type": "apiKey", "apiKey": KEY}));
        server.reply(&start.id, json!({"type": "apiKey"})).await;
    });
    outcome.unwrap();
    let (outcome, ()) = tokio::join!(codex.login_api_key(KEY), async {
        for _ in 0..3 {
            let start = expect_start(&mut server, "apiKey").await;
            server.reply_error(&start.id, -32001, &format!("overloaded by {KEY}")).await;
        }
    });
    let error = outcome.unwrap_err();
    assert!(error.is_overloaded());
    assert_hidden(&error, KEY);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_front_of_and_behind_other_lines_is_sent_in_its_order() {
    use codexkit::protocol::ThreadLoadedListParams;

    let (codex, mut server) = FakeServer::start().await.unwrap();
    let list = || codex.request(ThreadLoadedListParams::default()).into_future();
    let all = async {
        let keys = (codex.login_api_key(KEY), codex.login_api_key("sk-2"));
        let (first, one, second, other, third) =
            tokio::join!(list(), keys.0, list(), keys.1, list());
        for outcome in [first.map(drop), one, second.map(drop), other, third.map(drop)] {
            outcome.unwrap();
        }
    };
    tokio::join!(all, async {
        let mut seen = Vec::new();
        for _ in 0..5 {
            let request = within(server.receive()).await.unwrap();
            seen.push(request.params["apiKey"].as_str().unwrap_or("list").to_owned());
            let is_list = request.method == "thread/loaded/list";
            let result = if is_list { json!({"data": []}) } else { json!({"type": "apiKey"}) };
            server.reply(&request.id, result).await;
        }
        assert_eq!(seen, ["list", KEY, "list", "sk-2", "list"]);
    });
}

#[tokio::test(start_paused = true)]
async fn a_login_without_an_answer_ends_in_its_time() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (outcome, _) = tokio::join!(codex.login_api_key(KEY), expect_start(&mut server, "apiKey"));
    match outcome {
        Err(error @ Error::Timeout { .. }) => assert_hidden(&error, KEY),
        other => panic!("{other:?}"),
    }
    drop(server);
    let error = codex.login_api_key(KEY).await.unwrap_err();
    assert!(error.is_closed());
    assert_hidden(&error, KEY);
}

#[tokio::test(start_paused = true)]
async fn what_a_scripted_runtime_received_hides_keys_and_answers() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (outcome, received) = tokio::join!(codex.login_api_key(KEY), async {
        let received = server.expect("account/login/start").await;
        server.send(reply(&received, json!({"type": "apiKey"}))).await;
        received
    });
    outcome.unwrap();
    assert_eq!(received.params["apiKey"], KEY);
    assert!(!format!("{received:?} {received:#?}").contains(KEY), "{received:?}");

    let refresh = json!({"reason": "unauthorized", "previousAccountId": null});
    let ask = json!({"id": 7, "method": "account/chatgptAuthTokens/refresh", "params": refresh});
    server.send(ask).await;
    let answer = within(server.receive()).await.unwrap();
    assert!(!format!("{answer:?}").contains("chatgptAuthTokens"), "{answer:?}");
}

/// The real one does not, but it is none of the user's concern what a program writes.
#[cfg(unix)]
#[tokio::test]
async fn a_runtime_that_dies_of_a_key_and_repeats_it_does_not_show_it() {
    use std::os::unix::fs::PermissionsExt;

    let script = format!(
        "#!/bin/sh\nread line\necho '{}'\nread line\nread line\necho \"bad: $line\" >&2\nexit 1\n",
        json!({"id": 1, "result": {
            "userAgent": "codexkit/0.169.0", "codexHome": "/h", "platformFamily": "unix",
            "platformOs": "linux",
        }})
    );
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("codex");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let codex = Codex::builder().binary(&program).start().await.unwrap();
    match codex.login_api_key(KEY).await {
        Err(error @ Error::Closed(_)) => assert_hidden(&error, KEY),
        other => panic!("{other:?}"),
    }
}
