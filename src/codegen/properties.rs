//! The properties of objects: what their schemas mean and when they may be absent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    Error, Result,
    ir::Presence,
    names,
    normalize::{Normalizer, alternatives},
    schema::reference,
    tables::Tables,
};

/// What may stand beside `type` without changing which Rust type it is.
const ANNOTATIONS: [&str; 6] =
    ["title", "description", "default", "minimum", "minLength", "$schema"];

/// The properties of an object, with those of its alternatives merged in.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    pub properties: BTreeMap<String, Value>,
    pub required: BTreeSet<String>,
    /// What each alternative needs that not all of them do, if there are alternatives.
    pub choice: Vec<Vec<String>>,
}

impl Members {
    /// The properties of `schema`. Alternatives inside it (this url or that id) become optional
    /// properties beside each other: the protocol keeps moving fields in and out of them.
    pub(super) fn of(schema: &Value) -> Result<Self> {
        let mut res = Self::base(schema);
        let Some(arms) = alternatives(schema) else { return Ok(res) };
        let mut shared: Option<BTreeSet<String>> = None;
        let mut needed = Vec::new();
        for arm in arms {
            if arm.get("properties").is_none() {
                return Err(Error::new("has an alternative without properties"));
            }
            let arm = Self::of(arm)?;
            shared = Some(match shared {
                None => arm.required.clone(),
                Some(it) => it.intersection(&arm.required).cloned().collect(),
            });
            res.add_properties(&arm)?;
            needed.push(arm.required);
        }
        let shared = shared.unwrap_or_default();
        for it in &mut needed {
            it.retain(|it| !shared.contains(it));
        }
        if needed.iter().all(|it| !it.is_empty()) {
            res.choice = needed.into_iter().map(|it| it.into_iter().collect()).collect();
        }
        res.required.extend(shared);
        Ok(res)
    }

    /// The properties that stand beside the alternatives.
    pub(super) fn base(schema: &Value) -> Self {
        let properties = match schema.get("properties") {
            Some(Value::Object(it)) => it.clone().into_iter().collect(),
            _ => BTreeMap::new(),
        };
        let required = match schema.get("required") {
            Some(Value::Array(it)) => {
                it.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
            }
            _ => BTreeSet::new(),
        };
        Self { properties, required, choice: Vec::new() }
    }

    /// Removes one property.
    pub(super) fn remove(&mut self, wire: &str) {
        self.properties.remove(wire);
        self.required.remove(wire);
    }

    /// Adds what all variants of a union share.
    pub(super) fn add_base(&mut self, base: &Self) -> Result<()> {
        self.add_properties(base)?;
        self.required.extend(base.required.iter().cloned());
        Ok(())
    }

    fn add_properties(&mut self, other: &Self) -> Result<()> {
        for (wire, schema) in &other.properties {
            match self.properties.get(wire) {
                Some(it) if it != schema => {
                    let what = format!("alternatives disagree about the property `{wire}`");
                    return Err(Error::new(what));
                }
                _ => self.properties.insert(wire.clone(), schema.clone()),
            };
        }
        Ok(())
    }
}

/// When the property may be absent.
pub(super) fn presence(
    tables: &Tables<'_>,
    parent: &str,
    wire: &str,
    schema: &Value,
    required: bool,
    nullable: bool,
) -> Presence {
    if tables.is_three_state(parent, wire) {
        return Presence::ThreeState;
    }
    match schema.get("default") {
        _ if required && nullable => Presence::Nullable,
        _ if required => Presence::Required,
        Some(it) if !it.is_null() && !nullable => Presence::Default(it.clone()),
        _ => Presence::Optional,
    }
}

