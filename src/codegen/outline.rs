//! The outline: the public API of the generated module with one fact per line, to be reviewed as
//! a diff when the schema changes.
//!
//! It is read off the source, so that it cannot claim what the module does not hold. The build
//! script does without it.

use std::{fmt::Write as _, iter};

use heck::ToLowerCamelCase;
use quote::ToTokens;
use syn::{
    Attribute, Error, Field, FnArg, Item, ItemEnum, ItemStruct, Meta, ReturnType, Signature,
    Variant,
    parse::{Parse, ParseStream},
};

#[path = "outline/read.rs"]
mod read;

use read::{Module, source};

const HEADER: &str = "\
# The public API of `codexkit::protocol` as it is generated from the schema, one fact per line.
# `cargo xtask schema update` writes this file; its diff is what a new schema changes for users.
#
# A name on the wire is given where it is not the Rust name in camelCase.
# Left out, as every type has it unless a note says otherwise: the field `unrecognized` of structs,
# the variant `Unrecognized` of enums (`closed` are those without), the setter of an optional field
# where there is a `new`, the conversions of payloads into their enum. The parts of what is
# experimental are so, too.
";

/// The enums over methods, and what their variants are called here.
const METHODS: [(&str, &str); 4] = [
    ("ClientRequest", "request"),
    ("ClientNotification", "client notification"),
    ("ServerRequest", "server request"),
    ("ServerNotification", "notification"),
];

/// What the docs say of something that older runtimes lack, or have among what is experimental.
const SINCE: &str = "Since runtime ";
const STABLE_SINCE: &str = "Experimental before runtime ";

/// The outline, and how much there is of what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outline {
    pub text: String,
    pub types: usize,
    pub fields: usize,
    pub variants: usize,
    pub methods: usize,
    /// Marked methods, types, fields and variants.
    pub experimental: usize,
}

/// Makes the outline of a generated module.
///
/// # Errors
/// When `text` is no Rust, or holds what the generator does not emit.
pub(crate) fn outline(text: &str) -> syn::Result<Outline> {
    let module = Module::read(text)?;
    let mut res = Outline::default();
    let mut blocks = Vec::new();
    for it in &module.others {
        blocks.push(res.other(it)?);
    }
    for it in &module.structs {
        blocks.push(res.structure(&module, it)?);
    }
    let (methods, enums): (Vec<_>, Vec<_>) =
        module.enums.iter().partition(|it| METHODS.iter().any(|(name, _)| it.ident == name));
    for it in enums {
        blocks.push(res.enumeration(&module, it)?);
    }
    blocks.sort_by(|a, b| a.name.cmp(&b.name));

    res.text.push_str(HEADER);
    for (name, kind) in METHODS {
        for it in methods.iter().filter(|it| it.ident == name) {
            let closed = !it.variants.iter().any(is_catch_all);
            let closed = if closed { " (closed)" } else { "" };
            let _ = write!(res.text, "\n# {name}{closed}\n");
            for line in res.methods(&module, it, kind)? {
                let _ = writeln!(res.text, "{line}");
            }
        }
    }
    res.text.push_str("\n# Types\n");
    for it in blocks {
        let _ = writeln!(res.text, "{}", it.lines.join("\n  "));
    }
    Ok(res)
}

/// The lines about one item, the first of which is about the item itself.
struct Block {
    name: String,
    lines: Vec<String>,
}

impl Block {
    fn new(first: String, name: &syn::Ident, mut parts: Vec<String>, functions: &[String]) -> Self {
        parts.sort();
        let lines = iter::once(first).chain(parts).chain(functions.iter().cloned()).collect();
        Self { name: name.to_string(), lines }
    }
}

impl Outline {
    fn other(&mut self, item: &Item) -> syn::Result<Block> {
        let (name, line) = match item {
            Item::Const(it) => (&it.ident, format!("const {}: {}", it.ident, source(&it.ty))),
            Item::Type(it) => {
                self.types += 1;
                let notes = self.notes(&it.attrs, []);
                (&it.ident, format!("type {} = {}{notes}", it.ident, source(&it.ty)))
            }
            Item::Macro(it) => {
                self.types += 1;
                let OpenString { attrs, name } = it.mac.parse_body()?;
                let notes = self.notes(&attrs, [Some("any string".to_owned())]);
                return Ok(Block::new(format!("struct {name}{notes}"), &name, vec![], &[]));
            }
            other => return Err(Error::new_spanned(other, "is not known to the outline")),
        };
        Ok(Block::new(line, name, Vec::new(), &[]))
    }

