//! From the schema's definitions to the closed set of shapes in `ir`.
//!
//! Titles are ignored: they repeat across definitions of different shape. A schema that fits no
//! rule is an error that names the definition, never a guess.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Error, Result,
    ir::{Arm, Field, Shape, Struct, Type, Types},
    names,
    properties::{self, Members},
    schema::{Bundle, reference, reference_to},
    tables::Tables,
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
    types: Types,
}

impl Normalizer<'_> {
    fn define(&mut self, name: &str, schema: &Value) -> Result<Type> {
        let shape = self.shape(name, schema)?;
        Ok(Type::new(description(schema), shape))
    }

    fn insert(&mut self, name: &str, ty: Type) -> Result<()> {
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

    fn object(&mut self, name: &str, schema: &Value) -> Result<Shape> {
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

    fn members(&mut self, name: &str, members: &Members, closed: bool) -> Result<Struct> {
        let mut fields = Vec::new();
        for (wire, schema) in &members.properties {
            let field = self.field(name, wire, schema, members.required.contains(wire));
            fields.push(field.map_err(|it| it.within(wire))?);
        }
        Ok(Struct { fields, tag: None, closed })
    }

    fn field(&mut self, parent: &str, wire: &str, schema: &Value, required: bool) -> Result<Field> {
        let (inner, nullable) = self.property(parent, wire, schema)?;
        Ok(Field {
            wire: wire.to_owned(),
            doc: description(schema),
            presence: properties::presence(self.tables, parent, wire, schema, required, nullable),
            schema: inner,
            experimental: false,
        })
    }

    fn union(&mut self, name: &str, schema: &Value, arms: &[Value]) -> Result<Shape> {
        if let Some(values) = self.strings_only(name, arms)? {
            return Ok(Shape::Strings(values));
        }
        if let Some(tag) = tag_of(arms) {
            return self.tagged(name, schema, arms, &tag);
        }
        let base = schema.get("properties").is_some();
        if !base && arms.iter().all(is_external_arm) {
            return self.external(name, arms);
        }
        if arms.iter().all(|it| it.get("properties").is_some()) {
            let members = Members::of(schema)?;
            return Ok(Shape::Struct(self.members(name, &members, false)?));
        }
        if base {
            return Err(Error::new("mixes properties with alternatives that are no objects"));
        }
        self.untagged(name, arms)
    }

    fn strings_only(&self, name: &str, arms: &[Value]) -> Result<Option<Vec<Arm>>> {
        let mut res = Vec::new();
        for arm in arms {
            let Some(values) = string_values(arm) else { return Ok(None) };
            res.extend(self.string_arms(name, values, description(arm).as_deref())?);
        }
        names::check_distinct(res.iter().map(|it| it.name.as_str()))?;
        Ok(Some(res))
    }

    fn string_arms(&self, name: &str, values: &[Value], doc: Option<&str>) -> Result<Vec<Arm>> {
        let arm = |value: &Value| {
            let wire = value
                .as_str()
                .ok_or_else(|| Error::new("enumerates something else than strings"))?;
            Ok(Arm {
                name: self.variant_name(name, wire)?,
                wire: wire.to_owned(),
                doc: doc.map(str::to_owned),
                payload: None,
                experimental: false,
            })
        };
        let res = values.iter().map(arm).collect::<Result<Vec<_>>>()?;
        names::check_distinct(res.iter().map(|it| it.name.as_str()))?;
        Ok(res)
    }

    fn tagged(&mut self, name: &str, schema: &Value, arms: &[Value], tag: &str) -> Result<Shape> {
        let base = Members::base(schema);
        let mut res = Vec::new();
        for arm in arms {
            let wire = tag_value(arm, tag).unwrap_or_default().to_owned();
            let variant = self.variant_name(name, &wire)?;
            let mut members = Members::of(arm)?;
            members.remove(tag);
            members.add_base(&base)?;
            let payload = if members.properties.is_empty() {
                None
            } else {
                Some(self.payload_struct(name, &variant, &wire, tag, arm, &members)?)
            };
            let doc = description(arm);
            res.push(Arm { name: variant, wire, doc, payload, experimental: false });
        }
        names::check_distinct(res.iter().map(|it| it.name.as_str()))?;
        Ok(Shape::Tagged { tag: tag.to_owned(), arms: res })
    }

    fn payload_struct(
        &mut self,
        union: &str,
        variant: &str,
        wire: &str,
        tag: &str,
        arm: &Value,
        members: &Members,
    ) -> Result<Value> {
        let name = format!("{variant}{union}");
        let mut body = self.members(&name, members, false)?;
        body.tag = Some(tag.to_owned());
        let mut ty = Type::new(description(arm), Shape::Struct(body));
        ty.payload_of = Some((union.to_owned(), wire.to_owned()));
        self.insert(&name, ty)?;
        Ok(reference_to(&name))
    }

    fn external(&mut self, name: &str, arms: &[Value]) -> Result<Shape> {
        let mut res = Vec::new();
        for arm in arms {
            if let Some(values) = string_values(arm) {
                res.extend(self.string_arms(name, values, description(arm).as_deref())?);
            } else if let Some((wire, payload)) = single_property(arm) {
                let variant = self.variant_name(name, wire)?;
                let inline = payload.get("properties").is_some();
                let payload = if inline {
                    let lifted = format!("{variant}{name}");
                    let reference = self.lift(&lifted, payload)?;
                    if let Some(ty) = self.types.get_mut(&lifted) {
                        ty.payload_of = Some((name.to_owned(), wire.to_owned()));
                    }
                    reference
                } else {
                    self.property(name, wire, payload)?.0
                };
                res.push(Arm {
                    name: variant,
                    wire: wire.to_owned(),
                    doc: description(arm),
                    payload: Some(payload),
                    experimental: false,
                });
            }
        }
        names::check_distinct(res.iter().map(|it| it.name.as_str()))?;
        Ok(Shape::External(res))
    }

    fn untagged(&mut self, name: &str, arms: &[Value]) -> Result<Shape> {
        let mut res = Vec::new();
        for arm in arms {
            let (payload, nullable) = self.property(name, "alternative", arm)?;
            if nullable {
                return Err(Error::new("has an alternative that is null"));
            }
            let variant = names::alternative(name, &payload)
                .ok_or_else(|| Error::new("has an alternative that the generator cannot name"))?;
            res.push(Arm {
                name: variant,
                wire: String::new(),
                doc: description(arm),
                payload: Some(payload),
                experimental: false,
            });
        }
        names::check_distinct(res.iter().map(|it| it.name.as_str()))?;
        Ok(Shape::Untagged(res))
    }

    fn variant_name(&self, union: &str, wire: &str) -> Result<String> {
        match self.tables.variant_name(union, wire) {
            Some(it) => Ok(it.to_owned()),
            None => names::variant(wire),
        }
    }
}

/// The description, if it says anything.
pub(super) fn description(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The arms of `oneOf` or `anyOf`.
pub(super) fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()
}

fn string_values(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("enum")?.as_array()
}

/// The property that is a different constant in every arm.
fn tag_of(arms: &[Value]) -> Option<String> {
    let candidates = arms.first()?.get("properties")?.as_object()?;
    let is_tag = |key: &String| {
        let mut values: Vec<_> = arms.iter().map(|arm| tag_value(arm, key)).collect();
        values.sort_unstable();
        values.dedup();
        values.len() == arms.len() && values.iter().all(Option::is_some)
    };
    candidates.keys().find(|key| is_tag(key)).cloned()
}

fn tag_value<'a>(arm: &'a Value, tag: &str) -> Option<&'a str> {
    let required = arm.get("required")?.as_array()?;
    if !required.iter().any(|it| it == tag) {
        return None;
    }
    match string_values(arm.get("properties")?.get(tag)?)?.as_slice() {
        [Value::String(it)] => Some(it),
        _ => None,
    }
}

