//! What a struct keeps beyond its own fields.

use std::fmt;

use serde_json::{Map, Value};

/// The properties of an object that its type does not know: they are kept and written back.
///
/// Takes the space of a pointer, and nothing on the heap, while there are none.
#[derive(Clone, Default, PartialEq)]
pub struct ExtraFields(Option<Box<Map<String, Value>>>);

impl ExtraFields {
    /// The value of the property `name`, if it is there.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.as_ref()?.get(name)
    }

    /// Adds or replaces a property. A field of the struct wins over a property of its name.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.get_or_insert_default().insert(name.into(), value.into());
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|it| it.is_empty())
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().flat_map(|it| it.iter()).map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn to_map(&self) -> Map<String, Value> {
        self.0.as_ref().map(|it| (**it).clone()).unwrap_or_default()
    }
}

impl fmt::Debug for ExtraFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Stands in for a secret in `Debug`.
pub(super) struct Redacted;

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}
