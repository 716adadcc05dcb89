//! What only the experimental API takes says so before it is sent.

use codexkit::protocol::{
    AmazonBedrockLoginAccountParams, GranularAskForApproval, LoginAccountParams, MemoryResetParams,
    Request, ThreadStartParams,
};
use serde_json::Value;

use crate::{
    arbitrary::{Random, Schema, Shape},
    places::Places,
    registry::{bundle, requests},
    roots::from_client,
    same::assert_none,
};

/// The cases that the runtime refuses although the stable bundle has them.
const CASES: [&str; 4] =
    ["granular", "amazonBedrock", "amazonBedrockAccessKeys", "chatgptAuthTokens"];

fn is_refused(value: &Value) -> bool {
    let is = |it: &str| CASES.contains(&it);
    value["type"].as_str().is_some_and(is)
        || value.as_object().is_some_and(|it| it.len() == 1 && it.keys().all(|it| is(it)))
}

/// How many values of the params of each method.
const VALUES: u64 = 20;

/// The path of the first property or value that `of`, a schema of the stable bundle, lacks.
fn beyond(stable: &Schema, of: &Value, value: &Value) -> Option<String> {
    let inside =
        |key: &str, of: &Value, value: &Value| Some(path(key, &beyond(stable, of, value)?));
    match (stable.shape(of), value) {
        (Shape::Object(object), Value::Object(map)) => {
            map.iter().find_map(|(key, it)| match object.property(key) {
                Value::Null => Some(key.clone()),
                of => inside(key, of, it),
            })
        }
        (Shape::List(of), Value::Array(items)) => {
            items.iter().find_map(|it| beyond(stable, of, it))
        }
        (Shape::Map(of), Value::Object(map)) => {
            map.iter().find_map(|(key, it)| inside(key, of, it))
        }
        (Shape::Values(known), Value::String(it)) => {
            (!known.contains(&it.as_str())).then(String::new)
        }
        (Shape::Union(_), value) if is_refused(value) => Some(String::new()),
        (Shape::Union(union), value) => {
            let is_arm = |arm: &&&Value| match union.tag {
                Some(tag) => arm["properties"][tag]["enum"][0] == value[tag],
                None => beyond(stable, arm, value).is_none(),
            };
            match union.arms.iter().find(is_arm) {
                Some(arm) => beyond(stable, arm, value),
                None => Some(String::new()),
            }
        }
        _ => None,
    }
}

fn path(start: &str, part: &str) -> String {
    if part.is_empty() { start.to_owned() } else { format!("{start}.{part}") }
}

#[test]
fn whatever_the_stable_bundle_lacks_is_found_before_it_is_sent() {
    let (schema, stable) = (Schema::pinned(), Schema::of(&bundle("stable")));
    let roots = from_client(&schema);
    let (mut places, mut found, mut failures) = (0, 0, Vec::new());
    for method in requests().into_iter().filter(|it| !it.experimental) {
        let Some(known) = stable.definition(method.params) else { continue };
        let root = roots.iter().find(|it| it.name == method.name).unwrap();
        let all = Places::of(&schema, root);
        for (at, schema_at) in all.schemas() {
            let values = match schema.shape(schema_at) {
                Shape::Values(it) => it.into_iter().map(Value::from).collect(),
                _ => vec![schema.least(schema_at)],
            };
            for value in values {
                let message = all.message(at, value);
                let part = beyond(&stable, known, &message);
                let expected = part.map(|it| path(method.name, &it));
                places += 1;
                found += usize::from(expected.is_some());
                let actual = (method.experimental_part)(message.clone());
                if actual != expected {
                    let name = all.name(at);
                    failures.push(format!("{name}: {actual:?} for {expected:?}\n{message}"));
                }
            }
        }
    }
    assert_none(&failures, places);
    assert_eq!((places, found), (1_226, 383));
}

#[test]
fn params_of_the_stable_bundle_have_nothing_experimental() {
    let stable = Schema::of(&bundle("stable"));
    let mut values = 0;
    for method in requests().into_iter().filter(|it| !it.experimental) {
        let Some(of) = stable.definition(method.params) else { continue };
        for seed in 0..VALUES {
            let value = Random::new(&stable, seed).value(of);
            let expected = beyond(&stable, of, &value).map(|it| path(method.name, &it));
            assert_eq!((method.experimental_part)(value.clone()), expected, "{value:#}");
            values += 1;
        }
    }
    assert_eq!(values, 101 * VALUES);
}

#[test]
fn methods_count_too() {
    assert_eq!(MemoryResetParams::new().experimental().as_deref(), Some("memory/reset"));
    assert_eq!(ThreadStartParams::new().model("m").experimental(), None);

    let granular = GranularAskForApproval::new(true, true, true);
    let params = ThreadStartParams::new().approval_policy(granular);
    assert_eq!(params.experimental().as_deref(), Some("thread/start.approvalPolicy"));
    let login = LoginAccountParams::from(AmazonBedrockLoginAccountParams::new("key", "region"));
    assert_eq!(login.experimental().as_deref(), Some("account/login/start"));
    assert_eq!(LoginAccountParams::chatgpt().experimental(), None);
}
