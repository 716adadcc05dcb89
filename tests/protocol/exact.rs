//! Types hold what the schema says: names, required properties, widths, and structure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    arbitrary::{Schema, Shape, integer},
    places::{Places, Seen},
    registry::types,
    roots::{Root, from_client, from_server},
    same::{Defaults, assert_none, has_unknown, hides_something, inexact},
};

/// Properties for which absent, null and a value are three different requests.
const THREE_STATE: [(&str, &[&str]); 13] = [
    ("BedrockProviderSettingsPatch", &["profile", "region"]),
    ("CustomGatewayProviderSettingsPatch", &["baseUrl", "envKey"]),
    ("GcpProviderSettingsPatch", &["credentialFile", "location", "projectId"]),
    ("ProcessSpawnParams", &["outputBytesCap", "timeoutMs"]),
    ("ThreadForkParams", &["serviceTier"]),
    ("ThreadListParams", &["projectId", "sectionId"]),
    ("ThreadMetadataGitInfoUpdateParams", &["branch", "originUrl", "sha"]),
    ("ThreadResumeParams", &["serviceTier"]),
    ("ThreadSectionUpdateParams", &["appearance"]),
    ("ThreadSettingsUpdateParams", &["serviceTier"]),
    ("ThreadStartParams", &["serviceTier"]),
    ("TurnSettingsUpdateParams", &["serviceTier"]),
    ("TurnStartParams", &["serviceTier"]),
];

/// Checks every place in every message, shared ones once.
fn at_every_place(
    mut check: impl FnMut(&Root<'_>, &Places<'_>, usize, &Value, &Schema) -> Vec<String>,
) -> (Vec<String>, usize) {
    let schema = Schema::pinned();
    let (mut failures, mut count, mut seen) = (Vec::new(), 0, Seen::new());
    for root in from_server(&schema).iter().chain(&from_client(&schema)) {
        let places = Places::new_in(&schema, root, &mut seen);
        for (at, schema_at) in places.schemas() {
            count += 1;
            let new = check(root, &places, at, schema_at, &schema);
            failures.extend(new.iter().map(|it| format!("{}: {it}", places.name(at))));
        }
    }
    (failures, count)
}

/// A message that does not fit does not decode, or shows what does not fit as such, and keeps it.
fn passes_as_fitting(defaults: &Defaults, root: &Root<'_>, message: &Value) -> Option<String> {
    let got = root.round_trip(message.clone()).ok()?;
    if has_unknown(&got.debug) || hides_something(&got.debug) {
        return defaults.difference(message, &got.value);
    }
    Some(format!("passes as {}\n{message}", got.debug))
}

#[test]
fn every_property_comes_back_under_its_name_and_is_known() {
    let defaults = Defaults::pinned();
    let (mut properties, mut other_case) = (0, 0);
    let (failures, _) = at_every_place(|root, places, at, schema_at, schema| {
        let Some((_, key)) = places.property(at) else { return Vec::new() };
        properties += 1;
        other_case += usize::from(key.contains('_'));
        let message = places.message(at, schema.least(schema_at));
        let got = root.round_trip(message.clone());
        inexact(&defaults, &message, &got).into_iter().collect()
    });
    assert_none(&failures, properties);
    assert_eq!((properties, other_case), (3_055, 143));
}

#[test]
fn without_any_one_required_property_nothing_decodes() {
    let schema = Schema::pinned();
    let (mut count, mut failures) = (0, Vec::new());
    for (name, ty) in types() {
        let Some(of) = schema.definition(name) else { continue };
        let Shape::Object(object) = schema.shape(of) else { continue };
        let least = schema.least(of);
        for key in object.required.iter().copied() {
            count += 1;
            let mut less = least.clone();
            less.as_object_mut().unwrap().remove(key);
            let error = (ty.round_trip)(less).err().unwrap_or_default();
            let direct = format!("missing field `{key}`");
            if error != format!("`{key}`: missing") && error != direct {
                failures.push(format!("{name}.{key}: {error:?}"));
            }
        }
    }
    assert_none(&failures, count);
    assert_eq!(count, 1_104);
}

