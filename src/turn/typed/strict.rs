//! The JSON schema of a type, in the form that models take as strict.

mod merge;
mod names;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

use self::names::Names;

/// What refers to the schema as a whole.
const ROOT: &str = "#";

/// The formats of a string that models know.
const FORMATS: [&str; 9] =
    ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"];

/// What else bounds a value and is kept as it is.
const BOUNDS: [&str; 8] = [
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
];

/// What cannot be left out without a change of what is meant, and cannot be said.
const REFUSED: [&str; 8] = [
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "not",
    "patternProperties",
    "then",
];

/// A schema that binds a model to the values of a type.
pub(super) struct StrictSchema {
    schema: Value,
    /// The root has to be an object. A type that is none is the property `value` of one.
    wrapped: bool,
}

/// What another type is wrapped in.
#[derive(Deserialize)]
struct Wrapper<T> {
    value: T,
}

impl StrictSchema {
    /// The schema of what is read as a `T`.
    pub(super) fn of<T: JsonSchema>() -> Result<StrictSchema> {
        let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        let root = generator.into_root_schema_for::<T>();
        let name = T::schema_name();
        let mut strict = Strict::new(&root);
        let mut schema = strict.strict(root.as_value(), &name)?;
        let wrapped = schema["type"] != "object";
        if wrapped {
            strict = Strict::new(&root);
            let value = strict.names.name(ROOT, &name).to_owned();
            strict.wanted.push(ROOT.to_owned());
            schema = object(Map::from_iter([("value".to_owned(), names::reference(&value))]));
        }
        let definitions = strict.definitions()?;
        if !definitions.is_empty() {
            schema["$defs"] = definitions.into();
        }
        Ok(StrictSchema { schema, wrapped })
    }

    pub(super) fn as_value(&self) -> &Value {
        &self.schema
    }

    /// Reads what the model gave.
    pub(super) fn read<T: DeserializeOwned>(&self, text: &str) -> serde_json::Result<T> {
        if self.wrapped {
            return Ok(serde_json::from_str::<Wrapper<T>>(text)?.value);
        }
        serde_json::from_str(text)
    }
}

/// Makes a schema strict.
struct Strict<'a> {
    root: &'a Schema,
    names: Names,
    /// The references to definitions that are not done yet.
    wanted: Vec<String>,
    /// The references in whose place is what they refer to, around the schema that is made strict.
    inlined: Vec<String>,
}

