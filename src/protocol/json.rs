//! Decoding from and encoding to `serde_json::Value`.
//!
//! The generated types go through this trait instead of serde's derives: it compiles in a third of
//! the time, names the place of an error, and does not depend on which features of `serde_json`
//! some other crate enables.

mod fit;
mod plain;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Map, Value};

use super::{
    error::DecodeError,
    extra::ExtraFields,
    malformed::{self, ElementPlace, MalformedElement, put_back},
};

pub(super) use self::fit::{Alternative, Fit, Test};

/// A type of the protocol.
///
/// Implementations are `#[inline]`: whoever decodes or encodes a type compiles that, and nobody
/// compiles the hundreds that are never used.
pub(super) trait Json: Sized {
    /// Decodes leniently: inside unions, what does not fit becomes `Unrecognized`.
    fn from_json(value: &Value) -> Result<Self, DecodeError>;

    /// Decodes like `from_json`, but when this is a union, its own variant must fit.
    fn from_json_strict(value: &Value) -> Result<Self, DecodeError> {
        Self::from_json(value)
    }

    /// Decodes the property `key`. A list does not fail because of an element that does not fit:
    /// it leaves it out and adds it to `_malformed`.
    fn from_property(
        key: &'static str,
        value: &Value,
        _malformed: &mut Vec<MalformedElement>,
    ) -> Result<Self, DecodeError> {
        match Self::from_json(value) {
            Ok(it) => Ok(it),
            Err(it) => Err(it.at_key(key)),
        }
    }

    fn to_json(&self) -> Value;
}

/// Decodes with serde by way of a value.
pub(super) fn through_json<'de, T: Json, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    T::from_json(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// An object that is being decoded.
pub(super) struct Object<'a> {
    map: &'a Map<String, Value>,
    seen: Vec<&'static str>,
    malformed: Vec<MalformedElement>,
}

impl<'a> Object<'a> {
    pub(super) fn of(value: &'a Value) -> Result<Self, DecodeError> {
        let map = entries(value)?;
        Ok(Self { map, seen: Vec::with_capacity(map.len()), malformed: Vec::new() })
    }

    pub(super) fn required<T: Json>(&mut self, key: &'static str) -> Result<T, DecodeError> {
        match self.get(key) {
            Some(it) => T::from_property(key, it, &mut self.malformed),
            None => Err(DecodeError::new("missing").at_key(key)),
        }
    }

    pub(super) fn optional<T: Json>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<T>, DecodeError> {
        match self.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(it) => Ok(Some(T::from_property(key, it, &mut self.malformed)?)),
        }
    }

    /// Always there, but may be null.
    pub(super) fn nullable<T: Json>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<T>, DecodeError> {
        if self.map.contains_key(key) {
            self.optional(key)
        } else {
            Err(DecodeError::new("missing").at_key(key))
        }
    }

    #[allow(clippy::option_option, reason = "absent, null and a value are three things here")]
    pub(super) fn three_state<T: Json>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Option<T>>, DecodeError> {
        if self.map.contains_key(key) { Ok(Some(self.optional(key)?)) } else { Ok(None) }
    }

    pub(super) fn or_default<T: Json + Default>(
        &mut self,
        key: &'static str,
    ) -> Result<T, DecodeError> {
        self.or_else(key, T::default)
    }

    pub(super) fn or_else<T: Json>(
        &mut self,
        key: &'static str,
        default: fn() -> T,
    ) -> Result<T, DecodeError> {
        match self.optional(key)? {
            Some(it) => Ok(it),
            None => Ok(default()),
        }
    }

    /// Takes note of a property that is no field.
    pub(super) fn skip(&mut self, key: &'static str) {
        self.get(key);
    }

    /// What no field took.
    pub(super) fn rest(self) -> ExtraFields {
        let mut res = ExtraFields::holding(self.malformed);
        if self.seen.len() < self.map.len() {
            let rest = self.map.iter().filter(|it| !self.seen.contains(&it.0.as_str()));
            rest.for_each(|(key, value)| res.insert(key.clone(), value.clone()));
        }
        res
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        let res = self.map.get(key)?;
        self.seen.push(key);
        Some(res)
    }
}

/// Decodes the value of the property `key`.
pub(super) fn at_key<T: Json>(key: &str, value: &Value) -> Result<T, DecodeError> {
    match T::from_json(value) {
        Ok(it) => Ok(it),
        Err(it) => Err(it.at_key(key)),
    }
}

fn entries(value: &Value) -> Result<&Map<String, Value>, DecodeError> {
    value.as_object().ok_or_else(|| DecodeError::expected("an object", value))
}

fn elements(value: &Value) -> Result<&Vec<Value>, DecodeError> {
    value.as_array().ok_or_else(|| DecodeError::expected("an array", value))
}

fn entries_at<'a>(key: &str, value: &'a Value) -> Result<&'a Map<String, Value>, DecodeError> {
    entries(value).map_err(|it| it.at_key(key))
}

