//! However deep or long a line is: no stack overflow, and time in proportion to its length.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    ConfigReadResponse, ServerNotification, ServerRequest, ThreadReadResponse,
    envelope::{Message, decode_error, decode_notification, decode_result, response_id},
};

/// Far more than any stack holds.
const DEPTH: usize = 100_000;

/// A quarter of what threads have by default.
const SMALL_STACK: usize = 512 * 1024;

/// How deep `serde_json` goes.
const MAX_DEPTH: usize = 127;

/// Elements of the long lines, which have some megabytes then.
const ELEMENTS: usize = 100_000;

/// How much longer the long lines are than those that they are measured by.
const FACTOR: usize = 8;

/// How much longer the long line may take than as many short ones as are as long; what is quadratic
/// takes `FACTOR` times as long.
const MAX_RATIO: u32 = 3;

/// Runs of which the fastest counts.
const MIN_RUNS: usize = 2;

/// Runs after which it is no accident.
const MAX_RUNS: usize = 20;

/// Does everything with a line that is done with one of the server. Whether something decoded.
fn decode_all(line: &str) -> bool {
    let mut res = false;
    if let Ok(Message::Request { method, params, .. }) = Message::parse(line) {
        let params = serde_json::from_str::<Value>(params);
        res |= params.is_ok_and(|it| ServerRequest::try_decode(&method, &it).is_ok());
    }
    res |= response_id(line).is_ok();
    res |= decode_error(line).is_ok();
    res |= decode_result::<Value>(line).is_ok();
    res |= decode_result::<ConfigReadResponse>(line).is_ok();
    res |= decode_result::<ThreadReadResponse>(line).is_ok();
    res |= serde_json::from_str::<ServerNotification>(line).is_ok();
    let decoded = decode_notification(line);
    if let Ok((notification, _)) = &decoded {
        // Whatever a user does with it must hold, too.
        let (copy, text) = (notification.clone(), format!("{notification:?}"));
        assert!(copy == *notification && !text.is_empty());
        assert!(serde_json::to_string(notification).is_ok());
    }
    res | decoded.is_ok()
}

fn on_a_small_stack<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(SMALL_STACK).spawn(job).unwrap().join().unwrap()
}

/// Lines with something nested so deep in all kinds of places.
fn nested(depth: usize) -> Vec<String> {
    let arrays = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let mixed = format!("{}1{}", "[{\"item\":".repeat(depth / 2), "}]".repeat(depth / 2));
    let open = "[".repeat(depth);
    let places = [
        "@",
        r#"{"method":"turn/started","params":@,"emittedAtMs":1}"#,
        r#"{"method":"turn/started","params":{"threadId":"t","turnId":"u","a":@},"emittedAtMs":1}"#,
        r#"{"method":"item/started","params":{"threadId":"t","turnId":"u","item":{"type":"new","a":@}},"emittedAtMs":1}"#,
        r#"{"method":"item/plan/delta","params":{"threadId":"t","turnId":"u","itemId":"i","delta":"d","a":@},"emittedAtMs":1}"#,
        r#"{"method":"item/plan/delta","params":{"threadId":"t","turnId":"u","itemId":"i","delta":@},"emittedAtMs":1}"#,
        r#"{"params":{"turn":{"items":[{"type":"plan","text":@}]}},"method":"turn/started"}"#,
        r#"{"method":"item/tool/call","id":1,"params":{"threadId":"t","turnId":"u","callId":"c","tool":"x","arguments":@}}"#,
        r#"{"id":1,"result":@}"#,
        r#"{"id":1,"result":{"config":{"a":@},"origins":{}}}"#,
        r#"{"id":1,"error":{"code":1,"message":"m","data":@}}"#,
    ];
    let deep = [arrays, objects, mixed, open];
    places.iter().flat_map(|it| deep.iter().map(|deep| it.replace('@', deep))).collect()
}

#[test]
fn what_is_nested_too_deep_is_an_error_and_no_overflow() {
    let (mut lines, mut errors) = (0, 0);
    for line in nested(DEPTH) {
        lines += 1;
        errors += usize::from(on_a_small_stack(move || {
            decode_notification(&line).is_err() && {
                decode_all(&line);
                decode_result::<Value>(&line).is_err()
            }
        }));
    }
    assert_eq!((lines, errors), (44, 44));
}