impl Normalizer<'_> {
    /// The schema of a property without null, annotations and inline types, and whether null was
    /// allowed.
    pub(super) fn property(
        &mut self,
        parent: &str,
        wire: &str,
        schema: &Value,
    ) -> Result<(Value, bool)> {
        let Value::Object(map) = schema else {
            return match schema {
                Value::Bool(true) => Ok((Value::Bool(true), false)),
                _ => Err(unknown(schema)),
            };
        };
        if let Some(name) = reference(schema) {
            return Ok((super::schema::reference_to(name), false));
        }
        if let Some(arms) = schema.get("allOf").and_then(Value::as_array) {
            return match arms.as_slice() {
                [arm] => self.property(parent, wire, arm),
                _ => Err(Error::new("combines several schemas with allOf")),
            };
        }
        if let Some(inner) = nullable_alternative(schema) {
            return Ok((self.property(parent, wire, inner)?.0, true));
        }
        let is_number = map.get("type").is_some_and(|it| it == "integer");
        if (map.contains_key("enum") && !is_number)
            || map.contains_key("properties")
            || alternatives(schema).is_some()
        {
            let name = format!("{parent}{}", names::pascal(wire));
            return Ok((self.lift(&name, schema)?, false));
        }
        match schema.get("type") {
            None if only_annotations(map, &[]) => Ok((Value::Bool(true), false)),
            Some(Value::String(it)) => Ok((self.primitive(parent, wire, it, map)?, false)),
            Some(Value::Array(types)) => match types.as_slice() {
                [Value::String(it), Value::String(null)] if null == "null" => {
                    Ok((self.primitive(parent, wire, it, map)?, true))
                }
                _ => Err(unknown(schema)),
            },
            _ => Err(unknown(schema)),
        }
    }

    fn primitive(
        &mut self,
        parent: &str,
        wire: &str,
        kind: &str,
        map: &Map<String, Value>,
    ) -> Result<Value> {
        let (res, keys): (Value, &[&str]) = match kind {
            "string" | "boolean" => (json!({ "type": kind }), &["type"]),
            // Enumerated numbers, such as the versions of a format, are numbers.
            "integer" | "number" => (number(kind, map)?, &["type", "format", "enum"]),
            "array" => {
                let items = map.get("items").ok_or_else(|| Error::new("is an array of nothing"))?;
                let items = self.element(parent, wire, items)?;
                (json!({ "type": "array", "items": items }), &["type", "items"])
            }
            "object" => {
                let values = match map.get("additionalProperties") {
                    None | Some(Value::Bool(_)) => Value::Bool(true),
                    Some(it) => self.element(parent, wire, it)?,
                };
                let res = json!({ "type": "object", "additionalProperties": values });
                (res, &["type", "additionalProperties"])
            }
            _ => return Err(unknown(&Value::Object(map.clone()))),
        };
        if only_annotations(map, keys) {
            Ok(res)
        } else {
            Err(unknown(&Value::Object(map.clone())))
        }
    }

    fn element(&mut self, parent: &str, wire: &str, schema: &Value) -> Result<Value> {
        let (inner, nullable) = self.property(parent, wire, schema)?;
        Ok(if nullable { json!({ "anyOf": [inner, { "type": "null" }] }) } else { inner })
    }
}

/// Widths as the schema has them; `uint` is as wide as a pointer and gets 64 bits.
fn number(kind: &str, map: &Map<String, Value>) -> Result<Value> {
    let format = match (kind, map.get("format").and_then(Value::as_str)) {
        ("integer", None) => "int64",
        ("integer", Some("uint")) => "uint64",
        ("number", None) => "double",
        ("integer", Some(it @ ("int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64")))
        | ("number", Some(it @ "double")) => it,
        (_, other) => return Err(Error::new(format!("has the unknown number format {other:?}"))),
    };
    Ok(json!({ "type": kind, "format": format }))
}

/// `X` of `anyOf: [X, null]`.
fn nullable_alternative(schema: &Value) -> Option<&Value> {
    let null = json!({ "type": "null" });
    match alternatives(schema)?.as_slice() {
        [inner, other] | [other, inner] if *other == null => Some(inner),
        _ => None,
    }
}

fn only_annotations(map: &Map<String, Value>, keys: &[&str]) -> bool {
    map.keys().all(|it| keys.contains(&it.as_str()) || ANNOTATIONS.contains(&it.as_str()))
}

fn unknown(schema: &Value) -> Error {
    Error::new(format!("has a schema that the generator does not know: {schema}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(schema: &Value) -> Result<Value> {
        number(schema["type"].as_str().unwrap(), schema.as_object().unwrap())
    }

    #[test]
    fn widths_are_those_of_the_schema_and_pointers_have_64_bits() {
        let uint = json!({ "type": "integer", "format": "uint", "minimum": 0 });
        assert_eq!(width(&uint).unwrap()["format"], "uint64");
        let int32 = json!({ "type": "integer", "format": "int32" });
        assert_eq!(width(&int32).unwrap()["format"], "int32");
        assert_eq!(width(&json!({ "type": "integer" })).unwrap()["format"], "int64");
        let version = json!({ "type": "integer", "format": "uint8", "enum": [1] });
        assert_eq!(width(&version).unwrap(), json!({ "type": "integer", "format": "uint8" }));
        let error = width(&json!({ "type": "integer", "format": "int128" })).unwrap_err();
        assert!(error.to_string().contains("int128"), "{error}");
    }

    #[test]
    fn presence_follows_from_required_null_and_default() {
        let tables = Tables::pinned();
        let of = |schema: &Value, required, nullable| {
            presence(&tables, "Thing", "x", schema, required, nullable)
        };
        let plain = json!({ "type": "string" });
        assert_eq!(of(&plain, true, false), Presence::Required);
        assert_eq!(of(&plain, true, true), Presence::Nullable);
        assert_eq!(of(&plain, false, false), Presence::Optional);
        let with_default = json!({ "type": "boolean", "default": true });
        assert_eq!(of(&with_default, false, false), Presence::Default(json!(true)));
        assert_eq!(of(&with_default, false, true), Presence::Optional);
        let listed = presence(&tables, "ThreadStartParams", "serviceTier", &plain, false, true);
        assert_eq!(listed, Presence::ThreeState);
    }
}
