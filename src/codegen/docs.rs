//! The doc comments of the generated code.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    graph,
    ir::{Shape, Type, Types},
    methods::Methods,
    schema::reference,
    since::FirstIn,
};

const EXPERIMENTAL: &str = "**Experimental**: not part of the stable protocol.";

/// What each type is for, to say something about those that the schema does not describe.
pub(super) struct Roles(BTreeMap<String, Vec<String>>);

impl Roles {
    pub(super) fn of(types: &Types, methods: &Methods) -> Self {
        let mut res = Self(BTreeMap::new());
        for it in &methods.requests {
            res.add(&it.params, format!("Params of `{}`.", it.method));
            res.add(&it.response, format!("Response to `{}`.", it.method));
        }
        for it in &methods.notifications {
            res.add(&it.params, format!("Params of the notification `{}`.", it.method));
        }
        for it in &methods.server_requests {
            res.add(&it.params, format!("Params of the server's request `{}`.", it.method));
            res.add(&it.response, format!("Answer to the server's request `{}`.", it.method));
        }
        res.add_users(types);
        res
    }

    fn add(&mut self, ty: &str, role: String) {
        self.0.entry(ty.to_owned()).or_default().push(role);
    }

    fn add_users(&mut self, types: &Types) {
        let mut users: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        let mut properties: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (name, ty) in types {
            graph::references(ty, &mut |target| {
                let entry = users.entry(target.to_owned()).or_default();
                if entry.last() != Some(&name.as_str()) && target != name {
                    entry.push(name);
                }
            });
            let Shape::Struct(body) = &ty.shape else { continue };
            for it in &body.fields {
                if let Some(target) = reference(&it.schema) {
                    properties.entry(target.to_owned()).or_default().insert(&it.wire);
                }
            }
        }
        for (name, ty) in types {
            if let Some((union, wire)) = &ty.payload_of {
                self.add(name, format!("The `{wire}` case of [`{union}`]."));
            } else if !self.0.contains_key(name)
                && let Some(users) = users.get(name)
            {
                let properties = properties.get(name).into_iter().flatten().collect::<Vec<_>>();
                let what = match properties.as_slice() {
                    [one] => format!("The `{one}`"),
                    _ => "Part".to_owned(),
                };
                self.add(name, format!("{what} of {}.", enumerate(users)));
            }
        }
    }

    /// The doc comment of a type.
    pub(super) fn describe(&self, name: &str, ty: &Type) -> TokenStream {
        let role = self.0.get(name).map(|it| it.join(" "));
        let role = role.unwrap_or_else(|| format!("The definition `{name}` of the schema."));
        let doc = Doc::new(ty.doc.as_deref(), &role, ty.experimental).since(ty.since);
        match &ty.shape {
            Shape::Struct(body) if !body.choice.is_empty() => {
                let all = body.choice.iter().map(|it| format!("`{}`", it.join("` and `")));
                doc.with(&format!("Has {}.", all.collect::<Vec<_>>().join(", or else ")))
            }
            _ => doc,
        }
        .print()
    }
}

/// What is said of an item.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Doc {
    /// Markdown.
    text: String,
    /// Why not to use it any more, and what instead.
    deprecated: Option<String>,
    experimental: bool,
    since: FirstIn,
}

impl Doc {
    /// The schema's `description`, or `fallback`, which is Markdown.
    pub(super) fn new(description: Option<&str>, fallback: &str, experimental: bool) -> Self {
        let (status, rest) = description.map_or((Status::Settled, ""), Status::split);
        let rest = markdown(&capitalized(rest));
        let mut text = if rest.is_empty() { fallback.to_owned() } else { rest };
        let mut deprecated = None;
        match status {
            Status::Settled => (),
            Status::Experimental if experimental => (),
            Status::Experimental => text.insert_str(0, "**The runtime calls this experimental.** "),
            Status::Unstable => text.insert_str(0, "**Unstable.** "),
            Status::Deprecated => {
                let note: Vec<&str> = text.split_whitespace().collect();
                deprecated = Some(note.join(" "));
                fallback.clone_into(&mut text);
            }
        }
        Self { text, deprecated, experimental, since: FirstIn::default() }
    }

