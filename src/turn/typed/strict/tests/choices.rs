//! Enums of every form, and what is flattened.

use super::*;

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

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum TaggedMap {
    Named(FlatMap),
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", deny_unknown_fields)]
enum ClosedMap {
    Named(FlatMap),
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
    assert!(refusal::<TaggedMap>().starts_with("`TaggedMap` is a map"));
    assert!(refusal::<ClosedMap>().starts_with("`ClosedMap` is a map"));
}

#[derive(Deserialize, JsonSchema)]
struct FlatRoot {
    flat: Flat,
}
