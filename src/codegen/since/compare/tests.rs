use serde_json::{Value, json};

use super::*;

fn release(text: &str) -> Release {
    text.parse().unwrap()
}

fn reference_to(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

fn object(properties: &Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn values(all: &[&str]) -> Value {
    json!({ "type": "string", "enum": all })
}

/// A case of a tagged union.
fn case(name: &str, mut properties: Value) -> Value {
    properties["type"] = values(&[name]);
    json!({ "type": "object", "properties": properties, "required": ["type"] })
}

/// A bundle with the method `ask`, whose params have these properties, and `methods` without params.
fn bundle(properties: &Value, definitions: &Value, methods: &[&str]) -> String {
    let method = |it: &str| json!({ "properties": { "method": { "enum": [it] } } });
    let mut arms = vec![method("ask")];
    arms[0]["properties"]["params"] = reference_to("AskParams");
    arms.extend(methods.iter().map(|it| method(it)));
    let mut all = definitions.clone();
    all["AskParams"] = object(properties);
    all["ClientRequest"] = json!({ "oneOf": arms });
    json!({ "definitions": all }).to_string()
}

fn input(stable: String, experimental: String) -> Input {
    Input { stable, experimental, pin: String::new(), since: None }
}

/// What the second of two releases has that the first has not, in both bundles.
fn new_in(old: String, new: String) -> Facts {
    let (old, new) = (input(old.clone(), old), input(new.clone(), new));
    let res = Since::oldest(release("0.1.0")).next(release("0.2.0"), &old, &new).unwrap();
    assert_eq!(res.releases, [release("0.1.0"), release("0.2.0")]);
    assert_eq!(res.stable, Facts::default());
    res.experimental
}

/// The same for the members of the types, with these definitions and a property that leads there.
fn members(target: &Value, old: &Value, new: &Value) -> Vec<String> {
    let of = |definitions| bundle(&json!({ "part": target }), definitions, &[]);
    let res = new_in(of(old), of(new));
    assert_eq!(res.methods, BTreeMap::new());
    assert!(res.members.values().all(|it| *it == release("0.2.0")));
    res.members.into_keys().collect()
}

#[test]
fn a_new_method_counts_alone() {
    let old = bundle(&json!({}), &json!({}), &["b"]);
    let new = bundle(&json!({}), &json!({}), &["a", "b"]);
    let res = new_in(old, new);
    assert_eq!(res.methods.into_keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(res.members, BTreeMap::new());
}

#[test]
fn a_new_property_is_found_wherever_its_type_stands() {
    let part = |properties: Value| json!({ "Part": object(&properties) });
    let (old, new) = (part(json!({ "a": text() })), part(json!({ "a": text(), "b": text() })));
    let target = reference_to("Part");
    for place in [
        target.clone(),
        json!({ "type": "array", "items": target }),
        json!({ "type": "object", "additionalProperties": target }),
        json!({ "anyOf": [target, { "type": "null" }] }),
        json!({ "type": "array", "items": { "anyOf": [target, { "type": "null" }] } }),
    ] {
        assert_eq!(members(&place, &old, &new), ["Part.b"]);
    }
}

#[test]
fn another_name_of_a_definition_is_no_difference() {
    let old = json!({ "Old": object(&json!({ "a": text() })) });
    let new = json!({ "New": object(&json!({ "a": text(), "b": text() })), "Other": text() });
    let of = |name: &str, all| bundle(&json!({ "part": reference_to(name) }), all, &[]);
    let res = new_in(of("Old", &old), of("New", &new));
    assert_eq!(res.members.into_keys().collect::<Vec<_>>(), ["New.b"]);
    // Nor is a definition in the place of the same type.
    let res = new_in(bundle(&json!({ "part": text() }), &json!({}), &[]), of("Other", &new));
    assert_eq!(res.members, BTreeMap::new());
}

#[test]
fn new_values_and_cases_are_found() {
    let kind = |all: &[&str]| json!({ "Kind": values(all) });
    let (old, new) = (kind(&["a", "c"]), kind(&["a", "b-b", "c"]));
    assert_eq!(members(&reference_to("Kind"), &old, &new), ["Kind.b-b"]);

    let way = |cases: &[Value]| json!({ "Way": { "oneOf": cases } });
    let old = way(&[case("big", json!({})), case("small", json!({}))]);
    let new = way(&[
        case("big", json!({ "size": text() })),
        case("new", json!({ "more": text() })),
        case("small", json!({})),
    ]);
    assert_eq!(members(&reference_to("Way"), &old, &new), ["BigWay.size", "Way.new"]);
}

#[test]
fn a_string_that_becomes_an_object_is_new() {
    let keyed = |key: &str| {
        json!({
            "type": "object", "properties": { key: object(&json!({ "x": text() })) },
            "required": [key], "additionalProperties": false,
        })
    };
    let old = json!({ "Way": { "oneOf": [values(&["a", "b"]), keyed("c")] } });
    let new = json!({ "Way": { "oneOf": [values(&["a"]), keyed("b"), keyed("c"), keyed("d")] } });
    assert_eq!(members(&reference_to("Way"), &old, &new), ["Way.b", "Way.d"]);
    let strings = json!({ "Way": values(&["a", "b"]) });
    assert_eq!(members(&reference_to("Way"), &strings, &new), ["Way.b", "Way.c", "Way.d"]);
}

#[test]
fn an_alternative_beside_what_was_all_is_new() {
    let list = json!({ "type": "array", "items": text() });
    let anchor = object(&json!({ "id": text() }));
    let new =
        json!({ "Anchor": anchor, "Way": { "anyOf": [text(), list, reference_to("Anchor")] } });
    let of =
        |target: Value, definitions: &Value| bundle(&json!({ "part": target }), definitions, &[]);
    let names = |old: String| {
        new_in(old, of(reference_to("Way"), &new)).members.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(names(of(text(), &json!({}))), ["Way.Anchor", "Way.List"]);
    let old =
        json!({ "Mark": object(&json!({})), "Way": { "anyOf": [text(), reference_to("Mark")] } });
    assert_eq!(names(of(reference_to("Way"), &old)), ["Anchor.id", "Way.List"]);

    // Without the choice again, the one that stayed is the same.
    let res = new_in(of(reference_to("Way"), &new), of(reference_to("Anchor"), &new));
    assert_eq!(res.members, BTreeMap::new());
}

#[test]
fn an_alternative_is_compared_with_the_one_of_its_name_among_those_of_its_kind() {
    let way = |anchor: Value| {
        let way = json!({ "anyOf": [reference_to("Mark"), reference_to("Anchor"), text()] });
        json!({ "Mark": object(&json!({ "m": text() })), "Anchor": object(&anchor), "Way": way })
    };
    let (old, new) = (way(json!({ "id": text() })), way(json!({ "id": text(), "more": text() })));
    assert_eq!(members(&reference_to("Way"), &old, &new), ["Anchor.more"]);
}

/// A type may have been used elsewhere before.
#[test]
fn what_is_there_on_one_way_is_there() {
    let part = json!({ "Part": object(&json!({ "a": text(), "b": text() })) });
    let small = json!({ "Small": object(&json!({ "a": text() })), "Part": part["Part"] });
    let of = |one: &str, other: &str, all| {
        bundle(&json!({ "one": reference_to(one), "other": reference_to(other) }), all, &[])
    };
    for (one, other) in [("Small", "Part"), ("Part", "Small")] {
        let res = new_in(of(one, other, &small), of("Part", "Part", &part));
        assert_eq!(res.members, BTreeMap::new());
    }
    let res = new_in(of("Small", "Small", &small), of("Part", "Part", &part));
    assert_eq!(res.members.into_keys().collect::<Vec<_>>(), ["Part.b"]);
}

#[test]
fn a_type_that_refers_to_itself_is_walked_once() {
    let tree = |properties: &[&str]| {
        let mut all: serde_json::Map<_, _> =
            properties.iter().map(|it| ((*it).to_owned(), text())).collect();
        let branches = json!({ "type": "array", "items": reference_to("Tree") });
        all.insert("branches".to_owned(), branches);
        json!({ "Tree": object(&Value::Object(all)) })
    };
    assert_eq!(members(&reference_to("Tree"), &tree(&["a"]), &tree(&["a", "b"])), ["Tree.b"]);
}

#[test]
fn params_where_there_were_none_are_new() {
    let old = json!({ "properties": { "method": { "enum": ["ask"] } } });
    let old = json!({ "definitions": { "ClientRequest": { "oneOf": [old] } } }).to_string();
    let res = new_in(old, bundle(&json!({ "a": text() }), &json!({}), &[]));
    assert_eq!(res.members.into_keys().collect::<Vec<_>>(), ["AskParams.a"]);
    assert_eq!(res.methods, BTreeMap::new());
}

/// One schema after the other, with these properties of `ask`, by their kind.
fn history(releases: &[(&str, &[&str], &[&str])]) -> Since {
    let of = |names: &[&str]| {
        let all = names.iter().map(|it| ((*it).to_owned(), text()));
        bundle(&Value::Object(all.collect()), &json!({}), &[])
    };
    let schemas: Vec<_> = releases
        .iter()
        .map(|(version, stable, more)| {
            (release(version), input(of(stable), of(&[*stable, *more].concat())))
        })
        .collect();
    let mut res = Since::oldest(schemas[0].0);
    for pair in schemas.windows(2) {
        res = res.next(pair[1].0, &pair[0].1, &pair[1].1).unwrap();
    }
    res
}

fn dated(of: &BTreeMap<String, Release>) -> Vec<(String, String)> {
    of.iter().map(|it| (it.0.clone(), it.1.to_string())).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|it| (format!("AskParams.{}", it.0), it.1.to_owned())).collect()
}

#[test]
fn what_becomes_stable_later_has_two_releases() {
    let since = history(&[
        ("0.1.0", &["old"], &["early"]),
        ("0.2.0", &["both", "old"], &["early", "late"]),
        ("0.3.0", &["both", "early", "old"], &["late"]),
        ("0.4.0", &["both", "early", "late", "old"], &["never"]),
    ]);
    let all = [("both", "0.2.0"), ("late", "0.2.0"), ("never", "0.4.0")];
    assert_eq!(dated(&since.experimental.members), pairs(&all));
    assert_eq!(dated(&since.stable.members), pairs(&[("early", "0.3.0"), ("late", "0.4.0")]));
}

#[test]
fn what_was_gone_for_a_while_is_there_since_it_came_back() {
    let since = history(&[
        ("0.1.0", &["a", "b"], &[]),
        ("0.2.0", &["b", "c"], &[]),
        ("0.3.0", &["a", "b"], &[]),
    ]);
    assert_eq!(dated(&since.experimental.members), pairs(&[("a", "0.3.0")]));
    assert_eq!(since.stable, Facts::default());
}

/// The names in the file are those of the last release.
#[test]
fn a_date_goes_over_to_a_definition_of_another_name() {
    let of = |name: &str, properties: Value| {
        let all = json!({ name: object(&properties) });
        let text = bundle(&json!({ "part": reference_to(name) }), &all, &[]);
        input(text.clone(), text)
    };
    let first = of("Part", json!({}));
    let second = of("Part", json!({ "a": text() }));
    let third = of("Piece", json!({ "a": text() }));
    let since = Since::oldest(release("0.1.0"));
    let since = since.next(release("0.2.0"), &first, &second).unwrap();
    let since = since.next(release("0.3.0"), &second, &third).unwrap();
    assert_eq!(dated(&since.experimental.members), [("Piece.a".to_owned(), "0.2.0".to_owned())]);
}
