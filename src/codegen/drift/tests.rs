//! Small schemas, each with one method of each kind, and what is said of pairs of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use serde_json::{Map, Value, json};

use super::{super::outline::outline, rules::RULES, *};
use crate::codegen::generator::generate;

#[path = "tests/members.rs"]
mod members;
#[path = "tests/moves.rs"]
mod moves;
#[path = "tests/others.rs"]
mod others;
#[path = "tests/print.rs"]
mod print;

/// Definitions by their names.
type Definitions = Vec<(&'static str, Value)>;

/// Two schemas, and all that is said of them, each as `direction subject class: rules`.
struct Pair {
    old: Input,
    new: Input,
    expected: Vec<&'static str>,
}

impl Pair {
    /// A pair of schemas in which everything is stable.
    fn new(old: Definitions, new: Definitions, expected: &[&'static str]) -> Self {
        let both = |it: Definitions| input(&bundle(it.clone()), &bundle(it));
        Self { old: both(old), new: both(new), expected: expected.to_vec() }
    }
}

/// What the pairs differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Members,
    Others,
    Moves,
}

/// A pair, and what is said of it in both orders.
struct Compared {
    group: Group,
    pair: Pair,
    report: Report,
    back: Report,
}

/// All pairs, compared once for all tests.
fn all() -> &'static [Compared] {
    static ALL: LazyLock<Vec<Compared>> = LazyLock::new(|| {
        let groups = [
            (Group::Members, members::members()),
            (Group::Others, others::others()),
            (Group::Moves, moves::pairs()),
        ];
        let compared = |group, pair: Pair| {
            let (report, back) = (report(&pair.old, &pair.new), report(&pair.new, &pair.old));
            Compared { group, pair, report, back }
        };
        let of = |(group, pairs): (Group, Vec<Pair>)| {
            pairs.into_iter().map(move |it| compared(group, it))
        };
        groups.into_iter().flat_map(of).collect()
    });
    &ALL
}

fn compared(group: Group) -> Vec<&'static Compared> {
    all().iter().filter(|it| it.group == group).collect()
}

