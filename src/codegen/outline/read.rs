//! What the parts of the generated module say about its types.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Ident, Literal, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, ImplItem, Item, ItemEnum, ItemImpl, ItemStruct, Signature, Visibility};

/// The module, sorted by type.
#[derive(Default)]
pub(super) struct Module {
    pub structs: Vec<ItemStruct>,
    pub enums: Vec<ItemEnum>,
    /// Constants, aliases and open strings: what one line says.
    pub others: Vec<Item>,
    functions: BTreeMap<String, Vec<Signature>>,
    /// By type, and then by field or variant.
    wires: BTreeMap<String, BTreeMap<String, String>>,
    defaults: BTreeMap<String, BTreeMap<String, String>>,
    /// How an enum is told apart on the wire.
    pub kinds: BTreeMap<String, String>,
    /// What answers the params of a request.
    pub responses: BTreeMap<String, String>,
    /// What the list consists of that the params of a request ask for.
    pub items: BTreeMap<String, String>,
}

impl Module {
    pub(super) fn read(source: &str) -> syn::Result<Self> {
        let mut res = Self::default();
        for item in syn::parse_file(source)?.items {
            match item {
                Item::Struct(it) => res.structs.push(it),
                Item::Enum(it) => res.enums.push(it),
                Item::Impl(it) => res.implementation(&it),
                Item::Macro(it) if it.mac.path.is_ident("open_string") => {
                    res.others.push(Item::Macro(it));
                }
                Item::Macro(it) => res.invocation(&it),
                // What is not public is no part of the outline.
                Item::Const(it) if !matches!(it.vis, Visibility::Public(_)) => (),
                Item::Const(_) | Item::Type(_) => res.others.push(item),
                other => {
                    let message = "an item of this kind is not known to the outline";
                    return Err(syn::Error::new_spanned(other, message));
                }
            }
        }
        Ok(res)
    }

    /// The name on the wire of a field or variant.
    pub(super) fn wire(&self, ty: &Ident, member: &Ident) -> Option<&str> {
        self.wires.get(&ty.to_string())?.get(&member.to_string()).map(String::as_str)
    }

    /// What an absent field becomes, where that is said.
    pub(super) fn default_of(&self, ty: &Ident, field: &Ident) -> Option<&str> {
        self.defaults.get(&ty.to_string())?.get(&field.to_string()).map(String::as_str)
    }

    /// The public functions of a type, in their order.
    pub(super) fn functions(&self, ty: &Ident) -> &[Signature] {
        self.functions.get(&ty.to_string()).map_or(&[], Vec::as_slice)
    }

    fn implementation(&mut self, item: &ItemImpl) {
        let ty = source(&item.self_ty);
        let of = item.trait_.as_ref().map(|(path, _)| source(path));
        for part in &item.items {
            match (of.as_deref(), part) {
                (None, ImplItem::Fn(it)) if matches!(it.vis, Visibility::Public(_)) => {
                    if it.sig.ident == "method" {
                        self.add_wires(&ty, arms(it.block.to_token_stream()));
                    }
                    self.functions.entry(ty.clone()).or_default().push(it.sig.clone());
                }
                (Some("Json"), ImplItem::Fn(it)) if it.sig.ident == "from_json" => {
                    if let Some(body) = struct_literal(&it.block) {
                        self.fields(&ty, body);
                    }
                }
                (Some("Request" | "ServerCall"), ImplItem::Type(it)) => {
                    self.responses.insert(ty.clone(), source(&it.ty));
                }
                (Some("PagedRequest"), ImplItem::Type(it)) => {
                    self.items.insert(ty.clone(), source(&it.ty));
                }
                _ => (),
            }
        }
    }

    /// A decoder names each property that it takes out of the object, and says what absence means.
    fn fields(&mut self, ty: &str, body: &syn::ExprStruct) {
        for it in &body.fields {
            let syn::Member::Named(field) = &it.member else { continue };
            let Some(wire) = literal(it.expr.to_token_stream()) else { continue };
            self.add_wires(ty, [(field.to_string(), wire)]);
            let call = match &it.expr {
                Expr::Try(it) => &it.expr,
                other => other,
            };
            if let Expr::MethodCall(call) = call
                && let Some(Expr::Closure(it)) = call.args.last()
            {
                let default = source(&it.body);
                let defaults = self.defaults.entry(ty.to_owned()).or_default();
                defaults.insert(field.to_string(), default);
            }
        }
    }

