//! What it means that a value came back as it was sent.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    arbitrary::{OPEN_KEY, wire_bundle},
    registry::Encoded,
};

/// Properties and the defaults that the schema gives them.
pub(crate) struct Defaults(BTreeSet<(String, String)>);

impl Defaults {
    pub(crate) fn pinned() -> Self {
        let mut res = BTreeSet::new();
        collect(&wire_bundle(), &mut res);
        Self(res)
    }

    /// Where `encoded` differs from `sent`, beyond properties that are null or at their default:
    /// whether those are written depends on the type.
    pub(crate) fn difference(&self, sent: &Value, encoded: &Value) -> Option<String> {
        self.at("", sent, encoded)
    }

    fn at(&self, path: &str, sent: &Value, encoded: &Value) -> Option<String> {
        match (sent, encoded) {
            (Value::Object(a), Value::Object(b)) => {
                let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
                keys.into_iter().find_map(|key| {
                    let path = format!("{path}.{key}");
                    match (a.get(key), b.get(key)) {
                        (Some(a), Some(b)) => self.at(&path, a, b),
                        (Some(one), None) | (None, Some(one)) => {
                            (!self.is_nothing(key, one)).then(|| format!("{path}: {one} or none"))
                        }
                        (None, None) => None,
                    }
                })
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                let mut pairs = a.iter().zip(b).enumerate();
                pairs.find_map(|(i, (a, b))| self.at(&format!("{path}[{i}]"), a, b))
            }
            // A whole number is written without a fraction.
            _ if sent == encoded
                || sent.is_f64() && sent.as_f64() == encoded.as_f64() && encoded.is_i64() =>
            {
                None
            }
            _ => Some(format!("{path}: {sent} became {encoded}")),
        }
    }

    fn is_nothing(&self, key: &str, value: &Value) -> bool {
        if key.starts_with(OPEN_KEY) {
            return false;
        }
        value.is_null() || self.0.contains(&(key.to_owned(), value.to_string()))
    }
}

fn collect(schema: &Value, into: &mut BTreeSet<(String, String)>) {
    for (key, it) in schema.as_object().into_iter().flatten() {
        if !it["default"].is_null() {
            into.insert((key.clone(), it["default"].to_string()));
        }
        collect(it, into);
    }
    schema.as_array().into_iter().flatten().for_each(|it| collect(it, into));
}

/// Whether something of it was not understood.
pub(crate) fn has_unknown(debug: &str) -> bool {
    // Two look-alikes differ in this property alone, and null means that it is not there.
    let debug = &debug.replace("unrecognized: {\"enumNames\"}", "");
    let kept = debug.matches("unrecognized: {").count();
    debug.contains("Unrecognized(") || kept > debug.matches("unrecognized: {}").count()
}

/// Whether a part of it may hold more than it prints: it has secrets.
pub(crate) fn hides_something(debug: &str) -> bool {
    debug.contains(", .. }") || debug.contains("Unrecognized(<redacted>)")
}

/// Where a message that is understood as a whole comes back otherwise than it was sent.
pub(crate) fn inexact(
    defaults: &Defaults,
    sent: &Value,
    got: &Result<Encoded, String>,
) -> Option<String> {
    match got {
        Err(it) => Some(it.clone()),
        Ok(it) if has_unknown(&it.debug) => Some(it.debug.clone()),
        Ok(it) => defaults.difference(sent, &it.value),
    }
}

/// Panics with the first of the failures and their number.
pub(crate) fn assert_none(failures: &[String], checked: usize) {
    let first: Vec<&str> = failures.iter().take(8).map(String::as_str).collect();
    let count = failures.len();
    assert!(failures.is_empty(), "{count} of {checked} failed:\n\n{}", first.join("\n\n"));
}
