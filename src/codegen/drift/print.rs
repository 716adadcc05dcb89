//! How a report reads.

use std::{collections::BTreeMap, fmt, fmt::Write as _};

use serde_json::{Value, json};

use super::{
    Action, Change, Class, Direction, Kind, Report, Severity,
    rules::{Breaks, Rule},
};

const WIDTH: usize = 100;
const DIRECTIONS: [Direction; 3] = [Direction::Client, Direction::Server, Direction::Both];
const CLASSES: [Class; 4] = [Class::Both, Class::Wire, Class::Source, Class::Additive];

impl Report {
    /// For a terminal: who sends it, what is worst first, and the verdict at the end.
    pub(crate) fn text(&self) -> String {
        let mut lines = Vec::new();
        for direction in DIRECTIONS {
            let of = |class| {
                let is_it = move |it: &&Change| it.direction == direction && it.class() == class;
                self.changes.iter().filter(is_it).collect::<Vec<_>>()
            };
            let groups = CLASSES.map(|class| (class, of(class)));
            if groups.iter().all(|it| it.1.is_empty()) {
                continue;
            }
            lines.push(format!("{direction}"));
            for (class, changes) in groups.into_iter().filter(|it| !it.1.is_empty()) {
                lines.push(format!("  {class}"));
                lines.extend(table(&changes));
            }
            lines.push(String::new());
        }
        lines.extend(wrap(&self.verdict(), "", "  "));
        lines.join("\n") + "\n"
    }

    /// For a changelog: what breaks somebody with a line of its own, the rest in one per rule.
    pub(crate) fn markdown(&self) -> String {
        let mut lines = wrap(&self.verdict(), "", "");
        for direction in DIRECTIONS {
            let is_it = |it: &&Change| it.direction == direction;
            let changes: Vec<_> = self.changes.iter().filter(is_it).collect();
            if changes.is_empty() {
                continue;
            }
            lines.extend([
                String::new(),
                format!("#### {}", capitalized(&direction)),
                String::new(),
            ]);
            let (additive, breaking): (Vec<&Change>, Vec<&Change>) =
                changes.into_iter().partition(|it| it.class() == Class::Additive);
            for it in breaking {
                let experimental = if it.experimental { " (experimental)" } else { "" };
                let ids: Vec<_> = it.reasons().map(|it| format!("`{}`", it.id)).collect();
                let (class, ids) = (it.class(), ids.join(", "));
                let text =
                    format!("`{}`: {}{experimental}; {class} ({ids})", it.subject, it.what());
                lines.extend(wrap(&text, "- ", "  "));
            }
            for (rule, changes) in by_rule(&additive) {
                let what = capitalized(&summary(changes[0]));
                let all: Vec<_> = changes.iter().map(|it| it.brief()).collect();
                let text = format!("{what} (`{}`): {}", rule.id, all.join(", "));
                lines.extend(wrap(&text, "- ", "  "));
            }
        }
        lines.join("\n") + "\n"
    }

    /// For programs. What is there stays; more may come.
    pub(crate) fn json(&self) -> Value {
        let counts = self.counts();
        let rule =
            |it: &&'static Rule| (it.id, json!({ "breaks": it.breaks.name(), "why": it.why }));
        let rules: BTreeMap<_, _> =
            self.changes.iter().flat_map(|it| &it.rules).map(rule).collect();
        json!({
            "old": self.old,
            "new": self.new,
            "severity": self.severity().name(),
            "verdict": self.verdict(),
            "counts": {
                "both": counts.both,
                "wire": counts.wire,
                "source": counts.source,
                "additive": counts.additive,
            },
            "changes": self.changes.iter().map(Change::json).collect::<Vec<_>>(),
            "rules": rules,
        })
    }

    /// Whether bindings made for the old runtime fit the new one, in a sentence.
    pub(crate) fn verdict(&self) -> String {
        const NAMED: usize = 3;
        let (old, new, counts) = (&self.old, &self.new, self.counts());
        let wire = counts.both + counts.wire;
        let mut parts = Vec::new();
        if wire > 0 {
            let is_wire = |it: &&Change| matches!(it.class(), Class::Both | Class::Wire);
            let mut named: Vec<_> =
                self.breaking().filter(is_wire).take(NAMED).map(Change::place).collect();
            if wire > NAMED {
                named.push(format!("{} more", wire - NAMED));
            }
            let what = count(wire, "change breaks", "changes break");
            parts.push(format!("{what} the wire ({})", named.join(", ")));
        } else if !self.changes.is_empty() {
            parts.push("nothing breaks on the wire".to_owned());
        }
        if counts.source > 0 {
            parts.push(format!("{} the source", count(counts.source, "breaks", "break")));
        }
        if counts.additive > 0 {
            parts.push(count(counts.additive, "addition", "additions"));
        }
        if parts.is_empty() {
            parts.push("nothing changed".to_owned());
        }
        let fits = if wire > 0 { "does not fit" } else { "fits" };
        format!("{new} {fits} bindings made for {old}: {}", parts.join(", "))
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

impl Change {
    /// What happened, without the subject.
    fn what(&self) -> String {
        let what = summary(self);
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => format!("{what}: {old} -> {new}"),
            (Some(it), None) | (None, Some(it)) => format!("{what}: {it}"),
            (None, None) => what,
        }
    }

    /// The subject in a list of those to which the same happened.
    fn brief(&self) -> String {
        let experimental = if self.experimental { " (experimental)" } else { "" };
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => format!("`{}` {old} -> {new}{experimental}", self.subject),
            _ => format!("`{}`{experimental}", self.subject),
        }
    }

