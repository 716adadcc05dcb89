//! The schema as what a value may look like: shared forms resolved, spellings made one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::{Map, Value, json};

/// Names in the schema that are not those on the wire.
const FIXED_UP: [(&str, &[(&str, &str)]); 3] = [
    ("AccountSessionsSwitchResponse", &[("auth_url", "authUrl"), ("login_id", "loginId")]),
    ("ThreadRealtimeItem", &[("item_id", "itemId"), ("turn_id", "turnId")]),
    (
        "ThreadTimelineEntry",
        &[
            ("completed_at", "completedAt"),
            ("duration_ms", "durationMs"),
            ("started_at", "startedAt"),
            ("turn_id", "turnId"),
        ],
    ),
];

/// Maps of which the schema lost what they hold.
const LOST_MAPS: [(&str, &str); 2] =
    [("AppLinksConfig", "AppLinkConfig"), ("AppToolsConfig", "AppToolConfig")];

/// The experimental bundle with the names of the wire, and what its maps hold.
pub(crate) fn wire_bundle() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/experimental.json");
    let mut res: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for (definition, names) in FIXED_UP {
        let schema = &mut res["definitions"]["v2"][definition];
        let mut text = schema.to_string();
        for (from, to) in names {
            assert!(text.contains(from), "{definition} has no {from} any more");
            text = text.replace(&format!("\"{from}\""), &format!("\"{to}\""));
        }
        *schema = serde_json::from_str(&text).unwrap();
    }
    for (definition, values) in LOST_MAPS {
        let schema = &mut res["definitions"]["v2"][definition];
        schema["additionalProperties"] = json!({ "$ref": format!("#/definitions/v2/{values}") });
    }
    res
}

/// All definitions of a bundle.
pub(crate) struct Schema {
    definitions: BTreeMap<String, Value>,
}