fn is_external_arm(arm: &Value) -> bool {
    string_values(arm).is_some() || single_property(arm).is_some() || is_catch_all(arm)
}

/// The key and the value's schema of a closed object with one property.
fn single_property(arm: &Value) -> Option<(&String, &Value)> {
    let properties: &Map<String, Value> = arm.get("properties")?.as_object()?;
    let required = arm.get("required")?.as_array()?;
    let closed = arm.get("additionalProperties") == Some(&Value::Bool(false));
    (closed && properties.len() == 1 && required.len() == 1).then(|| properties.iter().next())?
}

/// The schema's own way to say that other strings and objects may follow.
fn is_catch_all(arm: &Value) -> bool {
    reference(arm).is_none() && arm.get("type") == Some(&json!(["string", "object"]))
}

#[cfg(test)]
mod tests {
    use super::super::ir::Presence;
    use super::*;

    fn types(definitions: &Value) -> Result<Types> {
        let bundle = json!({ "definitions": definitions }).to_string();
        normalize(&Bundle::parse("x.json", &bundle)?, &Tables::pinned())
    }

    fn error(schema: &Value) -> String {
        types(&json!({ "Thing": schema })).unwrap_err().to_string()
    }

    fn object(properties: &Value, required: &[&str]) -> Value {
        json!({ "type": "object", "properties": properties, "required": required })
    }

