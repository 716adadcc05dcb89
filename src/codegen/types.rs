//! The Rust names and types of properties, as typify sees them.
//!
//! Every named type is handed to typify as a replacement of itself, so that it resolves references
//! and leaves the definitions to `emit`.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use serde_json::{Map, Value, json};
use typify::{MapType, TypeDetails, TypeSpace, TypeSpaceSettings};

use super::{
    Error, Result,
    ir::{Struct, Types},
};

/// The name and the type of a field when it is present and not null.
#[derive(Clone, Debug)]
pub(super) struct FieldType {
    pub ident: syn::Ident,
    pub ty: TokenStream,
}

/// Translates schemas of properties to Rust.
pub(super) struct Translator {
    space: TypeSpace,
}

impl Translator {
    pub(super) fn new(types: &Types) -> Result<Self> {
        let mut settings = TypeSpaceSettings::default();
        settings.with_map_type(MapType::new("::std::collections::BTreeMap"));
        for name in types.keys() {
            settings.with_replacement(name, name, std::iter::empty());
        }
        let mut space = TypeSpace::new(&settings);
        let placeholders =
            types.keys().map(|it| (it.clone(), schemars::schema::Schema::Bool(true)));
        space.add_ref_types(placeholders).map_err(|it| failed(&it))?;
        Ok(Self { space })
    }

    /// The fields of `body` by their wire names.
    pub(super) fn fields(
        &mut self,
        name: &str,
        body: &Struct,
    ) -> Result<BTreeMap<String, FieldType>> {
        if body.fields.is_empty() {
            return Ok(BTreeMap::new());
        }
        // The description carries the wire name through typify, which does not tell it otherwise.
        let properties: Map<String, Value> = body
            .fields
            .iter()
            .map(|it| (it.wire.clone(), json!({ "allOf": [it.schema], "description": it.wire })))
            .collect();
        let required: Vec<&str> = body.fields.iter().map(|it| it.wire.as_str()).collect();
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        let id = self
            .space
            .add_type_with_name(&parse(&schema)?, Some(format!("{name}Fields")))
            .map_err(|it| failed(&it))?;
        let ty = self.space.get_type(&id).map_err(|it| failed(&it))?;
        let TypeDetails::Struct(details) = ty.details() else {
            return Err(Error::new("is no struct to typify"));
        };
        let mut res = BTreeMap::new();
        for it in details.properties_info() {
            let wire = it.description.unwrap_or_default().to_owned();
            let ty = self.space.get_type(&it.type_id).map_err(|it| failed(&it))?;
            let ident = syn::parse_str(it.name).map_err(|_| {
                Error::new(format!("the property `{wire}` gives no usable field name"))
            })?;
            res.insert(wire, FieldType { ident, ty: short(&ty.ident())? });
        }
        if res.len() == body.fields.len() {
            Ok(res)
        } else {
            Err(Error::new("loses properties in typify"))
        }
    }

    /// The type of one schema.
    pub(super) fn ty(&mut self, schema: &Value) -> Result<TokenStream> {
        let id = self.space.add_type(&parse(schema)?).map_err(|it| failed(&it))?;
        let ty = self.space.get_type(&id).map_err(|it| failed(&it))?;
        short(&ty.ident())
    }
}

fn parse(schema: &Value) -> Result<schemars::schema::Schema> {
    serde_json::from_value(schema.clone())
        .map_err(|it| Error::new(format!("not a schema: {it}: {schema}")))
}

fn failed(error: &typify::Error) -> Error {
    Error::new(format!("typify: {error}"))
}

/// Drops the paths that the module has in scope.
fn short(ty: &TokenStream) -> Result<TokenStream> {
    const PATHS: [&str; 7] = [
        "::std::string::",
        "::std::vec::",
        "::std::option::",
        "::std::boxed::",
        "::std::collections::",
        "::serde_json::",
        "::std::primitive::",
    ];
    let mut text: String = ty.to_string().split_whitespace().collect();
    for path in PATHS {
        text = text.replace(path, "");
    }
    syn::parse_str::<syn::Type>(&text)
        .map(|it| quote::quote!(#it))
        .map_err(|_| Error::new(format!("typify gave `{text}`, which is no type")))
}

#[cfg(test)]
mod tests {
    use super::super::{
        ir::{Field, Presence, Shape, Type},
        schema::reference_to,
    };
    use super::*;

    fn types() -> Types {
        Types::from([("Thing".to_owned(), Type::new(None, Shape::Struct(Struct::default())))])
    }

    fn field(wire: &str, schema: Value) -> Field {
        let presence = Presence::Required;
        Field {
            wire: wire.to_owned(),
            doc: None,
            schema,
            nullable: false,
            presence,
            experimental: false,
            since: Default::default(),
        }
    }

    #[test]
    fn fields_have_names_that_rust_takes() {
        let fields = vec![
            field("type", json!({ "type": "string" })),
            field("threadId", json!({ "type": "string" })),
            field("_meta", json!(true)),
        ];
        let body = Struct { fields, ..Struct::default() };
        let res = Translator::new(&types()).unwrap().fields("Thing", &body).unwrap();
        let names: Vec<_> =
            res.iter().map(|(wire, it)| (wire.as_str(), it.ident.to_string())).collect();
        let expected = [("_meta", "meta"), ("threadId", "thread_id"), ("type", "type_")];
        assert_eq!(names, expected.map(|it| (it.0, it.1.to_owned())));
    }

    #[test]
    fn schemas_become_types_without_paths() {
        let mut translator = Translator::new(&types()).unwrap();
        let list = json!({ "type": "array", "items": reference_to("Thing") });
        for (schema, ty) in [
            (json!({ "type": "string" }), "String"),
            (json!({ "type": "integer", "format": "uint16" }), "u16"),
            (json!({ "type": "number", "format": "double" }), "f64"),
            (json!(true), "Value"),
            (list.clone(), "Vec < Thing >"),
            (json!({ "type": "object", "additionalProperties": true }), "Map < String , Value >"),
            (
                json!({ "type": "object", "additionalProperties": list }),
                "BTreeMap < String , Vec < Thing > >",
            ),
        ] {
            assert_eq!(translator.ty(&schema).unwrap().to_string(), ty);
        }
    }
}