/// What a value may look like. References are resolved, and null is taken off.
pub(crate) enum Shape<'a> {
    /// Raw JSON.
    Any,
    Null,
    Text,
    Flag,
    Number,
    Integer(Width),
    /// One of these strings.
    Values(Vec<&'a str>),
    List(&'a Value),
    /// An object with properties of any name, all of this schema.
    Map(&'a Value),
    Object(Object<'a>),
    Union(Union<'a>),
}

/// The least and the greatest value of an integer.
#[derive(Clone, Copy)]
pub(crate) struct Width {
    pub(crate) min: i128,
    pub(crate) max: i128,
}

/// An object with named properties.
pub(crate) struct Object<'a> {
    pub(crate) properties: Vec<(&'a str, &'a Value)>,
    pub(crate) required: BTreeSet<&'a str>,
    /// What one of several alternatives asks for beyond that; none when there are no alternatives.
    pub(crate) choices: Vec<BTreeSet<&'a str>>,
}

/// One of several shapes.
pub(crate) struct Union<'a> {
    pub(crate) arms: Vec<&'a Value>,
    /// The property that tells the arms apart, if there is one.
    pub(crate) tag: Option<&'a str>,
    /// Strings, and objects with one property.
    pub(crate) is_external: bool,
}

impl Schema {
    /// The experimental bundle with the names of the wire.
    pub(crate) fn pinned() -> Self {
        Self::of(&wire_bundle())
    }

    pub(crate) fn of(bundle: &Value) -> Self {
        let outer = bundle["definitions"].as_object().unwrap();
        let inner = outer["v2"].as_object().unwrap();
        let all = outer.iter().filter(|it| it.0 != "v2").chain(inner);
        Self { definitions: all.map(|(name, it)| (name.clone(), normal(it))).collect() }
    }

    /// The definition `name`.
    pub(crate) fn definition(&self, name: &str) -> Option<&Value> {
        self.definitions.get(name)
    }

    /// Methods and the schemas of their params, from one of the roots over methods.
    pub(crate) fn methods(&self, root: &str) -> Vec<(&str, &Value)> {
        let arms = self.definitions[root]["union"].as_array().unwrap();
        let method = |arm: &'_ Value| arm["properties"]["method"]["enum"][0].as_str().is_some();
        assert!(arms.iter().all(method), "{root}");
        arms.iter()
            .map(|arm| {
                let properties = &arm["properties"];
                (properties["method"]["enum"][0].as_str().unwrap(), &properties["params"])
            })
            .collect()
    }

    /// The schemas of all results.
    pub(crate) fn responses(&self) -> Vec<&Value> {
        let is_response = |name: &str| name.ends_with("Response") && name != "JSONRPCResponse";
        self.definitions.iter().filter(|it| is_response(it.0)).map(|it| it.1).collect()
    }

    /// The schema behind references, and the name of the last definition on the way.
    pub(crate) fn resolve<'a>(&'a self, schema: &'a Value) -> (Option<&'a str>, &'a Value) {
        let (mut name, mut res) = (None, schema);
        while let Some((target, next)) = self.next(res) {
            name = target.or(name);
            res = next;
        }
        (name, res)
    }

    /// Whether null fits although it is not all that does.
    pub(crate) fn is_nullable(&self, schema: &Value) -> bool {
        let mut at = schema;
        loop {
            if at["nullable"] == true {
                return true;
            }
            match self.next(at) {
                Some((_, next)) => at = next,
                None => return false,
            }
        }
    }

    /// Where a schema that says nothing itself leads.
    fn next<'a>(&'a self, schema: &'a Value) -> Option<(Option<&'a str>, &'a Value)> {
        if let Some(target) = schema["$ref"].as_str() {
            let target = target.rsplit('/').next()?;
            return Some((Some(target), &self.definitions[target]));
        }
        match schema["union"].as_array().map(Vec::as_slice) {
            Some([one]) if schema["tag"].is_null() => Some((None, one)),
            _ => None,
        }
    }

    pub(crate) fn shape<'a>(&'a self, schema: &'a Value) -> Shape<'a> {
        let schema = self.resolve(schema).1;
        if let Some(arms) = schema["union"].as_array() {
            return Shape::Union(Union {
                arms: arms.iter().collect(),
                tag: schema["tag"].as_str(),
                is_external: schema["external"] == true,
            });
        }
        if let Some(values) = schema["enum"].as_array() {
            return Shape::Values(values.iter().map(|it| it.as_str().unwrap()).collect());
        }
        match schema["type"].as_str() {
            None if schema["type"].is_null() => Shape::Any,
            None => panic!("no shape for {schema}"),
            Some("null") => Shape::Null,
            Some("string") => Shape::Text,
            Some("boolean") => Shape::Flag,
            Some("number") => Shape::Number,
            Some("integer") => Shape::Integer(width(schema)),
            Some("array") => Shape::List(&schema["items"]),
            Some("object") if schema["properties"].is_object() => Shape::Object(object(schema)),
            Some("object") => match schema.get("additionalProperties") {
                Some(values) => Shape::Map(values),
                None => Shape::Object(object(schema)),
            },
            Some(other) => panic!("no shape for the type {other}"),
        }
    }

    /// The smallest value: the first alternative, only what is required.
    pub(crate) fn least(&self, schema: &Value) -> Value {
        match self.shape(schema) {
            Shape::Any => json!({ "any": ["thing", 1, null] }),
            Shape::Null => Value::Null,
            Shape::Text => json!("text"),
            Shape::Flag => json!(true),
            Shape::Number => json!(1.5),
            Shape::Integer(it) => integer(it.min.max(0)),
            Shape::Values(it) => json!(it[0]),
            Shape::List(_) => json!([]),
            Shape::Map(_) => json!({}),
            Shape::Object(it) => {
                let choice = it.choices.first();
                let keys = it.required.iter().chain(choice.into_iter().flatten());
                let entry = |key: &&str| ((*key).to_owned(), self.least(it.property(key)));
                Value::Object(keys.map(entry).collect())
            }
            Shape::Union(it) => self.least(it.arms[0]),
        }
    }
}

impl<'a> Object<'a> {
    pub(crate) fn property(&self, key: &str) -> &'a Value {
        self.properties.iter().find(|it| it.0 == key).map_or(&Value::Null, |it| it.1)
    }
}

/// An integer that JSON can hold.
pub(crate) fn integer(value: i128) -> Value {
    match u64::try_from(value) {
        Ok(it) => json!(it),
        Err(_) => json!(i64::try_from(value).unwrap()),
    }
}

fn width(schema: &Value) -> Width {
    let (min, max) = match schema["format"].as_str() {
        Some("uint" | "uint64") => (0, u64::MAX.into()),
        Some("uint32") => (0, u32::MAX.into()),
        Some("uint16") => (0, u16::MAX.into()),
        Some("uint8") => (0, u8::MAX.into()),
        Some("int32") => (i32::MIN.into(), i32::MAX.into()),
        Some("int64") | None => (i64::MIN.into(), i64::MAX.into()),
        Some(other) => panic!("no width for the format {other}"),
    };
    Width { min, max }
}

fn object(schema: &Value) -> Object<'_> {
    let names = |it: &'_ Value| -> BTreeSet<_> {
        it.as_array().into_iter().flatten().map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let properties: Vec<_> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|it| (it.0.as_str(), it.1))
        .collect();
    let borrowed = |of: &Value| -> BTreeSet<_> {
        let of = names(of);
        let res: BTreeSet<_> =
            properties.iter().map(|it| it.0).filter(|it| of.contains(*it)).collect();
        assert_eq!(res.len(), of.len(), "a required property is not declared: {schema}");
        res
    };
    let choices = schema["choices"].as_array().into_iter().flatten().map(borrowed).collect();
    let required = borrowed(&schema["required"]);
    Object { properties, required, choices }
}

