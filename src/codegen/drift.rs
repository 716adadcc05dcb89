//! What differs between the protocols of two runtimes, and whom it breaks.
//!
//! `wire` walks both schemas side by side and judges what is sent; `source` compares the outlines
//! of what is generated from them; `merge` makes one report of it. `rules` says why a change
//! breaks somebody, `print` how a report reads. Only the development tasks use it.

use std::fmt;

#[path = "drift/facts.rs"]
mod facts;
#[path = "drift/fields.rs"]
mod fields;
#[path = "drift/merge.rs"]
mod merge;
#[path = "drift/nodes.rs"]
mod nodes;
#[path = "drift/print.rs"]
mod print;
#[path = "drift/rules.rs"]
mod rules;
#[path = "drift/source.rs"]
mod source;
#[path = "drift/wire.rs"]
mod wire;

use super::generator::{Input, Scope};
use rules::{Breaks, Rule};

/// All that differs between two protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// The version of the runtime that the bindings in use are made for.
    pub old: String,
    /// The version of the runtime that they are to fit.
    pub new: String,
    /// In the order in which they are printed.
    pub changes: Vec<Change>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub direction: Direction,
    /// The first method by which it was reached; none for what only the source shows.
    pub method: Option<String>,
    /// A method, a type, or `Type.member` by the names on the wire.
    pub subject: String,
    pub kind: Kind,
    pub action: Action,
    pub old: Option<String>,
    pub new: Option<String>,
    /// Only users of the feature `experimental` notice.
    pub experimental: bool,
    /// Those that say whom it breaks: one about the wire, one about the source, or both.
    pub rules: Vec<&'static Rule>,
    /// The types that came or went with it.
    pub types: Vec<String>,
}

/// Who sends what is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    Client,
    Server,
    /// Something in the source that is used in both directions, or in none.
    Both,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Method,
    Notification,
    ServerRequest,
    Type,
    Field,
    /// The value of an enum or the case of a union.
    Value,
    FieldType,
    Requiredness,
    Nullability,
    Default,
    Function,
    /// That a list is asked for page by page.
    Pages,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Removed,
    BecameExperimental,
    Changed,
    Added,
    BecameStable,
}

/// Whom a change breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// The wire and the source.
    Both,
    Wire,
    Source,
    Additive,
}

/// How bad a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Same,
    Additive,
    /// Code may have to be changed for the new bindings; the old ones go on working.
    Source,
    /// The old bindings fail, or lose something.
    Wire,
}

/// How many changes there are of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub both: usize,
    pub wire: usize,
    pub source: usize,
    pub additive: usize,
}

impl Report {
    /// Compares two schemas: that of the bindings in use, and that of the runtime they are to fit.
    ///
    /// # Errors
    /// When one of them cannot be turned into types, or the types not into an outline.
    pub(crate) fn of(old: Side<'_>, new: Side<'_>) -> Result<Self, Failed> {
        let parts = |scope| Ok((merge::Part::of(old, scope)?, merge::Part::of(new, scope)?));
        let changes = merge::merge(&parts(Scope::Experimental)?, &parts(Scope::Stable)?);
        Ok(Self { old: old.version.to_owned(), new: new.version.to_owned(), changes })
    }

    pub(crate) fn severity(&self) -> Severity {
        let of = |it: &Change| match it.class() {
            Class::Both | Class::Wire => Severity::Wire,
            Class::Source => Severity::Source,
            Class::Additive => Severity::Additive,
        };
        self.changes.iter().map(of).max().unwrap_or(Severity::Same)
    }

    pub(crate) fn counts(&self) -> Counts {
        let of = |class| self.changes.iter().filter(|it| it.class() == class).count();
        Counts {
            both: of(Class::Both),
            wire: of(Class::Wire),
            source: of(Class::Source),
            additive: of(Class::Additive),
        }
    }

    /// What breaks somebody.
    pub(crate) fn breaking(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|it| it.class() != Class::Additive)
    }
}

impl Change {
    pub(crate) fn class(&self) -> Class {
        match (self.breaks(Breaks::Wire), self.breaks(Breaks::Source)) {
            (true, true) => Class::Both,
            (true, false) => Class::Wire,
            (false, true) => Class::Source,
            (false, false) => Class::Additive,
        }
    }

    fn breaks(&self, what: Breaks) -> bool {
        self.rules.iter().any(|it| it.breaks == what)
    }

    /// The rules that make the class.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = &'static Rule> {
        let additive = self.class() == Class::Additive;
        self.rules.iter().copied().filter(move |it| additive || it.breaks != Breaks::Nothing)
    }
}

/// A schema to compare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<'a> {
    pub version: &'a str,
    pub input: &'a Input,
}

/// The schema of which runtime cannot be compared, and why.
#[derive(Debug)]
pub(crate) struct Failed {
    version: String,
    why: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot turn the schema of {} into types: {}", self.version, self.why)
    }
}

impl std::error::Error for Failed {}

#[cfg(test)]
#[path = "drift/tests.rs"]
mod tests;
