//! What the schema may say. Anything else could change what a definition means, so it is an error
//! and not ignored.

use serde_json::{Map, Value};

use super::{Error, Result, schema::Bundle};

const KEYS: [&str; 17] = [
    "$ref",
    "$schema",
    "additionalProperties",
    "allOf",
    "anyOf",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "minLength",
    "minimum",
    "oneOf",
    "properties",
    "required",
    "title",
    "type",
];

/// Of these, a schema says one.
const KINDS: [&str; 5] = ["$ref", "allOf", "anyOf", "enum", "oneOf"];

/// Checks every definition.
pub(super) fn check(bundle: &Bundle) -> Result<()> {
    for (name, schema) in &bundle.definitions {
        check_schema(schema).map_err(|it| it.within(name))?;
    }
    Ok(())
}

fn check_schema(schema: &Value) -> Result<()> {
    let Value::Object(map) = schema else { return Ok(()) };
    if let Some(key) = map.keys().find(|it| !KEYS.contains(&it.as_str())) {
        return Err(Error::new(format!("uses `{key}`, which the generator does not know")));
    }
    let kinds: Vec<_> = KINDS.into_iter().filter(|it| map.contains_key(*it)).collect();
    if let [first, second, ..] = kinds.as_slice() {
        return Err(Error::new(format!("has both `{first}` and `{second}`")));
    }
    if map.contains_key("$ref") && map.contains_key("type") {
        return Err(Error::new("has a type beside its `$ref`"));
    }
    check_enum(map)?;
    check_required(map)?;
    for (key, it) in map {
        match (key.as_str(), it) {
            ("properties", Value::Object(properties)) => {
                for (wire, it) in properties {
                    check_schema(it).map_err(|it| it.within(wire))?;
                }
            }
            ("items" | "additionalProperties", it) => check_schema(it)?,
            ("allOf" | "anyOf" | "oneOf", Value::Array(arms)) => {
                arms.iter().try_for_each(check_schema)?;
            }
            _ => (),
        }
    }
    Ok(())
}

fn check_enum(map: &Map<String, Value>) -> Result<()> {
    let Some(values) = map.get("enum") else { return Ok(()) };
    let ty = map.get("type").map_or(Some("string"), Value::as_str);
    match (values.as_array().map(Vec::as_slice), ty) {
        (Some([]), _) => Err(Error::new("enumerates nothing")),
        (Some(_), Some("string")) => Ok(()),
        (Some(values), Some("integer")) if values.iter().all(Value::is_i64) => Ok(()),
        _ => Err(Error::new("enumerates something else than strings or integers")),
    }
}

/// Alternatives may have the property that is required beside them.
fn check_required(map: &Map<String, Value>) -> Result<()> {
    if ["anyOf", "oneOf"].iter().any(|it| map.contains_key(*it)) {
        return Ok(());
    }
    let required = map.get("required").and_then(Value::as_array).into_iter().flatten();
    let properties = map.get("properties");
    let has =
        |it: &Value| properties.zip(it.as_str()).is_some_and(|(all, it)| all.get(it).is_some());
    match required.into_iter().find(|it| !has(it)) {
        None => Ok(()),
        Some(it) => Err(Error::new(format!("requires {it}, which is no property"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(schema: &Value) -> String {
        let definitions = json!({ "definitions": { "Other": {}, "Thing": schema } });
        let bundle = Bundle::parse("x.json", &definitions.to_string()).unwrap();
        check(&bundle).err().map(|it| it.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_the_generator_would_ignore_is_an_error() {
        let object = |key: &str, value: Value| {
            let mut res = json!({ "type": "object", "properties": { "x": { "type": "string" } } });
            res[key] = value;
            res
        };
        for (schema, expected) in [
            (object("patternProperties", json!({})), "`Thing`: uses `patternProperties`"),
            (object("not", json!({})), "`Thing`: uses `not`"),
            (object("required", json!(["ghost"])), "`Thing`: requires \"ghost\""),
            (json!({ "oneOf": [], "anyOf": [] }), "`Thing`: has both `anyOf` and `oneOf`"),
            (json!({ "enum": [] }), "`Thing`: enumerates nothing"),
            (json!({ "type": "boolean", "enum": [true] }), "`Thing`: enumerates something else"),
            (json!({ "type": "integer", "enum": ["1"] }), "`Thing`: enumerates something else"),
            (json!({ "$ref": "#/definitions/Other", "type": "string" }), "`Thing`: has a type"),
            (json!({ "properties": { "x": { "const": 1 } } }), "`Thing`: `x`: uses `const`"),
            (json!({ "oneOf": [{ "if": {} }] }), "`Thing`: uses `if`"),
        ] {
            assert!(error(&schema).starts_with(expected), "{expected}: {}", error(&schema));
        }
    }

    #[test]
    fn strings_and_integers_may_be_enumerated() {
        assert_eq!(error(&json!({ "enum": ["a"] })), "");
        assert_eq!(
            error(&json!({ "properties": { "x": { "type": "integer", "enum": [1] } } })),
            ""
        );
    }

    #[test]
    fn properties_may_have_the_names_of_keys() {
        assert_eq!(error(&json!({ "properties": { "const": { "type": "string" } } })), "");
    }
}