/// The schema in fewer forms: `union` for `oneOf` and `anyOf`, `nullable`, the properties beside a
/// union in each of its arms, and `choices` for objects that differ in what they require alone.
fn normal(schema: &Value) -> Value {
    let Value::Object(map) = schema else { return json!({}) };
    let mut res = Map::new();
    for (key, it) in map {
        match key.as_str() {
            // The types take any integer.
            "enum" if map.get("type").is_some_and(|it| it == "integer") => (),
            "type" if it[1] == "null" => {
                res.insert(key.clone(), it[0].clone());
                res.insert("nullable".into(), json!(true));
            }
            "$ref" | "enum" | "format" | "required" | "type" => {
                res.insert(key.clone(), it.clone());
            }
            "additionalProperties" if *it == false => (),
            "items" | "additionalProperties" => _ = res.insert(key.clone(), normal(it)),
            "properties" => {
                let of = it.as_object().unwrap().iter().map(|it| (it.0.clone(), normal(it.1)));
                res.insert(key.clone(), of.collect());
            }
            _ => (),
        }
    }
    let arms = ["oneOf", "anyOf", "allOf"].iter().find_map(|it| schema[*it].as_array());
    match arms {
        Some(arms) => union(res, arms),
        None => Value::Object(res),
    }
}

fn union(mut base: Map<String, Value>, arms: &[Value]) -> Value {
    // The catch-all of the schema itself is what this crate calls `Unrecognized`.
    let arms = arms.iter().filter(|it| it["type"] != json!(["string", "object"]));
    let (nulls, arms): (Vec<_>, Vec<_>) = arms.partition(|it| it["type"] == "null");
    let is_closed = arms.iter().any(|it| it["additionalProperties"] == false);
    let mut arms: Vec<Value> = arms.into_iter().map(normal).collect();
    let has_base = base.contains_key("properties");
    if has_base {
        for arm in &mut arms {
            add(arm, &base);
        }
        base.clear();
    }
    if !nulls.is_empty() {
        base.insert("nullable".into(), json!(true));
    }
    if arms.len() > 1 && arms.iter().all(|it| it["enum"].is_array()) {
        let values = arms.iter().flat_map(|it| it["enum"].as_array().unwrap().clone());
        base.insert("enum".into(), values.collect());
        return Value::Object(base);
    }
    let is_object = |it: &Value| it["properties"].is_object();
    if let Some(tag) = tag(&arms) {
        base.insert("tag".into(), json!(tag));
    } else if arms.len() > 1 && arms.iter().all(is_object) && !is_closed {
        base.extend(choices(&arms));
        return Value::Object(base);
    }
    let is_key = |it: &Value| is_object(it) && it["properties"].as_object().unwrap().len() == 1;
    let is_external = is_closed && arms.iter().all(|it| it["enum"].is_array() || is_key(it));
    base.insert("external".into(), json!(is_external));
    base.insert("union".into(), Value::Array(arms));
    Value::Object(base)
}

/// Adds the properties of `base` to an arm.
fn add(arm: &mut Value, base: &Map<String, Value>) {
    let properties = arm["properties"].as_object_mut().unwrap();
    properties.extend(base["properties"].as_object().unwrap().clone());
    let required = [arm.get("required"), base.get("required")].into_iter().flatten();
    arm["required"] = required.flat_map(|it| it.as_array().unwrap().clone()).collect();
}

/// The required property that has one value in each arm, another in each.
fn tag(arms: &[Value]) -> Option<String> {
    let value = |arm: &Value, key: &str| {
        let values = arm["properties"][key]["enum"].as_array()?;
        (values.len() == 1).then(|| values[0].to_string())
    };
    let mut keys = arms.first()?["properties"].as_object()?.keys();
    let tells = |key: &&String| {
        let values: Option<BTreeSet<_>> = arms.iter().map(|arm| value(arm, key)).collect();
        values.is_some_and(|it| it.len() == arms.len())
    };
    keys.find(tells).cloned()
}

/// One object for several: everything that one of them has, required what all of them require.
fn choices(arms: &[Value]) -> Map<String, Value> {
    let set = |arm: &Value| -> BTreeSet<String> {
        let names = arm["required"].as_array().into_iter().flatten();
        names.map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let all = arms.iter().map(set);
    let required = all.reduce(|a, b| a.intersection(&b).cloned().collect()).unwrap_or_default();
    let beyond = |arm: &Value| set(arm).difference(&required).cloned().collect::<Vec<_>>();
    let properties: Map<_, _> =
        arms.iter().flat_map(|it| it["properties"].as_object().unwrap().clone()).collect();
    let beyond: Vec<_> = arms.iter().map(beyond).collect();
    Map::from_iter([
        ("type".into(), json!("object")),
        ("properties".into(), Value::Object(properties)),
        ("required".into(), json!(required)),
        ("choices".into(), json!(beyond)),
    ])
}
