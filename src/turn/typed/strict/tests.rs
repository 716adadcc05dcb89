#![allow(dead_code, reason = "most of these types are only described")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

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
    let reference = format!("#/$defs/{}", escaped(&name));
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
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
}

#[derive(Deserialize, JsonSchema)]
enum Documented {
    /// Goes on.
    Yes,
    /// Stops.
    No,
}

#[test]
fn an_enum_of_units_is_a_list_of_strings() {
    assert_eq!(wrapped::<Colour>(), json!({"type": "string", "enum": ["red", "green"]}));
    let strict = StrictSchema::of::<Colour>().unwrap();
    assert_eq!(strict.read::<Colour>(r#"{"value": "green"}"#).unwrap(), Colour::Green);
    assert!(strict.read::<Colour>(r#""green""#).is_err());
    let expected = json!({"anyOf": [
        {"type": "string", "enum": ["Yes"], "description": "Goes on."},
        {"type": "string", "enum": ["No"], "description": "Stops."},
    ]});
    assert_eq!(wrapped::<Documented>(), expected);
}

#[derive(Deserialize, JsonSchema)]
enum External {
    Nothing,
    Number(f64),
    At(Point),
    Both { a: bool, b: Colour },
}

#[test]
fn a_variant_with_content_is_an_object_with_one_property() {
    let expected = json!({"anyOf": [
        {"type": "string", "enum": ["Nothing"]},
        all(json!({"Number": {"type": "number"}})),
        all(json!({"At": {"$ref": "#/$defs/Point"}})),
        all(json!({"Both": all(json!({"a": {"type": "boolean"}, "b": {"$ref": "#/$defs/Colour"}}))})),
    ]});
    assert_eq!(wrapped::<External>(), expected);
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(tag = "kind")]
enum Internal {
    Nothing,
    /// A place.
    At(Point),
    Named {
        name: String,
    },
}

#[test]
fn a_variant_that_is_tagged_inside_has_the_tag_among_its_fields() {
    let tag = |name: &str| json!({"type": "string", "enum": [name]});
    let Point { x, y } = Point { x: 1, y: 2 };
    let point = schema::<Point>()["properties"].clone();
    let mut at = all(json!({"kind": tag("At"), "x": point["x"], "y": point["y"]}));
    at["description"] = "A place.".into();
    let expected = json!({"anyOf": [
        all(json!({"kind": tag("Nothing")})),
        at,
        all(json!({"kind": tag("Named"), "name": {"type": "string"}})),
    ]});
    assert_eq!(wrapped::<Internal>(), expected);
    let strict = StrictSchema::of::<Internal>().unwrap();
    let text = r#"{"value": {"kind": "At", "x": 1, "y": 2}}"#;
    assert_eq!(strict.read::<Internal>(text).unwrap(), Internal::At(Point { x, y }));
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Nothing,
    Number(u32),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Untagged {
    Word(String),
    At(Point),
}

#[test]
fn the_other_ways_to_tag_are_choices_too() {
    let tag = |name: &str| json!({"type": "string", "enum": [name]});
    let expected = json!({"anyOf": [
        all(json!({"t": tag("Nothing")})),
        all(json!({"t": tag("Number"), "c": {"type": "integer", "minimum": 0}})),
    ]});
    assert_eq!(wrapped::<Adjacent>(), expected);
    let expected = json!({"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Point"}]});
    assert_eq!(wrapped::<Untagged>(), expected);
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
struct Flat {
    name: String,
    #[serde(flatten)]
    point: Point,
    #[serde(flatten)]
    kind: Internal,
}

#[derive(Deserialize, JsonSchema)]
struct FlatMap {
    name: String,
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

#[test]
fn flattened_fields_are_fields() {
    let point = schema::<Point>()["properties"].clone();
    let kinds = wrapped::<Internal>()["anyOf"].clone();
    let schema = schema::<FlatRoot>();
    let choices = schema["$defs"]["Flat"]["anyOf"].as_array().unwrap().clone();
    assert_eq!(choices.len(), 3);
    for (choice, kind) in choices.iter().zip(kinds.as_array().unwrap()) {
        let mut properties = kind["properties"].as_object().unwrap().clone();
        if !properties.contains_key("name") {
            properties.insert("name".into(), json!({"type": "string"}));
        }
        for axis in ["x", "y"] {
            properties.insert(axis.into(), point[axis].clone());
        }
        assert_eq!(choice["properties"], Value::Object(properties));
        assert_eq!(choice["additionalProperties"], false);
        assert_eq!(
            choice["required"].as_array().unwrap().len(),
            choice["properties"].as_object().unwrap().len()
        );
    }
    assert!(refusal::<FlatMap>().starts_with("`FlatMap` is a map"));
}

#[derive(Deserialize, JsonSchema)]
struct FlatRoot {
    flat: Flat,
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
fn a_tuple_of_one_type_is_a_list_of_its_length() {
    let same = json!({"type": "integer", "minimum": -128, "maximum": 127});
    let expected = json!({"type": "array", "items": same, "minItems": 2, "maxItems": 2});
    assert_eq!(wrapped::<(i8, i8)>(), expected);
}
