//! What refers to something else, by whatever name, and schemas of all kinds made by hand.

use std::borrow::Cow;

use super::*;

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Größe {
    höhe: u8,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Kiste {
    außen: Größe,
    innen: Größe,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(tag = "k")]
enum Ding {
    A(Größe),
    B,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename = "My Type")]
struct Blank {
    x: u8,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename = "My_Type")]
struct Underscore {
    y: u8,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename = "My/~Type%")]
struct Slash {
    z: u8,
}

#[derive(Deserialize, JsonSchema)]
struct Alike {
    a: Blank,
    b: Underscore,
    c: Slash,
    d: Blank,
}

#[derive(Deserialize, JsonSchema)]
enum Änderung {
    Neu(Größe),
    Beide(Vec<Änderung>),
}

fn byte() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": 255})
}

#[test]
fn a_type_may_have_any_name() {
    let size = json!({"$ref": "#/$defs/Gr_e"});
    let mut expected = all(json!({"außen": size, "innen": size}));
    expected["$defs"] = json!({"Gr_e": all(json!({"höhe": byte()}))});
    assert_eq!(schema::<Kiste>(), expected);
    let expected = json!({"anyOf": [
        all(json!({"höhe": byte(), "k": {"type": "string", "enum": ["A"]}})),
        all(json!({"k": {"type": "string", "enum": ["B"]}})),
    ]});
    assert_eq!(wrapped::<Ding>(), expected);
    let strict = StrictSchema::of::<Ding>().unwrap();
    let text = r#"{"value": {"k": "A", "höhe": 3}}"#;
    assert_eq!(strict.read::<Ding>(text).unwrap(), Ding::A(Größe { höhe: 3 }));
}

#[test]
fn types_whose_names_are_alike_are_not_mixed_up() {
    let schema = schema::<Alike>();
    let at = |field: &str| {
        let reference = schema["properties"][field]["$ref"].as_str().unwrap();
        schema.pointer(reference.strip_prefix('#').unwrap()).unwrap().clone()
    };
    assert_eq!(at("a"), all(json!({"x": byte()})));
    assert_eq!(at("b"), all(json!({"y": byte()})));
    assert_eq!(at("c"), all(json!({"z": byte()})));
    assert_eq!(at("d"), at("a"));
    let names: Vec<_> = schema["$defs"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["My_1_0Type_", "My_Type", "My_Type_2"]);
    assert_eq!(schema, super::schema::<Alike>());
}

#[test]
fn a_root_that_is_wrapped_may_have_any_name_and_contain_itself() {
    let strict = StrictSchema::of::<Änderung>().unwrap();
    let root = json!({"$ref": "#/$defs/_nderung"});
    let mut expected = all(json!({"value": root}));
    let both = json!({"type": "array", "items": root});
    let choices = [json!({"Neu": {"$ref": "#/$defs/Gr_e"}}), json!({"Beide": both})].map(all);
    expected["$defs"] = json!({
        "_nderung": {"anyOf": choices},
        "Gr_e": all(json!({"höhe": byte()})),
    });
    assert_eq!(*strict.as_value(), expected);
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(tag = "k")]
enum Chain {
    Link(Link),
    End,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Link {
    next: Box<Chain>,
    other: Option<Box<Link>>,
}

#[test]
fn a_variant_may_contain_its_enum_in_a_field() {
    let strict = StrictSchema::of::<Chain>().unwrap();
    let text = r#"{"value": {"k": "Link", "next": {"k": "End"}, "other": null}}"#;
    let expected = Chain::Link(Link { next: Box::new(Chain::End), other: None });
    assert_eq!(strict.read::<Chain>(text).unwrap(), expected);
}

#[derive(Deserialize, JsonSchema)]
struct TwoKinds {
    #[serde(flatten)]
    a: Chain,
    #[serde(flatten)]
    b: Ding,
}

#[test]
fn two_enums_cannot_be_flattened_into_one_object() {
    assert_eq!(refusal::<TwoKinds>(), "`TwoKinds` has more than one `oneOf` in its schema");
}

/// A type with a schema that was made by hand.
macro_rules! by_hand {
    ($name:ident, $($schema:tt)*) => {
        #[derive(Deserialize)]
        struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                schemars::json_schema!($($schema)*)
            }
        }
    };
}

by_hand!(Half, {"const": 0.5});
by_hand!(Sizes, {"enum": [1, 1.5, 2.5]});
by_hand!(Mixed, {"enum": [1.5, "auto", null]});
by_hand!(Nowhere, {"$ref": "#/$defs/Nobody"});
by_hand!(NowhereMerged, {"$ref": "#/$defs/Nobody", "minimum": 1});
by_hand!(Elsewhere, {"$ref": "https://example.com/schema.json"});
by_hand!(NoText, {"$ref": 7});
by_hand!(SelfMerged, {"$ref": "#", "minimum": 1});
by_hand!(Loop, {"oneOf": [
    {"type": "object", "properties": {"k": {"const": "A"}}, "$ref": "#"},
    {"type": "object", "properties": {"k": {"const": "B"}}},
]});
by_hand!(There, {
    "anyOf": [{"$ref": "#/$defs/Back", "minProperties": 1}],
    "$defs": {"Back": {"anyOf": [{"$ref": "#", "minProperties": 1}, {"type": "null"}]}},
});
by_hand!(WithTrue, {"type": "string", "allOf": [true, {"pattern": "^a"}]});
by_hand!(WithFalse, {"type": "string", "allOf": [false]});
by_hand!(TwoTargets, {"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]});

#[test]
fn a_constant_may_be_a_fraction() {
    assert_eq!(wrapped::<Half>(), json!({"type": "number", "enum": [0.5]}));
    assert_eq!(wrapped::<Sizes>(), json!({"type": ["integer", "number"], "enum": [1, 1.5, 2.5]}));
    let expected = json!({"type": ["null", "number", "string"], "enum": [1.5, "auto", null]});
    assert_eq!(wrapped::<Mixed>(), expected);
}

#[test]
fn a_reference_to_nothing_is_refused() {
    let expected = "refers to `#/$defs/Nobody`, which is not there";
    assert!(refusal::<Nowhere>().ends_with(expected));
    assert_eq!(refusal::<NowhereMerged>(), format!("`NowhereMerged` {expected}"));
    assert!(refusal::<Elsewhere>().contains("`https://example.com/schema.json`, which is not"));
    assert!(refusal::<NoText>().ends_with("has a reference that is no text"));
}

#[test]
fn a_schema_that_is_part_of_itself_is_refused() {
    let why = "contains itself without an end";
    assert_eq!(refusal::<SelfMerged>(), format!("`SelfMerged` {why}"));
    assert_eq!(refusal::<Loop>(), format!("`Loop` {why}"));
    assert_eq!(refusal::<There>(), format!("`There` {why}"));
}

#[test]
fn every_part_counts() {
    assert_eq!(wrapped::<WithTrue>(), json!({"type": "string", "pattern": "^a"}));
    assert_eq!(refusal::<WithFalse>(), "`WithFalse` has a part that nothing fits");
    assert_eq!(refusal::<TwoTargets>(), "`TwoTargets` has more than one `$ref` in its schema");
}