    /// The same for something that older runtimes lack.
    pub(super) fn since(mut self, since: FirstIn) -> Self {
        self.since = since;
        self
    }

    /// The same with more text below.
    pub(super) fn with(mut self, paragraph: &str) -> Self {
        self.text.extend(["\n\n", paragraph]);
        self
    }

    /// The same with `text` in the place of its own.
    pub(super) fn with_text(mut self, text: String) -> Self {
        self.text = text;
        self
    }

    /// The same with a line above.
    pub(super) fn below(mut self, line: &str) -> Self {
        if self.text != line {
            self.text = format!("{line}\n\n{}", self.text);
        }
        self
    }

    /// As attributes.
    pub(super) fn print(self) -> TokenStream {
        let FirstIn { any, stable } = self.since;
        let notes = [
            self.experimental.then(|| EXPERIMENTAL.to_owned()),
            any.map(|it| format!("Since runtime {it}.")),
            stable.map(|it| format!("Experimental before runtime {it}.")),
        ];
        let notes: Vec<_> = notes.into_iter().flatten().collect();
        let doc = if notes.is_empty() { self } else { self.with(&notes.join(" ")) };
        let lines = doc.text.lines().flat_map(wrapped);
        let deprecated = doc.deprecated.map(|note| quote!(#[deprecated(note = #note)]));
        quote!(#(#[doc = #lines])* #deprecated)
    }
}

/// The line with a space before it, and broken where it is too long.
fn wrapped(line: &str) -> Vec<String> {
    const WIDTH: usize = 92;
    let mut res = vec![String::new()];
    for word in line.split_whitespace() {
        // At the start of a line, others would begin a list, a heading, a quotation or a block.
        let is_text = word.starts_with(|it: char| it.is_alphabetic() || "`([\"\\".contains(it))
            && !word.starts_with("```");
        let last = res.len() - 1;
        if is_text && !res[last].is_empty() && res[last].len() + 1 + word.len() > WIDTH {
            res.push(format!(" {word}"));
        } else {
            res[last].extend([" ", word]);
        }
    }
    res
}

/// How settled something is, as its description says at the beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Status {
    Settled,
    Unstable,
    Experimental,
    Deprecated,
}

impl Status {
    /// Takes the word for it off the description.
    fn split(text: &str) -> (Self, &str) {
        const WORDS: [(&str, Status); 5] = [
            ("[UNSTABLE]", Status::Unstable),
            ("EXPERIMENTAL - ", Status::Experimental),
            ("EXPERIMENTAL. ", Status::Experimental),
            ("@deprecated", Status::Deprecated),
            ("deprecated", Status::Deprecated),
        ];
        for (word, status) in WORDS {
            if let Some((start, rest)) = text.split_at_checked(word.len())
                && start.eq_ignore_ascii_case(word)
            {
                return (status, rest.trim_start_matches([':', ' ', '.']));
            }
        }
        (Self::Settled, text)
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

/// Turns the schema's plain text into Markdown that means the same: brackets and angles are no
/// links and tags, bare URLs are links, indentation is no code block.
pub(super) fn markdown(text: &str) -> String {
    text.lines().map(|it| line(it.trim())).collect::<Vec<_>>().join("\n")
}

/// One line: what stands between backticks stays as it is.
fn line(text: &str) -> String {
    let mut res = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        res.push_str(&plain(before));
        if let Some((code, after)) = after.split_once('`') {
            res.extend(["`", code, "`"]);
            rest = after;
        } else {
            res.push_str("\\`");
            rest = after;
        }
    }
    res.push_str(&plain(rest));
    res
}

fn plain(text: &str) -> String {
    let mut res = String::new();
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            res.push(' ');
        }
        let start = word.find("https://").or_else(|| word.find("http://"));
        let Some(start) = start else {
            res.push_str(&escape(word));
            continue;
        };
        let (before, rest) = word.split_at(start);
        let end = rest.trim_end_matches(['.', ',', ')', ';', ':', '>', '"', '\'']).len();
        let (url, after) = rest.split_at(end);
        res.push_str(&escape(before.trim_end_matches('<')));
        res.extend(["<", url, ">"]);
        res.push_str(&escape(after.trim_start_matches('>')));
    }
    res
}

fn escape(text: &str) -> String {
    let mut res = String::new();
    for it in text.chars() {
        if matches!(it, '[' | ']' | '<' | '>') {
            res.push('\\');
        }
        res.push(it);
    }
    res
}

/// "`A`, `B` and 3 more", with links.
fn enumerate(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    let link = |it: &&str| format!("[`{it}`]");
    let mut parts: Vec<String> = names.iter().take(SHOWN).map(link).collect();
    if names.len() > SHOWN {
        parts.push(format!("{} more", names.len() - SHOWN));
    }
    match parts.pop() {
        Some(last) if parts.is_empty() => last,
        Some(last) => format!("{} and {last}", parts.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(description: &str, experimental: bool) -> Doc {
        Doc::new(Some(description), "The property `x`.", experimental)
    }

    #[test]
    fn long_lines_are_broken_where_that_means_nothing() {
        let line = format!("{} - end", ["word"; 25].join(" "));
        let lines = wrapped(&line);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|it| it.len() <= 92 && it.starts_with(" word")), "{lines:?}");
        assert_eq!(lines.concat().trim(), line);
        let dash = format!("{} - end", ["word"; 18].join(" "));
        assert_eq!(wrapped(&dash), [format!(" {} -", ["word"; 18].join(" ")), " end".to_owned()]);
        assert_eq!(wrapped(&format!("{line} ```x```")).len(), 2);
        assert_eq!(wrapped(""), [""]);
    }

    #[test]
    fn what_the_schema_calls_deprecated_is_deprecated() {
        for text in ["Deprecated: use `y` instead.", "@deprecated Use `y` instead."] {
            let doc = doc(text, false);
            assert_eq!(doc.deprecated.as_deref(), Some("Use `y` instead."));
            assert_eq!(doc.text, "The property `x`.");
            let printed = doc.print().to_string();
            assert!(printed.contains("deprecated (note = \"Use `y` instead.\")"), "{printed}");
        }
        assert_eq!(doc("What is deprecated.", false).deprecated, None);
    }

    #[test]
    fn how_settled_something_is_stands_first_and_once() {
        assert_eq!(doc("[UNSTABLE] the path", false).text, "**Unstable.** The path");
        assert_eq!(
            doc("EXPERIMENTAL - list apps.", false).text,
            "**The runtime calls this experimental.** List apps."
        );
        let both = doc("EXPERIMENTAL - list apps.", true);
        assert_eq!(both.text, "List apps.");
        assert!(both.print().to_string().contains("not part of the stable protocol"));
    }

    #[test]
    fn brackets_and_tags_stay_text() {
        assert_eq!(markdown("[UNSTABLE] a <name> b"), r"\[UNSTABLE\] a \<name\> b");
    }

    #[test]
    fn code_stays_as_it_is() {
        assert_eq!(markdown("a `b[0]<c>` [d]"), r"a `b[0]<c>` \[d\]");
        assert_eq!(markdown("a ` [b]"), r"a \` \[b\]");
    }

    #[test]
    fn bare_urls_become_links() {
        assert_eq!(markdown("See https://host/a(b)."), "See <https://host/a(b>).");
        assert_eq!(markdown("(https://host/a)"), "(<https://host/a>)");
        assert_eq!(markdown("<https://host>"), "<https://host>");
    }

    #[test]
    fn indentation_is_no_code() {
        assert_eq!(markdown("a\n    b\n\nc"), "a\nb\n\nc");
    }

    #[test]
    fn users_are_enumerated_up_to_a_point() {
        assert_eq!(enumerate(&["A"]), "[`A`]");
        assert_eq!(enumerate(&["A", "B"]), "[`A`] and [`B`]");
        assert_eq!(enumerate(&["A", "B", "C", "D", "E"]), "[`A`], [`B`], [`C`] and 2 more");
    }
}
