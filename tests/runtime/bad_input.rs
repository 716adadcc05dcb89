//! What cannot work is said clearly, by the client before anything is sent or in the words of the
//! runtime.

use std::fs;

use codexkit::protocol::{ServerNotification, TextUserInput, TurnStartParams};
use codexkit::{
    CloseReason, CodexBuilder, ConnectionEvent, Error, Notifications, StartErrorSource,
};
use serde_json::json;

use crate::support::{Place, run};

/// The last words of a runtime that did not want to start, and its exit code.
async fn last_words(place: &Place, builder: CodexBuilder) -> (String, i32) {
    let error = match builder.start().await.unwrap_err() {
        Error::Start(error) => error,
        other => panic!("{other:?}"),
    };
    #[cfg(target_os = "linux")]
    assert_eq!(crate::processes::of_home(&place.home.codex_home()), [0; 0]);
    assert!(error.to_string().contains("its last words, in the source of this error"), "{error}");
    let StartErrorSource::Handshake(source) = error.source else { panic!("{error:?}") };
    match *source {
        Error::Closed(CloseReason::Exited { status, stderr, .. }) => {
            (stderr.to_string(), status.unwrap().code().unwrap())
        }
        other => panic!("{other:?}"),
    }
}

/// The next warning about the configuration.
async fn next_warning(feed: &mut Notifications) -> String {
    loop {
        if let ConnectionEvent::Notification { notification, .. } =
            feed.next().await.unwrap().unwrap()
            && let ServerNotification::ConfigWarning(warning) = *notification
        {
            return format!("{} {}", warning.summary, warning.details.unwrap_or_default());
        }
    }
}

#[tokio::test]
async fn a_setting_that_the_runtime_does_not_take_is_quoted() {
    let cases = [
        ("approval_policy", json!("untrusted"), r#"approval_policy = "untrusted" is no longer"#),
        ("model_provider", json!("nope"), "Model provider `nope` not found"),
        ("model", json!(7), "invalid type: integer `7`, expected a string"),
        ("sandbox_mode", json!("open"), "unknown variant `open`"),
    ];
    run(async |place| {
        for (key, value, expected) in cases {
            let (words, code) = last_words(place, place.builder().config(key, value)).await;
            assert!(words.contains(expected), "{words}");
            assert_eq!(code, 1);
        }
        let (words, code) = last_words(place, place.builder().arg("--no-such-flag")).await;
        assert!(words.contains("unexpected argument '--no-such-flag'"), "{words}");
        assert_eq!(code, 2);
    })
    .await;
}

#[tokio::test]
async fn a_setting_that_the_runtime_does_not_know_is_a_warning() {
    run(async |place| {
        place.model.push("ok");
        let codex = place.start_with(place.builder().config("no_such_key", 1)).await;
        let warning = next_warning(&mut codex.notifications()).await;
        assert!(warning.contains("`no_such_key` is ignored"), "{warning}");
        codex.thread_start().await.unwrap().run("hi").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_broken_configuration_file_is_a_warning_and_then_an_error_that_shows_where() {
    run(async |place| {
        let file = place.home.codex_home().join("config.toml");
        fs::write(&file, "[features\n").unwrap();
        let codex = place.start().await;
        let warning = next_warning(&mut codex.notifications()).await;
        assert!(warning.contains("Invalid configuration"), "{warning}");
        assert!(warning.contains("config.toml:1:10"), "{warning}");
        let error = codex.thread_start().await.unwrap_err();
        assert_eq!(error.code(), Some(-32600));
        let text = error.to_string();
        assert!(text.starts_with("`thread/start` failed: failed to load configuration:"), "{text}");
        assert!(text.contains("config.toml:1:10"), "{text}");
        // The user may mend it while the runtime runs.
        fs::write(&file, "").unwrap();
        place.model.push("ok");
        codex.thread_start().await.unwrap().run("hi").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_blank_prompt_is_refused_here_and_nothing_is_sent() {
    run(async |place| {
        let thread = place.thread().await;
        for blank in ["", " \n\t"] {
            match thread.run(blank).await.unwrap_err() {
                Error::InvalidInput(text) => assert!(text.contains("is empty"), "{text}"),
                other => panic!("{other:?}"),
            }
            assert!(matches!(thread.turn(blank).await, Err(Error::InvalidInput(_))));
        }
        place.model.push("ok");
        thread.run("hi").await.unwrap();
        assert_eq!(place.model.requests().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_refused_with_the_limit() {
    run(async |place| {
        let thread = place.thread().await;
        let limit = 1024 * 1024;
        match thread.run("x".repeat(limit + 1)).await.unwrap_err() {
            Error::Rpc(error) => {
                assert_eq!(error.code, -32602);
                assert_eq!(error.data.unwrap()["max_chars"], limit);
            }
            other => panic!("{other:?}"),
        }
        place.model.push("ok");
        thread.run("x".repeat(limit)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_thread_that_does_not_exist_is_an_error_of_the_call() {
    run(async |place| {
        let codex = place.start().await;
        let absent = "01a1fe12-0000-7000-8000-000000000000";
        for (thread, expected) in [(absent, "thread not found"), ("nope", "invalid thread id")] {
            let params = TurnStartParams::new(thread, vec![TextUserInput::new("hi").into()]);
            let error = codex.request(params).await.unwrap_err();
            assert_eq!(error.code(), Some(-32600));
            assert!(error.to_string().contains(expected), "{error}");
        }
        place.model.push("ok");
        codex.thread_start().await.unwrap().run("hi").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_home_that_is_missing_is_refused_before_anything_is_started() {
    run(async |place| {
        let missing = place.home.path().join("missing");
        match place.builder().codex_home(&missing).start().await.unwrap_err() {
            Error::InvalidInput(text) => assert!(text.contains("does not exist"), "{text}"),
            other => panic!("{other:?}"),
        }
        assert!(!missing.exists());
    })
    .await;
}

#[tokio::test]
async fn a_model_without_a_script_fails_the_turn_with_advice() {
    run(async |place| {
        let error = place.thread().await.run("hi").await.unwrap_err();
        assert!(error.to_string().contains("no reply for request 1; push one more"), "{error}");
    })
    .await;
}
