//! Prints the module. What prettyplease leaves as one paragraph is laid out here: an empty line
//! stands between items, and the bodies of macros have a line per variant or field.

use std::fmt::Write as _;

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::quote;
use syn::Item;

use super::super::{Error, Result};

const PLACEHOLDER: &str = "macro_body_";
const WIDTH: usize = 100;

/// The source of `code`.
pub(super) fn print(code: TokenStream) -> Result<String> {
    let mut file: syn::File = syn::parse2(code)
        .map_err(|it| Error::new(format!("the generated code does not parse: {it}")))?;
    let mut bodies = Vec::new();
    for item in &mut file.items {
        let Item::Macro(it) = item else { continue };
        if !matches!(it.mac.delimiter, syn::MacroDelimiter::Brace(_)) {
            continue;
        }
        let name = Ident::new(&format!("{PLACEHOLDER}{}", bodies.len()), Span::call_site());
        bodies.push(std::mem::replace(&mut it.mac.tokens, quote!(#name)));
    }
    let mut res = String::new();
    let mut last = "";
    let source = prettyplease::unparse(&file);
    for line in source.lines() {
        if ends_item(last) && begins_item(line) {
            res.push('\n');
        }
        last = line;
        match line.trim_start().strip_prefix(PLACEHOLDER).and_then(|it| it.parse::<usize>().ok()) {
            None => res.extend([line, "\n"]),
            Some(index) => {
                Layout { text: &mut res, depth: 1 }.body(bodies[index].clone());
            }
        }
    }
    Ok(res)
}

/// Of the module, or of an implementation in it.
fn ends_item(line: &str) -> bool {
    line == "}" || line == "    }" || !line.starts_with(' ') && line.ends_with(';')
}

fn begins_item(line: &str) -> bool {
    const STARTS: [&str; 4] = ["///", "#[", "fn ", "pub fn "];
    let starts = |rest: &str| STARTS.iter().any(|it| rest.starts_with(it));
    match line.strip_prefix("    ") {
        Some(rest) => starts(rest),
        None => line != "}",
    }
}

struct Layout<'a> {
    text: &'a mut String,
    depth: usize,
}

impl Layout<'_> {
    /// The body of a macro, or of a group in braces in it: an element ends with the sign that
    /// separates them, and what stands in braces is on lines of its own.
    fn body(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let has_semicolons = tokens.iter().any(|it| is_sign(it, ';'));
        let separator = if has_semicolons { ';' } else { ',' };
        let mut line: Vec<TokenTree> = Vec::new();
        for token in tokens {
            match token {
                TokenTree::Group(it)
                    if it.delimiter() == Delimiter::Brace && !it.stream().is_empty() =>
                {
                    let start = one_line(std::mem::take(&mut line));
                    let space = if start.is_empty() { "" } else { " " };
                    self.line(&format!("{start}{space}{{"));
                    Layout { text: self.text, depth: self.depth + 1 }.body(it.stream());
                    self.line("}");
                }
                // A sign after a closing brace stays with it.
                it if is_sign(&it, separator) && line.is_empty() && self.text.ends_with("}\n") => {
                    self.text.pop();
                    let _ = writeln!(self.text, "{separator}");
                }
                it => {
                    let ends = is_sign(&it, separator) && self.depth > 1;
                    line.push(it);
                    if ends {
                        let line = one_line(std::mem::take(&mut line));
                        self.line(&line);
                    }
                }
            }
        }
        if !line.is_empty() {
            let line = one_line(line);
            self.line(&line);
        }
    }

    /// One line, or more where it is too long.
    fn line(&mut self, text: &str) {
        let indent = " ".repeat(4 * self.depth);
        let mut length = 0;
        for word in text.split(' ') {
            let before = match length {
                0 => indent.clone(),
                _ if length + 1 + word.len() <= WIDTH => " ".to_owned(),
                _ => {
                    length = 0;
                    format!("\n{indent}    ")
                }
            };
            self.text.extend([&before, word]);
            length += before.trim_start_matches('\n').len() + word.len();
        }
        self.text.push('\n');
    }
}

fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(it) if it.as_char() == sign)
}

/// The tokens as rustfmt would write them.
fn one_line(tokens: Vec<TokenTree>) -> String {
    const SPACES: [(&str, &str); 10] = [
        (" :: ", "::"),
        (" : ", ": "),
        (" ,", ","),
        (" ;", ";"),
        (" < ", "<"),
        (" >", ">"),
        (" (", "("),
        (",(", ", ("),
        ("{ }", "{}"),
        ("# [", "#["),
    ];
    let text = tokens.into_iter().collect::<TokenStream>().to_string();
    SPACES.iter().fold(text, |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_has_a_line_per_variant_or_field() {
        let code = quote! {
            tagged_union! { Thing, "type" { Big = "big", Small = "small", } }
            external_union! { Other, { Big = "big", }, {} }
            streamed_struct! { Delta { list: Vec<String> = "list", (Default::default()); } }
            names! { A B }
        };
        let expected = "\
tagged_union! {
    Thing, \"type\" {
        Big = \"big\",
        Small = \"small\",
    }
}

external_union! {
    Other, {
        Big = \"big\",
    },
    {}
}

streamed_struct! {
    Delta {
        list: Vec<String> = \"list\", (Default::default());
    }
}

names! {
    A B
}
";
        assert_eq!(print(code).unwrap(), expected);
    }

    #[test]
    fn an_empty_line_stands_between_items() {
        let code = quote! {
            pub type A = B;
            impl A { const C: u8 = 1; fn a() { loop {} } fn b() {} }
            pub struct D;
        };
        let expected = "\
pub type A = B;

impl A {
    const C: u8 = 1;
    fn a() {
        loop {}
    }

    fn b() {}
}

pub struct D;
";
        assert_eq!(print(code).unwrap(), expected);
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let names: Vec<_> =
            (0..40).map(|it| Ident::new(&format!("Name{it}"), Span::call_site())).collect();
        let text = print(quote!(names! { #(#names)* })).unwrap();
        assert!(text.lines().count() > 3, "{text}");
        assert!(text.lines().all(|it| it.len() <= WIDTH), "{text}");
    }
}
