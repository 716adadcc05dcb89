//! Pairs of schemas in which something moves between the stable and the experimental protocol.

use super::*;

/// What is experimental in one schema and stable in the other one, both ways.
pub(super) fn pairs() -> Vec<Pair> {
    [methods_that_move(), members_that_move()]
        .into_iter()
        .flatten()
        .flat_map(|(all, stable, out, back)| {
            let whole = || input(&bundle(all.clone()), &bundle(all.clone()));
            let part = || input(&bundle(all.clone()), &bundle(stable.clone()));
            [
                Pair { old: whole(), new: part(), expected: out },
                Pair { old: part(), new: whole(), expected: back },
            ]
        })
        .collect()
}

/// What the experimental bundle has, what the stable one has, and what is said of the way out of
/// the stable protocol and of the way into it.
type Move = (Definitions, Definitions, Vec<&'static str>, Vec<&'static str>);

fn methods_that_move() -> Vec<Move> {
    let empty = || object(&json!({}), &[]);
    let more = |root: &'static str, first: (&str, &str)| {
        vec![
            ("MoreParams", empty()),
            ("MoreResponse", empty()),
            (root, methods(&[first, ("more", "MoreParams")])),
        ]
    };
    let told = methods(&[("said", "SaidNotification"), ("more", "MoreNotification")]);
    vec![
        (
            more("ClientRequest", ("ask", "AskParams")),
            vec![],
            vec!["Client more Both: client-method-became-experimental, source-method-removed"],
            vec!["Client more Additive: client-method-became-stable"],
        ),
        (
            more("ServerRequest", ("serverAsk", "ServerAskParams")),
            vec![],
            vec!["Server more Source: server-request-became-experimental, source-method-removed"],
            vec!["Server more Additive: server-request-became-stable"],
        ),
        (
            vec![("MoreNotification", empty()), ("ServerNotification", told)],
            vec![],
            vec![
                "Server more Both: server-notification-became-experimental, source-method-removed",
            ],
            vec!["Server more Additive: server-notification-became-stable"],
        ),
    ]
}

fn members_that_move() -> Vec<Move> {
    let string = json!({ "type": "string" });
    let both = |it: Value| vec![("AskParams", it.clone()), ("AskResponse", it)];
    let members = |required: &[&str]| both(object(&json!({ "x": string }), required));
    let values = |it: &[&str]| both(object(&json!({ "x": { "type": "string", "enum": it } }), &[]));
    vec![
        (
            members(&[]),
            vec![],
            vec![
                "Client AskParams.x Both: client-field-became-experimental, source-field-removed",
                "Server AskResponse.x Source: server-optional-field-became-experimental, \
                 source-field-removed",
            ],
            vec![
                "Client AskParams.x Additive: client-field-became-stable",
                "Server AskResponse.x Additive: server-field-became-stable",
            ],
        ),
        (
            members(&["x"]),
            vec![],
            vec![
                "Client AskParams.x Both: client-field-became-experimental, source-field-removed",
                "Server AskResponse.x Both: server-required-field-became-experimental, \
                 source-field-removed",
            ],
            // Without the experimental API, the property is not only new but required.
            vec![
                "Client AskParams.x Both: client-field-added-required, source-function-changed",
                "Server AskResponse.x Additive: server-field-became-stable",
            ],
        ),
        (
            values(&["a", "b"]),
            values(&["a"]),
            vec![
                "Client AskParamsX.b Both: client-value-became-experimental, \
                 source-variant-removed",
                "Server AskResponseX.b Source: server-value-became-experimental, \
                 source-variant-removed",
            ],
            vec![
                "Client AskParamsX.b Additive: client-value-became-stable",
                "Server AskResponseX.b Additive: server-value-became-stable",
            ],
        ),
    ]
}

#[test]
fn what_moves_out_of_the_stable_protocol_is_judged_as_for_those_who_have_nothing_else() {
    check(Group::Moves);
}

#[test]
fn what_only_the_experimental_protocol_has_is_marked() {
    let experimental = |definitions: Definitions| input(&bundle(definitions), &bundle(vec![]));
    let params = |required: &[&str]| {
        vec![("AskParams", object(&json!({ "x": { "type": "string" } }), required))]
    };
    let (old, new) = (experimental(params(&[])), experimental(params(&["x"])));
    let expected = "Client AskParams.x Both experimental: client-field-required, \
                    source-field-changed";
    assert_eq!(lines(&report(&old, &new)), [expected]);
}
