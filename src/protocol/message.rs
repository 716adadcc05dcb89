//! From a method and its params to a typed message, and back.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
    ser::SerializeStruct,
};
use serde_json::Value;

#[cfg(feature = "client")]
use super::malformed;
use super::{
    ClientRequest, DecodeError, ServerNotification, ServerRequest, ServerRequestError,
    stream::from_str,
};

/// A notification as it was received.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct RawMessage {
    /// The method on the wire.
    pub method: String,
    /// The params; null when there were none.
    pub params: Value,
}

impl fmt::Debug for RawMessage {
    /// Leaves out the params: nobody knows whether they hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMessage").field("method", &self.method).finish_non_exhaustive()
    }
}

impl ServerNotification {
    /// Decodes the params of `method`. Never fails: what is not understood is kept as
    /// [`Unrecognized`](Self::Unrecognized).
    pub fn decode(method: &str, params: Value) -> Self {
        match Self::decode_known(method, &params) {
            Ok(Some(it)) => it,
            Ok(None) | Err(_) => {
                Self::Unrecognized(RawMessage { method: method.to_owned(), params })
            }
        }
    }

    /// Decodes the params of `method` and insists that they fit.
    ///
    /// Unions inside the params stay open: what they do not know becomes `Unrecognized` there.
    /// Lists and maps leave out what does not fit; `unrecognized` beside them says so.
    ///
    /// # Errors
    /// When the method is unknown, or its params do not have the shape of their type.
    pub fn try_decode(method: &str, params: &Value) -> Result<Self, DecodeError> {
        Self::decode_known(method, params)?
            .ok_or_else(|| DecodeError::new(format!("unknown notification `{method}`")))
    }
}

impl ServerRequest {
    /// Decodes the params of `method` and insists that they fit.
    ///
    /// Unions inside the params stay open: what they do not know becomes `Unrecognized` there.
    /// Lists and maps leave out what does not fit; `unrecognized` beside them says so.
    ///
    /// # Errors
    /// When the method is unknown, or its params do not have the shape of their type.
    pub fn try_decode(method: &str, params: &Value) -> Result<Self, ServerRequestError> {
        match Self::decode_known(method, params) {
            Ok(Some(it)) => Ok(it),
            Err(source) => {
                Err(ServerRequestError::InvalidParams { method: method.to_owned(), source })
            }
            Ok(None) => Err(ServerRequestError::UnknownMethod { method: method.to_owned() }),
        }
    }

    /// The same for whoever is going to answer: of what nobody could see, nothing can be allowed.
    #[cfg(feature = "client")]
    pub(crate) fn decode_whole(method: &str, params: &Value) -> Result<Self, ServerRequestError> {
        malformed::whole(|| Self::try_decode(method, params))
    }
}

/// Decodes the params of the notification `method`.
///
/// What streams (deltas and output) is decoded straight from the deserializer, without a value in
/// between; that fails when the params do not fit, and [`ServerNotification::decode`] then says
/// what to make of them. Everything else never fails on well-formed JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotificationSeed<'a> {
    pub(crate) method: &'a str,
}

impl<'de> DeserializeSeed<'de> for NotificationSeed<'_> {
    type Value = ServerNotification;

    fn deserialize<D: Deserializer<'de>>(self, params: D) -> Result<Self::Value, D::Error> {
        match ServerNotification::decode_streaming(self.method, params)? {
            Ok(it) => Ok(it),
            Err(params) => {
                Value::deserialize(params).map(|it| ServerNotification::decode(self.method, it))
            }
        }
    }
}

/// Reads `{"method": …, "params": …}`. What the message carries beside them is skipped.
///
/// Fails when the params of something that streams follow their method and do not fit. Params that
/// come before the method, and those of anything else, are decoded as by
/// [`ServerNotification::decode`], which never fails.
impl<'de> Deserialize<'de> for ServerNotification {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NotificationVisitor)
    }
}

struct NotificationVisitor;

impl<'de> Visitor<'de> for NotificationVisitor {
    type Value = ServerNotification;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a notification with a method and params")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut method: Option<String> = None;
        let mut early = None;
        let mut res = None;
        while let Some(key) = map.next_key()? {
            match (key, &method) {
                (Key::Method, _) => method = Some(map.next_value()?),
                (Key::Params, Some(method)) => {
                    res = Some(map.next_value_seed(NotificationSeed { method })?);
                }
                (Key::Params, None) => early = Some(map.next_value::<Value>()?),
                (Key::Other, _) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let method = method.ok_or_else(|| A::Error::missing_field("method"))?;
        Ok(res.unwrap_or_else(|| ServerNotification::decode(&method, early.unwrap_or(Value::Null))))
    }
}

enum Key {
    Method,
    Params,
    Other,
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        match key {
            "method" => Self::Method,
            "params" => Self::Params,
            _ => Self::Other,
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(key: D) -> Result<Self, D::Error> {
        from_str(key)
    }
}

/// Writes `{"method": …, "params": …}`.
impl Serialize for ServerNotification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        envelope(serializer, "ServerNotification", self.method(), &self.params())
    }
}

/// Writes `{"method": …, "params": …}`; the id belongs to the envelope.
impl Serialize for ServerRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        envelope(serializer, "ServerRequest", self.method(), &self.params())
    }
}

/// Writes the params alone.
impl Serialize for ClientRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.params().serialize(serializer)
    }
}

fn envelope<S: Serializer>(
    serializer: S,
    name: &'static str,
    method: &str,
    params: &Value,
) -> Result<S::Ok, S::Error> {
    let mut res = serializer.serialize_struct(name, 2)?;
    res.serialize_field("method", method)?;
    res.serialize_field("params", params)?;
    res.end()
}
