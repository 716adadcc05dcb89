//! What the model does wrong ends its turn as an error that says all, and ends nothing else.

use codexkit::protocol::{CodexErrorInfo, ServerNotification, ThreadItem, TurnStatus};
use codexkit::testing::{Reply, Usage};
use codexkit::{Error, Thread, TurnResult};
use serde_json::{Value, json};

use crate::support::{rest, run};

/// The turn that `error` tells of.
fn failed(error: &Error) -> &TurnResult {
    let turn = error.turn().unwrap_or_else(|| panic!("no failed turn: {error}"));
    assert_eq!(turn.status, TurnStatus::Failed);
    assert_eq!(error.codex_error_info(), turn.error.as_ref().unwrap().codex_error_info.as_ref());
    turn
}

fn info(error: &Error) -> Value {
    serde_json::to_value(error.codex_error_info()).unwrap()
}

/// Shows that the thread is not harmed.
async fn still_talks(thread: &Thread) {
    let result = thread.run("Are you still there?").await.unwrap();
    assert_eq!(result.final_response.as_deref(), Some("Yes."));
}

#[tokio::test]
async fn an_http_error_of_the_model_fails_its_turn_only() {
    let cases = [
        (Reply::unauthorized(), json!({"httpConnectionFailed": {"httpStatusCode": 401}})),
        (Reply::rate_limited(), json!({"responseTooManyFailedAttempts": {"httpStatusCode": 429}})),
        (Reply::usage_limit_reached(), json!("usageLimitExceeded")),
        (Reply::server_error(), json!("internalServerError")),
        (
            Reply::http_error(503, json!({})),
            json!({"httpConnectionFailed": {"httpStatusCode": 503}}),
        ),
        (Reply::no_response(), json!("other")),
    ];
    run(async |place| {
        let thread = place.thread().await;
        for (reply, expected) in cases {
            place.model.push(reply);
            let error = thread.run("Say something.").await.unwrap_err();
            assert_eq!(info(&error), expected, "{error}");
            assert!(!error.is_closed());
            let turn = failed(&error);
            assert_eq!(turn.final_response, None);
            assert!(matches!(&turn.items[..], [ThreadItem::UserMessage(_)]), "{:?}", turn.items);
            let message = &turn.error.as_ref().unwrap().message;
            let text = error.to_string();
            assert!(text.starts_with(&format!("turn {} failed: {message}", turn.id)), "{text}");
            assert_eq!(text.contains("log in with"), error.needs_login(), "{text}");
            assert_eq!(error.needs_login(), message.contains("401"), "{text}");
            assert!(turn.completed_at.is_some() && turn.duration_ms.is_some());
            place.model.push("Yes.");
            still_talks(&thread).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_fails_leaves_the_items_before_it() {
    let speech = || Reply::new().text("First.").delta("Sec");
    let cases = [
        (speech().failed("rate_limit_exceeded", "Too fast."), CodexErrorInfo::RateLimitExceeded),
        (speech().failed("insufficient_quota", "No money."), CodexErrorInfo::UsageLimitExceeded),
        (speech().failed("server_error", "Oh dear."), CodexErrorInfo::Other),
        (speech().incomplete("max_output_tokens"), CodexErrorInfo::Other),
        (speech().truncated(), CodexErrorInfo::Other),
        (speech().disconnected(), CodexErrorInfo::Other),
    ];
    run(async |place| {
        let thread = place.thread().await;
        for (reply, expected) in cases {
            place.model.push(reply);
            let error = thread.run("Say something.").await.unwrap_err();
            assert_eq!(error.codex_error_info(), Some(&expected), "{error}");
            match &failed(&error).items[..] {
                [ThreadItem::UserMessage(_), ThreadItem::AgentMessage(first)] => {
                    assert_eq!(first.text, "First.");
                }
                other => panic!("{other:?}"),
            }
            place.model.push("Yes.");
            still_talks(&thread).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_conversation_that_is_too_long_fails_its_turn() {
    run(async |place| {
        place.model.extend([Reply::context_length_exceeded(), "Yes.".into()]);
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        let error = thread.run("Read all of this.").await.unwrap_err();
        assert_eq!(error.codex_error_info(), Some(&CodexErrorInfo::ContextWindowExceeded));
        failed(&error);
        still_talks(&codex.thread_start().await.unwrap()).await;
    })
    .await;
}

#[tokio::test]
async fn a_failure_is_an_event_before_it_is_the_end() {
    run(async |place| {
        place.model.push(Reply::server_error());
        let thread = place.thread().await;
        let mut turn = thread.turn("Say something.").await.unwrap();
        let events = rest(&mut turn).await.unwrap();
        let last_two = events[events.len() - 2..].iter().map(|it| it.notification().unwrap());
        match &last_two.collect::<Vec<_>>()[..] {
            [ServerNotification::Error(error), ServerNotification::TurnCompleted(end)] => {
                assert!(!error.will_retry);
                assert_eq!(end.turn.error.as_ref(), Some(&error.error));
            }
            other => panic!("{other:?}"),
        }
        failed(&turn.result().await.unwrap_err());
    })
    .await;
}

#[tokio::test]
async fn a_failure_that_is_retried_is_no_failure() {
    run(async |place| {
        place.model.push(Reply::new().delta("Hel").disconnected());
        place.model.push(Reply::new().deltas(["Hel", "lo"]));
        let builder = place.builder().config("model_providers.mock.stream_max_retries", 1);
        let thread = place.start_with(builder).await.thread_start().await.unwrap();
        let mut turn = thread.turn("Say hello.").await.unwrap();
        let events = rest(&mut turn).await.unwrap();
        let retries: Vec<_> = events
            .iter()
            .filter_map(|event| match event.notification().unwrap() {
                ServerNotification::Error(error) => Some(error.will_retry),
                _ => None,
            })
            .collect();
        assert_eq!(retries, [true]);
        let result = turn.result().await.unwrap();
        assert_eq!((result.status, result.error), (TurnStatus::Completed, None));
        assert_eq!(result.final_response.as_deref(), Some("Hello"));
    })
    .await;
}

#[tokio::test]
async fn what_was_said_before_a_command_survives_the_failure_after_it() {
    run(async |place| {
        let command = json!({"cmd": "echo done"});
        let reply = Reply::new().text("Let me see.").usage(Usage::new(10, 2));
        place.model.push(reply.function_call("call_1", "exec_command", command));
        place.model.push(Reply::server_error());
        let thread = place.thread().await;
        let error = thread.run("Look.").await.unwrap_err();
        let turn = failed(&error);
        assert_eq!(turn.usage.as_ref().unwrap().total.total_tokens, 12);
        match &turn.items[..] {
            [
                ThreadItem::UserMessage(_),
                ThreadItem::AgentMessage(_),
                ThreadItem::CommandExecution(command),
            ] => assert_eq!(command.exit_code, Some(0)),
            other => panic!("{other:?}"),
        }
    })
    .await;
}
