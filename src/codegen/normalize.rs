//! From the schema's definitions to the closed set of shapes in `ir`.
//!
//! Titles are ignored: they repeat across definitions of different shape. A schema that fits no
//! rule is an error that names the definition, never a guess.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Error, Result,
    ir::{Field, Shape, Struct, Type, Types},
    names,
    properties::{self, Members},
    schema::{Bundle, reference_to},
    tables::Tables,
    unions::string_values,
};

/// Definitions that are envelopes or roots, not types of the protocol.
const ENVELOPES: [&str; 10] = [
    "ClientNotification",
    "ClientRequest",
    "JSONRPCError",
    "JSONRPCErrorError",
    "JSONRPCMessage",
    "JSONRPCNotification",
    "JSONRPCRequest",
    "JSONRPCResponse",
    "ServerNotification",
    "ServerRequest",
];

/// Turns every definition of `bundle` into a type.
pub(super) fn normalize(bundle: &Bundle, tables: &Tables<'_>) -> Result<Types> {
    let mut res = Normalizer { tables, types: BTreeMap::new() };
    for (name, schema) in &bundle.definitions {
        if ENVELOPES.contains(&name.as_str()) || names::is_nullable_wrapper(name) {
            continue;
        }
        let ty = res.define(name, schema).map_err(|it| it.within(name))?;
        res.insert(name, ty)?;
    }
    Ok(res.types)
}

/// The types found so far.
pub(super) struct Normalizer<'a> {
    pub tables: &'a Tables<'a>,
    pub(super) types: Types,
}

impl Normalizer<'_> {
    fn define(&mut self, name: &str, schema: &Value) -> Result<Type> {
        let shape = self.shape(name, schema)?;
        let original = description(schema);
        let ours = self.tables.description(name, original.as_deref()).map(str::to_owned);
        Ok(Type::new(ours.or(original), shape))
    }

    pub(super) fn insert(&mut self, name: &str, ty: Type) -> Result<()> {
        names::check_type_name(name)?;
        match self.types.insert(name.to_owned(), ty) {
            None => Ok(()),
            Some(_) => Err(Error::at(name, "two schemas want this name")),
        }
    }

    /// Gives an inline schema a name of its own and returns the reference to it.
    pub(super) fn lift(&mut self, name: &str, schema: &Value) -> Result<Value> {
        let ty = self.define(name, schema)?;
        self.insert(name, ty)?;
        Ok(reference_to(name))
    }

    fn shape(&mut self, name: &str, schema: &Value) -> Result<Shape> {
        if let Some(arms) = alternatives(schema) {
            return self.union(name, schema, arms);
        }
        if let Some(values) = string_values(schema) {
            return Ok(Shape::Strings(self.string_arms(name, values, None)?));
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => self.object(name, schema),
            Some("string") if self.tables.is_open_string(name) => Ok(Shape::OpenString),
            Some("string") => Ok(Shape::Alias(json!({ "type": "string" }))),
            _ => Err(Error::new("has a shape that the generator does not know")),
        }
    }

    pub(crate) fn object(&mut self, name: &str, schema: &Value) -> Result<Shape> {
        let is_message = ["Params", "Response", "Notification"].iter().any(|it| name.ends_with(it));
        if schema.get("properties").is_none() && !is_message {
            return Ok(Shape::Alias(self.property(name, "value", schema)?.0));
        }
        if schema.get("properties").is_none()
            && matches!(schema.get("additionalProperties"), Some(Value::Object(_)))
        {
            return Err(Error::new(
                "is a message that is a map, which the generator does not know",
            ));
        }
        let members = Members::of(schema)?;
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        Ok(Shape::Struct(self.members(name, &members, closed)?))
    }

    pub(super) fn members(
        &mut self,
        name: &str,
        members: &Members,
        closed: bool,
    ) -> Result<Struct> {
        let mut fields = Vec::new();
        for (wire, schema) in &members.properties {
            let field = self.field(name, wire, schema, members.required.contains(wire));
            fields.push(field.map_err(|it| it.within(wire))?);
        }
        let choice = members.choice.clone();
        Ok(Struct { fields, tag: None, closed, choice })
    }

    fn field(&mut self, parent: &str, wire: &str, schema: &Value, required: bool) -> Result<Field> {
        let (inner, nullable) = self.property(parent, wire, schema)?;
        Ok(Field {
            wire: wire.to_owned(),
            doc: description(schema),
            presence: properties::presence(self.tables, parent, wire, schema, required, nullable),
            schema: inner,
            nullable,
            experimental: false,
            since: Default::default(),
        })
    }
}

/// The description, if it says anything.
pub(super) fn description(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The arms of `oneOf` or `anyOf`.
pub(crate) fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn types(definitions: &Value) -> Result<Types> {
        let bundle = json!({ "definitions": definitions }).to_string();
        normalize(&Bundle::parse("x.json", &bundle)?, &Tables::pinned())
    }

    pub(crate) fn error(schema: &Value) -> String {
        types(&json!({ "Thing": schema })).unwrap_err().to_string()
    }

    pub(crate) fn object(properties: &Value, required: &[&str]) -> Value {
        json!({ "type": "object", "properties": properties, "required": required })
    }

    pub(crate) fn constant(value: &str) -> Value {
        json!({ "type": "string", "enum": [value] })
    }

    #[test]
    fn empty_objects_are_structs_when_they_are_messages_and_maps_when_not() {
        let empty = json!({ "type": "object" });
        let types = types(&json!({ "ThingParams": empty, "Extra": empty })).unwrap();
        assert!(matches!(types["ThingParams"].shape, Shape::Struct(_)));
        assert!(matches!(types["Extra"].shape, Shape::Alias(_)));
    }

    #[test]
    fn inline_objects_get_a_name() {
        let inner = object(&json!({ "x": { "type": "string" } }), &[]);
        let schema = object(&json!({ "inner": { "type": "array", "items": inner } }), &[]);
        let types = types(&json!({ "Thing": schema })).unwrap();
        assert!(types.contains_key("ThingInner"), "{types:?}");
    }

    #[test]
    fn an_unknown_shape_is_an_error_that_names_the_definition() {
        assert_eq!(
            error(&json!({ "type": "null" })),
            "`Thing`: has a shape that the generator does not know"
        );
        let tuple = json!({ "type": "array", "items": [{ "type": "string" }] });
        let schema = object(&json!({ "pair": tuple }), &[]);
        assert!(error(&schema).starts_with("`Thing`: `pair`: "), "{}", error(&schema));
        let schema = object(&json!({ "x": { "type": "string", "pattern": "a" } }), &[]);
        assert!(error(&schema).contains("does not know: "), "{}", error(&schema));
        let both = json!({ "allOf": [{ "type": "string" }, { "type": "string" }] });
        let schema = object(&json!({ "x": both }), &[]);
        assert_eq!(error(&schema), "`Thing`: `x`: combines several schemas with allOf");
    }
}
