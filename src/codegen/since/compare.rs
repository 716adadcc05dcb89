//! What a runtime takes that an older one does not: the schemas of both are walked side by side
//! from each method on, so that the names of definitions do not matter.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    super::{
        Input, Result,
        ir::{Arm, Shape, Struct, Types},
        methods,
        normalize::{self, alternatives},
        schema::{Bundle, reference},
        tables::Tables,
    },
    Facts, Release, Since, label,
};

impl Since {
    /// What is known of the oldest release: there is nothing to compare it with.
    pub(crate) fn oldest(release: Release) -> Self {
        Self { releases: vec![release], experimental: Facts::default(), stable: Facts::default() }
    }

    /// The same one release later. `old` is the schema of the last release so far, `new` that of
    /// `release`.
    ///
    /// # Errors
    /// When a bundle has a shape that the generator does not know.
    pub(crate) fn next(&self, release: Release, old: &Input, new: &Input) -> Result<Self> {
        let experimental = |it: &Input| Api::read("experimental.json", &it.experimental);
        let (before, later) = (experimental(old)?, experimental(new)?);
        let experimental = self.experimental.next(release, &before, &later);
        let stable = |it: &Input| Api::read("stable.json", &it.stable);
        let (before, later) = (stable(old)?, stable(new)?);
        let stable = self.in_stable().next(release, &before, &later).beyond(&experimental);
        let releases = self.releases.iter().copied().chain([release]).collect();
        Ok(Self { releases, experimental, stable })
    }

    /// What is known of the stable bundles: what has been in both from its beginning stands in one
    /// list only.
    fn in_stable(&self) -> Facts {
        let mut res = self.experimental.clone();
        res.methods.extend(self.stable.methods.clone());
        res.members.extend(self.stable.members.clone());
        res
    }
}

impl Facts {
    fn next(&self, release: Release, old: &Api, new: &Api) -> Self {
        let (members, seen) = (BTreeMap::new(), BTreeSet::new());
        let mut walk = Walk { known: self, release, old, new, members, seen };
        let mut methods = BTreeMap::new();
        for (method, params) in &new.methods {
            let since = match old.methods.get(method) {
                None => Some(release),
                Some(older) => {
                    walk.params(params.as_deref(), older.as_deref());
                    self.methods.get(method).copied()
                }
            };
            methods.extend(since.map(|it| (method.clone(), it)));
        }
        let members = walk.members.into_iter().filter_map(|(name, it)| Some((name, it?)));
        Self { methods, members: members.collect() }
    }

    /// Those that `other` has not, or with another release.
    fn beyond(mut self, other: &Self) -> Self {
        self.methods.retain(|name, it| other.methods.get(name) != Some(it));
        self.members.retain(|name, it| other.members.get(name) != Some(it));
        self
    }
}

/// What a client can send to a runtime.
struct Api {
    types: Types,
    /// With the type of their params.
    methods: BTreeMap<String, Option<String>>,
}

impl Api {
    fn read(file: &str, bundle: &str) -> Result<Self> {
        let tables = Tables::pinned();
        let mut bundle = Bundle::parse(file, bundle)?;
        tables.fix(&mut bundle);
        let types = normalize::normalize(&bundle, &tables)?;
        Ok(Self { types, methods: methods::client_methods(&bundle)? })
    }

    /// What a schema comes down to.
    fn node<'a>(&'a self, schema: &'a Value) -> Node<'a> {
        let null = serde_json::json!({ "type": "null" });
        if let Some([inner, other]) = alternatives(schema).map(Vec::as_slice)
            && *other == null
        {
            return self.node(inner);
        }
        match reference(schema).and_then(|it| self.types.get_key_value(it)) {
            Some((name, ty)) => match &ty.shape {
                Shape::Alias(schema) => self.node(schema),
                shape => Node::Named(name, shape),
            },
            None => Node::Inline(schema),
        }
    }

    fn payload<'a>(&'a self, arm: &'a Arm) -> Node<'a> {
        self.node(arm.payload.as_ref().unwrap_or(&Value::Null))
    }
}

#[derive(Clone, Copy)]
enum Node<'a> {
    Named(&'a str, &'a Shape),
    Inline(&'a Value),
}

impl Node<'_> {
    /// What tells alternatives apart that have no names.
    fn kind(&self) -> &str {
        match self {
            Node::Named(_, Shape::Struct(_) | Shape::Tagged { .. }) => "object",
            Node::Named(_, Shape::Strings(_) | Shape::OpenString) => "string",
            Node::Named(..) => "other",
            Node::Inline(it) => it.get("type").and_then(Value::as_str).unwrap_or("other"),
        }
    }
}

