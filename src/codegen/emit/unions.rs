//! Enums: open strings, and the three ways in which JSON tells alternatives apart.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use serde_json::Value;

use super::{
    super::{
        Error, Result,
        ir::{Arm, Field, Presence, Shape, Struct, Type, is_closed},
        names,
        schema::reference,
    },
    Emitter, ident, snake_ident, variant_doc,
};

/// An enum of strings.
pub(super) fn strings(doc: &TokenStream, name: &Ident, arms: &[Arm]) -> TokenStream {
    let variants = arms.iter().map(|it| {
        let doc = variant_doc(it, &format!("The value `{}`.", it.wire)).print();
        let ident = ident(&it.name);
        quote!(#doc #ident)
    });
    let pairs = arms.iter().map(pair);
    quote! {
        #doc
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum #name {
            #(#variants,)*
            /// A value that this version of the protocol does not know.
            Unrecognized(String),
        }
        string_enum! { #name { #(#pairs,)* } }
    }
}

impl Emitter<'_> {
    pub(super) fn tagged(
        &mut self,
        name: &str,
        ty: &Type,
        tag: &str,
        arms: &[Arm],
    ) -> Result<TokenStream> {
        let describe = |it: &Arm| format!("The case whose `{tag}` is `{}`.", it.wire);
        let declaration = self.declaration(name, ty, arms, &describe, true)?;
        let accessors = self.accessors(name, arms)?;
        let constructors =
            if ty.input { self.constructors(name, arms) } else { TokenStream::new() };
        let variants = arms.iter().map(pair);
        let ident = ident(name);
        Ok(quote! {
            #declaration
            #constructors
            #accessors
            tagged_union! { #ident, #tag { #(#variants,)* } }
        })
    }

    pub(super) fn external(&mut self, name: &str, ty: &Type, arms: &[Arm]) -> Result<TokenStream> {
        let describe = |it: &Arm| match it.payload {
            None => format!("The value `{}`.", it.wire),
            Some(_) => format!("An object whose only key is `{}`.", it.wire),
        };
        let declaration = self.declaration(name, ty, arms, &describe, true)?;
        let (payloads, units) = split(arms);
        let ident = ident(name);
        Ok(quote! {
            #declaration
            external_union! { #ident, { #(#payloads,)* }, { #(#units,)* } }
        })
    }

    pub(super) fn untagged(&mut self, name: &str, ty: &Type, arms: &[Arm]) -> Result<TokenStream> {
        let is = |it: &Arm, kind: &str| {
            it.payload.as_ref().and_then(|it| it.get("type")).is_some_and(|it| it == kind)
        };
        let open = !is_closed(arms);
        let describe = |it: &Arm| match it.payload.as_ref().and_then(reference) {
            Some(target) => format!("A [`{target}`]."),
            None => format!("A JSON {}.", names::snake(&it.name).replace("list", "array")),
        };
        let declaration = self.declaration(name, ty, arms, &describe, open)?;
        let mut parts = Vec::new();
        for arm in arms {
            let payload = arm.payload.as_ref().unwrap_or(&Value::Null);
            let test = test(payload)?;
            let ident = ident(&arm.name);
            let ty = self.translator.ty(payload)?;
            parts.push(quote!(#ident(#ty) if #test));
        }
        let ident = ident(name);
        let kind = if open { quote!(open) } else { quote!(closed) };
        let from_str = arms.iter().any(|it| is(it, "string")).then(|| {
            quote! {
                impl From<&str> for #ident {
                    fn from(it: &str) -> Self {
                        Self::String(it.to_owned())
                    }
                }
            }
        });
        Ok(quote!(#declaration #from_str untagged_union! { #kind #ident { #(#parts,)* } }))
    }

    fn declaration(
        &mut self,
        name: &str,
        ty: &Type,
        arms: &[Arm],
        describe: &dyn Fn(&Arm) -> String,
        open: bool,
    ) -> Result<TokenStream> {
        let doc = self.roles.describe(name, ty);
        let mut variants = Vec::new();
        let mut conversions = Vec::new();
        let mut payloads = BTreeSet::new();
        let name = ident(name);
        for arm in arms {
            let (doc, variant) = (variant_doc(arm, &describe(arm)).print(), ident(&arm.name));
            let Some(payload) = &arm.payload else {
                variants.push(quote!(#doc #variant));
                continue;
            };
            let ty = self.translator.ty(payload)?;
            variants.push(quote!(#doc #variant(#ty)));
            if payloads.insert(ty.to_string()) {
                conversions.push(quote! {
                    impl From<#ty> for #name {
                        fn from(it: #ty) -> Self {
                            Self::#variant(it)
                        }
                    }
                });
            }
        }
        let derives = if open { quote!(PartialEq) } else { quote!(PartialEq, Eq, Hash) };
        // What does not fit its variant may be a secret all the same.
        let is_secretive = open && self.secretive.contains(&name.to_string());
        let debug = (!is_secretive).then(|| quote!(Debug,));
        let redacted_debug = is_secretive.then(|| redacted_debug(&name, arms));
        let catch_all = open.then(|| {
            quote! {
                /// A value that this version of the protocol does not know, as it was received.
                Unrecognized(Value),
            }
        });
        Ok(quote! {
            #doc
            #[derive(Clone, #debug #derives)]
            #[non_exhaustive]
            pub enum #name {
                #(#variants,)*
                #catch_all
            }
            #redacted_debug
            #(#conversions)*
        })
    }

    /// A function for every variant that needs nothing but its name.
    fn constructors(&self, name: &str, arms: &[Arm]) -> TokenStream {
        let is_bare = |it: &&Arm| {
            let body = it.payload.as_ref().and_then(|it| self.struct_of(it));
            body.is_some_and(|it| it.choice.is_empty() && !it.fields.iter().any(Field::is_required))
        };
        let functions = arms.iter().filter(is_bare).map(|it| {
            let (variant, function) = (ident(&it.name), snake_ident(&it.name));
            let text =
                format!("[`{variant}`](Self::{variant}) with everything else at its default.");
            let doc = variant_doc(it, "").with_text(text).print();
            quote! {
                #doc
                pub fn #function() -> Self {
                    Self::#variant(Default::default())
                }
            }
        });
        let functions: Vec<_> = functions.collect();
        if functions.is_empty() {
            return TokenStream::new();
        }
        let name = ident(name);
        quote!(impl #name { #(#functions)* })
    }

    /// Getters for strings that most cases carry.
    fn accessors(&self, name: &str, arms: &[Arm]) -> Result<TokenStream> {
        let properties = self.tables.accessors.iter().filter(|it| it.0 == name).map(|it| it.1);
        let mut methods = Vec::new();
        for wire in properties {
            let mut values = Vec::new();
            for arm in arms {
                let body = arm.payload.as_ref().and_then(|it| self.struct_of(it));
                let field = body.and_then(|it| it.fields.iter().find(|it| it.wire == wire));
                let Some(field) = field else { continue };
                if field.schema.get("type") != Some(&"string".into()) {
                    return Err(Error::at(wire, "is no string in every case"));
                }
                let (variant, method) = (ident(&arm.name), snake_ident(wire));
                let value = if field.presence == Presence::Required {
                    quote!(Some(&it.#method))
                } else {
                    quote!(it.#method.as_deref())
                };
                values.push(quote!(Self::#variant(it) => #value));
            }
            // Where no case has it yet the function is there all the same: code may ask for it.
            if !values.is_empty() {
                self.tables.mark_accessor(name, wire);
            }
            let rest = (values.len() < arms.len()).then(|| quote!(_ => None,));
            let (method, doc) = (snake_ident(wire), format!(" The `{wire}`, if the case has it."));
            methods.push(quote! {
                #[doc = #doc]
                pub fn #method(&self) -> Option<&str> {
                    match self {
                        #(#values,)*
                        Self::Unrecognized(it) => it.get(#wire)?.as_str(),
                        #rest
                    }
                }
            });
        }
        if methods.is_empty() {
            return Ok(TokenStream::new());
        }
        let name = ident(name);
        Ok(quote!(impl #name { #(#methods)* }))
    }

    fn struct_of(&self, schema: &Value) -> Option<&Struct> {
        match &self.types.get(reference(schema)?)?.shape {
            Shape::Struct(it) => Some(it),
            _ => None,
        }
    }

    /// What tells the objects apart that are alternatives of untagged unions.
    pub(super) fn alternatives(&self) -> Result<TokenStream> {
        let mut targets = BTreeSet::new();
        for ty in self.types.values() {
            if let Shape::Untagged(arms) = &ty.shape {
                targets.extend(arms.iter().filter_map(|it| reference(it.payload.as_ref()?)));
            }
        }
        let mut res = TokenStream::new();
        for target in targets {
            let (ident, fits) = (ident(target), self.fits(target)?);
            res.extend(quote! {
                impl Alternative for #ident {
                    const FITS: &'static [Fit] = &[#(#fits),*];
                }
            });
        }
        Ok(res)
    }

    /// The objects that count as the type `target`.
    fn fits(&self, target: &str) -> Result<Vec<TokenStream>> {
        let body = match self.types.get(target).map(|it| &it.shape) {
            Some(Shape::Struct(it)) => it,
            Some(Shape::Untagged(arms)) => {
                let inner = arms.iter().filter_map(|it| reference(it.payload.as_ref()?));
                let fits = inner.map(|it| self.fits(it)).collect::<Result<Vec<_>>>()?;
                return Ok(fits.concat());
            }
            Some(Shape::Tagged { tag, .. }) => {
                return Ok(vec![quote!(Fit { required: &[#tag], values: &[], allowed: None })]);
            }
            _ => return Err(Error::new(format!("`{target}` is no object to tell apart"))),
        };
        let required = body.fields.iter().filter(|it| it.presence == Presence::Required);
        let required = required.map(|it| &it.wire);
        let values = body.fields.iter().filter_map(|it| {
            let Shape::Strings(arms) = &self.types.get(reference(&it.schema)?)?.shape else {
                return None;
            };
            let (wire, values) = (&it.wire, arms.iter().map(|it| &it.wire));
            Some(quote!((#wire, &[#(#values),*])))
        });
        let allowed = if body.closed {
            let all = body.fields.iter().map(|it| &it.wire);
            quote!(Some(&[#(#all),*]))
        } else {
            quote!(None)
        };
        Ok(vec![quote! {
            Fit { required: &[#(#required),*], values: &[#(#values),*], allowed: #allowed }
        }])
    }
}

/// How to see that a value is this alternative.
fn test(schema: &Value) -> Result<TokenStream> {
    if let Some(target) = reference(schema) {
        let target = ident(target);
        return Ok(quote!(Fits(#target::FITS)));
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => Ok(quote!(IsString)),
        Some("integer") if schema.get("format") == Some(&"int64".into()) => Ok(quote!(IsInteger)),
        Some("array") => Ok(quote!(IsArray)),
        _ => Err(Error::new("has an alternative that the generator cannot tell apart")),
    }
}

fn redacted_debug(name: &Ident, arms: &[Arm]) -> TokenStream {
    let arms = arms.iter().map(|it| {
        let (variant, label) = (ident(&it.name), &it.name);
        if it.payload.is_some() {
            quote!(Self::#variant(it) => f.debug_tuple(#label).field(it).finish())
        } else {
            quote!(Self::#variant => f.write_str(#label))
        }
    });
    quote! {
        impl std::fmt::Debug for #name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    #(#arms,)*
                    Self::Unrecognized(_) => {
                        f.debug_tuple("Unrecognized").field(&Redacted).finish()
                    }
                }
            }
        }
    }
}

/// The arguments of the macros: variants with a payload, and those without.
fn split(arms: &[Arm]) -> (Vec<TokenStream>, Vec<TokenStream>) {
    let (payloads, units): (Vec<&Arm>, Vec<&Arm>) =
        arms.iter().partition(|it| it.payload.is_some());
    let print = |arms: Vec<&Arm>| arms.into_iter().map(pair).collect();
    (print(payloads), print(units))
}

fn pair(arm: &Arm) -> TokenStream {
    let (ident, wire) = (ident(&arm.name), &arm.wire);
    quote!(#ident = #wire)
}
