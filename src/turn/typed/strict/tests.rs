#![allow(dead_code, reason = "most of these types are only described")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

mod choices;
mod references;

fn schema<T: JsonSchema>() -> Value {
    StrictSchema::of::<T>().unwrap().as_value().clone()
}

fn refusal<T: JsonSchema>() -> String {
    match StrictSchema::of::<T>() {
        Err(Error::InvalidInput(text)) => {
            text.strip_prefix("no strict output schema describes this type: ").unwrap().to_owned()
        }
        Err(other) => panic!("{other:?}"),
        Ok(schema) => panic!("{}", schema.as_value()),
    }
}

/// The schema of an object with these properties, all of them required.
fn all(properties: Value) -> Value {
    let Value::Object(properties) = properties else { panic!("{properties}") };
    object(properties)
}

/// The schema of the property `value` in which a `T` is wrapped.
fn wrapped<T: JsonSchema>() -> Value {
    let strict = StrictSchema::of::<T>().unwrap();
    assert!(strict.wrapped);
    let name = T::schema_name();
    let schema = strict.as_value();
    let reference = format!("#/$defs/{name}");
    assert_eq!(schema["properties"], json!({"value": {"$ref": reference}}));
    assert_eq!(schema["required"], json!(["value"]));
    assert_eq!(schema["additionalProperties"], false);
    schema["$defs"][&*name].clone()
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Point {
    x: i32,
    y: u8,
}

#[test]
fn a_struct_is_an_object_with_all_of_its_fields_and_no_more() {
    let expected = all(json!({
        "x": {"type": "integer"},
        "y": {"type": "integer", "minimum": 0, "maximum": 255},
    }));
    assert_eq!(schema::<Point>(), expected);
    let strict = StrictSchema::of::<Point>().unwrap();
    assert_eq!(strict.read::<Point>(r#"{"x": -1, "y": 2}"#).unwrap(), Point { x: -1, y: 2 });
}

/// Two points.
#[derive(Deserialize, JsonSchema)]
struct Line {
    /// Where it begins.
    from: Point,
    to: Point,
    via: Vec<Point>,
}

#[test]
fn a_nested_struct_is_referred_to_and_nothing_stands_beside_the_reference() {
    let reference = json!({"$ref": "#/$defs/Point"});
    let mut expected = all(json!({
        "from": {"anyOf": [reference], "description": "Where it begins."},
        "to": reference,
        "via": {"type": "array", "items": reference},
    }));
    expected["description"] = "Two points.".into();
    expected["$defs"] = json!({"Point": schema::<Point>()});
    assert_eq!(schema::<Line>(), expected);
}

#[derive(Deserialize, JsonSchema)]
struct Optional {
    #[serde(default)]
    count: u64,
    #[serde(default = "nobody")]
    name: String,
    note: Option<String>,
    point: Option<Point>,
    list: Option<Vec<bool>>,
    #[serde(skip)]
    hidden: u8,
}

fn nobody() -> String {
    "nobody".into()
}

#[test]
fn every_field_is_required_and_an_option_may_be_null() {
    let nothing = json!({"type": "null"});
    let mut expected = all(json!({
        "count": {"type": "integer", "minimum": 0},
        "name": {"type": "string"},
        "note": {"type": ["string", "null"]},
        "point": {"anyOf": [{"$ref": "#/$defs/Point"}, nothing]},
        "list": {"anyOf": [{"type": "array", "items": {"type": "boolean"}}, nothing]},
    }));
    expected["$defs"] = json!({"Point": schema::<Point>()});
    assert_eq!(schema::<Optional>(), expected);
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Renamed {
    first_name: String,
    #[serde(rename = "$ref")]
    reference: String,
    #[serde(rename = "type")]
    kind: String,
}

#[test]
fn the_names_are_those_of_serde() {
    let string = json!({"type": "string"});
    let expected = all(json!({"firstName": string, "$ref": string, "type": string}));
    assert_eq!(schema::<Renamed>(), expected);
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Tree {
    name: String,
    /// What grows on it.
    children: Vec<Tree>,
    parent: Option<Box<Tree>>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
enum Expr {
    Number(i64),
    Sum(Vec<Expr>),
}

#[test]
fn a_type_may_contain_itself() {
    let root = json!({"$ref": "#"});
    let expected = all(json!({
        "name": {"type": "string"},
        "children": {"type": "array", "items": root, "description": "What grows on it."},
        "parent": {"anyOf": [root, {"type": "null"}]},
    }));
    assert_eq!(schema::<Tree>(), expected);
    let expected = json!({"anyOf": [
        all(json!({"Number": {"type": "integer"}})),
        all(json!({"Sum": {"type": "array", "items": {"$ref": "#/$defs/Expr"}}})),
    ]});
    assert_eq!(wrapped::<Expr>(), expected);
    let strict = StrictSchema::of::<Expr>().unwrap();
    let text = r#"{"value": {"Sum": [{"Number": 1}, {"Sum": []}]}}"#;
    let expected = Expr::Sum(vec![Expr::Number(1), Expr::Sum(Vec::new())]);
    assert_eq!(strict.read::<Expr>(text).unwrap(), expected);
}

#[derive(Deserialize, JsonSchema)]
struct Forest {
    trees: Vec<Tree>,
}

#[test]
fn a_type_that_contains_itself_is_described_once_wherever_it_is() {
    let tree = json!({"$ref": "#/$defs/Tree"});
    let mut expected = all(json!({"trees": {"type": "array", "items": tree}}));
    let children = json!({"type": "array", "items": tree, "description": "What grows on it."});
    expected["$defs"]["Tree"] = all(json!({
        "name": {"type": "string"},
        "children": children,
        "parent": {"anyOf": [tree, {"type": "null"}]},
    }));
    assert_eq!(schema::<Forest>(), expected);
}

#[derive(Deserialize, JsonSchema)]
struct Bounded {
    #[schemars(range(min = 1, max = 5), length(min = 1))]
    stars: f32,
    #[schemars(length(min = 1, max = 80), regex(pattern = "^[a-z]+$"))]
    word: String,
    address: Ipv4Addr,
    initial: char,
    set: BTreeSet<u16>,
    four: [bool; 4],
    #[schemars(extend("x-note" = 1, "examples" = ["a"]))]
    note: String,
    path: std::path::PathBuf,
    #[deprecated]
    old: std::num::NonZeroU64,
}

#[test]
fn what_models_do_not_know_is_left_out() {
    let expected = all(json!({
        "stars": {"type": "number", "minimum": 1, "maximum": 5},
        "word": {"type": "string", "pattern": "^[a-z]+$"},
        "address": {"type": "string", "format": "ipv4"},
        "initial": {"type": "string"},
        "set": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 65535}},
        "four": {"type": "array", "items": {"type": "boolean"}, "minItems": 4, "maxItems": 4},
        "note": {"type": "string"},
        "path": {"type": "string"},
        "old": {"type": "integer", "minimum": 1},
    }));
    assert_eq!(schema::<Bounded>(), expected);
}

#[test]
fn what_is_no_object_is_wrapped_in_one() {
    assert_eq!(wrapped::<u32>(), json!({"type": "integer", "minimum": 0}));
    assert_eq!(wrapped::<()>(), json!({"type": "null"}));
    let strings = json!({"type": "array", "items": {"type": "string"}});
    assert_eq!(wrapped::<Vec<String>>(), strings);
    let option = json!({"anyOf": [{"$ref": "#/$defs/Point"}, {"type": "null"}]});
    assert_eq!(wrapped::<Option<Point>>(), option);
    let strict = StrictSchema::of::<Vec<String>>().unwrap();
    assert_eq!(strict.read::<Vec<String>>(r#"{"value": ["a"]}"#).unwrap(), ["a"]);
    assert!(strict.read::<Vec<String>>(r#"["a"]"#).is_err());
}

#[derive(Deserialize, JsonSchema)]
struct Empty {}

#[test]
fn a_struct_without_fields_is_an_object_without_properties() {
    assert_eq!(schema::<Empty>(), all(json!({})));
}

#[derive(Deserialize, JsonSchema)]
struct Deep {
    outer: Vec<Holder>,
}

#[derive(Deserialize, JsonSchema)]
struct Holder {
    tags: HashMap<String, u8>,
}

#[derive(Deserialize, JsonSchema)]
struct Loose {
    list: Vec<Value>,
}

#[derive(Deserialize, JsonSchema)]
struct Tuples {
    same: (i8, i8),
    other: (i8, String),
}

#[derive(Deserialize)]
struct Negated;

impl JsonSchema for Negated {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Negated".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "string", "not": {"enum": ["x"]}})
    }
}

#[test]
fn what_cannot_be_strict_is_refused_with_its_place() {
    let text = refusal::<Deep>();
    assert!(
        text.starts_with("`Holder.tags` is a map, whose keys the model cannot be told"),
        "{text}"
    );
    assert!(refusal::<BTreeMap<String, u8>>().contains("is a map"));
    assert!(refusal::<Loose>().starts_with("`Loose.list[]` can be anything"));
    assert!(refusal::<Value>().contains("can be anything"));
    assert!(refusal::<Tuples>().starts_with("`Tuples.other` is a tuple of different types"));
    assert!(refusal::<Negated>().starts_with("`Negated` has `not` in its schema"));
}

#[test]
fn an_array_that_may_be_missing_keeps_its_length() {
    let array = json!({
        "type": "array",
        "items": {"type": "boolean"},
        "minItems": 3,
        "maxItems": 3,
    });
    let expected = json!({"anyOf": [array, {"type": "null"}]});
    assert_eq!(wrapped::<Option<[bool; 3]>>(), expected);
}

#[test]
fn a_tuple_of_one_type_is_a_list_of_its_length() {
    let same = json!({"type": "integer", "minimum": -128, "maximum": 127});
    let expected = json!({"type": "array", "items": same, "minItems": 2, "maxItems": 2});
    assert_eq!(wrapped::<(i8, i8)>(), expected);
}
