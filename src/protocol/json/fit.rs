//! Telling the alternatives of an untagged union apart.

use serde_json::{Map, Value};

/// How to tell that a value is one alternative of an untagged union.
#[derive(Clone, Copy)]
pub(in super::super) enum Test {
    IsArray,
    IsInteger,
    IsString,
    Fits(&'static [Fit]),
}

/// One object that counts as the alternative.
#[derive(Clone, Copy)]
pub(in super::super) struct Fit {
    pub(in super::super) required: &'static [&'static str],
    /// Properties that must have one of these values when they are there.
    pub(in super::super) values: &'static [(&'static str, &'static [&'static str])],
    /// All properties that the object may have, if it is closed.
    pub(in super::super) allowed: Option<&'static [&'static str]>,
}

/// An object that stands as one alternative of an untagged union.
pub(in super::super) trait Alternative {
    const FITS: &'static [Fit];
}

impl Test {
    pub(in super::super) fn passes(self, value: &Value) -> bool {
        match self {
            Self::IsArray => value.is_array(),
            Self::IsInteger => value.is_i64(),
            Self::IsString => value.is_string(),
            Self::Fits(all) => {
                value.as_object().is_some_and(|map| all.iter().any(|it| it.fits(map)))
            }
        }
    }
}

impl Fit {
    fn fits(&self, map: &Map<String, Value>) -> bool {
        let has_value = |(key, values): &(&str, &[&str])| match map.get(*key) {
            None | Some(Value::Null) => true,
            Some(it) => it.as_str().is_some_and(|it| values.contains(&it)),
        };
        // Null is as good as absent: else a value would change its variant on the way.
        let may_have = |(key, value): (&String, &Value)| {
            value.is_null() || self.allowed.is_none_or(|all| all.contains(&key.as_str()))
        };
        self.required.iter().all(|it| map.contains_key(*it))
            && self.values.iter().all(has_value)
            && map.iter().all(may_have)
    }
}
