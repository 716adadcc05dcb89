//! The JSON-RPC envelope: what can be told of a message without decoding all of it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::message::NotificationSeed;
use super::{RawMessage, ServerNotification};

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
    Request { method: Cow<'a, str>, id: &'a str, params: &'a str, scope: Scope<'a> },
}

/// Which thread and turn a message names.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Scope<'a> {
    pub(crate) thread: Option<Cow<'a, str>>,
    pub(crate) turn: Option<Cow<'a, str>>,
}

impl<'a> Message<'a> {
    /// Classifies one line.
    ///
    /// # Errors
    ///
    /// The line is not a JSON object that could be a message.
    pub(crate) fn parse(line: &'a str) -> Result<Message<'a>, serde_json::Error> {
        match Message::peek(line) {
            Some(message) => Ok(message),
            None => Message::parse_envelope(line),
        }
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
            let scope = Scope { thread: Some(thread.into()), turn: Some(turn.into()) };
            return Some(Message::Notification { method: method.into(), scope });
        }
        let rest = line.strip_prefix(r#"{"id":"#)?;
        let (id, rest) = rest.split_once(',')?;
        rest.starts_with(r#""result":"#)
            .then(|| Some(Message::Response { id: id.parse().ok()?, is_error: false }))?
    }

    fn parse_envelope(line: &'a str) -> Result<Message<'a>, serde_json::Error> {
        let envelope: Envelope<'a> = serde_json::from_str(line)?;
        let is_error = envelope.error.is_some();
        match (envelope.method, envelope.id) {
            (Some(method), None) => {
                Ok(Message::Notification { method: method.0, scope: scope_of(envelope.params) })
            }
            (Some(method), Some(id)) => Ok(Message::Request {
                method: method.0,
                id: id.get(),
                params: envelope.params.map_or("null", RawValue::get),
                scope: scope_of(envelope.params),
            }),
            (None, Some(id)) if is_error || envelope.result => {
                // An id that is not one of our integers answers nothing that we sent.
                Ok(Message::Response { id: id.get().parse().unwrap_or(i64::MIN), is_error })
            }
            _ => Err(serde::de::Error::custom("neither a request, a notification nor a response")),
        }
    }
}

/// The content of a string literal and what follows its closing quote, if it has no escapes.
fn plain_string(rest: &str) -> Option<(&str, &str)> {
    let end = memchr::memchr2(b'"', b'\\', rest.as_bytes())?;
    let (content, rest) = rest.split_at(end);
    Some((content, rest.strip_prefix('"')?))
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
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

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A string that is borrowed where it can be, also inside an `Option`.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn scope_of(params: Option<&RawValue>) -> Scope<'_> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        #[serde(borrow)]
        thread_id: Option<Text<'a>>,
        #[serde(borrow)]
        turn_id: Option<Text<'a>>,
        #[serde(borrow)]
        turn: Option<Turn<'a>>,
    }
    #[derive(Deserialize)]
    struct Turn<'a> {
        #[serde(borrow)]
        id: Text<'a>,
    }
    // Params that do not look like this belong to no thread and no turn.
    let params = params.and_then(|it| serde_json::from_str::<Params<'_>>(it.get()).ok());
    params.map_or_else(Scope::default, |it| Scope {
        thread: it.thread_id.map(|id| id.0),
        turn: it.turn_id.or(it.turn.map(|turn| turn.id)).map(|id| id.0),
    })
}

/// Writes a request as one line.
pub(crate) fn request_line<P: Serialize>(
    id: i64,
    method: &'static str,
    params: &P,
) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Request<'a, P> {
        method: &'static str,
        id: i64,
        params: &'a P,
    }
    line(&Request { method, id, params })
}

/// Writes a notification without params as one line.
pub(crate) fn notification_line(method: &'static str) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Notification {
        method: &'static str,
    }
    line(&Notification { method })
}

/// Writes the answer to a request of the server as one line; `id` is the JSON of its id.
pub(crate) fn answer_line(
    id: &str,
    answer: &Result<Value, (i64, String)>,
) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Failure<'a> {
        code: i64,
        message: &'a str,
    }
    #[derive(Serialize)]
    struct Answer<'a> {
        id: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<&'a Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<Failure<'a>>,
    }
    let id: &RawValue = serde_json::from_str(id)?;
    line(&match answer {
        Ok(result) => Answer { id, result: Some(result), error: None },
        Err((code, message)) => {
            Answer { id, result: None, error: Some(Failure { code: *code, message }) }
        }
    })
}

fn line<T: Serialize>(message: &T) -> Result<String, serde_json::Error> {
    let mut line = serde_json::to_string(message)?;
    line.push('\n');
    Ok(line)
}

/// The result inside the line of a response.
pub(crate) fn decode_result<'de, T: Deserialize<'de>>(line: &'de str) -> serde_json::Result<T> {
    #[derive(Deserialize)]
    struct Response<T> {
        result: T,
    }
    serde_json::from_str(line).map(|response: Response<T>| response.result)
}

/// Code, message and data of the line of an error response.
pub(crate) fn decode_error(line: &str) -> serde_json::Result<(i64, String, Option<Value>)> {
    #[derive(Deserialize)]
    struct Response {
        error: Failure,
    }
    #[derive(Deserialize)]
    struct Failure {
        code: i64,
        #[serde(default)]
        message: String,
        data: Option<Value>,
    }
    let Response { error } = serde_json::from_str(line)?;
    Ok((error.code, error.message, error.data))
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
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let decoded = Notification.deserialize(&mut deserializer);
    if let Ok(stamped) = decoded
        && deserializer.end().is_ok()
    {
        return Ok(stamped);
    }
    let Loose { method, params, emitted_at_ms } = serde_json::from_str(line)?;
    let message = ServerNotification::Unrecognized(RawMessage { method, params });
    Ok((message, emitted_at_ms.and_then(|at| at.as_i64())))
}

/// What every notification has, whatever it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Loose {
    method: String,
    #[serde(default)]
    params: Value,
    emitted_at_ms: Option<Value>,
}

/// Decodes in one pass as long as the method comes before the params, as the runtime writes it.
struct Notification;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Key {
    Method,
    Params,
    EmittedAtMs,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Notification {
    type Value = Stamped;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Stamped, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Notification {
    type Value = Stamped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a notification")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Stamped, A::Error> {
        use serde::de::Error;

        let mut method: Option<Text<'de>> = None;
        let mut early_params: Option<&'de RawValue> = None;
        let mut decoded = None;
        let mut emitted_at_ms = None;
        while let Some(key) = map.next_key()? {
            match (key, &method) {
                (Key::Method, _) => method = Some(map.next_value()?),
                (Key::Params, Some(Text(method))) => {
                    decoded = Some(map.next_value_seed(NotificationSeed { method })?);
                }
                (Key::Params, None) => early_params = Some(map.next_value()?),
                (Key::EmittedAtMs, _) => emitted_at_ms = Some(map.next_value()?),
                (Key::Other, _) => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        let Text(method) = method.ok_or_else(|| A::Error::missing_field("method"))?;
        if let Some(notification) = decoded {
            return Ok((notification, emitted_at_ms));
        }
        let params = early_params.map_or("null", RawValue::get);
        let notification = NotificationSeed { method: &method }
            .deserialize(&mut serde_json::Deserializer::from_str(params))
            .map_err(A::Error::custom)?;
        Ok((notification, emitted_at_ms))
    }
}