impl Strict<'_> {
    fn new(root: &Schema) -> Strict<'_> {
        Strict { root, names: Names::default(), wanted: Vec::new(), inlined: Vec::new() }
    }

    /// Everything that is referred to, and what that refers to.
    fn definitions(mut self) -> Result<Map<String, Value>> {
        let mut definitions = Map::new();
        while let Some(reference) = self.wanted.pop() {
            let name = self.names.of(&reference).to_owned();
            let definition = self.target(&reference, &name)?.clone();
            definitions.insert(name.clone(), self.strict(&definition, &name)?);
        }
        Ok(definitions)
    }

    /// The strict form of one schema.
    fn strict(&mut self, schema: &Value, place: &str) -> Result<Value> {
        let outside = self.inlined.len();
        let strict = self.strict_inside(schema, place);
        self.inlined.truncate(outside);
        strict
    }

    fn strict_inside(&mut self, schema: &Value, place: &str) -> Result<Value> {
        let Some(schema) = schema.as_object() else { return Err(anything(place)) };
        let mut schema = self.merged(schema, place)?;
        if let Some(word) = REFUSED.iter().find(|word| schema.contains_key(**word)) {
            return Err(refused(place, &format!("has `{word}` in its schema")));
        }
        let description = schema.remove("description");
        let mut strict = if let Some(reference) = schema.get("$ref") {
            let reference = self.want(reference, place)?;
            // A reference takes nothing beside it.
            if description.is_some() { json!({"anyOf": [reference]}) } else { reference }
        } else if let Some(choices) = schema.remove("oneOf").or_else(|| schema.remove("anyOf")) {
            self.choices(&schema, &choices, place)?
        } else if let Some(value) = schema.remove("const") {
            constants(&[value])
        } else if let Some(Value::Array(values)) = schema.remove("enum") {
            constants(&values)
        } else {
            self.typed(&schema, place)?
        };
        if let Some(description) = description {
            strict["description"] = description;
        }
        Ok(strict)
    }

    /// Each of the choices, with what is said of all of them.
    fn choices(
        &mut self,
        common: &Map<String, Value>,
        choices: &Value,
        place: &str,
    ) -> Result<Value> {
        let mut strict = Vec::new();
        for choice in choices.as_array().into_iter().flatten() {
            let choice = merge::both(common, choice).map_err(|why| refused(place, &why))?;
            strict.push(self.strict(&choice.into(), place)?);
        }
        Ok(json!({"anyOf": strict}))
    }

    fn typed(&mut self, schema: &Map<String, Value>, place: &str) -> Result<Value> {
        match schema.get("type") {
            Some(Value::String(kind)) => self.of_type(kind, schema, place),
            Some(Value::Array(kinds)) => {
                let is_plain = |kind: &Value| kind != "object" && kind != "array";
                if kinds.iter().all(is_plain) {
                    return Ok(scalar(schema));
                }
                let mut strict = Vec::new();
                for kind in kinds.iter().filter_map(Value::as_str) {
                    strict.push(self.of_type(kind, schema, place)?);
                }
                Ok(json!({"anyOf": strict}))
            }
            _ => Err(anything(place)),
        }
    }

    fn of_type(&mut self, kind: &str, schema: &Map<String, Value>, place: &str) -> Result<Value> {
        match kind {
            "object" => self.object(schema, place),
            "array" => self.array(schema, place),
            "null" => Ok(json!({"type": "null"})),
            _ => {
                let mut strict = scalar(schema);
                strict["type"] = kind.into();
                Ok(strict)
            }
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, place: &str) -> Result<Value> {
        let more = ["additionalProperties", "unevaluatedProperties"];
        if more.iter().any(|key| schema.get(*key).is_some_and(|it| *it != Value::Bool(false))) {
            let why =
                "is a map, whose keys the model cannot be told; use a list of keys and values";
            return Err(refused(place, why));
        }
        let mut properties = Map::new();
        for (name, property) in
            schema.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            let strict = self.strict(property, &format!("{place}.{name}"))?;
            properties.insert(name.clone(), strict);
        }
        Ok(object(properties))
    }

    fn array(&mut self, schema: &Map<String, Value>, place: &str) -> Result<Value> {
        let mut strict = scalar(schema);
        strict["type"] = "array".into();
        let items = match schema.get("prefixItems").and_then(Value::as_array) {
            Some(items) => match &items[..] {
                [first, rest @ ..] if rest.iter().all(|it| it == first) => {
                    strict["minItems"] = items.len().into();
                    strict["maxItems"] = items.len().into();
                    Some(first)
                }
                _ => {
                    let why = "is a tuple of different types; use a struct";
                    return Err(refused(place, why));
                }
            },
            None => schema.get("items"),
        };
        let place = format!("{place}[]");
        let Some(items) = items else { return Err(anything(&place)) };
        strict["items"] = self.strict(items, &place)?;
        Ok(strict)
    }

    /// The schema with that in it to which it refers while it says more itself.
    fn merged(&mut self, schema: &Map<String, Value>, place: &str) -> Result<Map<String, Value>> {
        let mut schema = schema.clone();
        loop {
            let parts = match schema.remove("allOf") {
                Some(Value::Array(parts)) => parts,
                _ if schema.contains_key("$ref") && merge::says_more(&schema) => {
                    let reference = schema.remove("$ref").unwrap_or_default();
                    vec![self.inline(&reference, place)?]
                }
                _ => return Ok(schema),
            };
            for part in parts {
                schema = merge::both(&schema, &part).map_err(|why| refused(place, &why))?;
            }
        }
    }

    /// What is referred to, to stand in the place of the reference.
    fn inline(&mut self, reference: &Value, place: &str) -> Result<Value> {
        let reference = text(reference, place)?;
        if self.inlined.iter().any(|it| it == reference) {
            return Err(refused(place, "contains itself without an end"));
        }
        self.inlined.push(reference.to_owned());
        self.target(reference, place).cloned()
    }

    fn target(&self, reference: &str, place: &str) -> Result<&Value> {
        let target = match reference {
            ROOT => Some(self.root.as_value()),
            _ => self.root.pointer(reference).filter(|_| reference.starts_with(ROOT)),
        };
        target
            .ok_or_else(|| refused(place, &format!("refers to `{reference}`, which is not there")))
    }

    /// The reference to what will be defined under a name of our own.
    fn want(&mut self, reference: &Value, place: &str) -> Result<Value> {
        let reference = text(reference, place)?;
        if reference == ROOT && !self.names.has(ROOT) {
            return Ok(json!({"$ref": ROOT}));
        }
        if !self.names.has(reference) {
            self.wanted.push(reference.to_owned());
        }
        let last = reference.rsplit('/').next().unwrap_or_default();
        Ok(names::reference(self.names.name(reference, last)))
    }
}

fn text<'a>(reference: &'a Value, place: &str) -> Result<&'a str> {
    reference.as_str().ok_or_else(|| refused(place, "has a reference that is no text"))
}

/// An object with all of its properties and no more.
fn object(properties: Map<String, Value>) -> Value {
    let required: Value = properties.keys().cloned().collect();
    let mut object = Map::new();
    object.insert("type".to_owned(), "object".into());
    object.insert("properties".to_owned(), properties.into());
    object.insert("required".to_owned(), required);
    object.insert("additionalProperties".to_owned(), false.into());
    object.into()
}

fn constants(values: &[Value]) -> Value {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(it) if it.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let mut kinds: Vec<_> = values.iter().map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    match kinds[..] {
        [kind] => json!({"type": kind, "enum": values}),
        _ => json!({"type": kinds, "enum": values}),
    }
}

/// What of the schema of a plain value can be said.
fn scalar(schema: &Map<String, Value>) -> Value {
    let is_kept = |key: &str, value: &Value| match key {
        "type" => true,
        "format" => value.as_str().is_some_and(|it| FORMATS.contains(&it)),
        _ => BOUNDS.contains(&key),
    };
    let kept = schema.iter().filter(|(key, value)| is_kept(key, value));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn anything(place: &str) -> Error {
    refused(place, "can be anything, so that the model cannot be told what to give")
}

fn refused(place: &str, why: &str) -> Error {
    Error::InvalidInput(format!("no strict output schema describes this type: `{place}` {why}"))
}

#[cfg(test)]
mod tests;
