//! Values made from the schema itself: every definition, every alternative, every property.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

pub(crate) use crate::arbitrary::wire_bundle;
use crate::{recorded::without_nulls, registry::types};

/// Deeper than this, one example per schema is enough.
const FULL_DEPTH: usize = 1;

/// Makes values that fit schemas of the bundle.
pub(crate) struct Examples<'a> {
    definitions: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Examples<'a> {
    pub(crate) fn new(bundle: &'a Value) -> Self {
        let outer = bundle["definitions"].as_object().unwrap();
        let inner = outer["v2"].as_object().unwrap();
        let all = outer.iter().filter(|it| it.0 != "v2").chain(inner);
        Self { definitions: all.map(|(name, schema)| (name.as_str(), schema)).collect() }
    }

    /// The params of a notification.
    pub(crate) fn notification(&self, method: &str) -> Vec<Value> {
        let arms = self.definitions["ServerNotification"]["oneOf"].as_array().unwrap();
        let is_it = |it: &&Value| it["properties"]["method"]["enum"][0] == method;
        self.of(&arms.iter().find(is_it).unwrap()["properties"]["params"], 0)
    }

    /// Values of a definition; none if the schema does not have it under this name.
    pub(crate) fn definition(&self, name: &str) -> Vec<Value> {
        self.definitions.get(name).map(|it| self.of(it, 0)).unwrap_or_default()
    }

    fn of(&self, schema: &Value, depth: usize) -> Vec<Value> {
        let mut res = self.all(schema, depth);
        if depth > FULL_DEPTH {
            res.truncate(1);
        }
        res
    }

    fn all(&self, schema: &Value, depth: usize) -> Vec<Value> {
        if let Some(target) = schema["$ref"].as_str() {
            return self.of(self.definitions[target.rsplit('/').next().unwrap()], depth + 1);
        }
        let alternatives = ["oneOf", "anyOf", "allOf"].iter().find_map(|it| schema[*it].as_array());
        if let Some(arms) = alternatives {
            let arms = arms.iter().filter(|it| it["type"] != json!(["string", "object"]));
            let base = |it: Value| -> Vec<Value> {
                if schema["properties"].is_null() {
                    return vec![it];
                }
                let bases = self.objects(schema, depth);
                bases.iter().map(|base| merged(base, &it)).collect()
            };
            return arms.flat_map(|arm| self.of(arm, depth)).flat_map(base).collect();
        }
        if let Some(values) = schema["enum"].as_array() {
            return values.clone();
        }
        match &schema["type"] {
            Value::Array(types) => {
                let mut one = schema.clone();
                one["type"] = types[0].clone();
                let mut res = self.all(&one, depth);
                res.push(Value::Null);
                res
            }
            Value::String(it) => self.typed(it, schema, depth),
            _ => vec![json!({ "any": ["thing", 1, null] })],
        }
    }

    fn typed(&self, kind: &str, schema: &Value, depth: usize) -> Vec<Value> {
        match kind {
            "null" => vec![Value::Null],
            "string" => vec![json!("text \"quoted\" \u{1F600}\n"), json!("")],
            "boolean" => vec![json!(true), json!(false)],
            "number" => vec![json!(1.5)],
            "integer" => match schema["format"].as_str() {
                Some("uint" | "uint64") => vec![json!(u64::MAX), json!(0)],
                Some("uint32") => vec![json!(u32::MAX)],
                Some("uint16") => vec![json!(u16::MAX)],
                Some("int32") => vec![json!(i32::MIN), json!(i32::MAX)],
                _ => vec![json!(i64::MIN), json!(i64::MAX)],
            },
            "array" => {
                let items = self.of(&schema["items"], depth);
                vec![Value::Array(items), json!([])]
            }
            "object" => self.objects(schema, depth),
            other => panic!("no example for the type {other}"),
        }
    }

    /// The object with all properties, with the required ones, and with one more of each value.
    fn objects(&self, schema: &Value, depth: usize) -> Vec<Value> {
        let Some(properties) = schema["properties"].as_object() else {
            let values = &schema["additionalProperties"];
            let inner = if values.is_object() { self.of(values, depth) } else { vec![json!(1)] };
            return inner.into_iter().map(|it| json!({ "some key": it })).collect();
        };
        let examples: Vec<(&String, Vec<Value>)> =
            properties.iter().map(|(key, schema)| (key, self.of(schema, depth))).collect();
        let full: Map<String, Value> =
            examples.iter().map(|(key, values)| ((*key).clone(), values[0].clone())).collect();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut least = full.clone();
        least.retain(|key, _| required.iter().any(|it| it == key));
        let mut res = vec![Value::Object(full), Value::Object(least.clone())];
        for (key, values) in &examples {
            for value in &values[1..] {
                let mut other = least.clone();
                other.insert((*key).clone(), value.clone());
                res.push(Value::Object(other));
            }
        }
        res
    }
}

