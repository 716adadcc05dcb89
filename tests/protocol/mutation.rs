//! What a later runtime may put anywhere: it decodes, is visible, and is written back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    arbitrary::{Schema, Shape},
    places::Places,
    roots::{Root, from_client, from_server},
    same::{Defaults, assert_none, has_unknown, hides_something},
};

/// What no schema knows.
const NEW: &str = "~brandNew";

/// What is put in a place.
struct Mutation {
    kind: &'static str,
    value: Value,
    /// What the value held is understood but for one thing.
    is_extra: bool,
}

/// All that may be put in a place of this shape.
fn mutations(schema: &Schema, at: &Value) -> Vec<Mutation> {
    let one = |kind, value| vec![Mutation { kind, value, is_extra: false }];
    match schema.shape(at) {
        Shape::Values(_) => one("enum", json!(NEW)),
        Shape::Union(it) if it.is_external => vec![
            Mutation { kind: "external union", value: json!(NEW), is_extra: false },
            Mutation { kind: "external union", value: json!({ NEW: { "x": 1 } }), is_extra: false },
        ],
        Shape::Union(it) => match it.tag {
            Some(tag) => one("tagged union", json!({ tag: NEW, "x": [1, { "y": null }] })),
            None if is_closed(schema, at) => one("closed union", Value::Null),
            None => one("untagged union", json!({ NEW: { "x": 1 } })),
        },
        Shape::Object(it) => {
            let mut value = schema.least(at);
            value[NEW] = json!({ "x": [3, null] });
            vec![Mutation { kind: "object", value, is_extra: !it.properties.is_empty() }]
        }
        _ => Vec::new(),
    }
}

/// The id of a request is what JSON-RPC says, and nothing else.
fn is_closed(schema: &Schema, at: &Value) -> bool {
    schema.resolve(at).0 == Some("RequestId")
}

/// Why a mutated message did not come through. Notes when only its public field shows what is new,
/// because the type holds secrets and is not printed.
fn failure(checks: &mut Checks, root: &Root<'_>, it: &Mutation, message: &Value) -> Option<String> {
    let got = match root.round_trip(message.clone()) {
        Ok(it) => it,
        Err(it) => return Some(format!("does not decode: {it}")),
    };
    let is_raw = it.kind == "object" && !it.is_extra;
    if hides_something(&got.debug) && !got.debug.contains(NEW) {
        *checks.counts.entry("unprinted").or_default() += 1;
    } else if !got.debug.contains(NEW) || !is_raw && !has_unknown(&got.debug) {
        return Some(format!("is not to be seen: {}", got.debug));
    }
    checks.defaults.difference(message, &got.value)
}

/// How much there is of which kind. Of `closed union` and `unprinted`, nothing is asked.
type Counts = BTreeMap<&'static str, usize>;

struct Checks {
    defaults: Defaults,
    counts: Counts,
    failures: Vec<String>,
}

/// Puts something new in each place that each of the messages has.
fn check(schema: &Schema, roots: &[Root<'_>]) -> Counts {
    let (defaults, counts, failures) = (Defaults::pinned(), Counts::new(), Vec::new());
    let mut checks = Checks { defaults, counts, failures };
    for root in roots {
        let places = Places::of(schema, root);
        for (at, schema_at) in places.schemas() {
            for it in mutations(schema, schema_at) {
                *checks.counts.entry(it.kind).or_default() += 1;
                if it.kind == "closed union" {
                    continue;
                }
                let message = places.message(at, it.value.clone());
                if let Some(why) = failure(&mut checks, root, &it, &message) {
                    let name = places.name(at);
                    checks.failures.push(format!("{} {name} {why}\n{message}", it.kind));
                }
            }
        }
    }
    assert_none(&checks.failures, checks.counts.values().sum());
    checks.counts
}

#[test]
fn whatever_is_new_in_a_message_of_the_server_is_kept() {
    let schema = Schema::pinned();
    let expected = Counts::from([
        ("enum", 1_972),
        ("closed union", 1),
        ("external union", 104),
        ("object", 2_554),
        ("tagged union", 241),
        ("unprinted", 53),
        ("untagged union", 28),
    ]);
    assert_eq!(check(&schema, &from_server(&schema)), expected);
}

#[test]
fn whatever_is_new_in_what_the_client_sends_is_kept() {
    let schema = Schema::pinned();
    let expected = Counts::from([
        ("enum", 231),
        ("closed union", 2),
        ("external union", 22),
        ("object", 405),
        ("tagged union", 29),
        ("unprinted", 41),
        ("untagged union", 5),
    ]);
    assert_eq!(check(&schema, &from_client(&schema)), expected);
}
