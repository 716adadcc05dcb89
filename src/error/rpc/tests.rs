use serde_json::json;

use super::*;
use crate::error::Error;

fn error(code: i64, message: &str, data: Value) -> RpcError {
    let data = (!data.is_null()).then_some(data);
    RpcError::new("turn/start", code, message.to_owned(), data)
}

#[test]
fn an_overload_is_known_in_every_spelling() {
    let spellings = [
        error(-32001, "Server overloaded; retry later.", Value::Null),
        error(-32001, "anything", json!({"other": 1})),
        error(-32000, "busy", json!("server_overloaded")),
        error(-32000, "busy", json!("SERVER_OVERLOADED")),
        error(-32603, "busy", json!("serverOverloaded")),
        error(-32603, "busy", json!({"codexErrorInfo": "serverOverloaded"})),
        error(-32603, "busy", json!({"codex_error_info": "server_overloaded"})),
        error(-32603, "busy", json!({"errorInfo": {"kind": ["x", "serverOverloaded"]}})),
        error(-32603, "busy", json!({"error": [{"codexErrorInfo": {"serverOverloaded": {}}}]})),
    ];
    for error in spellings {
        assert_eq!(error.kind(), RpcErrorKind::Overloaded, "{error:?}");
        let error = Error::Rpc(Box::new(error));
        assert!(error.is_overloaded() && error.is_retryable());
        assert!(error.to_string().ends_with("`CodexBuilder::retry_overloaded` do that"), "{error}");
    }
}

#[test]
fn what_only_mentions_an_overload_is_none() {
    let others = [
        error(-32600, "Server overloaded; retry later.", Value::Null),
        error(-32600, "no", json!({"message": "serverOverloaded"})),
        error(-32600, "no", json!({"codexErrorInfo": "other", "note": "serverOverloaded"})),
        error(-32600, "no", json!({"codexErrorInfo": null})),
        error(-32000, "no", json!("overloaded")),
    ];
    for error in others {
        assert_eq!(error.kind(), RpcErrorKind::Other, "{error:?}");
        let error = Error::Rpc(Box::new(error));
        assert!(!error.is_overloaded() && !error.is_retryable());
    }
}

#[test]
fn a_retry_limit_may_be_tried_again_and_is_no_overload() {
    for words in ["exceeded retry limit", "Too many failed attempts"] {
        let found = error(-32050, words, Value::Null);
        assert_eq!(found.kind(), RpcErrorKind::RetryLimitExceeded);
        let found = Error::Rpc(Box::new(found));
        assert!(found.is_retryable() && !found.is_overloaded());
        assert_eq!(error(-32600, words, Value::Null).kind(), RpcErrorKind::Other);
    }
}

#[test]
fn only_what_the_server_refused_unseen_is_repeated_without_asking() {
    let data = json!({"codexErrorInfo": "serverOverloaded"});
    assert!(error(-32001, "", Value::Null).was_refused_by_overload());
    for code in [-32000, -32099, -32603] {
        let later = error(code, "", data.clone());
        assert_eq!(later.kind(), RpcErrorKind::Overloaded);
        assert!(!later.was_refused_by_overload());
    }
    assert!(!error(-32000, "too many failed attempts", Value::Null).was_refused_by_overload());
}

#[test]
fn a_code_of_the_specification_means_what_it_says() {
    let cases = [
        (-32700, RpcErrorKind::Other),
        (-32600, RpcErrorKind::Other),
        (-32601, RpcErrorKind::UnknownMethod),
        (-32602, RpcErrorKind::InvalidParams),
        (-32603, RpcErrorKind::Internal),
        (-1, RpcErrorKind::Other),
    ];
    for (code, kind) in cases {
        assert_eq!(error(code, "no", Value::Null).kind(), kind);
    }
}

#[test]
fn an_unknown_value_is_no_unknown_method() {
    let unknown =
        |name: &str| format!("Invalid request: unknown variant `{name}`, expected one of");
    let method = error(-32600, &unknown("turn/start"), Value::Null);
    assert_eq!(method.kind(), RpcErrorKind::UnknownMethod);
    let value = error(-32600, &unknown("bad"), Value::Null);
    assert_eq!(value.kind(), RpcErrorKind::InvalidParams);
}

#[test]
fn the_turn_that_runs_is_named_with_and_without_quotes() {
    for words in
        ["expected active turn id `a` but found `b`", "expected active turn id a but found b"]
    {
        let error = error(-32600, words, Value::Null);
        assert_eq!(error.kind(), RpcErrorKind::OtherTurnActive);
        assert_eq!(error.active_turn(), Some("b"));
    }
    assert_eq!(error(-32600, "no active turn to steer", Value::Null).active_turn(), None);
}

#[test]
fn a_thread_of_which_nothing_is_stored_yet_is_known_by_its_words() {
    let words = "thread 019f is not materialized yet; turns are unavailable before its first one";
    let error = error(-32600, words, Value::Null);
    assert_eq!(error.kind(), RpcErrorKind::ThreadNotPersisted);
}

#[test]
fn a_cause_that_is_null_is_no_cause() {
    let cause = json!({"activeTurnNotSteerable": {"turnKind": "review"}});
    let data = json!({"codexErrorInfo": null, "errorInfo": null, "details": {"errorInfo": cause}});
    let error = error(-32600, "no", data);
    assert_eq!(error.kind(), RpcErrorKind::NotSteerable);
    assert!(error.codex_error_info().is_some());
}

#[test]
fn a_cause_is_typed_wherever_it_is() {
    let cause = json!({"activeTurnNotSteerable": {"turnKind": "review"}});
    let data = json!({"details": [{"errorInfo": cause}]});
    let error = error(-32600, "cannot steer a review turn", data);
    assert_eq!(error.kind(), RpcErrorKind::NotSteerable);
    let error = Error::Rpc(Box::new(error));
    assert_eq!(serde_json::to_value(error.codex_error_info()).unwrap(), cause);
}

#[test]
fn a_long_message_is_cut_where_it_is_shown() {
    let error = error(-32603, &"ä".repeat(Shown::MOST + 1), Value::Null);
    let text = error.to_string();
    assert_eq!(text, format!("`turn/start` failed: {}… (-32603)", "ä".repeat(Shown::MOST)));
    assert_eq!(error.message.chars().count(), Shown::MOST + 1);
}
