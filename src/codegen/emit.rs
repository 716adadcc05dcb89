//! Prints the module.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use serde_json::Value;

use super::{
    Error, Result,
    docs::{Doc, Roles},
    graph,
    ir::{Arm, Shape, Type, Types},
    methods::Methods,
    names,
    schema::reference,
    since::Release,
    tables::Tables,
    types::Translator,
};

#[path = "emit/guard.rs"]
mod guard;
#[path = "emit/methods.rs"]
mod methods;
#[path = "emit/paged.rs"]
mod paged;
#[path = "emit/print.rs"]
mod print;
#[path = "emit/structs.rs"]
mod structs;
#[path = "emit/unions.rs"]
mod unions;

use guard::Guarded;
use print::print;

/// The source of the module.
pub(super) fn emit(
    types: &Types,
    methods: &Methods,
    tables: &Tables<'_>,
    runtime_version: &str,
) -> Result<String> {
    let streamed = streamed(types, methods)?;
    let roles = Roles::of(types, methods);
    let mut emitter = Emitter {
        types,
        tables,
        roles,
        streamed,
        guarded: Guarded::of(types),
        secretive: graph::holders(types, |name, field| tables.is_secret(name, &field.wire)),
        translator: Translator::new(types)?,
    };
    let mut items = vec![quote! {
        /// The version of the runtime whose schema these types come from.
        pub const RUNTIME_VERSION: &str = #runtime_version;
    }];
    let releases = guard::releases(types, &methods.requests);
    items.extend(releases.into_iter().map(Release::constant));
    for (name, ty) in types {
        items.push(emitter.item(name, ty).map_err(|it| it.within(name))?);
        items.push(emitter.guard(name, ty).map_err(|it| it.within(name))?);
    }
    items.push(emitter.alternatives()?);
    items.push(emitter.serde_impls());
    items.push(methods::emit(methods, &emitter.guarded)?);
    for it in &methods.requests {
        items.push(emitter.paged(it).map_err(|error| error.within(&it.method))?);
    }
    print(quote!(#(#items)*))
}

/// Tables of all types and methods. The file that includes them defines what is in them: the
/// functions `ty::<Type>()`, `request::<Params>()`, `call::<Params>()`, `notification::<Params>()` and
/// what they return.
pub(super) fn registry(types: &Types, methods: &Methods) -> Result<String> {
    let (names, idents): (Vec<_>, Vec<_>) = types.keys().map(|it| (it, ident(it))).unzip();
    let requests = methods.requests.iter().map(|it| ident(&it.params));
    let calls = methods.server_requests.iter().map(|it| ident(&it.params));
    let told = methods.notifications.iter().filter(|it| it.exclusive).map(|it| ident(&it.params));
    print(quote! {
        pub(crate) fn types() -> Vec<(&'static str, Type)> {
            vec![#((#names, ty::<#idents>())),*]
        }
        pub(crate) fn requests() -> Vec<Method> {
            vec![#(request::<#requests>()),*]
        }
        pub(crate) fn calls() -> Vec<Method> {
            vec![#(call::<#calls>()),*]
        }
        pub(crate) fn notifications() -> Vec<(&'static str, &'static str)> {
            vec![#(notification::<#told>()),*]
        }
    })
}

/// What the emitting functions share.
struct Emitter<'a> {
    types: &'a Types,
    tables: &'a Tables<'a>,
    roles: Roles,
    /// The structs that decode without an intermediate value.
    streamed: BTreeSet<String>,
    guarded: Guarded,
    /// The types that hold a secret, at any depth.
    secretive: BTreeSet<String>,
    translator: Translator,
}

impl Emitter<'_> {
    fn item(&mut self, name: &str, ty: &Type) -> Result<TokenStream> {
        let doc = self.roles.describe(name, ty);
        let ident = ident(name);
        match &ty.shape {
            Shape::Struct(body) => self.struct_item(name, ty, body),
            Shape::Unit => Ok(structs::unit(&doc, &ident)),
            Shape::Strings(arms) => Ok(unions::strings(&doc, &ident, arms)),
            Shape::OpenString => Ok(quote!(open_string! { #doc #ident })),
            Shape::Tagged { tag, arms } => self.tagged(name, ty, tag, arms),
            Shape::External(arms) => self.external(name, ty, arms),
            Shape::Untagged(arms) => self.untagged(name, ty, arms),
            Shape::Alias(schema) => {
                let target = self.translator.ty(schema)?;
                Ok(quote!(#doc pub type #ident = #target;))
            }
        }
    }

    fn serde_impls(&self) -> TokenStream {
        let idents = |filter: &dyn Fn(&str, &Shape) -> bool| -> Vec<Ident> {
            self.types.iter().filter(|it| filter(it.0, &it.1.shape)).map(|it| ident(it.0)).collect()
        };
        let has_own = |shape: &Shape| {
            matches!(shape, Shape::Strings(_) | Shape::OpenString | Shape::Alias(_))
        };
        let serialize = idents(&|_, shape| !has_own(shape));
        let deserialize = idents(&|name, shape| !has_own(shape) && !self.streamed.contains(name));
        quote! {
            serialize_through_json! { #(#serialize)* }
            deserialize_through_json! { #(#deserialize)* }
        }
    }

    /// The Rust expression for a default of the schema.
    fn default_value(&self, schema: &Value, value: &Value) -> Result<TokenStream> {
        if is_intrinsic(value) {
            return match (kind_of(value), schema.get("type").and_then(Value::as_str)) {
                (kind, Some(ty)) if kind.contains(&ty) => Ok(quote!(Default::default())),
                _ => Err(Error::new(format!("has the default {value}, which is of another type"))),
            };
        }
        match value {
            Value::Bool(it) => Ok(quote!(#it)),
            Value::String(wire) => {
                let name = reference(schema).unwrap_or_default();
                let shape = self.types.get(name).map(|it| &it.shape);
                let Some(Shape::Strings(arms) | Shape::External(arms)) = shape else {
                    return Err(Error::new(format!("has the unknown default {value}")));
                };
                let arm = arms.iter().find(|it| it.wire == *wire && it.payload.is_none());
                let arm = arm.ok_or_else(|| Error::new(format!("has no variant for {value}")))?;
                let (union, variant) = (ident(name), ident(&arm.name));
                Ok(quote!(#union::#variant))
            }
            Value::Array(items) => {
                let inner = schema.get("items").unwrap_or(&Value::Null);
                let items = items.iter().map(|it| self.default_value(inner, it));
                let items = items.collect::<Result<Vec<_>>>()?;
                Ok(quote!(vec![#(#items),*]))
            }
            _ => Err(Error::new(format!("has the unknown default {value}"))),
        }
    }
}

/// The types of the schema that have such values.
fn kind_of(value: &Value) -> &'static [&'static str] {
    match value {
        Value::Null => &[],
        Value::Bool(_) => &["boolean"],
        Value::Number(_) => &["integer", "number"],
        Value::String(_) => &["string"],
        Value::Array(_) => &["array"],
        Value::Object(_) => &["object"],
    }
}

/// The default of the Rust type is the default of the schema.
fn is_intrinsic(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(it) => !it,
        Value::Number(it) => it.as_u64() == Some(0),
        Value::String(_) => false,
        Value::Array(it) => it.is_empty(),
        Value::Object(it) => it.is_empty(),
    }
}

/// The structs that a streaming notification consists of. Not those with a list: one element that
/// does not fit must not take the others along, and only the way through a value sees to that.
fn streamed(types: &Types, methods: &Methods) -> Result<BTreeSet<String>> {
    let roots = methods.notifications.iter().filter(|it| it.is_streaming());
    let mut res = graph::closure(types, roots.map(|it| it.params.as_str()))?;
    res.retain(|it| match &types[it].shape {
        Shape::Struct(body) => !body.fields.iter().any(|it| has_elements(types, &it.schema)),
        _ => false,
    });
    Ok(res)
}

/// Whether a value of `schema` is a list or a map.
fn has_elements(types: &Types, schema: &Value) -> bool {
    match reference(schema).and_then(|it| types.get(it)).map(|it| &it.shape) {
        Some(Shape::Alias(target)) => has_elements(types, target),
        Some(_) => false,
        None => matches!(schema.get("type").and_then(Value::as_str), Some("array" | "object")),
    }
}

fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// The name of a method or local for a type's name.
fn snake_ident(name: &str) -> Ident {
    let name = names::snake(name);
    syn::parse_str(&name).unwrap_or_else(|_| ident(&format!("{name}_")))
}

fn variant_doc(arm: &Arm, fallback: &str) -> Doc {
    Doc::new(arm.doc.as_deref(), fallback, arm.experimental).since(arm.since)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{
            ir::{Field, Presence, Struct},
            methods::Notification,
            schema::reference_to,
        },
        *,
    };

    fn with_field(schema: Value) -> Type {
        let (wire, presence) = ("x".to_owned(), Presence::Optional);
        let field = Field {
            wire,
            doc: None,
            schema,
            nullable: false,
            presence,
            experimental: false,
            since: Default::default(),
        };
        Type::new(None, Shape::Struct(Struct { fields: vec![field], ..Struct::default() }))
    }

    /// Whether a notification is streamed whose property has this schema.
    fn is_streamed(schema: Value) -> bool {
        let list = Shape::Alias(json!({ "type": "array", "items": { "type": "string" } }));
        let types = Types::from([
            ("Delta".to_owned(), with_field(schema)),
            ("List".to_owned(), Type::new(None, list)),
            ("Part".to_owned(), with_field(json!({ "type": "string" }))),
        ]);
        let notification = Notification {
            method: "text/delta".to_owned(),
            params: "Delta".to_owned(),
            variant: "Delta".to_owned(),
            exclusive: true,
            doc: None,
            experimental: false,
        };
        let methods = Methods { notifications: vec![notification], ..Methods::default() };
        streamed(&types, &methods).unwrap().contains("Delta")
    }

    #[test]
    fn what_streams_decodes_without_a_detour_unless_it_has_a_list() {
        assert!(is_streamed(json!({ "type": "string" })));
        assert!(is_streamed(reference_to("Part")));
        assert!(is_streamed(json!(true)));
        assert!(!is_streamed(json!({ "type": "array", "items": { "type": "string" } })));
        assert!(!is_streamed(json!({ "type": "object", "additionalProperties": true })));
        assert!(!is_streamed(reference_to("List")));
    }
}