    /// The subject, and the method by which it is reached.
    fn place(&self) -> String {
        match &self.method {
            Some(it) if *it != self.subject => format!("{it}: {}", self.subject),
            _ => self.subject.clone(),
        }
    }

    fn json(&self) -> Value {
        let rules: Vec<_> = self.rules.iter().map(|it| it.id).collect();
        json!({
            "direction": self.direction.name(),
            "method": self.method,
            "subject": self.subject,
            "kind": self.kind.name(),
            "action": self.action.name(),
            "old": self.old,
            "new": self.new,
            "experimental": self.experimental,
            "class": self.class().name(),
            "rules": rules,
            "types": self.types,
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let experimental = if self.experimental { " (experimental)" } else { "" };
        let (place, what, class, ids) = (self.place(), self.what(), self.class(), ids(self));
        write!(f, "{}: {place}: {what}{experimental}; {class} ({ids})", self.direction)
    }
}

/// Lines with the subjects in one column and what happened to them in the other.
fn table(changes: &[&Change]) -> Vec<String> {
    const MOST: usize = 44;
    let widths = changes.iter().map(|it| it.subject.len()).filter(|it| *it <= MOST);
    let width = widths.max().unwrap_or_default();
    let mut res = Vec::new();
    for it in changes {
        let experimental = if it.experimental { " (experimental)" } else { "" };
        let via = match &it.method {
            Some(method) if it.class() != Class::Additive && *method != it.subject => {
                format!(" via {method}")
            }
            _ => String::new(),
        };
        let text = format!("{}{experimental}{via}", it.what());
        let indent = " ".repeat(width + 6);
        let mut lines = if it.subject.len() > width {
            res.push(format!("    {}", it.subject));
            wrap(&text, &indent, &indent)
        } else {
            wrap(&text, &format!("    {:width$}  ", it.subject), &indent)
        };
        let ids = format!("[{}]", ids(it));
        match lines.last_mut().filter(|it| it.len() + ids.len() < WIDTH) {
            Some(it) => _ = write!(it, " {ids}"),
            None => lines.extend(wrap(&ids, &indent, &indent)),
        }
        res.extend(lines);
    }
    res
}

/// Breaks a text into lines, the first of which begins with one indent and the others with another.
fn wrap(text: &str, first: &str, others: &str) -> Vec<String> {
    let mut res = vec![first.to_owned()];
    let mut is_empty = true;
    for word in text.split(' ') {
        let line = res.last_mut().filter(|it| is_empty || it.len() + word.len() < WIDTH);
        match line {
            Some(it) if is_empty => it.push_str(word),
            Some(it) => {
                it.push(' ');
                it.push_str(word);
            }
            None => res.push(format!("{others}{word}")),
        }
        is_empty = false;
    }
    res
}

/// The changes by the rule that makes their class, in the order in which they come.
fn by_rule<'a>(changes: &[&'a Change]) -> Vec<(&'static Rule, Vec<&'a Change>)> {
    let mut res: Vec<(&'static Rule, Vec<&Change>)> = Vec::new();
    for it in changes {
        let Some(rule) = it.reasons().next() else { continue };
        match res.iter_mut().find(|known| known.0 == rule) {
            Some((_, all)) => all.push(it),
            None => res.push((rule, vec![it])),
        }
    }
    res
}

fn ids(it: &Change) -> String {
    it.reasons().map(|it| it.id).collect::<Vec<_>>().join(", ")
}

fn summary(it: &Change) -> String {
    let action = it.action.name().replace('-', " ");
    format!("{} {action}", it.kind.name().replace('-', " "))
}

fn capitalized(text: &impl ToString) -> String {
    let text = text.to_string();
    let end = text.chars().next().map_or(0, char::len_utf8);
    text[..end].to_uppercase() + &text[end..]
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client sends",
            Self::Server => "server sends",
            Self::Both => "both send",
        })
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Both => "breaks the wire and the source",
            Self::Wire => "breaks the wire",
            Self::Source => "breaks the source",
            Self::Additive => "additive",
        })
    }
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Both => "both",
        }
    }
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Wire => "wire",
            Self::Source => "source",
            Self::Additive => "additive",
        }
    }
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Additive => "additive",
            Self::Source => "source",
            Self::Wire => "wire",
        }
    }
}

impl Breaks {
    fn name(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Source => "source",
            Self::Nothing => "nothing",
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Notification => "notification",
            Self::ServerRequest => "server-request",
            Self::Type => "type",
            Self::Field => "field",
            Self::Value => "value",
            Self::FieldType => "field-type",
            Self::Requiredness => "requiredness",
            Self::Nullability => "nullability",
            Self::Default => "default",
            Self::Function => "function",
            Self::Pages => "pages",
        }
    }
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::BecameExperimental => "became-experimental",
            Self::Changed => "changed",
            Self::Added => "added",
            Self::BecameStable => "became-stable",
        }
    }
}