    fn constant(value: &str) -> Value {
        json!({ "type": "string", "enum": [value] })
    }

    #[test]
    fn objects_with_a_constant_become_a_tagged_union_of_structs() {
        let mut schema = json!({ "oneOf": [
            object(&json!({ "type": constant("big"), "size": { "type": "boolean" } }), &["type"]),
            object(&json!({ "type": constant("none") }), &["type"]),
        ]});
        let types = types(&json!({ "Thing": schema })).unwrap();
        let Shape::Tagged { tag, arms } = &types["Thing"].shape else { panic!("{types:?}") };
        assert_eq!(tag, "type");
        assert_eq!(arms[0].name, "Big");
        assert_eq!(arms[0].payload.as_ref().and_then(reference), Some("BigThing"));
        assert_eq!(arms[1].payload, None);
        assert_eq!(types["BigThing"].payload_of, Some(("Thing".into(), "big".into())));

        // Properties beside the alternatives belong to each of them.
        schema["properties"] = json!({ "id": { "type": "string" } });
        schema["required"] = json!(["id"]);
        let types = self::types(&json!({ "Thing": schema })).unwrap();
        let Shape::Struct(none) = &types["NoneThing"].shape else { panic!("{types:?}") };
        assert_eq!(none.fields[0].wire, "id");
        assert_eq!(none.fields[0].presence, Presence::Required);
    }

    #[test]
    fn strings_and_keyed_objects_become_an_external_union() {
        let keyed = json!({
            "type": "object", "properties": { "custom": { "type": "string" } },
            "required": ["custom"], "additionalProperties": false,
        });
        let catch_all = json!({ "type": ["string", "object"] });
        let schema =
            json!({ "anyOf": [{ "type": "string", "enum": ["a", "b"] }, keyed, catch_all] });
        let types = types(&json!({ "Thing": schema })).unwrap();
        let Shape::External(arms) = &types["Thing"].shape else { panic!("{types:?}") };
        let names: Vec<_> = arms.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["A", "B", "Custom"]);
    }

    #[test]
    fn strings_alone_become_an_enum_that_keeps_their_texts() {
        let arm = json!({ "type": "string", "enum": ["a"], "description": "The first." });
        let schema = json!({ "oneOf": [arm, constant("b")] });
        let types = types(&json!({ "Thing": schema })).unwrap();
        let Shape::Strings(arms) = &types["Thing"].shape else { panic!("{types:?}") };
        assert_eq!(arms[0].doc.as_deref(), Some("The first."));
        assert_eq!(arms[1].doc, None);
    }

    #[test]
    fn objects_without_a_constant_become_one_struct() {
        let text = object(
            &json!({ "uri": { "type": "string" }, "text": { "type": "string" } }),
            &["uri", "text"],
        );
        let blob = object(
            &json!({ "uri": { "type": "string" }, "blob": { "type": "string" } }),
            &["uri", "blob"],
        );
        let types = types(&json!({ "Thing": { "anyOf": [text, blob] } })).unwrap();
        let Shape::Struct(body) = &types["Thing"].shape else { panic!("{types:?}") };
        let fields: Vec<_> =
            body.fields.iter().map(|it| (it.wire.as_str(), &it.presence)).collect();
        let optional = &Presence::Optional;
        assert_eq!(fields, [("blob", optional), ("text", optional), ("uri", &Presence::Required)]);
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

    #[test]
    fn alternatives_that_disagree_are_an_error() {
        let text = object(&json!({ "a": { "type": "string" } }), &[]);
        let flag = object(&json!({ "a": { "type": "boolean" } }), &[]);
        let schema = json!({ "anyOf": [text, flag] });
        assert_eq!(error(&schema), "`Thing`: alternatives disagree about the property `a`");
    }

    #[test]
    fn a_lifted_name_that_is_taken_is_an_error() {
        let arm = object(&json!({ "type": constant("big"), "x": { "type": "string" } }), &["type"]);
        let other = object(&json!({ "type": constant("small") }), &["type"]);
        let union = json!({ "oneOf": [arm, other] });
        let definitions = json!({ "Thing": union, "BigThing": { "type": "string" } });
        let error = types(&definitions).unwrap_err().to_string();
        assert!(error.contains("`BigThing`: two schemas want this name"), "{error}");
    }
}
