//! Two schemas in one.

use serde_json::{Map, Value};

/// What does not change which values fit.
const ANNOTATIONS: [&str; 10] = [
    "$defs",
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
pub(super) fn both(
    first: &Map<String, Value>,
    second: &Value,
) -> Result<Map<String, Value>, String> {
    let second = match second {
        // Whatever fits the first one.
        Value::Bool(true) => return Ok(first.clone()),
        Value::Object(second) => second,
        _ => return Err("has a part that nothing fits".to_owned()),
    };
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
            ("$ref" | "oneOf" | "anyOf" | "allOf" | "type", Some(own)) if own != value => {
                return Err(format!("has more than one `{key}` in its schema"));
            }
            _ => (),
        }
    }
    Ok(both)
}
