//! Messages that the pinned runtime really sent.
//!
//! The lines of `tests/data` are from its stdout, while it ran turns on a scripted model with
//! commands, patches, questions, steering and interrupts; only names of the machine, of its folders
//! and of sessions were replaced. `client.jsonl` is what was sent to it. There is one line of each
//! shape: the same method with other properties or other variants.

use codexkit::protocol::{ServerNotification, ServerRequest};
use serde_json::Value;

use crate::{
    registry::{Encoded, calls, requests, types},
    same::{Defaults, has_unknown, inexact},
};

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
    assert!(!has_unknown(&encoded.debug), "{method}: {}", encoded.debug);
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
    assert_eq!(count, 53);
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
    assert_eq!(count, 6);
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
    assert_eq!(count, 23);
}

#[test]
fn what_a_client_sent_decodes_whole_and_encodes_equal() {
    let (requests, calls, types) = (requests(), calls(), types());
    let defaults = Defaults::pinned();
    let (mut params, mut answers) = (0, 0);
    for line in lines(include_str!("../data/client.jsonl")) {
        let name = line["method"].as_str().unwrap();
        let (sent, round_trip) = if let Some(result) = line.get("result") {
            answers += 1;
            (result, calls.iter().find(|it| it.name == name).unwrap().response_round_trip)
        } else {
            params += 1;
            let ty = requests.iter().find(|it| it.name == name).unwrap().params;
            (&line["params"], types.iter().find(|it| it.0 == ty).unwrap().1.round_trip)
        };
        let difference = inexact(&defaults, sent, &round_trip(sent.clone()));
        assert_eq!(difference, None, "{name}");
    }
    assert_eq!((params, answers), (25, 7));
}

#[test]
fn notifications_that_the_schema_leaves_out_arrive_with_their_raw_json() {
    for method in ["rawResponse/completed", "rawResponseItem/completed"] {
        let params = serde_json::json!({ "threadId": "t", "turnId": "u", "usage": null });
        let line = serde_json::json!({ "method": method, "params": params });
        let decoded: ServerNotification = serde_json::from_value(line.clone()).unwrap();
        let ServerNotification::Unrecognized(raw) = &decoded else { panic!("{decoded:?}") };
        assert_eq!((raw.method.as_str(), &raw.params), (method, &params));
        assert_eq!(serde_json::to_value(&decoded).unwrap(), line);
    }
}
