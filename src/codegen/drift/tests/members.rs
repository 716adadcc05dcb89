//! Pairs of schemas that differ in one property of what is sent.

use super::*;

/// What is said of an object that the client sends and of one that it receives: properties of
/// `AskParams` and of `AskResponse` that change in the same way.
pub(super) fn members() -> Vec<Pair> {
    [presences(), nulls(), defaults(), types(), values()].into_iter().flatten().collect()
}

fn presences() -> Vec<Pair> {
    vec![
        pair(
            none(),
            optional(&string()),
            &[
                "Client AskParams.x Additive: client-field-added",
                "Server AskResponse.x Additive: server-field-added",
            ],
        ),
        pair(
            none(),
            required(&string()),
            &[
                "Client AskParams.x Both: client-field-added-required, source-function-changed",
                "Server AskResponse.x Additive: server-field-added",
            ],
        ),
        pair(
            optional(&string()),
            none(),
            &[
                "Client AskParams.x Both: client-field-removed, source-field-removed",
                "Server AskResponse.x Source: server-optional-field-removed, source-field-removed",
            ],
        ),
        pair(
            required(&string()),
            none(),
            &[
                "Client AskParams.x Both: client-field-removed, source-field-removed",
                "Server AskResponse.x Both: server-required-field-removed, source-field-removed",
            ],
        ),
        pair(
            optional(&string()),
            required(&string()),
            &[
                "Client AskParams.x Both: client-field-required, source-field-changed",
                "Server AskResponse.x Source: server-field-required, source-field-changed",
            ],
        ),
        pair(
            required(&string()),
            optional(&nullable()),
            &[
                "Client AskParams.x Source: client-field-optional, source-field-changed",
                "Server AskResponse.x Both: server-field-optional, source-field-changed",
            ],
        ),
    ]
}

fn nulls() -> Vec<Pair> {
    vec![
        pair(
            required(&nullable()),
            required(&string()),
            &[
                "Client AskParams.x Both: client-null-refused, source-field-changed",
                "Server AskResponse.x Source: server-null-gone, source-field-changed",
            ],
        ),
        pair(
            optional(&nullable()),
            optional(&string()),
            &[
                "Client AskParams.x Additive: client-null-never-sent",
                "Server AskResponse.x Additive: server-null-gone",
            ],
        ),
        pair(
            required(&string()),
            required(&nullable()),
            &[
                "Client AskParams.x Source: client-null-taken, source-field-changed",
                "Server AskResponse.x Both: server-null-sent, source-field-changed",
            ],
        ),
        pair(
            optional(&string()),
            optional(&nullable()),
            &[
                "Client AskParams.x Additive: client-null-taken",
                "Server AskResponse.x Additive: server-null-is-absence",
            ],
        ),
    ]
}

fn defaults() -> Vec<Pair> {
    let with_default = |it: bool| json!({ "type": "boolean", "default": it });
    vec![
        pair(
            optional(&with_default(true)),
            optional(&with_default(false)),
            &[
                "Client AskParams.x Wire: client-default-changed",
                "Server AskResponse.x Wire: server-default-changed",
            ],
        ),
        pair(
            optional(&flag()),
            optional(&with_default(true)),
            &[
                "Client AskParams.x Source: client-default-stated, source-field-changed",
                "Server AskResponse.x Source: server-default-stated, source-field-changed",
            ],
        ),
    ]
}

fn types() -> Vec<Pair> {
    vec![
        pair(
            required(&integer("int32")),
            required(&integer("int64")),
            &[
                "Client AskParams.x Source: client-type-widened, source-field-changed",
                "Server AskResponse.x Both: server-type-changed, source-field-changed",
            ],
        ),
        pair(
            required(&integer("int64")),
            required(&integer("int32")),
            &[
                "Client AskParams.x Both: client-type-changed, source-field-changed",
                "Server AskResponse.x Source: server-type-narrowed, source-field-changed",
            ],
        ),
        pair(
            required(&string()),
            required(&flag()),
            &[
                "Client AskParams.x Both: client-type-changed, source-field-changed",
                "Server AskResponse.x Both: server-type-changed, source-field-changed",
            ],
        ),
        pair(
            required(&integer("uint8")),
            required(&integer("uint16")),
            &[
                "Client AskParams.x Source: client-type-widened, source-field-changed",
                "Server AskResponse.x Both: server-type-changed, source-field-changed",
            ],
        ),
        pair(
            required(&strings(&["a"])),
            required(&string()),
            &[
                "Client AskParams.x Source: client-type-widened, source-field-changed",
                "Server AskResponse.x Source: server-string-opened, source-field-changed",
            ],
        ),
        pair(
            required(&string()),
            required(&key()),
            &[
                "Client AskParams.x Source: client-type-widened, source-field-changed",
                "Server AskResponse.x Both: server-type-changed, source-field-changed",
            ],
        ),
    ]
}

fn values() -> Vec<Pair> {
    let list = json!({ "type": "array", "items": string() });
    let keyed = json!({ "type": "object", "properties": { "c": string() }, "required": ["c"],
        "additionalProperties": false });
    vec![
        pair(
            required(&strings(&["a", "b"])),
            required(&strings(&["a"])),
            &[
                "Client AskParamsX.b Both: client-value-removed, source-variant-removed",
                "Server AskResponseX.b Source: server-value-removed, source-variant-removed",
            ],
        ),
        pair(
            required(&strings(&["a"])),
            required(&strings(&["a", "b"])),
            &[
                "Client AskParamsX.b Additive: client-value-added",
                "Server AskResponseX.b Additive: server-value-added",
            ],
        ),
        pair(
            required(&strings(&["a"])),
            required(&json!({ "oneOf": [strings(&["a"]), keyed] })),
            &[
                "Client AskParamsX Source: source-type-changed",
                "Client AskParamsX.c Additive: client-value-added",
                "Server AskResponseX Source: source-type-changed",
                "Server AskResponseX.c Wire: server-closed-value-added",
            ],
        ),
        pair(
            required(&key()),
            required(&json!({ "anyOf": [string(), integer("int64"), list] })),
            &[
                "Client AskParamsX.List Additive: client-value-added",
                "Server AskResponseX.List Wire: server-closed-value-added",
            ],
        ),
    ]
}

fn pair(old: Value, new: Value, expected: &[&'static str]) -> Pair {
    let both = |it: Value| vec![("AskParams", it.clone()), ("AskResponse", it)];
    Pair::new(both(old), both(new), expected)
}

fn none() -> Value {
    object(&json!({}), &[])
}

fn optional(x: &Value) -> Value {
    object(&json!({ "x": x }), &[])
}

fn required(x: &Value) -> Value {
    object(&json!({ "x": x }), &["x"])
}

fn string() -> Value {
    json!({ "type": "string" })
}

fn nullable() -> Value {
    json!({ "type": ["string", "null"] })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn integer(format: &str) -> Value {
    json!({ "type": "integer", "format": format })
}

fn strings(values: &[&str]) -> Value {
    json!({ "type": "string", "enum": values })
}

/// A union that is closed.
fn key() -> Value {
    json!({ "anyOf": [string(), integer("int64")] })
}

#[test]
fn a_member_is_judged_by_who_sends_it() {
    check(Group::Members);
}
