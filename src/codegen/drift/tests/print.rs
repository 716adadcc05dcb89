//! How reports read.

use super::*;

/// A removed method, a property that is required now, and additions.
fn example() -> Report {
    let string = json!({ "type": "string" });
    let empty = || object(&json!({}), &[]);
    let params = |required: &[&str]| object(&json!({ "x": string }), required);
    let old = vec![
        ("AskParams", params(&[])),
        ("MoreParams", empty()),
        ("MoreResponse", empty()),
        ("ClientRequest", methods(&[("ask", "AskParams"), ("more", "MoreParams")])),
    ];
    let more = object(&json!({ "y": string, "z": string }), &[]);
    let new = vec![("AskParams", params(&["x"])), ("AskResponse", more)];
    let Pair { old, new, .. } = Pair::new(old, new, &[]);
    report(&old, &new)
}

const VERDICT: &str = "2.0.0 does not fit bindings made for 1.0.0: 2 changes break the wire \
                       (more, ask: AskParams.x), 2 additions";

#[test]
fn the_text_puts_what_breaks_first_and_the_verdict_last() {
    let text = example().text();
    let expected = "\
client sends
  breaks the wire and the source
    more         method removed [client-method-removed, source-method-removed]
    AskParams.x  requiredness changed: optional -> required via ask
                 [client-field-required, source-field-changed]

server sends
  additive
    AskResponse.y  field added: string [server-field-added]
    AskResponse.z  field added: string [server-field-added]

2.0.0 does not fit bindings made for 1.0.0: 2 changes break the wire (more, ask: AskParams.x), 2
  additions
";
    assert_eq!(text, expected);
}

#[test]
fn the_markdown_names_the_rule_of_each_change_and_sums_up_additions() {
    let expected = "\
2.0.0 does not fit bindings made for 1.0.0: 2 changes break the wire (more, ask: AskParams.x), 2
additions

#### Client sends

- `more`: method removed; breaks the wire and the source (`client-method-removed`,
  `source-method-removed`)
- `AskParams.x`: requiredness changed: optional -> required; breaks the wire and the source
  (`client-field-required`, `source-field-changed`)

#### Server sends

- Field added (`server-field-added`): `AskResponse.y`, `AskResponse.z`
";
    assert_eq!(example().markdown(), expected);
}

#[test]
fn the_json_has_the_sentences_of_its_rules() {
    let report = example();
    let json = report.json();
    assert_eq!(json["severity"], "wire");
    assert_eq!(json["verdict"], VERDICT);
    assert_eq!(json["counts"], json!({ "both": 2, "wire": 0, "source": 0, "additive": 2 }));
    let expected = json!({
        "direction": "client",
        "method": "ask",
        "subject": "AskParams.x",
        "kind": "requiredness",
        "action": "changed",
        "old": "optional",
        "new": "required",
        "experimental": false,
        "class": "both",
        "rules": ["client-field-required", "source-field-changed"],
        "types": [],
    });
    assert_eq!(json["changes"][1], expected);
    for it in report.changes.iter().flat_map(|it| &it.rules) {
        assert_eq!(json["rules"][it.id]["why"], it.why);
    }
}

#[test]
fn a_change_reads_as_one_line() {
    let lines: Vec<_> = example().breaking().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "client sends: more: method removed; breaks the wire and the source \
         (client-method-removed, source-method-removed)",
            "client sends: ask: AskParams.x: requiredness changed: optional -> required; breaks \
         the wire and the source (client-field-required, source-field-changed)",
        ]
    );
}

#[test]
fn a_verdict_says_what_breaks_whom() {
    let mut report = example();
    assert_eq!(report.verdict(), VERDICT);
    report.changes.retain(|it| it.class() == Class::Additive);
    assert_eq!(report.severity(), Severity::Additive);
    let fits = "2.0.0 fits bindings made for 1.0.0: ";
    assert_eq!(report.verdict(), format!("{fits}nothing breaks on the wire, 2 additions"));
    report.changes.truncate(1);
    let is_source = |it: &&&'static Rule| it.breaks == Breaks::Source;
    report.changes[0].rules = RULES.iter().filter(is_source).take(1).copied().collect();
    assert_eq!(report.severity(), Severity::Source);
    assert_eq!(report.verdict(), format!("{fits}nothing breaks on the wire, 1 breaks the source"));
    report.changes.clear();
    assert_eq!(report.verdict(), format!("{fits}nothing changed"));
}

#[test]
fn lines_of_the_text_fit_into_a_terminal() {
    for it in all() {
        let text = it.report.text();
        assert!(text.lines().all(|it| it.len() <= 100), "{text}");
    }
}