    fn structure(&mut self, module: &Module, item: &ItemStruct) -> syn::Result<Block> {
        self.types += 1;
        let name = &item.ident;
        let known = item.fields.iter().filter(|it| !is_rest(it));
        let lines = known.map(|it| self.field(module, name, it)).collect::<syn::Result<_>>()?;
        let is_setter = |it: &Signature| {
            item.fields.iter().any(|field| field.ident.as_ref() == Some(&it.ident))
        };
        let functions = module.functions(name).iter().filter(|it| !is_setter(it));
        let functions: Vec<_> = functions.map(signature).collect();
        let is_null = matches!(item.fields, syn::Fields::Unit);
        let is_closed = !is_null && !item.fields.iter().any(is_rest);
        let kind = is_null.then_some("null").or(is_closed.then_some("closed"));
        let notes = self.notes(&item.attrs, [kind.map(str::to_owned)]);
        Ok(Block::new(format!("struct {name}{notes}"), name, lines, &functions))
    }

    fn field(&mut self, module: &Module, ty: &syn::Ident, field: &Field) -> syn::Result<String> {
        let Some(name) = &field.ident else {
            return Err(Error::new_spanned(field, "a field without a name"));
        };
        self.fields += 1;
        let Some(wire) = module.wire(ty, name) else {
            let message = format!("`{ty}` does not say what `{name}` is on the wire");
            return Err(Error::new_spanned(field, message));
        };
        let functions = module.functions(ty);
        let is_settable = functions.iter().any(|it| it.ident == *name)
            || functions
                .iter()
                .filter(|it| it.ident == "new")
                .all(|new| parameters(new).any(|(parameter, _)| *name == parameter));
        let notes = [
            wire_note(name, wire),
            module.default_of(ty, name).map(|it| format!("default {it}")),
            (!is_settable).then(|| "no setter".to_owned()),
        ];
        Ok(format!("{name}: {}{}", source(&field.ty), self.notes(&field.attrs, notes)))
    }

    fn enumeration(&mut self, module: &Module, item: &ItemEnum) -> syn::Result<Block> {
        self.types += 1;
        let name = &item.ident;
        let Some(kind) = module.kinds.get(&name.to_string()) else {
            return Err(Error::new_spanned(name, format!("`{name}` has no decoder")));
        };
        let mut lines = Vec::new();
        for it in item.variants.iter().filter(|it| !is_catch_all(it)) {
            self.variants += 1;
            let wire = module.wire(name, &it.ident).and_then(|wire| wire_note(&it.ident, wire));
            let notes = self.notes(&it.attrs, [wire]);
            lines.push(format!("{}{}{notes}", it.ident, source(&it.fields)));
        }
        let closed = (!item.variants.iter().any(is_catch_all)).then(|| "closed".to_owned());
        let functions: Vec<_> = module.functions(name).iter().map(signature).collect();
        let notes = self.notes(&item.attrs, [Some(kind.clone()), closed]);
        Ok(Block::new(format!("enum {name}{notes}"), name, lines, &functions))
    }