fn elements_at<'a>(key: &str, value: &'a Value) -> Result<&'a Vec<Value>, DecodeError> {
    elements(value).map_err(|it| it.at_key(key))
}

/// An object that is being encoded.
pub(super) struct Fields<'a> {
    map: Map<String, Value>,
    malformed: &'a [MalformedElement],
}

impl<'a> Fields<'a> {
    pub(super) fn new(extra: &'a ExtraFields) -> Self {
        Self { map: extra.to_map(), malformed: extra.malformed_elements() }
    }

    pub(super) fn required(mut self, key: &str, value: Value) -> Self {
        self.map.insert(key.to_owned(), value);
        self
    }

    /// Adds the property unless the value is null.
    pub(super) fn optional(self, key: &str, value: Value) -> Self {
        if value.is_null() { self } else { self.required(key, value) }
    }

    pub(super) fn three_state<T: Json>(self, key: &str, value: Option<&Option<T>>) -> Self {
        match value {
            Some(it) => self.required(key, it.to_json()),
            None => self,
        }
    }

    pub(super) fn unless<T: Json + PartialEq>(self, key: &str, value: &T, default: &T) -> Self {
        // Without its malformed elements, a list that is not the default may look like it.
        let is_default = value == default && self.malformed.iter().all(|it| it.property() != key);
        if is_default { self } else { self.required(key, value.to_json()) }
    }

    pub(super) fn finish(mut self) -> Value {
        put_back(self.malformed, &mut self.map);
        Value::Object(self.map)
    }
}

/// The object of a variant together with the property that names the variant.
pub(super) fn tagged(tag: &str, wire: &str, payload: Value) -> Value {
    let mut res = match payload {
        Value::Object(it) => it,
        _ => Map::new(),
    };
    res.insert(tag.to_owned(), Value::String(wire.to_owned()));
    Value::Object(res)
}

/// An object with one property.
pub(super) fn keyed(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}

/// What names the variant of an externally tagged union, and the payload if there is one.
pub(super) fn external(value: &Value) -> Option<(&str, Option<&Value>)> {
    match value {
        Value::String(it) => Some((it, None)),
        Value::Object(map) if map.len() == 1 => {
            map.iter().next().map(|(key, it)| (key.as_str(), Some(it)))
        }
        _ => None,
    }
}

impl<T: Json> Json for Option<T> {
    fn from_json(value: &Value) -> Result<Self, DecodeError> {
        if value.is_null() { Ok(None) } else { Ok(Some(T::from_json(value)?)) }
    }

    fn to_json(&self) -> Value {
        match self {
            Some(it) => it.to_json(),
            None => Value::Null,
        }
    }
}

// Loops and not iterator chains: these are instantiated for hundreds of types, and a chain brings
// twenty functions along each time.

impl<T: Json> Json for Vec<T> {
    fn from_json(value: &Value) -> Result<Self, DecodeError> {
        let items = elements(value)?;
        let mut res = Self::with_capacity(items.len());
        for item in items {
            match T::from_json(item) {
                Ok(it) => res.push(it),
                Err(it) => return Err(it.at_index(res.len())),
            }
        }
        Ok(res)
    }

    fn from_property(
        key: &'static str,
        value: &Value,
        malformed: &mut Vec<MalformedElement>,
    ) -> Result<Self, DecodeError> {
        let items = elements_at(key, value)?;
        let mut res = Self::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match T::from_json(item) {
                Ok(it) => res.push(it),
                Err(it) => {
                    let place = ElementPlace::Index(index);
                    malformed::keep(malformed, MalformedElement::new(key, place, item, it))?;
                }
            }
        }
        Ok(res)
    }

    fn to_json(&self) -> Value {
        let mut res = Vec::with_capacity(self.len());
        for it in self {
            res.push(it.to_json());
        }
        Value::Array(res)
    }
}

impl<T: Json> Json for BTreeMap<String, T> {
    fn from_json(value: &Value) -> Result<Self, DecodeError> {
        let map = entries(value)?;
        let mut res = Self::new();
        for (key, it) in map {
            match T::from_json(it) {
                Ok(it) => res.insert(key.clone(), it),
                Err(it) => return Err(it.at_key(key)),
            };
        }
        Ok(res)
    }

    fn from_property(
        key: &'static str,
        value: &Value,
        malformed: &mut Vec<MalformedElement>,
    ) -> Result<Self, DecodeError> {
        let mut res = Self::new();
        for (name, item) in entries_at(key, value)? {
            let name = name.clone();
            match T::from_json(item) {
                Ok(it) => {
                    res.insert(name, it);
                }
                Err(it) => {
                    let place = ElementPlace::Key(name);
                    malformed::keep(malformed, MalformedElement::new(key, place, item, it))?;
                }
            }
        }
        Ok(res)
    }

    fn to_json(&self) -> Value {
        let mut res = Map::new();
        for (key, it) in self {
            res.insert(key.clone(), it.to_json());
        }
        Value::Object(res)
    }
}
