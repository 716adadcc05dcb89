//! Pairs of schemas that differ in methods, types and functions.

use super::*;

/// What is said of methods, types and functions.
pub(super) fn others() -> Vec<Pair> {
    let all = [client_methods(), server_methods(), pages(), types(), rewired(), choices()];
    all.into_iter().flatten().collect()
}

fn empty() -> Value {
    object(&json!({}), &[])
}

fn client_methods() -> Vec<Pair> {
    let root = || methods(&[("ask", "AskParams"), ("more", "MoreParams")]);
    let string = json!({ "type": "string" });
    let with = |params: Value| {
        vec![("MoreParams", params), ("MoreResponse", empty()), ("ClientRequest", root())]
    };
    let takes = |params: Value| {
        let mut res = root();
        res["oneOf"][1]["properties"]["params"] = params;
        res
    };
    let nothing = json!({ "type": "null" });
    let none = || vec![("MoreResponse", empty()), ("ClientRequest", takes(nothing.clone()))];
    let or_null = |params: Value| {
        let root = takes(json!({ "anyOf": [named("MoreParams"), nothing] }));
        vec![("MoreParams", params), ("MoreResponse", empty()), ("ClientRequest", root)]
    };
    let told = |it: &str| json!({ "properties": { "method": { "enum": [it] } } });
    let more_told = json!({ "oneOf": [told("hello"), told("bye")] });
    let mut with_thing = with(object(&json!({ "x": named("Thing") }), &[]));
    with_thing.push(("Thing", object(&json!({ "y": string }), &[])));
    vec![
        Pair::new(vec![], with(empty()), &["Client more Additive: client-method-added"]),
        Pair::new(
            with_thing,
            vec![],
            &["Client more Both: client-method-removed, source-method-removed"],
        ),
        Pair::new(
            none(),
            with(object(&json!({ "x": string, "y": string }), &["x"])),
            &[
                "Client MoreParams Wire: client-type-changed",
                "Client MoreParams.new Source: source-function-changed",
                "Client MoreParams.x Additive: source-member-added",
                "Client MoreParams.y Additive: source-member-added",
            ],
        ),
        // Null is no object, however little that needs.
        Pair::new(none(), with(empty()), &["Client MoreParams Wire: client-type-changed"]),
        Pair::new(
            none(),
            or_null(object(&json!({ "x": string }), &[])),
            &[
                "Client MoreParams Additive: client-type-widened",
                "Client MoreParams.x Additive: source-member-added",
            ],
        ),
        Pair::new(
            vec![],
            vec![("ClientNotification", more_told)],
            &["Client bye Additive: client-method-added"],
        ),
    ]
}

/// A list with a cursor, and without one.
fn pages() -> Vec<Pair> {
    let pages = |more: bool| {
        let string = json!({ "type": "string" });
        let cursor = json!({ "type": ["string", "null"] });
        let limit = json!({ "type": ["integer", "null"], "format": "uint32" });
        let mut params = json!({ "limit": limit });
        if more {
            params["cursor"] = cursor.clone();
        }
        let list = json!({ "data": { "type": "array", "items": string }, "nextCursor": cursor });
        vec![("AskParams", object(&params, &[])), ("AskResponse", object(&list, &["data"]))]
    };
    vec![
        Pair::new(
            pages(true),
            pages(false),
            &[
                "Client AskParams.cursor Both: client-field-removed, source-field-removed",
                "Client ask Source: source-pages-lost",
            ],
        ),
        Pair::new(
            pages(false),
            pages(true),
            &[
                "Client AskParams.cursor Additive: client-field-added",
                "Client ask Additive: source-pages-gained",
            ],
        ),
    ]
}

/// A type that another one takes the place of.
fn types() -> Vec<Pair> {
    let asks = |name: &'static str, thing: Value| {
        vec![("AskParams", object(&json!({ "x": named(name) }), &[])), (name, thing)]
    };
    let thing = || object(&json!({ "y": { "type": "string" } }), &[]);
    let strings = || json!({ "type": "string" });
    let carrying = |kind: &str| {
        let mut payload = object(&json!({ "b": { "type": kind } }), &["b"]);
        payload["additionalProperties"] = json!(false);
        json!({ "oneOf": [{ "type": "string", "enum": ["a"] }, payload] })
    };
    vec![
        Pair::new(
            asks("Thing", thing()),
            asks("Item", thing()),
            &["Client Item Source: source-type-renamed"],
        ),
        Pair::new(
            asks("Path", strings()),
            asks("Uri", strings()),
            &["Client Path Source: source-type-removed", "Client Uri Additive: source-type-added"],
        ),
        Pair::new(
            asks("Thing", thing()),
            asks("Thing", json!({ "type": "string", "enum": ["y"] })),
            &["Client Thing Both: client-type-changed, source-type-changed"],
        ),
        Pair::new(
            asks("Thing", carrying("string")),
            asks("Thing", carrying("boolean")),
            &["Client Thing.b Both: client-type-changed, source-variant-changed"],
        ),
    ]
}

