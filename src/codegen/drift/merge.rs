//! One report of what differs on the wire and in the source, with the experimental API and without.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        generator::{Input, Protocol, Scope, generate, graph},
        outline::outline,
    },
    Action, Change, Failed, Side,
    facts::Facts,
    rules,
    source::Source,
    wire::{self, Wire},
};

/// One side in one scope.
pub(super) struct Part {
    protocol: Protocol,
    facts: Facts,
}

impl Part {
    pub(super) fn of(side: Side<'_>, scope: Scope) -> Result<Self, Failed> {
        let failed =
            |it: &dyn ToString| Failed { version: side.version.to_owned(), why: it.to_string() };
        // What older runtimes lack changes nothing but the docs.
        let input = Input { since: None, ..side.input.clone() };
        let protocol = Protocol::of(&input, scope).map_err(|it| failed(&it))?;
        let generated = generate(&input, scope).map_err(|it| failed(&it))?;
        let outline = outline(&generated.protocol).map_err(|it| failed(&it))?;
        Ok(Self { protocol, facts: Facts::read(&outline.text) })
    }
}

/// All changes, each once. Both sides with the experimental API, and both without.
pub(super) fn merge(experimental: &(Part, Part), stable: &(Part, Part)) -> Vec<Change> {
    let (mut all, renames) = wire_of(experimental);
    let (public, stable_renames) = wire_of(stable);
    for it in &mut all {
        it.experimental = true;
    }
    for mut change in public {
        let is_same = |it: &&mut Change| {
            (it.direction, &it.subject, it.kind, it.action)
                == (change.direction, &change.subject, change.kind, change.action)
                && it.rules == change.rules
        };
        if let Some(it) = all.iter_mut().find(is_same) {
            it.experimental = false;
            add_types(it, change.types);
            continue;
        }
        // It is there with the experimental API, before and after.
        if let Some(rule) = change.rules.first().and_then(|it| rules::moved(it)) {
            change.rules = vec![rule];
            change.action = moved(change.action);
        }
        all.push(change);
    }

    let mut own = source(experimental, &renames).enter(&mut all);
    for it in &mut own {
        it.experimental = true;
    }
    let (mut public, mut res): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| !it.experimental);
    for mut change in source(stable, &stable_renames).enter(&mut public) {
        let is_same = |it: &&mut Change| Change { experimental: false, ..(**it).clone() } == change;
        if let Some(it) = own.iter_mut().find(is_same) {
            it.experimental = false;
            continue;
        }
        change.action = moved(change.action);
        own.push(change);
    }
    res.extend(public);
    res.extend(own);
    res.sort_by(|a, b| order(a).cmp(&order(b)));
    res
}

fn moved(action: Action) -> Action {
    match action {
        Action::Removed => Action::BecameExperimental,
        Action::Added => Action::BecameStable,
        other => other,
    }
}

fn order(it: &Change) -> impl Ord + '_ {
    let texts = (&it.old, &it.new, &it.rules);
    (it.direction, it.class(), it.kind, it.action, &it.subject, texts)
}

fn source<'a>((old, new): &'a (Part, Part), renames: &'a BTreeMap<String, String>) -> Source<'a> {
    Source::new((&old.facts, &new.facts), (&old.protocol, &new.protocol), renames)
}

/// The changes of the wire with the types that came or went with them, and the new names of types.
fn wire_of((old, new): &(Part, Part)) -> (Vec<Change>, BTreeMap<String, String>) {
    let (old, new) = (&old.protocol, &new.protocol);
    let wire = wire::compare(old, new);
    let renames = renames(&wire, old, new);
    let mut res: Vec<Change> = Vec::new();
    for it in wire.changes {
        let mut change = it.change;
        add_types(&mut change, lacking(old, &it.old_types, new, |it| !renames.contains_key(it)));
        let is_named = |it: &String| renames.values().any(|name| name == it);
        add_types(&mut change, lacking(new, &it.new_types, old, |it| !is_named(it)));
        if !res.contains(&change) {
            res.push(change);
        }
    }
    (res, renames)
}

/// The types that `roots` reach and that `other` has not.
fn lacking(
    protocol: &Protocol,
    roots: &[String],
    other: &Protocol,
    counts: impl Fn(&String) -> bool,
) -> Vec<String> {
    // What the schema names exists, or it would not have been understood.
    let all = graph::closure(&protocol.types, roots.iter().map(String::as_str)).unwrap_or_default();
    all.into_iter().filter(|it| !other.types.contains_key(it) && counts(it)).collect()
}

fn add_types(change: &mut Change, types: Vec<String>) {
    let all: BTreeSet<String> = change.types.drain(..).chain(types).collect();
    change.types = all.into_iter().collect();
}

/// The types that are gone, with the new one that is wherever they were.
fn renames(wire: &Wire, old: &Protocol, new: &Protocol) -> BTreeMap<String, String> {
    let mut res = BTreeMap::new();
    for (name, others) in &wire.pairs {
        let mut others = others.iter();
        let (Some(only), None) = (others.next(), others.next()) else { continue };
        let sources = wire.pairs.values().filter(|it| it.contains(only)).count();
        if sources == 1 && !new.types.contains_key(name) && !old.types.contains_key(only) {
            res.insert(name.clone(), only.clone());
        }
    }
    res
}