#[test]
fn what_lacks_a_required_property_is_never_taken_for_whole() {
    let defaults = Defaults::pinned();
    let mut count = 0;
    let (failures, _) = at_every_place(|root, places, at, schema_at, schema| {
        let Shape::Object(object) = schema.shape(schema_at) else { return Vec::new() };
        if places.is_alternative(at) {
            return Vec::new();
        }
        let least = schema.least(schema_at);
        let lacking = |key: &str| {
            count += 1;
            let mut less = least.clone();
            less.as_object_mut().unwrap().remove(key);
            passes_as_fitting(&defaults, root, &places.message(at, less))
        };
        object.required.iter().copied().filter_map(lacking).collect()
    });
    assert_none(&failures, count);
    assert_eq!(count, 1_981);
}

#[test]
fn integers_have_the_widths_of_the_schema() {
    let defaults = Defaults::pinned();
    let mut count = 0;
    let (failures, _) = at_every_place(|root, places, at, schema_at, schema| {
        let Shape::Integer(width) = schema.shape(schema_at) else { return Vec::new() };
        count += 1;
        let mut res = Vec::new();
        for fits in [width.min, width.max] {
            let message = places.message(at, integer(fits));
            res.extend(inexact(&defaults, &message, &root.round_trip(message.clone())));
        }
        for beyond in [width.min - 1, width.max + 1] {
            // Outside of 64 bits, it is a float to serde_json, as it is when it is read from text.
            let beyond = serde_json::from_str(&beyond.to_string()).unwrap();
            let message = places.message(at, beyond);
            res.extend(passes_as_fitting(&defaults, root, &message));
        }
        let message = places.message(at, json!(1.5));
        res.extend(passes_as_fitting(&defaults, root, &message));
        res
    });
    assert_none(&failures, count);
    assert_eq!(count, 235);
}

#[test]
fn nothing_with_a_structure_takes_a_value_of_another_type() {
    let defaults = Defaults::pinned();
    let (mut structured, mut raw) = (0, 0);
    let (failures, _) = at_every_place(|root, places, at, schema_at, schema| {
        let others = match schema.shape(schema_at) {
            Shape::Any => {
                raw += 1;
                return Vec::new();
            }
            Shape::Null => return Vec::new(),
            _ if places.is_alternative(at) => return Vec::new(),
            Shape::Text | Shape::Values(_) => vec![json!(7), json!(["a"]), json!({ "odd": 1 })],
            Shape::Flag => vec![json!(0), json!("true")],
            Shape::Number | Shape::Integer(_) => vec![json!("1"), json!([1]), json!(true)],
            Shape::List(_) => vec![json!("a"), json!({}), json!(7)],
            Shape::Map(_) | Shape::Object(_) => vec![json!("~odd"), json!([]), json!(7)],
            Shape::Union(_) => vec![json!(1.5), json!(true)],
        };
        structured += 1;
        let wrong = |it| passes_as_fitting(&defaults, root, &places.message(at, it));
        others.into_iter().filter_map(wrong).collect()
    });
    assert_none(&failures, structured);
    assert_eq!((structured, raw), (4_053, 65));
}

#[test]
fn a_required_property_that_is_null_is_written_as_null() {
    let schema = Schema::pinned();
    let mut found = BTreeMap::new();
    for (name, ty) in types() {
        let Some(of) = schema.definition(name) else { continue };
        let Shape::Object(object) = schema.shape(of) else { continue };
        for key in object.required.iter().filter(|it| schema.is_nullable(object.property(it))) {
            let mut value = schema.least(of);
            value[*key] = Value::Null;
            let got = (ty.round_trip)(value).unwrap().value;
            found.insert(format!("{name}.{key}"), got.get(*key) == Some(&Value::Null));
        }
    }
    assert!(found.len() == 5 && found.values().all(|it| *it), "{found:?}");
}

#[test]
fn none_and_null_and_a_value_stay_three_things_where_they_are() {
    let schema = Schema::pinned();
    let types: BTreeMap<_, _> = types().into_iter().collect();
    for (name, keys) in THREE_STATE {
        for key in keys {
            let come_back = |value: &Value| {
                let got = (types[name].round_trip)(value.clone()).unwrap().value;
                assert_eq!(got.get(*key), value.get(*key), "{name}.{key}");
            };
            // The cases of a union have no definition of their own.
            let (mut value, present) = match schema.definition(name) {
                Some(of) => {
                    let Shape::Object(object) = schema.shape(of) else { panic!("{name}") };
                    (schema.least(of), schema.least(object.property(key)))
                }
                None => (json!({ "providerId": "text" }), json!("text")),
            };
            come_back(&value);
            value[*key] = Value::Null;
            come_back(&value);
            value[*key] = present;
            come_back(&value);
        }
    }
}