#[test]
fn what_is_skipped_may_be_nested_at_will() {
    let id = "[".repeat(DEPTH) + &"]".repeat(DEPTH);
    let line = format!(r#"{{"method":"no/such","id":{id},"params":{{}}}}"#);
    assert!(on_a_small_stack(move || decode_notification(&line).is_ok()));
}

#[test]
fn what_is_nested_as_deep_as_may_be_needs_little_stack() {
    let mut decoded = 0;
    for line in nested(MAX_DEPTH - 7) {
        decoded += usize::from(on_a_small_stack(move || decode_all(&line)));
    }
    assert!(decoded > 24, "{decoded}");
}

/// A list with that many of an element.
fn list(count: usize, element: &str) -> String {
    vec![element; count].join(",")
}

/// Properties of that many names.
fn properties(count: usize, value: &str) -> String {
    (0..count).map(|i| format!("\"key{i}\":{value}")).collect::<Vec<_>>().join(",")
}

/// Lines of a length in proportion to `count`, each difficult in another way.
fn long(count: usize) -> Vec<(&'static str, String)> {
    let plan = |steps: &str| {
        format!(
            r#"{{"method":"turn/plan/updated","params":{{"threadId":"t","turnId":"u","plan":[{steps}]}},"emittedAtMs":1}}"#
        )
    };
    let delta = |rest: &str| {
        format!(
            r#"{{"method":"item/plan/delta","params":{{"threadId":"t","turnId":"u","itemId":"i","delta":"d",{rest}}},"emittedAtMs":1}}"#
        )
    };
    let items = |items: &str| {
        format!(
            r#"{{"method":"turn/started","params":{{"threadId":"t","turn":{{"id":"u","status":"completed","items":[{items}]}}}},"emittedAtMs":1}}"#
        )
    };
    let origins = |it: &str| format!(r#"{{"id":1,"result":{{"config":{{}},"origins":{{{it}}}}}}}"#);
    let key = "k\\n".repeat(4 * count);
    let error =
        format!(r#"{{"id":1,"error":{{"code":1,"message":"m","data":[{}]}}}}"#, list(count, "{}"));
    vec![
        (
            "unknown properties",
            plan("").replace("\"plan\"", &format!("{},\"plan\"", properties(count, "1"))),
        ),
        ("unknown properties that stream", delta(&properties(count, "1"))),
        ("repeated properties", delta(&list(count, r#""delta":"x""#))),
        ("repeated unknown properties", delta(&list(count, r#""again":[1]"#))),
        ("malformed elements", plan(&list(count, r#"{"step":1}"#))),
        ("malformed items", items(&list(count, r#"{"type":"plan","id":7}"#))),
        ("unknown items", items(&list(count, r#"{"type":"new"}"#))),
        ("malformed entries", origins(&properties(count, "7"))),
        (
            "a long path",
            origins(&format!("\"{key}\":{{\"name\":{{\"type\":\"user\",\"file\":7}}}}")),
        ),
        ("a long text", delta(&format!("\"a\":\"{key}\""))),
        ("long data of an error", error),
        ("no end", items(&list(count, r#"{"type":"plan","id":7}"#)).replace("]}}", "")),
        ("nothing but spaces", format!("{{{}", " ".repeat(8 * count))),
    ]
}

/// What the reader does with a line, and whoever it is for.
fn decode(line: &str) {
    match Message::parse(line) {
        Ok(Message::Response { is_error: true, .. }) => drop(decode_error(line)),
        Ok(Message::Response { .. }) => drop(decode_result::<ConfigReadResponse>(line)),
        _ => drop(decode_notification(line).map(|it| serde_json::to_string(&it.0))),
    }
}

fn time(line: &str, times: usize) -> Duration {
    let start = Instant::now();
    (0..times).for_each(|_| decode(line));
    start.elapsed()
}

#[test]
fn long_lines_take_time_in_proportion() {
    let short = long(ELEMENTS / FACTOR);
    for ((what, short), (_, long)) in short.iter().zip(&long(ELEMENTS)) {
        // Other processes only ever add to a time, so the least of some is the truest. Both times
        // are of as many bytes, so that they are interrupted alike on a machine that has much to do.
        let (mut short_time, mut long_time) = (Duration::MAX, Duration::MAX);
        let is_in_proportion = (1..=MAX_RUNS).any(|run| {
            short_time = short_time.min(time(short, FACTOR));
            long_time = long_time.min(time(long, 1));
            run >= MIN_RUNS && long_time < short_time * MAX_RATIO
        });
        let (from, to) = (short.len(), long.len());
        assert!(
            is_in_proportion,
            "{what}: {FACTOR} times {from} bytes take {short_time:?}, {to} bytes {long_time:?}"
        );
    }
}
