//! What changes in the source of our users: the outlines of both protocols are compared. What
//! breaks somebody is entered into the change of the wire that causes it, or is one of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::generator::{Protocol, names},
    Action, Change, Direction, Kind,
    facts::{Fact, Facts, Key, parameters, renamed},
    rules::{self, Breaks, Rule},
};

/// The outlines of both sides in one scope.
pub(super) struct Source<'a> {
    old: BTreeMap<Key, Fact>,
    new: BTreeMap<Key, Fact>,
    protocols: (&'a Protocol, &'a Protocol),
    /// New names of types by the old ones.
    renames: &'a BTreeMap<String, String>,
    /// Types of which all is another one's, or whose members are no longer comparable.
    whole: BTreeSet<String>,
}

impl<'a> Source<'a> {
    pub(super) fn new(
        (old, new): (&Facts, &Facts),
        protocols: (&'a Protocol, &'a Protocol),
        renames: &'a BTreeMap<String, String>,
    ) -> Self {
        // The old side by the new names, both with all aliases resolved.
        let name = |key: Key| match key.ty().and_then(|it| renames.get(it)) {
            Some(it) => key.of_type(it.clone()),
            None => key,
        };
        let resolved = |facts: &Facts| -> Vec<(Key, Fact)> {
            let all = facts.all.iter().map(|(key, fact)| {
                let text = renamed(&fact.text, &facts.aliases);
                (key.clone(), Fact { text, wire: fact.wire.clone() })
            });
            all.collect()
        };
        let old = resolved(old)
            .into_iter()
            .map(|(key, it)| (name(key), Fact { text: renamed(&it.text, renames), wire: it.wire }));
        let (old, new): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (old.collect(), resolved(new).into_iter().collect());
        let first = |it: &Fact| it.text.split(' ').next().map(str::to_owned);
        let is_whole = |(key, it): &(&Key, &Fact)| {
            matches!(key, Key::Type(_)) && new.get(key).map(first) != Some(first(it))
        };
        let added = new.keys().filter(|it| matches!(it, Key::Type(_)) && !old.contains_key(it));
        let gone = old.iter().filter(is_whole).map(|it| it.0);
        let whole = gone.chain(added).filter_map(Key::ty).cloned().collect();
        Self { old, new, protocols, renames, whole }
    }

    /// Enters what differs into `changes`, and returns what none of them causes.
    pub(super) fn enter(&self, changes: &mut [Change]) -> Vec<Change> {
        let mut own = Vec::new();
        for (old, new) in self.renames {
            let mut change = self.change(&Key::Type(new.clone()), &rules::SOURCE_TYPE_RENAMED);
            (change.old, change.new) = (Some(old.clone()), Some(new.clone()));
            own.push(change);
        }
        let keys: BTreeSet<&Key> = self.old.keys().chain(self.new.keys()).collect();
        for key in keys {
            let is_part = !matches!(key, Key::Type(_));
            if is_part && key.ty().is_some_and(|it| self.whole.contains(it)) {
                continue;
            }
            let (old, new) = (self.old.get(key), self.new.get(key));
            let Some(rule) = rule(key, old, new) else { continue };
            if !self.attach(key, rule, changes) {
                own.push(self.change(key, rule));
            }
        }
        own
    }

    /// Whether some change of the wire causes this one, which then says so.
    fn attach(&self, key: &Key, rule: &'static Rule, changes: &mut [Change]) -> bool {
        if let Key::Function(ty, name) = key {
            return self.attach_function(ty, name, rule, changes);
        }
        let (old, new) = (self.old.get(key), self.new.get(key));
        let subject = self.subject(key);
        let fits = |it: &Change| {
            let is_gone = matches!(it.action, Action::Removed | Action::BecameExperimental);
            let is_new = matches!(it.action, Action::Added | Action::BecameStable);
            match (old, new) {
                (Some(_), Some(_)) => it.action == Action::Changed,
                (None, _) if !matches!(key, Key::Type(_)) => is_new && it.subject == subject,
                (None, _) => !is_gone && it.types.contains(&subject),
                _ if matches!(key, Key::Type(_)) => !is_new && it.types.contains(&subject),
                _ => is_gone && it.subject == subject,
            }
        };
        if old.is_some() && new.is_some() {
            return !matches!(key, Key::Pages(_)) && attach_changed(&subject, rule, changes);
        }
        blame(changes.iter_mut().filter(|it| fits(it)), rule)
    }

    /// A constructor takes what is required, and there is one for each bare case of a union.
    fn attach_function(
        &self,
        ty: &str,
        name: &str,
        rule: &'static Rule,
        changes: &mut [Change],
    ) -> bool {
        let key = Key::Function(ty.to_owned(), name.to_owned());
        let (old, new) = (self.old.get(&key), self.new.get(&key));
        let is_case = |key: &Key| match key {
            Key::Variant(it, variant) => it == ty && names::snake(variant) == name,
            _ => false,
        };
        if self.old.keys().any(is_case) != self.new.keys().any(is_case) {
            return true;
        }
        let of = |it: Option<&Fact>| it.map(|it| parameters(&it.text)).unwrap_or_default();
        let (before, later) = (of(old), of(new));
        let only = |a: &[(String, String)], b: &[(String, String)]| -> BTreeSet<String> {
            a.iter().filter(|it| !b.contains(it)).map(|it| it.0.clone()).collect()
        };
        let mut differing = only(&before, &later);
        differing.extend(only(&later, &before));
        let subjects: Vec<_> =
            differing.into_iter().map(|it| self.subject(&Key::Field(ty.to_owned(), it))).collect();
        let causes = |it: &Change, subject: &String| {
            it.direction == Direction::Client && it.subject == *subject
        };
        let is_caused = |subject: &String| changes.iter().any(|it| causes(it, subject));
        if subjects.is_empty() || !subjects.iter().all(is_caused) {
            return false;
        }
        for subject in &subjects {
            blame(changes.iter_mut().filter(|it| it.subject == *subject), rule);
        }
        true
    }

