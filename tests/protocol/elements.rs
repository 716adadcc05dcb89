//! One malformed element takes nothing from the others, in any list or map of any message.

use serde_json::{Value, json};

use crate::{
    arbitrary::{Schema, Shape},
    places::{Places, entry},
    roots::{Root, from_client, from_server},
    same::{Defaults, assert_none, has_unknown, hides_something},
};

/// A value of the wrong type, and an object without what it must have.
fn malformed(schema: &Schema, of: &Value) -> Vec<Value> {
    let other = match schema.shape(of) {
        Shape::Any | Shape::Null => return Vec::new(),
        Shape::Text | Shape::Flag | Shape::Number | Shape::Integer(_) => json!({ "odd": 1 }),
        Shape::Values(_) | Shape::List(_) | Shape::Map(_) | Shape::Object(_) => json!(7),
        Shape::Union(_) => json!([7]),
    };
    let mut res = vec![other];
    let least = schema.least(of);
    if let Shape::Object(it) = schema.shape(of)
        && let Some(key) = it.required.first()
    {
        let mut less = least;
        less.as_object_mut().unwrap().remove(*key);
        res.push(less);
    }
    res
}

/// Lists beside which a plain string may stand, too: with a malformed element, all of the value is
/// kept as it came.
const WHOLE: [&str; 2] = ["ForcedChatgptWorkspaceIds", "ThreadListCwdFilter"];

/// A malformed element of a union is the union's, anything else is kept aside.
fn is_kept(debug: &str, is_union: bool) -> bool {
    let kept = debug.matches("Unrecognized(").count();
    if is_union { kept == 1 } else { kept == 0 && (has_unknown(debug) || hides_something(debug)) }
}

/// Puts each malformed element between two others in each list and map. Returns how many.
fn check(schema: &Schema, roots: &[Root<'_>]) -> usize {
    let defaults = Defaults::pinned();
    let (mut count, mut failures) = (0, Vec::new());
    for root in roots {
        let places = Places::of(schema, root);
        for (at, schema_at) in places.schemas() {
            let (items, is_list) = match schema.shape(schema_at) {
                Shape::List(it) => (it, true),
                Shape::Map(it) => (it, false),
                _ => continue,
            };
            let is_union = matches!(schema.shape(items), Shape::Union(_))
                || WHOLE.iter().any(|it| places.is_in(at, it));
            for bad in malformed(schema, items) {
                count += 1;
                let good = schema.least(items);
                let value = if is_list {
                    json!([good, bad, good])
                } else {
                    let key = |n: u8| format!("{}{n}", entry());
                    json!({ key(1): good, key(2): bad, key(3): good })
                };
                let message = places.message(at, value);
                let why = match root.round_trip(message.clone()) {
                    Err(it) => it,
                    Ok(it) if !is_kept(&it.debug, is_union) => it.debug,
                    Ok(it) => match defaults.difference(&message, &it.value) {
                        Some(it) => it,
                        None => continue,
                    },
                };
                failures.push(format!("{}: {why}\n{message}", places.name(at)));
            }
        }
    }
    assert_none(&failures, count);
    count
}

#[test]
fn a_malformed_element_from_the_server_harms_no_other() {
    let schema = Schema::pinned();
    let count = check(&schema, &from_server(&schema));
    assert_eq!(count, 1_024);
}

#[test]
fn a_malformed_element_of_the_client_harms_no_other() {
    let schema = Schema::pinned();
    let count = check(&schema, &from_client(&schema));
    assert_eq!(count, 147);
}
