//! Messages that the pinned runtime really sent.
//!
//! The lines of `tests/data` are from its stdout, while it ran turns on a scripted model with
//! commands, patches, questions, steering and interrupts; only names of the machine and of its
//! folders were replaced.

use codexkit::protocol::{ServerNotification, ServerRequest};
use serde_json::Value;

use crate::registry::{Encoded, requests};

fn lines(text: &str) -> impl Iterator<Item = Value> {
    text.lines().map(|it| serde_json::from_str(it).unwrap())
}

/// The value without properties that are null, which mean the same as absent ones.
pub(crate) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|it| !it.1.is_null());
            Value::Object(kept.map(|(key, it)| (key.clone(), without_nulls(it))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        _ => value.clone(),
    }
}

fn assert_exact(method: &str, sent: &Value, encoded: &Encoded) {
    assert_eq!(without_nulls(sent), without_nulls(&encoded.value), "{method}");
    assert!(!encoded.debug.contains("Unrecognized("), "{method}: {}", encoded.debug);
    let unknown = encoded.debug.matches("unrecognized: {").count();
    let empty = encoded.debug.matches("unrecognized: {}").count();
    assert_eq!(unknown, empty, "{method}: {}", encoded.debug);
}

#[test]
fn recorded_notifications_decode_whole_and_encode_equal() {
    let mut count = 0;
    for line in lines(include_str!("../data/notifications.jsonl")) {
        let method = line["method"].as_str().unwrap();
        let decoded = ServerNotification::try_decode(method, &line["params"]).unwrap();
        assert_eq!(decoded.method(), method);
        let value = serde_json::to_value(&decoded).unwrap()["params"].clone();
        let encoded = Encoded { value, debug: format!("{decoded:?}") };
        assert_exact(method, &line["params"], &encoded);
        count += 1;
    }
    assert!(count > 50, "{count}");
}

#[test]
fn recorded_server_requests_decode_whole_and_encode_equal() {
    let mut count = 0;
    for line in lines(include_str!("../data/requests.jsonl")) {
        let method = line["method"].as_str().unwrap();
        let decoded = ServerRequest::try_decode(method, &line["params"]).unwrap();
        assert_eq!(decoded.method(), method);
        let value = serde_json::to_value(&decoded).unwrap()["params"].clone();
        let encoded = Encoded { value, debug: format!("{decoded:?}") };
        assert_exact(method, &line["params"], &encoded);
        count += 1;
    }
    assert!(count > 5, "{count}");
}

#[test]
fn recorded_responses_decode_whole_and_encode_equal() {
    let methods = requests();
    let mut count = 0;
    for line in lines(include_str!("../data/responses.jsonl")) {
        let name = line["method"].as_str().unwrap();
        let method = methods.iter().find(|it| it.name == name).unwrap();
        let encoded = (method.response_round_trip)(line["result"].clone());
        assert_exact(name, &line["result"], &encoded.unwrap_or_else(|it| panic!("{name}: {it}")));
        count += 1;
    }
    assert!(count > 20, "{count}");
}
