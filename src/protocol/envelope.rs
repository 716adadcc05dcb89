//! The JSON-RPC envelope: what can be told of a message without decoding all of it.

mod outgoing;
mod scope;

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) use self::outgoing::{
    answer_line, notification_line, request_line, secret_answer_line, secret_request_line,
};
use self::scope::scope_of;
pub(crate) use self::scope::{Scope, Stream};
use super::json::Object;
use super::message::NotificationSeed;
use super::{DecodeError, Notification, ServerNotification, TurnStartedNotification};

/// The JSON-RPC code for a method that does not exist.
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;

/// The JSON-RPC code for params that do not fit.
pub(crate) const INVALID_PARAMS: i64 = -32602;

/// The JSON-RPC code that the runtime gives for nearly everything that it does not accept.
pub(crate) const INVALID_REQUEST: i64 = -32600;

/// The code for a request that is understood and not granted.
pub(crate) const REFUSED: i64 = -32000;

/// What a line is, and whom it concerns.
#[derive(Debug, PartialEq)]
pub(crate) enum Message<'a> {
    /// The answer to a request of ours, to be decoded by whoever sent it.
    Response { id: i64, is_error: bool },
    /// Something that happened.
    Notification { method: Cow<'a, str>, scope: Scope<'a> },
    /// A question of the server, with its id as it must be given back.
    Request { method: Cow<'a, str>, id: &'a str, params: &'a str },
}

