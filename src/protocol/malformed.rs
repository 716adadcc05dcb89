//! The elements of lists and maps that do not fit.

use std::{fmt, mem};

use serde_json::{Map, Value};

use super::error::DecodeError;

/// An element that a list or map left out because it does not have the shape of the others.
///
/// Found by [`ExtraFields::malformed_elements`](super::ExtraFields::malformed_elements).
#[derive(Clone, PartialEq)]
pub struct MalformedElement {
    property: &'static str,
    place: ElementPlace,
    value: Value,
    reason: DecodeError,
}

/// Where an element stands in its list or map.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElementPlace {
    /// The index in the list as it was received, counted from zero.
    Index(usize),
    /// The key in the map.
    Key(String),
}

impl MalformedElement {
    pub(super) fn new(
        property: &'static str,
        place: ElementPlace,
        value: &Value,
        reason: DecodeError,
    ) -> Self {
        let reason = match &place {
            ElementPlace::Index(it) => reason.at_index(*it),
            ElementPlace::Key(it) => reason.at_key(it),
        };
        Self { property, place, value: value.clone(), reason: reason.at_key(property) }
    }

    /// The name on the wire of the property that is the list or map.
    pub fn property(&self) -> &str {
        self.property
    }

    /// Where it stood in the list or map.
    pub fn place(&self) -> &ElementPlace {
        &self.place
    }

    /// The element as it was received.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Why it does not fit; the path starts at the struct that has the list or map.
    pub fn reason(&self) -> &DecodeError {
        &self.reason
    }
}

impl fmt::Debug for MalformedElement {
    /// Leaves out the value: nobody knows whether it holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MalformedElement")
            .field("property", &self.property)
            .field("place", &self.place)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Puts the elements of each property back among the encoded ones.
///
/// A property that is gone, or null by now, stays so.
pub(super) fn put_back(malformed: &[MalformedElement], map: &mut Map<String, Value>) {
    for elements in malformed.chunk_by(|a, b| a.property == b.property) {
        match map.get_mut(elements[0].property) {
            Some(Value::Array(list)) => merge(list, elements),
            Some(Value::Object(map)) => add(map, elements),
            _ => (),
        }
    }
}

/// One pass over both: inserting one by one would move the rest of the list each time.
fn merge(list: &mut Vec<Value>, elements: &[MalformedElement]) {
    let mut res = Vec::with_capacity(list.len() + elements.len());
    let mut fitting = mem::take(list).into_iter();
    for it in elements {
        if let ElementPlace::Index(index) = it.place {
            let missing = index.saturating_sub(res.len());
            res.extend(fitting.by_ref().take(missing));
            res.push(it.value.clone());
        }
    }
    res.extend(fitting);
    *list = res;
}

fn add(map: &mut Map<String, Value>, elements: &[MalformedElement]) {
    for it in elements {
        if let ElementPlace::Key(key) = &it.place
            && !map.contains_key(key)
        {
            map.insert(key.clone(), it.value.clone());
        }
    }
}