fn server_methods() -> Vec<Pair> {
    let request = || {
        let root = methods(&[("serverAsk", "ServerAskParams"), ("more", "MoreParams")]);
        vec![("MoreParams", empty()), ("MoreResponse", empty()), ("ServerRequest", root)]
    };
    let notification = || {
        let root = methods(&[("said", "SaidNotification"), ("more", "MoreNotification")]);
        vec![("MoreNotification", empty()), ("ServerNotification", root)]
    };
    vec![
        Pair::new(vec![], request(), &["Server more Additive: server-request-added"]),
        Pair::new(
            request(),
            vec![],
            &["Server more Source: server-request-removed, source-method-removed"],
        ),
        Pair::new(vec![], notification(), &["Server more Additive: server-notification-added"]),
        Pair::new(
            notification(),
            vec![],
            &["Server more Both: server-notification-removed, source-method-removed"],
        ),
    ]
}

/// The same types in other places.
fn rewired() -> Vec<Pair> {
    let string = json!({ "type": "string" });
    let thing = |members: &[&str]| {
        let all = members.iter().map(|it| ((*it).to_owned(), string.clone()));
        object(&Value::Object(all.collect()), &[])
    };
    let moved = |place: &str, members: &[&str]| {
        vec![
            ("AskParams", object(&json!({ place: named("Thing") }), &[])),
            ("Thing", thing(members)),
        ]
    };
    let with_thing = || object(&json!({ "x": named("Thing") }), &[]);
    let used = |params: Value| {
        vec![("AskParams", params), ("AskResponse", with_thing()), ("Thing", thing(&["y"]))]
    };
    let two = |first: &str, second: &str| {
        let root = methods(&[("ask", first), ("more", second)]);
        vec![("MoreParams", empty()), ("MoreResponse", empty()), ("ClientRequest", root)]
    };
    vec![
        Pair::new(
            moved("a", &["y", "old"]),
            moved("b", &["y", "fresh"]),
            &[
                "Client AskParams.a Both: client-field-removed, source-field-removed",
                "Client AskParams.b Additive: client-field-added",
                "Client Thing.old Source: source-field-removed",
                "Client Thing.fresh Additive: source-member-added",
            ],
        ),
        Pair::new(
            used(with_thing()),
            used(object(&json!({}), &[])),
            &[
                "Client AskParams.x Both: client-field-removed, source-field-removed",
                "Server Thing.new Source: source-function-removed",
            ],
        ),
        Pair::new(
            used(object(&json!({}), &[])),
            used(with_thing()),
            &[
                "Client AskParams.x Additive: client-field-added",
                "Both Thing.new Additive: source-function-added",
            ],
        ),
        Pair::new(
            two("AskParams", "MoreParams"),
            two("MoreParams", "AskParams"),
            &[
                "Client ask Source: source-method-changed",
                "Client more Source: source-method-changed",
            ],
        ),
    ]
}

/// One of several properties.
fn choices() -> Vec<Pair> {
    let string = json!({ "type": "string" });
    let free = || vec![("AskParams", object(&json!({ "a": string, "b": string }), &[]))];
    let choice = || {
        let arms = ["a", "b"].map(|it| object(&json!({ it: string }), &[it]));
        vec![("AskParams", json!({ "type": "object", "oneOf": arms }))]
    };
    vec![
        Pair::new(
            free(),
            choice(),
            &[
                "Client AskParams Wire: client-choice-required",
                "Client AskParams.new Source: source-function-removed",
                "Client AskParams.from_a Additive: source-function-added",
                "Client AskParams.from_b Additive: source-function-added",
            ],
        ),
        Pair::new(
            choice(),
            free(),
            &[
                "Client AskParams Additive: client-choice-dropped",
                "Client AskParams.new Additive: source-function-added",
                "Client AskParams.from_a Source: source-function-removed",
                "Client AskParams.from_b Source: source-function-removed",
            ],
        ),
    ]
}

#[test]
fn methods_types_and_functions_are_judged() {
    check(Group::Others);
}

#[test]
fn the_types_of_a_method_go_with_it() {
    let it = &compared(Group::Others)[1];
    assert_eq!(it.report.changes[0].types, ["MoreParams", "MoreResponse", "Thing"]);
}
