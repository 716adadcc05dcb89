//! Structs: fields, construction, decoding.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{
    super::{
        Error, Result,
        docs::Doc,
        ir::{Field, Presence, Struct, Type},
        names,
        types::FieldType,
    },
    Emitter, ident, is_intrinsic,
};

/// A field with everything that is printed of it.
struct Printed<'a> {
    field: &'a Field,
    ident: Ident,
    /// The type of the value when it is present.
    inner: TokenStream,
    /// The type of the field.
    ty: TokenStream,
    /// The default, for fields that have one.
    default: TokenStream,
    secret: bool,
}

impl Printed<'_> {
    /// Numbers and flags are taken as they are: a literal could not infer its type otherwise.
    fn is_scalar(&self) -> bool {
        let ty = self.inner.to_string();
        matches!(
            ty.as_str(),
            "bool" | "f32" | "f64" | "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64"
        )
    }

    /// The type of a parameter for the value, and how it becomes the value.
    fn parameter(&self) -> (TokenStream, TokenStream) {
        let (ident, inner) = (&self.ident, &self.inner);
        let (ty, value) = if self.is_scalar() {
            (quote!(#inner), quote!(#ident))
        } else {
            (quote!(impl Into<#inner>), quote!(#ident.into()))
        };
        match self.field.presence {
            Presence::Nullable => (quote!(Option<#inner>), quote!(#ident)),
            Presence::ThreeState => (quote!(Option<#inner>), quote!(Some(#ident))),
            Presence::Optional => (ty, quote!(Some(#value))),
            Presence::Required | Presence::Default(_) => (ty, value),
        }
    }
}

impl Emitter<'_> {
    pub(super) fn struct_item(
        &mut self,
        name: &str,
        ty: &Type,
        body: &Struct,
    ) -> Result<TokenStream> {
        // A copy holds the same secrets.
        let original = ty.copy_of.as_deref().unwrap_or(name);
        let fields = self.printed(name, original, body)?;
        let doc = self.roles.describe(name, ty);
        let has_default =
            ty.input && body.choice.is_empty() && !body.fields.iter().any(Field::is_required);
        let declaration = declaration(&doc, &ident(name), &fields, has_default);
        let json = json(&ident(name), body, ty, &fields);
        let construction = if ty.input {
            let mut wires = body.fields.iter().map(|it| it.wire.as_str());
            let alone = wires.find(|it| self.tables.is_constructor(name, it));
            construction(&ident(name), body, &fields, alone)
        } else {
            TokenStream::new()
        };
        let stream = if self.streamed.contains(name) {
            stream(&ident(name), &fields)
        } else {
            TokenStream::new()
        };
        Ok(quote!(#declaration #construction #json #stream))
    }

    fn printed<'f>(
        &mut self,
        name: &str,
        original: &str,
        body: &'f Struct,
    ) -> Result<Vec<Printed<'f>>> {
        let mut types = self.translator.fields(name, body)?;
        let (mut res, mut idents) = (Vec::new(), BTreeSet::new());
        for field in &body.fields {
            let Some(FieldType { ident, ty: inner }) = types.remove(&field.wire) else {
                return Err(Error::new(format!("lost the property `{}`", field.wire)));
            };
            if ident == names::REST || ident == "new" || !idents.insert(ident.to_string()) {
                return Err(Error::new(format!("the property `{}` has a taken name", field.wire)));
            }
            let ty = match field.presence {
                Presence::Required | Presence::Default(_) => inner.clone(),
                Presence::Nullable | Presence::Optional => quote!(Option<#inner>),
                Presence::ThreeState => quote!(Option<Option<#inner>>),
            };
            let default = if let Presence::Default(it) = &field.presence {
                self.default_value(&field.schema, it)?
            } else {
                quote!(Default::default())
            };
            let secret = self.tables.is_secret(original, &field.wire);
            res.push(Printed { field, ident, inner, ty, default, secret });
        }
        Ok(res)
    }
}

/// The params of a method that has none.
pub(super) fn unit(doc: &TokenStream, name: &Ident) -> TokenStream {
    quote! {
        #doc
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct #name;
        impl #name {
            /// The params, which are null.
            pub fn new() -> Self {
                Self
            }
        }
        unit_params!(#name);
    }
}

fn declaration(
    doc: &TokenStream,
    name: &Ident,
    fields: &[Printed<'_>],
    has_default: bool,
) -> TokenStream {
    let parts = fields.iter().map(|it| {
        let doc = field_doc(it.field).print();
        let (ident, ty) = (&it.ident, &it.ty);
        quote!(#doc pub #ident: #ty)
    });
    let secret = fields.iter().any(|it| it.secret);
    let debug = (!secret).then(|| quote!(Debug,));
    let intrinsic = fields.iter().all(|it| match &it.field.presence {
        Presence::Default(it) => is_intrinsic(it),
        _ => true,
    });
    let derived_default = (has_default && intrinsic).then(|| quote!(Default,));
    let default = (has_default && !intrinsic).then(|| {
        let values = fields.iter().map(initial);
        quote! {
            impl Default for #name {
                fn default() -> Self {
                    Self { #(#values,)* unrecognized: ExtraFields::default() }
                }
            }
        }
    });
    let redacted = secret.then(|| redacted_debug(name, fields));
    quote! {
        #doc
        #[derive(Clone, #debug #derived_default PartialEq)]
        #[non_exhaustive]
        pub struct #name {
            #(#parts,)*
            /// Properties that this version of the protocol does not know, and elements that do not fit.
            pub unrecognized: ExtraFields,
        }
        #default
        #redacted
    }
}

fn field_doc(field: &Field) -> Doc {
    let fallback = format!("The property `{}`.", field.wire);
    let doc = Doc::new(field.doc.as_deref(), &fallback, field.experimental).since(field.since);
    match &field.presence {
        Presence::ThreeState => doc.with(
            "Left out (`None`), null (`Some(None)`) and a value mean three different things.",
        ),
        Presence::Default(it) => doc.with(&format!("When absent: `{it}`.")),
        Presence::Required | Presence::Nullable | Presence::Optional => doc,
    }
}

fn initial(it: &Printed<'_>) -> TokenStream {
    let (ident, default) = (&it.ident, &it.default);
    quote!(#ident: #default)
}

fn redacted_debug(name: &Ident, fields: &[Printed<'_>]) -> TokenStream {
    let text = name.to_string();
    let parts = fields.iter().map(|it| {
        let ident = &it.ident;
        let label = ident.to_string();
        match (it.secret, &it.field.presence) {
            (false, _) => quote!(.field(#label, &self.#ident)),
            (true, Presence::Required) => quote!(.field(#label, &Redacted)),
            (true, _) => quote!(.field(#label, &self.#ident.as_ref().map(|_| Redacted))),
        }
    });
    quote! {
        impl std::fmt::Debug for #name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(#text) #(#parts)* .finish_non_exhaustive()
            }
        }
    }
}

/// `new` with what is required, ids first, and a setter for everything else. Where one of several
/// has to be there, a function for each of them, and one for `alone` in any case.
fn construction(
    name: &Ident,
    body: &Struct,
    fields: &[Printed<'_>],
    alone: Option<&str>,
) -> TokenStream {
    let mut required: Vec<_> = fields.iter().filter(|it| it.field.is_required()).collect();
    required.sort_by(|a, b| rank(&a.field.wire).cmp(&rank(&b.field.wire)));
    let mut functions = Vec::new();
    if body.choice.is_empty() {
        functions.push(constructor(&ident("new"), &required, fields));
        if let [it] = required.as_slice()
            && alone == Some(&it.field.wire)
        {
            functions.push(constructor(&from(&required), &required, fields));
        }
    }
    for choice in &body.choice {
        let chosen = fields.iter().filter(|it| choice.contains(&it.field.wire));
        let chosen: Vec<_> = chosen.collect();
        let given: Vec<_> = required.iter().chain(&chosen).copied().collect();
        functions.push(constructor(&from(&chosen), &given, fields));
    }
    let setters = fields.iter().filter(|it| !it.field.is_required()).map(setter);
    quote!(impl #name { #(#functions)* #(#setters)* })
}

/// The name of the function that makes a type from these.
fn from(chosen: &[&Printed<'_>]) -> Ident {
    let names: Vec<_> = chosen.iter().map(|it| it.ident.to_string()).collect();
    ident(&format!("from_{}", names.join("_and_")))
}

fn constructor(name: &Ident, given: &[&Printed<'_>], fields: &[Printed<'_>]) -> TokenStream {
    if given.is_empty() {
        return quote! {
            /// All properties left out or at their defaults.
            pub fn #name() -> Self {
                Default::default()
            }
        };
    }
    let params = given.iter().map(|it| {
        let (ident, ty) = (&it.ident, it.parameter().0);
        quote!(#ident: #ty)
    });
    let values = given.iter().map(|it| {
        let (ident, value) = (&it.ident, it.parameter().1);
        let shorthand = *ident == value.to_string();
        if shorthand { value } else { quote!(#ident: #value) }
    });
    let is_given = |it: &&Printed<'_>| given.iter().any(|given| given.ident == it.ident);
    let others = fields.iter().filter(|it| !is_given(it)).map(initial);
    quote! {
        /// These properties; all others left out or at their defaults.
        pub fn #name(#(#params),*) -> Self {
            Self { #(#values,)* #(#others,)* unrecognized: ExtraFields::default() }
        }
    }
}

/// Where a required property stands among the parameters of `new`: whose it is, then what it is
/// called or where it begins, then the rest. The schema's own order is that of the alphabet, which
/// would have the destination of a copy stand before its source.
fn rank(wire: &str) -> (u8, &str) {
    const IDS: [&str; 4] = ["Id", "_id", "Handle", "Key"];
    const FIRST: [&str; 6] = ["keyPath", "kind", "name", "path", "query", "role"];
    const BEGINNINGS: [&str; 2] = ["source", "start"];
    let group = if wire == "threadId" {
        0
    } else if wire == "id" || IDS.iter().any(|it| wire.ends_with(it)) {
        1
    } else if FIRST.contains(&wire) || BEGINNINGS.iter().any(|it| wire.starts_with(it)) {
        2
    } else {
        3
    };
    (group, wire)
}

fn setter(it: &Printed<'_>) -> TokenStream {
    let ident = &it.ident;
    let text = format!("Sets [`{ident}`](field@Self::{ident}).");
    let doc = field_doc(it.field).with_text(text).print();
    let (ty, value) = it.parameter();
    quote! {
        #doc
        #[must_use]
        pub fn #ident(mut self, #ident: #ty) -> Self {
            self.#ident = #value;
            self
        }
    }
}

/// Decoding from and encoding to a JSON value.
fn json(name: &Ident, body: &Struct, ty: &Type, fields: &[Printed<'_>]) -> TokenStream {
    let skip = body.tag.iter().map(|it| quote!(object.skip(#it);));
    let decode = fields.iter().map(|it| {
        let (ident, wire, default) = (&it.ident, &it.field.wire, &it.default);
        match &it.field.presence {
            Presence::Required => quote!(#ident: object.required(#wire)?),
            Presence::Nullable => quote!(#ident: object.nullable(#wire)?),
            Presence::Optional => quote!(#ident: object.optional(#wire)?),
            Presence::ThreeState => quote!(#ident: object.three_state(#wire)?),
            Presence::Default(it) if is_intrinsic(it) => quote!(#ident: object.or_default(#wire)?),
            Presence::Default(_) => quote!(#ident: object.or_else(#wire, || #default)?),
        }
    });
    let encode = fields.iter().map(|it| {
        let (ident, wire, default) = (&it.ident, &it.field.wire, &it.default);
        match &it.field.presence {
            Presence::Optional => quote!(.optional(#wire, self.#ident.to_json())),
            Presence::ThreeState => quote!(.three_state(#wire, self.#ident.as_ref())),
            // What only the client sends leaves defaults to the server.
            Presence::Default(_) if !ty.output => quote!(.unless(#wire, &self.#ident, &#default)),
            _ => quote!(.required(#wire, self.#ident.to_json())),
        }
    });
    let mutable = (body.tag.is_some() || !fields.is_empty()).then(|| quote!(mut));
    quote! {
        impl Json for #name {
            #[inline]
            fn from_json(value: &Value) -> Result<Self, DecodeError> {
                let #mutable object = Object::of(value)?;
                #(#skip)*
                Ok(Self { #(#decode,)* unrecognized: object.rest() })
            }
            #[inline]
            fn to_json(&self) -> Value {
                Fields::new(&self.unrecognized) #(#encode)* .finish()
            }
        }
    }
}

/// Decoding without an intermediate value, for what arrives in floods.
fn stream(name: &Ident, fields: &[Printed<'_>]) -> TokenStream {
    let parts = fields.iter().map(|it| {
        let (ident, ty, wire, default) = (&it.ident, &it.ty, &it.field.wire, &it.default);
        let absent = if it.field.is_required() { quote!(required) } else { quote!((#default)) };
        quote!(#ident: #ty = #wire, #absent;)
    });
    quote!(streamed_struct! { #name { #(#parts)* } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stand_in_the_order_in_which_one_thinks_of_them() {
        for order in [
            ["sourcePath", "destinationPath", "mode"],
            ["start", "end", "length"],
            ["path", "dataBase64", "mode"],
            ["threadId", "turnId", "input"],
            ["processHandle", "command", "cwd"],
            ["name", "description", "inputSchema"],
        ] {
            let mut sorted = order;
            sorted.sort_by_key(|it| rank(it));
            assert_eq!(sorted, order);
        }
    }
}