fn merged(base: &Value, arm: &Value) -> Value {
    let mut res = base.clone();
    res.as_object_mut().unwrap().extend(arm.as_object().unwrap().clone());
    res
}

type Defaults<'a> = BTreeSet<(&'a str, String)>;

/// Where `encoded` lacks or changes something of `sent`.
fn lost(known: &Defaults<'_>, path: &str, sent: &Value, encoded: Option<&Value>) -> Option<String> {
    match (sent, encoded) {
        (Value::Object(sent), Some(Value::Object(encoded))) => sent.iter().find_map(|(key, it)| {
            let other = encoded.get(key);
            if other.is_none() && known.contains(&(key.as_str(), it.to_string())) {
                return None;
            }
            lost(known, &format!("{path}.{key}"), it, other)
        }),
        (Value::Array(sent), Some(Value::Array(encoded))) if sent.len() == encoded.len() => {
            let pairs = sent.iter().zip(encoded).enumerate();
            let mut lost =
                pairs.map(|(i, (a, b))| lost(known, &format!("{path}[{i}]"), a, Some(b)));
            lost.find_map(|it| it)
        }
        _ if Some(sent) == encoded => None,
        _ => Some(format!("{path}: {sent} became {encoded:?}")),
    }
}

#[test]
fn every_definition_keeps_every_value_of_its_schema() {
    let bundle = wire_bundle();
    let examples = Examples::new(&bundle);
    let generated: BTreeMap<_, _> = types().into_iter().collect();
    let mut defaults = BTreeSet::new();
    self::defaults(&bundle, &mut defaults);
    let (mut definitions, mut values) = (0, 0);
    for (name, schema) in &examples.definitions {
        let Some(ty) = generated.get(name) else { continue };
        definitions += 1;
        for value in examples.of(schema, 0) {
            values += 1;
            let fail = |why: &str| panic!("{name}: {why}\n{value:#}");
            let once = (ty.round_trip)(value.clone()).unwrap_or_else(|it| fail(&it));
            if once.debug.contains("Unrecognized(") {
                fail(&once.debug);
            }
            let twice = (ty.round_trip)(once.value.clone()).unwrap_or_else(|it| fail(&it));
            if once.debug != twice.debug {
                fail("changes when it is decoded again");
            }
            let sent = without_nulls(&value);
            if let Some(it) = lost(&defaults, "", &sent, Some(&without_nulls(&once.value))) {
                fail(&it);
            }
        }
    }
    assert!(definitions > 880, "{definitions}");
    assert!(values > 9_000, "{values}");
}

/// Every property that has a default anywhere, with that default: what only the client sends
/// leaves them out.
fn defaults<'a>(schema: &'a Value, into: &mut Defaults<'a>) {
    for (key, it) in schema.as_object().into_iter().flatten() {
        if !it["default"].is_null() {
            into.insert((key, it["default"].to_string()));
        }
        defaults(it, into);
    }
    schema.as_array().into_iter().flatten().for_each(|it| defaults(it, into));
}
