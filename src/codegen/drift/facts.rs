//! The lines of an outline as facts that can be compared.

use std::{collections::BTreeMap, iter};

use heck::ToLowerCamelCase;

/// What a fact is about, by its Rust names. What explains others comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A line such as `request turn/start`.
    Method(String),
    Pages(String),
    Field(String, String),
    Variant(String, String),
    Type(String),
    Function(String, String),
}

impl Key {
    /// The type, for it and its parts.
    pub(super) fn ty(&self) -> Option<&String> {
        match self {
            Self::Method(_) | Self::Pages(_) => None,
            Self::Type(it) | Self::Field(it, _) | Self::Variant(it, _) | Self::Function(it, _) => {
                Some(it)
            }
        }
    }

    /// The same part of the type `name`.
    pub(super) fn of_type(self, name: String) -> Self {
        match self {
            Self::Type(_) => Self::Type(name),
            Self::Field(_, it) => Self::Field(name, it),
            Self::Variant(_, it) => Self::Variant(name, it),
            Self::Function(_, it) => Self::Function(name, it),
            other => other,
        }
    }
}

/// One line of an outline, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    /// The Rust type, with what else Rust code notices.
    pub text: String,
    /// The name of a member on the wire.
    pub wire: String,
}

/// What an outline says.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub all: BTreeMap<Key, Fact>,
    /// What the names of types stand for that are no types of their own.
    pub aliases: BTreeMap<String, String>,
}

impl Facts {
    /// Reads the text of an outline. What it says for readers only is left out: experimental,
    /// deprecated, since when, and names and defaults on the wire.
    pub(super) fn read(outline: &str) -> Self {
        let mut res = Self::default();
        let mut block: Option<Block> = None;
        for line in outline.lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match (line.strip_prefix("  "), &block) {
                (Some(part), Some(block)) => res.part(block, part),
                _ => block = res.head(line),
            }
        }
        res
    }

    /// A line that is about a method or begins a type.
    fn head(&mut self, line: &str) -> Option<Block> {
        let (text, notes) = split(line);
        let (keyword, rest) = text.split_once(' ')?;
        match keyword {
            "const" | "type" => {
                let (name, target) = rest.split_once(" = ").or(rest.split_once(": "))?;
                if keyword == "type" {
                    self.aliases.insert(name.to_owned(), target.to_owned());
                }
                // What it stands for shows where it is used.
                self.add(Key::Type(name.to_owned()), keyword.to_owned(), "");
                None
            }
            "struct" | "enum" => {
                let kinds = notes.iter().filter_map(|it| kind(it));
                let text = iter::once(keyword).chain(kinds).collect::<Vec<_>>().join(" ");
                self.add(Key::Type(rest.to_owned()), text, "");
                let untagged = notes.iter().any(|it| it == "untagged");
                Some(Block { name: rest.to_owned(), is_enum: keyword == "enum", untagged })
            }
            _ => {
                self.method(text, &notes);
                None
            }
        }
    }

    /// `request turn/start: TurnStartParams -> TurnStartResponse`
    fn method(&mut self, text: &str, notes: &[String]) {
        let (name, types) = text.split_once(": ").unwrap_or((text, ""));
        let wire = name.rsplit(' ').next().unwrap_or_default();
        let variant = notes.iter().filter(|it| it.starts_with("as "));
        let text: Vec<&str> = iter::once(types).chain(variant.map(String::as_str)).collect();
        self.add(Key::Method(name.to_owned()), text.join(" "), wire);
        if let Some(it) = notes.iter().find_map(|it| it.strip_prefix("pages of ")) {
            self.add(Key::Pages(name.to_owned()), it.to_owned(), wire);
        }
    }

    fn part(&mut self, block: &Block, line: &str) {
        let ty = block.name.clone();
        if let Some(signature) = line.strip_prefix("fn ") {
            let end = signature.find('(').unwrap_or(signature.len());
            let (name, text) = signature.split_at(end);
            self.add(Key::Function(ty, name.to_owned()), text.to_owned(), name);
            return;
        }
        let (text, notes) = split(line);
        let end = text.find([':', '(']).unwrap_or(text.len());
        let name = text[..end].to_owned();
        let wire = notes.iter().find_map(|it| it.strip_prefix("wire "));
        let wire = match wire.and_then(|it| syn::parse_str::<syn::LitStr>(it).ok()) {
            Some(it) => it.value(),
            None if block.untagged => name.clone(),
            None => name.to_lower_camel_case(),
        };
        let mut text = text[end..].trim_start_matches(": ").to_owned();
        if notes.iter().any(|it| it == "no setter") {
            text.push_str(" no setter");
        }
        let key = if block.is_enum { Key::Variant(ty, name) } else { Key::Field(ty, name) };
        self.add(key, text, &wire);
    }

    fn add(&mut self, key: Key, text: String, wire: &str) {
        self.all.insert(key, Fact { text, wire: wire.to_owned() });
    }
}

/// The note about a type that says how code uses it.
fn kind(note: &str) -> Option<&str> {
    match note.split(' ').next()? {
        // Code does not see which property it is.
        it @ "tag" => Some(it),
        "strings" | "external" | "untagged" | "any" | "null" | "closed" => Some(note),
        _ => None,
    }
}

/// Of which type the lines are.
struct Block {
    name: String,
    is_enum: bool,
    untagged: bool,
}

/// A line without its notes, and these.
fn split(line: &str) -> (&str, Vec<String>) {
    let Some((text, notes)) = line.split_once(" (") else { return (line, Vec::new()) };
    let notes = notes.strip_suffix(')').unwrap_or(notes);
    let (mut res, mut depth, mut quoted, mut escaped) = (vec![String::new()], 0, false, false);
    for it in notes.chars() {
        match it {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                res.push(String::new());
                continue;
            }
            _ => (),
        }
        if let Some(last) = res.last_mut() {
            last.push(it);
        }
    }
    (text, res.into_iter().map(|it| it.trim().to_owned()).collect())
}

/// A text with every identifier that `names` knows replaced.
pub(super) fn renamed(text: &str, names: &BTreeMap<String, String>) -> String {
    let mut res = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let is_part = |it: char| it.is_alphanumeric() || it == '_';
        let end = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
        let (word, others) = rest.split_at(end);
        match names.get(word) {
            Some(it) => res.push_str(&renamed(it, names)),
            None => res.push_str(word),
        }
        let end = others.find(is_part).unwrap_or(others.len());
        res.push_str(&others[..end]);
        rest = &others[end..];
    }
    res
}

/// The parameters of a signature, each with its type.
pub(super) fn parameters(signature: &str) -> Vec<(String, String)> {
    let Ok(it) = syn::parse_str::<syn::Signature>(&format!("fn it{signature}")) else {
        return Vec::new();
    };
    let typed = it.inputs.iter().filter_map(|it| match it {
        syn::FnArg::Typed(it) => Some(it),
        syn::FnArg::Receiver(_) => None,
    });
    let text = |it: &dyn quote::ToTokens| it.to_token_stream().to_string();
    typed.map(|it| (text(&it.pat), text(&it.ty))).collect()
}
