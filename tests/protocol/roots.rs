//! The messages themselves: what the schema says of each, and how it is decoded.

use std::collections::{BTreeMap, BTreeSet};

use codexkit::protocol::{ServerNotification, ServerRequest};
use serde_json::Value;

use crate::{
    arbitrary::{Schema, Shape},
    registry::{Encoded, RoundTrip, calls, requests, types},
};

/// The params of a method, or a result.
pub(crate) struct Root<'a> {
    pub(crate) name: String,
    /// The name of the definition, unless the schema refers to it.
    definition: Option<&'static str>,
    pub(crate) schema: &'a Value,
    decode: Decode,
}

enum Decode {
    Notification(String),
    Request(String),
    Type(RoundTrip),
}

impl Root<'_> {
    pub(crate) fn round_trip(&self, value: Value) -> Result<Encoded, String> {
        let params = |debug: String, it: serde_json::Result<Value>| Encoded {
            value: it.unwrap()["params"].take(),
            debug,
        };
        match &self.decode {
            Decode::Notification(method) => ServerNotification::try_decode(method, &value)
                .map(|it| params(format!("{it:?}"), serde_json::to_value(&it)))
                .map_err(|it| it.to_string()),
            Decode::Request(method) => ServerRequest::try_decode(method, &value)
                .map(|it| params(format!("{it:?}"), serde_json::to_value(&it)))
                .map_err(|it| format!("{it:?}")),
            Decode::Type(round_trip) => round_trip(value),
        }
    }
}

/// What the server sends although no method refers to it: the settings of an app, the params of two
/// notifications that the schema leaves out, and the data of errors.
const UNTIED: [&str; 5] = [
    "AppConfig",
    "ModelProviderError",
    "RawResponseCompletedNotification",
    "RawResponseItemCompletedNotification",
    "UserVerificationRpcError",
];

/// All that the server sends: notifications, requests, responses, and the untied.
pub(crate) fn from_server(schema: &Schema) -> Vec<Root<'_>> {
    let mut res = Vec::new();
    for (method, schema) in schema.methods("ServerNotification") {
        let decode = Decode::Notification(method.to_owned());
        res.push(Root { name: method.to_owned(), definition: None, schema, decode });
    }
    for (method, schema) in schema.methods("ServerRequest") {
        let decode = Decode::Request(method.to_owned());
        res.push(Root { name: method.to_owned(), definition: None, schema, decode });
    }
    for it in requests() {
        let name = format!("{} (response)", it.name);
        res.push(typed(schema, name, it.response, it.response_round_trip));
    }
    let types: BTreeMap<_, _> = types().into_iter().collect();
    res.extend(UNTIED.map(|it| typed(schema, it.to_owned(), it, types[it].round_trip)));
    res
}

/// All that the client sends: params where the method has some, answers, and traces.
pub(crate) fn from_client(schema: &Schema) -> Vec<Root<'_>> {
    let types: BTreeMap<_, _> = types().into_iter().collect();
    let mut res = Vec::new();
    for it in requests() {
        if schema.definition(it.params).is_some() {
            let name = it.name.to_owned();
            res.push(typed(schema, name, it.params, types[it.params].round_trip));
        }
    }
    for it in calls() {
        let name = format!("{} (answer)", it.name);
        res.push(typed(schema, name, it.response, it.response_round_trip));
    }
    let trace = "W3cTraceContext";
    res.push(typed(schema, trace.to_owned(), trace, types[trace].round_trip));
    res
}

fn typed<'a>(
    schema: &'a Schema,
    name: String,
    definition: &'static str,
    round_trip: RoundTrip,
) -> Root<'a> {
    let schema = schema.definition(definition).unwrap();
    Root { name, definition: Some(definition), schema, decode: Decode::Type(round_trip) }
}

/// The definitions that values of these roots can hold.
pub(crate) fn reachable<'a>(schema: &'a Schema, roots: &[Root<'a>]) -> BTreeSet<&'a str> {
    let mut res: BTreeSet<_> = roots.iter().filter_map(|it| it.definition).collect();
    let mut seen = BTreeSet::new();
    let mut todo: Vec<&Value> = roots.iter().map(|it| it.schema).collect();
    while let Some(next) = todo.pop() {
        let (name, target) = schema.resolve(next);
        res.extend(name);
        if seen.insert(std::ptr::from_ref(target)) {
            todo.extend(parts(schema, target));
        }
    }
    res
}

/// The schemas of what a value holds directly.
fn parts<'a>(schema: &'a Schema, of: &'a Value) -> Vec<&'a Value> {
    match schema.shape(of) {
        Shape::List(it) | Shape::Map(it) => vec![it],
        Shape::Object(it) => it.properties.iter().map(|it| it.1).collect(),
        Shape::Union(it) => it.arms,
        _ => Vec::new(),
    }
}