    /// The lines of the methods that an enum lists.
    fn methods(
        &mut self,
        module: &Module,
        item: &ItemEnum,
        kind: &str,
    ) -> syn::Result<Vec<String>> {
        let mut res = Vec::new();
        for it in item.variants.iter().filter(|it| !is_catch_all(it)) {
            self.methods += 1;
            let Some(wire) = module.wire(&item.ident, &it.ident) else {
                return Err(Error::new_spanned(it, format!("`{}` has no method", it.ident)));
            };
            let mut line = format!("{kind} {wire}");
            let (mut usual, mut items) = (None, None);
            if let Some(params) = it.fields.iter().next().map(|it| source(&it.ty)) {
                let _ = write!(line, ": {params}");
                if let Some(response) = module.responses.get(&params) {
                    let _ = write!(line, " -> {response}");
                }
                items = module.items.get(&params).map(|it| format!("pages of {it}"));
                let bare = params.trim_start_matches("Box<").trim_end_matches('>');
                let suffix = bare.strip_suffix("Params").or(bare.strip_suffix("Notification"));
                usual = Some(suffix.unwrap_or(bare).to_owned());
            }
            let variant = it.ident.to_string();
            let unusual = usual.is_none_or(|it| it != variant).then(|| format!("as {variant}"));
            line.push_str(&self.notes(&it.attrs, [unusual, items]));
            res.push(line);
        }
        res.sort();
        Ok(res)
    }

    /// What is said in parentheses at the end of a line.
    fn notes<const N: usize>(&mut self, attrs: &[Attribute], more: [Option<String>; N]) -> String {
        let is_experimental = attrs.iter().any(is_experimental);
        self.experimental += usize::from(is_experimental);
        let experimental = is_experimental.then(|| "experimental".to_owned());
        let (since, stable) = (version(attrs, SINCE), version(attrs, STABLE_SINCE));
        let since = since.map(|it| format!("since {it}"));
        let stable = stable.map(|it| format!("stable since {it}"));
        let is_deprecated = attrs.iter().any(|it| it.path().is_ident("deprecated"));
        let deprecated = is_deprecated.then(|| "deprecated".to_owned());
        let all: Vec<_> =
            more.into_iter().chain([deprecated, experimental, since, stable]).flatten().collect();
        if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) }
    }
}

/// What stands in `open_string!`.
struct OpenString {
    attrs: Vec<Attribute>,
    name: syn::Ident,
}

impl Parse for OpenString {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self { attrs: Attribute::parse_outer(input)?, name: input.parse()? })
    }
}

fn is_experimental(attr: &Attribute) -> bool {
    let text = attr.meta.to_token_stream().to_string();
    match &attr.meta {
        Meta::NameValue(it) if it.path.is_ident("doc") => text.contains("**Experimental**"),
        Meta::List(it) if it.path.is_ident("cfg") => text.contains("experimental"),
        _ => false,
    }
}

/// The release that the docs name after these words.
fn version(attrs: &[Attribute], words: &str) -> Option<String> {
    let texts = attrs.iter().filter_map(|it| match &it.meta {
        Meta::NameValue(it) if it.path.is_ident("doc") => Some(it.value.to_token_stream()),
        _ => None,
    });
    let text: String = texts.map(|it| it.to_string()).collect();
    let (_, after) = text.rsplit_once(words)?;
    let end = after.find(|it: char| !it.is_ascii_digit() && it != '.')?;
    Some(after[..end].trim_end_matches('.').to_owned())
}

fn is_rest(field: &Field) -> bool {
    field.ident.as_ref().is_some_and(|it| it == "unrecognized")
}

fn is_catch_all(variant: &Variant) -> bool {
    variant.ident == "Unrecognized"
}

fn wire_note(name: &syn::Ident, wire: &str) -> Option<String> {
    (name.to_string().to_lower_camel_case() != wire).then(|| format!("wire {wire:?}"))
}

fn signature(it: &Signature) -> String {
    let receiver = it.receiver().map(source);
    let others = parameters(it).map(|(name, ty)| format!("{name}: {ty}"));
    let all: Vec<_> = receiver.into_iter().chain(others).collect();
    let output = match &it.output {
        ReturnType::Default => String::new(),
        ReturnType::Type(_, ty) if it.ident == "new" && source(ty) == "Self" => String::new(),
        ReturnType::Type(_, ty) => format!(" -> {}", source(ty)),
    };
    format!("fn {}({}){output}", it.ident, all.join(", "))
}

fn parameters(it: &Signature) -> impl Iterator<Item = (String, String)> {
    it.inputs.iter().filter_map(|it| match it {
        FnArg::Typed(it) => Some((source(&it.pat), source(&it.ty))),
        FnArg::Receiver(_) => None,
    })
}

#[cfg(test)]
#[path = "outline/tests.rs"]
mod tests;