/// Asserts that exactly what is expected of each pair is said.
#[track_caller]
fn check(group: Group) {
    let mut wrong = Vec::new();
    for it in compared(group) {
        let mut expected = it.pair.expected.clone();
        let mut actual = lines(&it.report);
        expected.sort_unstable();
        actual.sort_unstable();
        if actual != expected {
            wrong.push(format!("{expected:#?} is {actual:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn report(old: &Input, new: &Input) -> Report {
    let old = Side { version: "1.0.0", input: old };
    Report::of(old, Side { version: "2.0.0", input: new }).unwrap()
}

fn lines(report: &Report) -> Vec<String> {
    let line = |it: &Change| {
        let ids: Vec<_> = it.rules.iter().map(|it| it.id).collect();
        let experimental = if it.experimental { " experimental" } else { "" };
        let (direction, class) = (it.direction, it.class());
        format!("{direction:?} {} {class:?}{experimental}: {}", it.subject, ids.join(", "))
    };
    report.changes.iter().map(line).collect()
}

fn input(experimental: &str, stable: &str) -> Input {
    let pin = json!({ "runtime": "1.0.0" }).to_string();
    Input { experimental: experimental.to_owned(), stable: stable.to_owned(), pin, since: None }
}

/// One method of each kind, with other definitions in the place of these or beside them.
fn bundle(definitions: Definitions) -> String {
    let told = json!({ "properties": { "method": { "enum": ["hello"] } } });
    let base: [(&str, Value); 9] = [
        ("AskParams", object(&json!({}), &[])),
        ("AskResponse", object(&json!({}), &[])),
        ("ServerAskParams", object(&json!({}), &[])),
        ("ServerAskResponse", object(&json!({}), &[])),
        ("SaidNotification", object(&json!({}), &[])),
        ("ClientRequest", methods(&[("ask", "AskParams")])),
        ("ServerRequest", methods(&[("serverAsk", "ServerAskParams")])),
        ("ServerNotification", methods(&[("said", "SaidNotification")])),
        ("ClientNotification", json!({ "oneOf": [told] })),
    ];
    let all: Map<String, Value> =
        base.into_iter().chain(definitions).map(|(name, it)| (name.to_owned(), it)).collect();
    json!({ "definitions": all }).to_string()
}

/// A root with these methods and their params.
fn methods(all: &[(&str, &str)]) -> Value {
    let arm = |(method, params): &(&str, &str)| {
        let method = json!({ "enum": [method] });
        json!({ "properties": { "method": method, "params": named(params) } })
    };
    json!({ "oneOf": all.iter().map(arm).collect::<Vec<_>>() })
}

fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

#[test]
fn every_rule_is_the_reason_of_some_change() {
    let mut unused: BTreeSet<&str> = RULES.iter().map(|it| it.id).collect();
    assert_eq!(unused.len(), RULES.len(), "two rules have one id");
    for rule in all().iter().flat_map(|it| &it.report.changes).flat_map(|it| &it.rules) {
        unused.remove(rule.id);
    }
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn ids_are_kebab_case_and_say_what_a_rule_is_about() {
    for it in RULES {
        let prefixes = ["client-", "server-", "source-"];
        assert!(prefixes.iter().any(|prefix| it.id.starts_with(prefix)), "{}", it.id);
        assert!(it.id.bytes().all(|it| it.is_ascii_lowercase() || it == b'-'), "{}", it.id);
        assert!(
            it.why.ends_with('.') && !it.why.trim_end_matches('.').contains(". "),
            "{}",
            it.why
        );
        assert!(!it.id.starts_with("source-") || it.breaks != Breaks::Wire, "{}", it.id);
        assert!(it.id.starts_with("source-") || it.breaks != Breaks::Source, "{}", it.id);
    }
}

#[test]
fn a_schema_does_not_differ_from_itself() {
    for it in compared(Group::Others) {
        let report = report(&it.pair.new, &it.pair.new);
        assert_eq!(report.changes, []);
        assert_eq!(report.severity(), Severity::Same);
    }
}

#[test]
fn two_comparisons_say_the_same() {
    for it in compared(Group::Moves) {
        assert_eq!(report(&it.pair.old, &it.pair.new), it.report);
    }
}

#[test]
fn what_comes_one_way_goes_the_other() {
    let mirrored = |id: &str| {
        let swaps = [("-removed", "-added"), ("-became-experimental", "-became-stable")];
        swaps.iter().find_map(|(a, b)| {
            let swapped = id.strip_suffix(a).map(|it| format!("{it}{b}"));
            swapped.or_else(|| id.strip_suffix(b).map(|it| format!("{it}{a}")))
        })
    };
    let known = |id: &String| RULES.iter().any(|it| it.id == *id);
    for Compared { report, back, .. } in all() {
        for change in &report.changes {
            let Some(id) = mirrored(change.rules[0].id).filter(known) else { continue };
            let is_it =
                |it: &Change| it.rules.iter().any(|it| it.id == id) && it.subject == change.subject;
            // Of what is required or closed, the mirrored rule has a longer name.
            let is_sharper = |it: &Change| {
                let id = it.rules[0].id;
                it.subject == change.subject && (id.contains("required") || id.contains("closed"))
            };
            assert!(
                back.changes.iter().any(|it| is_it(it) || is_sharper(it)),
                "{change} has no mirror in {:?}",
                lines(back)
            );
        }
    }
}

/// What the outline shows as gone or changed, read in the plainest way.
fn lost_lines(old: &str, new: &str) -> Vec<(String, String)> {
    let read = |text: &str| {
        let aliases: BTreeMap<_, _> =
            text.lines().filter_map(|it| it.strip_prefix("type ")?.split_once(" = ")).collect();
        let (mut block, mut res) = (String::new(), BTreeSet::new());
        for line in text.lines().filter(|it| !it.starts_with('#') && !it.is_empty()) {
            if !line.starts_with(' ') {
                let head = line.split([' ', ':']).collect::<Vec<_>>();
                let is_method = ["request", "notification"].contains(&head[0]);
                let is_typed = ["struct", "enum", "type", "const"].contains(&head[0]);
                block = if is_method || is_typed { head[1] } else { head[2] }.to_owned();
            }
            let end = if line.contains("fn ") {
                line.len()
            } else {
                line.find(" (").unwrap_or(line.len())
            };
            let mut plain = line[..end].to_owned();
            if !plain.starts_with("type ") {
                for (name, target) in &aliases {
                    plain = plain.replace(name, target);
                }
            }
            res.insert((block.clone(), plain));
        }
        res
    };
    let new = read(new);
    read(old).into_iter().filter(|it| !new.contains(it)).collect()
}

/// Whether a report has a change that breaks the source and tells of this part of the outline.
fn tells_of(report: &Report, block: &String) -> bool {
    report.breaking().filter(|it| it.breaks(Breaks::Source)).any(|it| {
        it.subject.split('.').next() == Some(block)
            || it.types.contains(block)
            || it.old.as_ref() == Some(block)
            // What names a renamed type does so by its new name.
            || it.rules.iter().any(|it| it.id == "source-type-renamed")
    })
}

#[test]
fn whatever_the_outline_loses_is_reported_as_breaking_the_source() {
    let mut checked = 0;
    for Compared { pair, report, back, .. } in all() {
        for scope in [Scope::Experimental, Scope::Stable] {
            let text = |it| outline(&generate(it, scope).unwrap().protocol).unwrap().text;
            let (old, new) = (text(&pair.old), text(&pair.new));
            for (report, old, new) in [(report, &old, &new), (back, &new, &old)] {
                for (block, line) in lost_lines(old, new) {
                    let all = lines(report);
                    assert!(tells_of(report, &block), "`{line}` of `{block}` in {all:#?}");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 50, "only {checked} lines");
}
