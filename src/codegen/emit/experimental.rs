//! What tells that params use something experimental.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    super::{
        Result,
        ir::{Arm, Presence, Shape, Struct, Type, Types},
        schema::visit_references,
    },
    Emitter, ident,
};

/// The types that the client sends and that have something experimental in them, at any depth,
/// without being experimental as a whole.
pub(super) fn partly(types: &Types) -> BTreeSet<String> {
    let mut res = BTreeSet::new();
    loop {
        let is_new = |(name, ty): &(&String, &Type)| {
            ty.input && !ty.experimental && !res.contains(*name) && is_partly(ty, &res)
        };
        let new: Vec<String> = types.iter().filter(is_new).map(|it| it.0.clone()).collect();
        if new.is_empty() {
            return res;
        }
        res.extend(new);
    }
}

fn is_partly(ty: &Type, known: &BTreeSet<String>) -> bool {
    match &ty.shape {
        Shape::Struct(it) => {
            it.fields.iter().any(|it| it.experimental || refers(&it.schema, known))
        }
        Shape::Strings(arms)
        | Shape::External(arms)
        | Shape::Untagged(arms)
        | Shape::Tagged { arms, .. } => arms
            .iter()
            .any(|it| it.experimental || it.payload.as_ref().is_some_and(|it| refers(it, known))),
        Shape::Alias(it) => refers(it, known),
        Shape::Unit | Shape::OpenString => false,
    }
}

fn refers(schema: &serde_json::Value, known: &BTreeSet<String>) -> bool {
    let mut res = false;
    visit_references(schema, &mut |it| res |= known.contains(it));
    res
}

impl Emitter<'_> {
    pub(super) fn experimental(&mut self, name: &str, ty: &Type) -> Result<TokenStream> {
        if !self.partly_experimental.contains(name) {
            return Ok(TokenStream::new());
        }
        let body = match &ty.shape {
            Shape::Struct(body) => self.in_struct(name, body)?,
            Shape::Strings(arms)
            | Shape::External(arms)
            | Shape::Untagged(arms)
            | Shape::Tagged { arms, .. } => self.in_union(arms),
            // What an alias stands for has it.
            Shape::Alias(_) | Shape::Unit | Shape::OpenString => return Ok(TokenStream::new()),
        };
        let name = ident(name);
        Ok(quote! {
            impl Experimental for #name {
                fn experimental(&self) -> Option<String> {
                    #body
                }
            }
        })
    }

    fn in_struct(&mut self, name: &str, body: &Struct) -> Result<TokenStream> {
        let types = self.translator.fields(name, body)?;
        let mut checks = Vec::new();
        for field in &body.fields {
            let (wire, ident) = (&field.wire, &types[&field.wire].ident);
            if field.experimental {
                let is_used = match &field.presence {
                    Presence::Required | Presence::Nullable => quote!(true),
                    Presence::Optional | Presence::ThreeState => quote!(self.#ident.is_some()),
                    Presence::Default(it) => {
                        let default = self.default_value(&field.schema, it)?;
                        quote!(self.#ident != #default)
                    }
                };
                checks.push(quote!(if #is_used { return Some(#wire.to_owned()); }));
            } else if refers(&field.schema, &self.partly_experimental) {
                checks.push(quote! {
                    if let Some(it) = inside(#wire, &self.#ident) { return Some(it); }
                });
            }
        }
        Ok(quote!(#(#checks)* None))
    }

    fn in_union(&self, arms: &[Arm]) -> TokenStream {
        let arms = arms.iter().filter_map(|it| {
            let (variant, payload) = (ident(&it.name), it.payload.as_ref());
            if it.experimental {
                let rest = payload.map(|_| quote!((_)));
                Some(quote!(Self::#variant #rest => Some(String::new())))
            } else if payload.is_some_and(|it| refers(it, &self.partly_experimental)) {
                Some(quote!(Self::#variant(it) => it.experimental()))
            } else {
                None
            }
        });
        quote!(match self { #(#arms,)* _ => None })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::{Input, Scope, generate};

    /// One method, whose params have some properties, one of which is a union.
    fn bundle(properties: &Value, cases: &[Value]) -> String {
        let method = json!({ "properties": {
            "method": { "enum": ["ask"] },
            "params": { "$ref": "#/definitions/AskParams" },
        }});
        let bundle = json!({ "definitions": {
            "AskParams": { "type": "object", "properties": properties, "required": ["way"] },
            "AskResponse": { "type": "object" },
            "Way": { "oneOf": cases },
            "ClientRequest": { "oneOf": [method] },
            "ClientNotification": { "oneOf": [] },
            "ServerRequest": { "oneOf": [] },
            "ServerNotification": { "oneOf": [] },
        }});
        bundle.to_string()
    }

    fn case(name: &str, properties: &[&str]) -> Value {
        let properties =
            properties.iter().map(|it| ((*it).to_owned(), json!({ "type": "string" })));
        let mut properties: serde_json::Map<_, _> = properties.collect();
        properties.insert("type".to_owned(), json!({ "type": "string", "enum": [name] }));
        json!({ "type": "object", "properties": properties, "required": ["type"] })
    }

    #[test]
    fn properties_defaults_cases_and_what_is_inside_of_cases_count() {
        let way = json!({ "$ref": "#/definitions/Way" });
        let loud = json!({ "type": "boolean", "default": true });
        let input = Input {
            stable: bundle(&json!({ "way": way }), &[case("back", &[]), case("home", &[])]),
            experimental: bundle(
                &json!({ "way": way, "loud": loud, "word": { "type": "string" } }),
                &[case("back", &["speed"]), case("home", &[]), case("away", &[])],
            ),
            pin: json!({ "runtime": "1.2.3" }).to_string(),
        };
        let code = generate(&input, Scope::Experimental).unwrap().protocol;
        let code: String = code.split_whitespace().collect();
        for part in [
            "ifself.loud!=true{returnSome(\"loud\".to_owned());}",
            "ifletSome(it)=inside(\"way\",&self.way){returnSome(it);}",
            "ifself.word.is_some(){returnSome(\"word\".to_owned());}",
            "Self::Back(it)=>it.experimental(),Self::Away(_)=>Some(String::new()),_=>None",
            "ifself.speed.is_some(){returnSome(\"speed\".to_owned());}",
        ] {
            assert!(code.contains(part), "{part}");
        }
    }
}