    /// A macro of an enum takes its name and pairs of a variant and its name on the wire.
    fn invocation(&mut self, item: &syn::ItemMacro) {
        let Some(kind) = item.mac.path.get_ident().map(ToString::to_string) else { return };
        let mut tokens = item.mac.tokens.clone().into_iter();
        let closed_or_open = (kind == "untagged_union").then(|| tokens.next()).flatten();
        let Some(TokenTree::Ident(name)) = tokens.next() else { return };
        let name = name.to_string();
        let kind = match kind.as_str() {
            "string_enum" => "strings".to_owned(),
            "tagged_union" => match literal(item.mac.tokens.clone()) {
                Some(tag) => format!("tag {tag:?}"),
                None => return,
            },
            "external_union" => "external".to_owned(),
            "untagged_union" if closed_or_open.is_some() => "untagged".to_owned(),
            _ => return,
        };
        self.add_wires(&name, pairs(item.mac.tokens.clone()));
        self.kinds.insert(name, kind);
    }

    fn add_wires(&mut self, ty: &str, pairs: impl IntoIterator<Item = (String, String)>) {
        self.wires.entry(ty.to_owned()).or_default().extend(pairs);
    }
}

/// The `Self { … }` that a function returns.
fn struct_literal(block: &syn::Block) -> Option<&syn::ExprStruct> {
    let syn::Stmt::Expr(last, None) = block.stmts.last()? else { return None };
    match last {
        Expr::Call(it) => match it.args.first()? {
            Expr::Struct(it) => Some(it),
            _ => None,
        },
        Expr::Struct(it) => Some(it),
        _ => None,
    }
}

/// Every `Variant = "wire"`, at any depth.
fn pairs(tokens: TokenStream) -> Vec<(String, String)> {
    followed_by(tokens, &["="])
}

/// Every `Variant => "wire"` and `Variant(_) => "wire"`, at any depth.
fn arms(tokens: TokenStream) -> Vec<(String, String)> {
    followed_by(tokens, &["=", ">"])
}

fn followed_by(tokens: TokenStream, signs: &[&str]) -> Vec<(String, String)> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut res = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(it) => res.extend(followed_by(it.stream(), signs)),
            TokenTree::Ident(name) => {
                let mut rest = tokens[index + 1..].iter().peekable();
                rest.next_if(|it| it.to_string() == "(_)");
                if signs.iter().all(|sign| rest.next().is_some_and(|it| it.to_string() == **sign))
                    && let Some(wire) = literal(rest.next().cloned().into_iter().collect())
                {
                    res.push((name.to_string(), wire));
                }
            }
            _ => (),
        }
    }
    res
}

/// The first string literal, at any depth.
fn literal(tokens: TokenStream) -> Option<String> {
    tokens.into_iter().find_map(|it| match it {
        TokenTree::Group(it) => literal(it.stream()),
        TokenTree::Literal(it) => text(&it),
        _ => None,
    })
}

fn text(literal: &Literal) -> Option<String> {
    syn::parse_str::<syn::LitStr>(&literal.to_string()).ok().map(|it| it.value())
}

/// The source of a type or a short expression, as rustfmt would write it on one line.
pub(super) fn source(part: &impl ToTokens) -> String {
    let mut res = String::new();
    append(&mut res, part.to_token_stream());
    // What stands on several lines ends with a comma there.
    res.replace(", >", ">").replace(",>", ">")
}

fn append(text: &mut String, tokens: TokenStream) {
    for token in tokens {
        let word = !matches!(token, TokenTree::Group(_) | TokenTree::Punct(_));
        let after_word = text.ends_with(|it: char| it.is_alphanumeric() || matches!(it, '_' | '"'));
        if text.ends_with([',', ';']) || (word && after_word) {
            text.push(' ');
        }
        match token {
            TokenTree::Group(it) => {
                let (open, close) = match it.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                append(text, it.stream());
                text.push_str(close);
            }
            other => text.push_str(&other.to_string()),
        }
    }
}