impl<'a> Message<'a> {
    /// Classifies one line.
    ///
    /// # Errors
    ///
    /// The line is not a JSON object that could be a message.
    pub(crate) fn parse(line: &'a str) -> Result<Message<'a>, serde_json::Error> {
        if let Some(message) = Message::peek(line)
            && match &message {
                Message::Response { .. } => true,
                // It may name a second turn, farther behind.
                Message::Notification { method, .. } => {
                    *method != TurnStartedNotification::METHOD && is_stamped(line)
                }
                Message::Request { .. } => false,
            }
        {
            return Ok(message);
        }
        // A broken line that begins as one of a turn is the turn's: it may have been its end.
        Message::parse_envelope(line).or_else(|error| Message::peek(line).ok_or(error))
    }

    /// Recognises the messages that come in masses by their first bytes, in the key order in which
    /// the runtime writes them. Whoever decodes the line checks the rest of it.
    fn peek(line: &'a str) -> Option<Message<'a>> {
        if let Some(rest) = line.strip_prefix(r#"{"method":""#) {
            let (method, rest) = plain_string(rest)?;
            let rest = rest.strip_prefix(r#","params":{"threadId":""#)?;
            let (thread, rest) = plain_string(rest)?;
            let rest = match rest.strip_prefix(r#","turnId":""#) {
                Some(rest) => rest,
                None => rest.strip_prefix(r#","turn":{"id":""#)?,
            };
            let (turn, _) = plain_string(rest)?;
            let scope =
                Scope { thread: Some(thread.into()), turn: Some(turn.into()), ..Scope::default() };
            return Some(Message::Notification { method: method.into(), scope });
        }
        let rest = line.strip_prefix(r#"{"id":"#)?;
        let (id, rest) = rest.split_once(',')?;
        rest.starts_with(r#""result":"#)
            .then(|| Some(Message::Response { id: id.parse().ok()?, is_error: false }))?
    }

    pub(super) fn parse_envelope(line: &'a str) -> Result<Message<'a>, serde_json::Error> {
        let envelope: Envelope<'a> = serde_json::from_str(line)?;
        let is_error = envelope.error.is_some();
        match (envelope.method, envelope.id) {
            (Some(method), None) => {
                let scope = scope_of(&method.0, envelope.params);
                Ok(Message::Notification { method: method.0, scope })
            }
            (Some(method), Some(id)) => Ok(Message::Request {
                method: method.0,
                id: id.get(),
                params: envelope.params.map_or("null", RawValue::get),
            }),
            (None, Some(id)) if (is_error || envelope.result) && id.get() != "null" => {
                // An id that is not one of our integers answers nothing that we sent.
                Ok(Message::Response { id: id.get().parse().unwrap_or(i64::MIN), is_error })
            }
            _ => Err(serde::de::Error::custom("neither a request, a notification nor a response")),
        }
    }
}

/// Whether nothing but the time stamp follows the params, so that this is no request.
fn is_stamped(line: &str) -> bool {
    let Some(rest) = line.strip_suffix('}') else { return false };
    rest.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with(r#"},"emittedAtMs":"#)
}

/// The id of a response, whatever it is.
///
/// # Errors
///
/// The line is not JSON.
pub(crate) fn response_id(line: &str) -> serde_json::Result<Value> {
    #[derive(Deserialize)]
    struct Response {
        id: Value,
    }
    serde_json::from_str(line).map(|response: Response| response.id)
}

/// The content of a string literal and what follows its closing quote, if it has no escapes.
fn plain_string(rest: &str) -> Option<(&str, &str)> {
    let end = memchr::memchr2(b'"', b'\\', rest.as_bytes())?;
    let (content, rest) = rest.split_at(end);
    Some((content, rest.strip_prefix('"')?))
}

#[derive(Deserialize)]
struct Envelope<'a> {
    /// Also if it is null: who asks with that waits for an answer.
    #[serde(borrow, default, deserialize_with = "some")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Text<'a>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    /// Whether it is there, `null` included: `{"result":null}` is an answer too.
    #[serde(default, deserialize_with = "present")]
    result: bool,
    error: Option<IgnoredAny>,
}

fn some<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A string that is borrowed where it can be, also inside an `Option`.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The method of a line that is broken somewhere behind it; empty if it names none.
pub(crate) fn method_of(line: &str) -> &str {
    match Message::parse(line) {
        Ok(Message::Notification { method: Cow::Borrowed(method), .. }) => method,
        _ => "",
    }
}

/// The params inside the line of a notification, which must fit.
pub(crate) fn decode_params<'de, T: Deserialize<'de>>(line: &'de str) -> serde_json::Result<T> {
    #[derive(Deserialize)]
    struct Notification<T> {
        params: T,
    }
    serde_json::from_str(line).map(|notification: Notification<T>| notification.params)
}

/// The result inside the line of a response.
pub(crate) fn decode_result<'de, T: Deserialize<'de>>(line: &'de str) -> serde_json::Result<T> {
    #[derive(Deserialize)]
    struct Response<T> {
        result: T,
    }
    serde_json::from_str(line).map(|response: Response<T>| response.result)
}

/// The id of the thread in the response to a request that starts, resumes or forks one.
pub(crate) fn opened_thread(line: &str) -> serde_json::Result<String> {
    #[derive(Deserialize)]
    struct Opened {
        thread: Thread,
    }
    #[derive(Deserialize)]
    struct Thread {
        id: String,
    }
    decode_result(line).map(|opened: Opened| opened.thread.id)
}

/// Code, message and data of the line of an error response.
pub(crate) fn decode_error(line: &str) -> serde_json::Result<(i64, String, Option<Value>)> {
    #[derive(Deserialize)]
    struct Response {
        error: Value,
    }
    let Response { error } = serde_json::from_str(line)?;
    failure(&error).map_err(serde::de::Error::custom)
}

/// What serde itself says of a value in the wrong place repeats it, and it may be a secret.
fn failure(error: &Value) -> Result<(i64, String, Option<Value>), DecodeError> {
    let mut error = Object::of(error)?;
    Ok((error.required("code")?, error.or_default("message")?, error.optional("data")?))
}

/// A notification with the time at which the server says that it sent it, in milliseconds since
/// the Unix epoch.
pub(crate) type Stamped = (ServerNotification, Option<i64>);

/// Decodes the line of a notification.
///
/// # Errors
///
/// The line is not JSON, or names no method. Params that do not fit their method are no error:
/// they come as [`ServerNotification::Unrecognized`].
pub(crate) fn decode_notification(line: &str) -> serde_json::Result<Stamped> {
    if let Some(stamped) = decode_in_place(line) {
        return Ok(stamped);
    }
    decode_loosely(line)
}

/// Decodes a line in any form, by way of a value.
pub(super) fn decode_loosely(line: &str) -> serde_json::Result<Stamped> {
    let Loose { method, params, emitted_at_ms } = serde_json::from_str(line)?;
    let notification = ServerNotification::decode(&method, params);
    Ok((notification, emitted_at_ms.and_then(|at| at.as_i64())))
}

/// Decodes a line that has exactly what the runtime writes, in its order: method, params and time
/// stamp. The params must be one whole value, so that what looks like the tail cannot be part of a
/// string in them.
pub(super) fn decode_in_place(line: &str) -> Option<Stamped> {
    let (method, rest) = plain_string(line.strip_prefix(r#"{"method":""#)?)?;
    let rest = rest.strip_prefix(r#","params":"#)?.strip_suffix('}')?;
    let digits = rest.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (rest, stamp) = rest.split_at(rest.len() - digits);
    let params = rest.strip_suffix(r#","emittedAtMs":"#)?;
    if stamp.starts_with('0') || method.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let emitted_at_ms = Some(stamp.parse().ok()?);
    let mut deserializer = serde_json::Deserializer::from_str(params);
    let notification = NotificationSeed { method }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some((notification, emitted_at_ms))
}

/// A notification in any other form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Loose {
    method: String,
    #[serde(default)]
    params: Value,
    emitted_at_ms: Option<Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DELTA: &str = r#"{"method":"item/agentMessage/delta","params":{"threadId":"t","turnId":"u","itemId":"i","delta":"x"},"emittedAtMs":12}"#;

    #[test]
    fn the_usual_form_and_any_other_decode_to_the_same() {
        let usual = decode_in_place(DELTA).unwrap();
        assert_eq!(usual.1, Some(12));
        assert!(matches!(usual.0, ServerNotification::AgentMessageDelta(_)));
        let value: Value = serde_json::from_str(DELTA).unwrap();
        let other = serde_json::to_string(&value).unwrap();
        assert!(decode_in_place(&other).is_none());
        assert_eq!(decode_notification(&other).unwrap(), usual);
    }

    #[test]
    fn the_short_cut_takes_nothing_that_is_not_sound() {
        let params = r#"{"threadId":"t","turnId":"u","itemId":"i","delta":"x"}"#;
        let begin = r#"{"method":"item/agentMessage/delta","params":"#;
        for line in [
            format!("{begin}{params}}}"),
            format!("{begin}{params},\"emittedAtMs\":}}"),
            format!("{begin}{params},\"emittedAtMs\":01}}"),
            format!("{begin}{params},\"emittedAtMs\":1.5}}"),
            format!("{begin}{params},\"new\":1,\"emittedAtMs\":1}}"),
            format!("{begin}{params}{params},\"emittedAtMs\":1}}"),
            format!("{begin}{{\"delta\":\",\"emittedAtMs\":1}}"),
            DELTA.replace("item/", "item\u{1}"),
            DELTA.replace("item/", "item\\/"),
        ] {
            assert!(decode_in_place(&line).is_none(), "{line}");
        }
    }

    #[test]
    fn a_short_look_and_a_full_parse_agree_on_whom_a_message_concerns() {
        let completed =
            r#"{"method":"turn/completed","params":{"threadId":"t","turn":{"id":"u"}}}"#;
        for line in [DELTA, completed, r#"{"id":7,"result":null}"#] {
            let short = Message::peek(line).unwrap();
            assert_eq!(short, Message::parse_envelope(line).unwrap());
        }
    }

    #[test]
    fn a_request_is_one_wherever_its_id_is() {
        let notification = DELTA.replace(r#","emittedAtMs":12"#, "");
        assert!(matches!(Message::parse(&notification), Ok(Message::Notification { .. })));
        for id in [r#","id":5}"#, r#","id":"},","emittedAtMs":1}"#, r#","id":5,"emittedAtMs":1}"#] {
            let request = format!("{}{id}", notification.strip_suffix('}').unwrap());
            assert!(matches!(Message::parse(&request), Ok(Message::Request { .. })), "{request}");
        }
    }

    #[test]
    fn ids_are_found_wherever_they_are_and_other_params_have_none() {
        let scope = |params: Value| {
            let line = json!({"params": params, "method": "m"}).to_string();
            match Message::parse(&line).unwrap() {
                Message::Notification { scope, .. } => {
                    (scope.thread.map(Cow::into_owned), scope.turn.map(Cow::into_owned))
                }
                other => panic!("{other:?}"),
            }
        };
        let both = (Some("t".to_owned()), Some("u".to_owned()));
        assert_eq!(scope(json!({"item": {"turnId": "no"}, "threadId": "t", "turnId": "u"})), both);
        assert_eq!(scope(json!({"turn": {"id": "u"}, "threadId": "t"})), both);
        assert_eq!(scope(json!({"threadId": "t", "turnId": null})), (both.0.clone(), None));
        for odd in [json!(null), json!([1]), json!("x"), json!({"turnId": 7})] {
            assert_eq!(scope(odd), (None, None));
        }
    }

    #[test]
    fn answers_repeat_the_id_of_the_server_exactly() {
        let ok = answer_line("\"s-1\"", Ok(&json!({"decision": "decline"}))).unwrap();
        assert_eq!(ok, "{\"id\":\"s-1\",\"result\":{\"decision\":\"decline\"}}\n");
        let no = answer_line("3", Err((-32601, "no"))).unwrap();
        assert_eq!(no, "{\"id\":3,\"error\":{\"code\":-32601,\"message\":\"no\"}}\n");
    }
}
