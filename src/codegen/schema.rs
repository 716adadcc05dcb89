//! The bundle that the runtime writes, flattened to one table of definitions.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Error, Result};

/// Where the second generation of the protocol sits inside the bundle.
const NAMESPACE: &str = "v2";
const PREFIX: &str = "#/definitions/";

/// A flat bundle: every definition under its own name, every `$ref` to `#/definitions/<name>`.
#[derive(Debug)]
pub(super) struct Bundle {
    pub definitions: BTreeMap<String, Value>,
}

impl Bundle {
    /// Reads the text of a bundle. `file` only serves the error messages.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self> {
        let root: Value = serde_json::from_str(text)
            .map_err(|it| Error::new(format!("{file} is not valid JSON: {it}")))?;
        let Some(Value::Object(outer)) = root.get("definitions") else {
            return Err(Error::new(format!("{file} has no object `definitions`")));
        };
        let mut outer = outer.clone();
        let mut definitions = BTreeMap::new();
        if let Some(Value::Object(inner)) = outer.remove(NAMESPACE) {
            insert_all(&mut definitions, inner)?;
        }
        insert_all(&mut definitions, outer)?;
        let res = Self { definitions };
        res.check_references()?;
        Ok(res)
    }

    fn check_references(&self) -> Result<()> {
        for (name, schema) in &self.definitions {
            let mut dangling = None;
            visit_references(schema, &mut |target| {
                if !self.definitions.contains_key(target) {
                    dangling = Some(target.to_owned());
                }
            });
            if let Some(target) = dangling {
                return Err(Error::at(name, format!("refers to `{target}`, which does not exist")));
            }
        }
        Ok(())
    }
}

/// The name that a `$ref` points to.
pub(crate) fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix(PREFIX)
}

/// The schema that refers to the definition `name`.
pub(super) fn reference_to(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("{PREFIX}{name}") })
}

/// Calls `visit` with the name of every definition that `schema` refers to, at any depth.
pub(crate) fn visit_references(schema: &Value, visit: &mut dyn FnMut(&str)) {
    match schema {
        Value::Object(map) => {
            if let Some(target) = reference(schema) {
                visit(target);
            }
            map.values().for_each(|it| visit_references(it, visit));
        }
        Value::Array(items) => items.iter().for_each(|it| visit_references(it, visit)),
        _ => (),
    }
}

fn insert_all(into: &mut BTreeMap<String, Value>, from: Map<String, Value>) -> Result<()> {
    for (name, mut schema) in from {
        rebase_references(&mut schema);
        if let Some(other) = into.get(&name)
            && shape_of(other) != shape_of(&schema)
        {
            return Err(Error::at(&name, "is defined twice with different shapes"));
        }
        into.insert(name, schema);
    }
    Ok(())
}

/// Turns `#/definitions/v2/X` into `#/definitions/X`.
fn rebase_references(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get_mut("$ref")
                && let Some(name) = target.strip_prefix("#/definitions/v2/")
            {
                *target = format!("{PREFIX}{name}");
            }
            map.values_mut().for_each(rebase_references);
        }
        Value::Array(items) => items.iter_mut().for_each(rebase_references),
        _ => (),
    }
}

/// The schema without its texts, for comparing two definitions of one name.
fn shape_of(schema: &Value) -> Value {
    let mut res = schema.clone();
    if let Value::Object(map) = &mut res {
        map.retain(|key, _| !matches!(key.as_str(), "description" | "title" | "$schema"));
    }
    res
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(definitions: &Value) -> Result<Bundle> {
        Bundle::parse("x.json", &json!({ "definitions": definitions }).to_string())
    }

    #[test]
    fn both_generations_end_up_in_one_table() {
        let inner = json!({ "B": { "$ref": "#/definitions/v2/C" }, "C": { "type": "string" } });
        let bundle = parse(&json!({ "A": { "$ref": "#/definitions/v2/B" }, "v2": inner })).unwrap();
        assert_eq!(bundle.definitions.keys().collect::<Vec<_>>(), ["A", "B", "C"]);
        assert_eq!(reference(&bundle.definitions["A"]), Some("B"));
        assert_eq!(reference(&bundle.definitions["B"]), Some("C"));
    }

    #[test]
    fn a_definition_may_occur_twice_if_only_texts_differ() {
        let twice = |outer: &str, inner: &str| {
            parse(&json!({
                "A": { "type": outer, "description": "one" },
                "v2": { "A": { "type": inner, "description": "two" } },
            }))
        };
        assert!(twice("string", "string").is_ok());
        let error = twice("string", "object").unwrap_err();
        assert_eq!(error.to_string(), "`A`: is defined twice with different shapes");
    }

    #[test]
    fn a_dangling_reference_is_named() {
        let error = parse(&json!({ "A": { "items": { "$ref": "#/definitions/B" } } })).unwrap_err();
        assert_eq!(error.to_string(), "`A`: refers to `B`, which does not exist");
    }

    #[test]
    fn what_is_no_bundle_is_an_error_that_names_the_file() {
        let error = Bundle::parse("x.json", "{}").unwrap_err();
        assert_eq!(error.to_string(), "x.json has no object `definitions`");
        let error = Bundle::parse("x.json", "{").unwrap_err();
        assert!(error.to_string().starts_with("x.json is not valid JSON: "), "{error}");
    }
}