struct Walk<'a> {
    known: &'a Facts,
    release: Release,
    old: &'a Api,
    new: &'a Api,
    /// Since when a member is there, on the way on which it has been there for longest.
    members: BTreeMap<String, Option<Release>>,
    seen: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Walk<'a> {
    fn params(&mut self, new: Option<&'a str>, old: Option<&'a str>) {
        let named = |api: &'a Api, it: Option<&'a str>| {
            let (name, ty) = api.types.get_key_value(it?)?;
            Some((name.as_str(), &ty.shape))
        };
        match (named(self.new, new), named(self.old, old)) {
            (Some(new), Some(old)) => {
                self.nodes(Node::Named(new.0, new.1), Node::Named(old.0, old.1));
            }
            // A method that took no params takes some.
            (Some((name, Shape::Struct(new))), None) => {
                new.fields.iter().for_each(|it| self.note(name, "", &it.wire, false));
            }
            _ => (),
        }
    }

    fn nodes(&mut self, new: Node<'a>, old: Node<'a>) {
        match (new, old) {
            (Node::Named(name, Shape::Untagged(arms)), old) => self.untagged(name, arms, old),
            (new, Node::Named(_, Shape::Untagged(arms))) => {
                let api = self.old;
                for old in arms.iter().map(|it| api.payload(it)) {
                    if old.kind() == new.kind() {
                        self.nodes(new, old);
                    }
                }
            }
            (Node::Named(name, new), Node::Named(old_name, old)) => {
                self.shapes(name, new, old_name, old);
            }
            (Node::Inline(new), Node::Inline(old)) => {
                for key in ["items", "additionalProperties"] {
                    if let (Some(new), Some(old)) = (new.get(key), old.get(key)) {
                        self.nodes(self.new.node(new), self.old.node(old));
                    }
                }
            }
            // Nothing can be said of what is something else altogether.
            _ => (),
        }
    }

    fn shapes(&mut self, name: &'a str, new: &'a Shape, old_name: &'a str, old: &'a Shape) {
        if !self.seen.insert((name, old_name)) {
            return;
        }
        match (new, old) {
            (Shape::Struct(new), Shape::Struct(old)) => self.structs(name, new, old_name, old),
            (Shape::Tagged { arms: new, tag }, Shape::Tagged { arms: old, tag: old_tag })
                if tag == old_tag =>
            {
                self.arms(name, new, old_name, old);
            }
            (
                Shape::Strings(new) | Shape::External(new),
                Shape::Strings(old) | Shape::External(old),
            ) => {
                self.arms(name, new, old_name, old);
            }
            _ => (),
        }
    }

    fn structs(&mut self, name: &str, new: &'a Struct, old_name: &str, old: &'a Struct) {
        for field in &new.fields {
            let older = old.fields.iter().find(|it| it.wire == field.wire);
            self.note(name, old_name, &field.wire, older.is_some());
            if let Some(older) = older {
                self.nodes(self.new.node(&field.schema), self.old.node(&older.schema));
            }
        }
    }

    fn arms(&mut self, name: &str, new: &'a [Arm], old_name: &str, old: &'a [Arm]) {
        for arm in new {
            let older = old.iter().find(|it| it.wire == arm.wire);
            let older = older.filter(|it| it.payload.is_some() == arm.payload.is_some());
            self.note(name, old_name, &arm.wire, older.is_some());
            if let Some(older) = older {
                self.nodes(self.new.payload(arm), self.old.payload(older));
            }
        }
    }

    /// The alternatives of a union without names may have been another one's, or all there was.
    fn untagged(&mut self, name: &'a str, new: &'a [Arm], old: Node<'a>) {
        let (old_name, old) = match old {
            Node::Named(old_name, Shape::Untagged(arms)) => {
                (old_name, arms.iter().map(|it| (label(it), self.old.payload(it))).collect())
            }
            other => ("", vec![("", other)]),
        };
        if !self.seen.insert((name, old_name)) {
            return;
        }
        for arm in new {
            let payload = self.new.payload(arm);
            let same_kind = old.iter().filter(|it| it.1.kind() == payload.kind());
            let older = same_kind.min_by_key(|it| it.0 != label(arm)).copied();
            self.note(name, old_name, label(arm), older.is_some());
            if let Some((_, older)) = older {
                self.nodes(payload, older);
            }
        }
    }

    /// Notes that a member of `name` is there, which is `old_name` in the older schema.
    fn note(&mut self, name: &str, old_name: &str, wire: &str, was_there: bool) {
        let before = self.known.members.get(&format!("{old_name}.{wire}")).copied();
        let since = if was_there { before } else { Some(self.release) };
        let noted = self.members.entry(format!("{name}.{wire}")).or_insert(since);
        *noted = since.min(*noted);
    }
}

#[cfg(test)]
#[path = "compare/tests.rs"]
mod tests;
