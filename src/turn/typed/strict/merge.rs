//! Two schemas in one.

use serde_json::{Map, Value};

/// What does not change which values fit.
const ANNOTATIONS: [&str; 9] = [
    "$ref",
    "$schema",
    "default",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

/// Whether a schema with a reference says more than that.
pub(super) fn says_more(schema: &Map<String, Value>) -> bool {
    schema.keys().any(|key| !ANNOTATIONS.contains(&key.as_str()))
}

/// The schema of what fits both, with what `first` says of it; or why there is none.
pub(super) fn both(first: &Map<String, Value>, second: &Value) -> Result<Value, String> {
    let Some(second) = second.as_object() else { return Ok(second.clone()) };
    let mut both = first.clone();
    for (key, value) in second {
        match (key.as_str(), both.get_mut(key)) {
            (_, None) => {
                both.insert(key.clone(), value.clone());
            }
            ("properties", Some(Value::Object(properties))) => {
                for (name, property) in value.as_object().into_iter().flatten() {
                    properties.entry(name).or_insert_with(|| property.clone());
                }
            }
            ("required", Some(Value::Array(required))) => {
                required.extend(value.as_array().into_iter().flatten().cloned());
            }
            ("oneOf" | "anyOf" | "allOf" | "type", Some(own)) if own != value => {
                return Err(format!("has more than one `{key}` in its schema"));
            }
            _ => (),
        }
    }
    Ok(Value::Object(both))
}
