//! Nothing that the server may write makes the decoder panic, or decodes in two ways.
//!
//! `PROPTEST_CASES` sets how many inputs each test tries; `cargo test --release --lib hostile` with
//! millions of them takes minutes.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use std::fmt::Debug;

use proptest::{collection::vec, prelude::any, sample::select};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    ConfigReadResponse, ServerNotification, ServerRequest, ThreadReadResponse, TurnStartResponse,
    arbitrary::{Lines, Schema, Spoil, for_all},
    envelope::{
        Message, Scope, decode_error, decode_in_place, decode_loosely, decode_notification,
        decode_result, response_id,
    },
};

/// How many inputs, unless the environment says otherwise.
const CASES: u32 = 3_000;

/// What two ways of decoding a line disagree about.
fn contradiction(line: &str) -> Option<String> {
    if let Ok(message) = Message::parse(line) {
        if let Ok(full) = Message::parse_envelope(line)
            && !agree(&message, &full)
        {
            return Some(format!("{message:?} is {full:?} in full"));
        }
        if let Message::Request { method, params, .. } = &message {
            let params = serde_json::from_str(params).unwrap_or_default();
            let again = ServerRequest::try_decode(method, &params).ok().and_then(|first| {
                let params = serde_json::to_value(&first).unwrap()["params"].take();
                differs(&first, &ServerRequest::try_decode(method, &params))
            });
            if again.is_some() {
                return again;
            }
        }
    }
    let (_, _) = (decode_error(line), response_id(line));
    notification(line)
        .or_else(|| result::<Value>(line))
        .or_else(|| result::<TurnStartResponse>(line))
        .or_else(|| result::<ThreadReadResponse>(line))
        .or_else(|| result::<ConfigReadResponse>(line))
}

/// Params that repeat an id have none to the full parse, and the first to the short look.
fn agree(message: &Message<'_>, full: &Message<'_>) -> bool {
    match (message, full) {
        (
            Message::Notification { method, .. },
            Message::Notification { method: same, scope: Scope { thread: None, turn: None, .. } },
        ) => method == same,
        _ => message == full,
    }
}

fn notification(line: &str) -> Option<String> {
    let decoded = decode_notification(line).ok()?;
    match decode_loosely(line) {
        Ok(loose) if loose != decoded => {
            return Some(format!("{decoded:?} is {loose:?} by a value"));
        }
        // What is decoded in place may be nested a little deeper.
        Err(it) if !it.to_string().contains("recursion limit") => return Some(it.to_string()),
        _ => (),
    }
    let first = decoded.0;
    if let Ok(plain) = serde_json::from_str::<ServerNotification>(line)
        && plain != first
    {
        return Some(format!("{first:?} is {plain:?} by serde"));
    }
    let params = serde_json::to_value(&first).unwrap()["params"].take();
    let again = ServerNotification::decode(first.method(), params.clone());
    if let Ok(strict) = ServerNotification::try_decode(first.method(), &params)
        && strict != again
    {
        return Some(format!("{again:?} is {strict:?} when it must fit"));
    }
    differs(&first, &Ok::<_, String>(again))
}

fn result<T: DeserializeOwned + Serialize + PartialEq + Debug>(line: &str) -> Option<String> {
    let first: T = decode_result(line).ok()?;
    let again = serde_json::from_value::<T>(serde_json::to_value(&first).unwrap());
    differs(&first, &again)
}

fn differs<T: PartialEq + Debug, E: Debug>(first: &T, again: &Result<T, E>) -> Option<String> {
    match again {
        Ok(again) if again == first => None,
        again => Some(format!("{first:?} comes back as {again:?}")),
    }
}

/// What is wrong with a line, and the line.
fn fault(line: &str) -> Option<String> {
    contradiction(line).map(|it| format!("{it}\nin {line}"))
}

#[test]
fn spoiled_messages_do_no_harm() {
    let schema = Schema::pinned();
    let lines = Lines::new(&schema);
    let spoils = vec(select(&Spoil::ALL[..]), 0..5);
    for_all(CASES, &(any::<u64>(), spoils), |(seed, spoils)| fault(&lines.line(seed, &spoils)));
}

#[test]
fn any_bytes_do_no_harm() {
    for_all(CASES, &vec(any::<u8>(), 0..200), |bytes| fault(&String::from_utf8_lossy(&bytes)));
}

#[test]
fn any_sequence_of_json_tokens_does_no_harm() {
    let tokens = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "1e999",
        "\"\"",
        "\"",
        "\\u0000",
        "\\ud800",
        "\"id\"",
        "\"method\"",
        "\"params\"",
        "\"result\"",
        "\"error\"",
        "\"code\"",
        "\"threadId\"",
        "\"turnId\"",
        "\"delta\"",
        "\"itemId\"",
        "\"emittedAtMs\"",
        "\"item/plan/delta\"",
        "\"turn/started\"",
        "{\"method\":\"item/plan/delta\",\"params\":",
        "{\"threadId\":\"t\",\"turnId\":\"u\",",
        "{\"id\":7,\"result\":",
        ",\"emittedAtMs\":1}",
        " ",
    ];
    for_all(CASES, &vec(select(tokens.to_vec()), 0..40), |tokens| fault(&tokens.concat()));
}

/// The tests above try what they claim: without damage, lines are messages and understood.
#[test]
fn sound_lines_are_understood_on_both_ways() {
    let schema = Schema::pinned();
    let lines = Lines::new(&schema);
    let (mut short, mut full, mut requests, mut responses) = (0, 0, 0, 0);
    for seed in 0..1_000 {
        let line = lines.line(seed, &[]);
        match Message::parse(&line).unwrap() {
            Message::Request { method, params, .. } => {
                let params = serde_json::from_str(params).unwrap();
                ServerRequest::try_decode(&method, &params).unwrap();
                requests += 1;
            }
            Message::Response { id, is_error } => {
                assert_eq!((id, is_error), (7, false));
                responses += 1;
            }
            Message::Notification { .. } => {
                let decoded = decode_notification(&line).unwrap().0;
                assert!(!matches!(decoded, ServerNotification::Unrecognized(_)), "{line}");
                *if decode_in_place(&line).is_some() { &mut short } else { &mut full } += 1;
            }
        }
    }
    let counts = [short, full, requests, responses];
    assert!(counts.iter().all(|it| *it > 80), "{counts:?}");
}

#[test]
fn an_error_of_the_runtime_is_told_with_code_and_text() {
    let line = r#"{"error":{"code":-32600,"message":"no active turn to steer"},"id":3}"#;
    assert_eq!(Message::parse(line).unwrap(), Message::Response { id: 3, is_error: true });
    let text = "no active turn to steer".to_owned();
    assert_eq!(decode_error(line).unwrap(), (-32600, text, None));
}