    fn subject(&self, key: &Key) -> String {
        let fact = self.new.get(key).or(self.old.get(key));
        let wire = fact.map(|it| it.wire.clone()).unwrap_or_default();
        match key {
            Key::Method(_) | Key::Pages(_) => wire,
            Key::Type(it) => it.clone(),
            Key::Field(ty, _) | Key::Variant(ty, _) | Key::Function(ty, _) => {
                format!("{ty}.{wire}")
            }
        }
    }

    /// A change that only the source shows.
    fn change(&self, key: &Key, rule: &'static Rule) -> Change {
        let (old, new) = (self.old.get(key), self.new.get(key));
        let action = match (old, new) {
            (Some(_), None) => Action::Removed,
            (None, Some(_)) => Action::Added,
            _ => Action::Changed,
        };
        let kind = match key {
            Key::Method(it) if it.starts_with("request") => Kind::Method,
            Key::Method(it) if it.starts_with("server") => Kind::ServerRequest,
            Key::Method(_) => Kind::Notification,
            Key::Pages(_) => Kind::Pages,
            Key::Type(_) => Kind::Type,
            Key::Field(..) if action == Action::Changed => Kind::FieldType,
            Key::Field(..) => Kind::Field,
            Key::Variant(..) => Kind::Value,
            Key::Function(..) => Kind::Function,
        };
        let text = |it: Option<&Fact>| it.map(|it| it.text.clone()).filter(|it| !it.is_empty());
        Change {
            direction: self.direction(key),
            method: None,
            subject: self.subject(key),
            kind,
            action,
            old: text(old),
            new: text(new),
            experimental: false,
            rules: vec![rule],
            types: Vec::new(),
        }
    }

    fn direction(&self, key: &Key) -> Direction {
        let Some(name) = key.ty() else {
            return match key {
                Key::Method(it) if it.starts_with("server") || it.starts_with("notification") => {
                    Direction::Server
                }
                _ => Direction::Client,
            };
        };
        let ty = self.protocols.1.types.get(name).or(self.protocols.0.types.get(name));
        match ty.map(|it| (it.input, it.output)) {
            Some((true, false)) => Direction::Client,
            Some((false, true)) => Direction::Server,
            _ => Direction::Both,
        }
    }
}

/// Has one of the changes of the wire that cause something say so: that which breaks most. Returns
/// whether there is one.
fn blame<'c>(causes: impl Iterator<Item = &'c mut Change>, rule: &'static Rule) -> bool {
    let mut causes: Vec<_> = causes.collect();
    // One reason is enough.
    let is_known = causes.iter().any(|it| it.breaks(Breaks::Source));
    let worst = causes.iter_mut().min_by_key(|it| (it.class(), it.direction));
    match worst {
        None => false,
        Some(it) => {
            if rule.breaks == Breaks::Source && !is_known {
                it.rules.push(rule);
            }
            true
        }
    }
}

/// What became of a member that is still there. Of several changes, that of its type comes first.
fn attach_changed(subject: &str, rule: &'static Rule, changes: &mut [Change]) -> bool {
    let is_it = |it: &Change| it.subject == subject && it.action == Action::Changed;
    let kind = changes.iter().filter(|it| is_it(it)).map(|it| it.kind).min();
    blame(changes.iter_mut().filter(|it| is_it(it) && Some(it.kind) == kind), rule)
}

/// The rule for what became of a fact, if anything did that concerns code.
fn rule(key: &Key, old: Option<&Fact>, new: Option<&Fact>) -> Option<&'static Rule> {
    let [added, removed, changed] = match key {
        // What is added to the methods is found on the wire.
        Key::Method(_) => [
            &rules::SOURCE_MEMBER_ADDED,
            &rules::SOURCE_METHOD_REMOVED,
            &rules::SOURCE_METHOD_CHANGED,
        ],
        Key::Pages(_) => {
            [&rules::SOURCE_PAGES_GAINED, &rules::SOURCE_PAGES_LOST, &rules::SOURCE_PAGES_LOST]
        }
        Key::Type(_) => {
            [&rules::SOURCE_TYPE_ADDED, &rules::SOURCE_TYPE_REMOVED, &rules::SOURCE_TYPE_CHANGED]
        }
        Key::Field(..) => [
            &rules::SOURCE_MEMBER_ADDED,
            &rules::SOURCE_FIELD_REMOVED,
            &rules::SOURCE_FIELD_CHANGED,
        ],
        Key::Variant(..) => [
            &rules::SOURCE_MEMBER_ADDED,
            &rules::SOURCE_VARIANT_REMOVED,
            &rules::SOURCE_VARIANT_CHANGED,
        ],
        Key::Function(..) => [
            &rules::SOURCE_FUNCTION_ADDED,
            &rules::SOURCE_FUNCTION_REMOVED,
            &rules::SOURCE_FUNCTION_CHANGED,
        ],
    };
    match (old, new) {
        (None, _) => Some(added),
        (_, None) => Some(removed),
        (Some(old), Some(new)) if is_more(&old.text, &new.text) => None,
        _ => Some(changed),
    }
}

/// Whether the new text says the same, or that there is a setter, a catch-all or a value more.
fn is_more(old: &str, new: &str) -> bool {
    let lost = old.strip_prefix(new);
    lost.is_some_and(|it| matches!(it, "" | " no setter" | " closed" | " null"))
}
