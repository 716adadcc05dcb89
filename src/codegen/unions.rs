//! Which kind of union the alternatives of a schema are.

use serde_json::{Map, Value, json};

use super::{
    Error, Result,
    ir::{Arm, Shape, Type},
    names,
    normalize::{Normalizer, description},
    properties::Members,
    schema::{reference, reference_to},
};

impl Normalizer<'_> {
    pub(super) fn union(&mut self, name: &str, schema: &Value, arms: &[Value]) -> Result<Shape> {
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

    pub(super) fn string_arms(
        &self,
        name: &str,
        values: &[Value],
        doc: Option<&str>,
    ) -> Result<Vec<Arm>> {
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
                since: Default::default(),
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
            // Also without properties: one that is added later is kept, and breaks nobody.
            let payload = self.payload_struct(name, &variant, &wire, tag, arm, &members)?;
            let doc = description(arm);
            res.push(Arm {
                name: variant,
                wire,
                doc,
                payload: Some(payload),
                experimental: false,
                since: Default::default(),
            });
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
                    match self.property(name, wire, payload)? {
                        (payload, false) => payload,
                        (_, true) => return Err(Error::at(wire, "has a payload that may be null")),
                    }
                };
                res.push(Arm {
                    name: variant,
                    wire: wire.to_owned(),
                    doc: description(arm),
                    payload: Some(payload),
                    experimental: false,
                    since: Default::default(),
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
                since: Default::default(),
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

pub(super) fn string_values(schema: &Value) -> Option<&Vec<Value>> {
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
    use super::{
        super::{
            ir::Presence,
            normalize::tests::{constant, error, object, types},
        },
        *,
    };

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
        assert_eq!(arms[1].payload.as_ref().and_then(reference), Some("NoneThing"));
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
        assert_eq!(body.choice, [["text"], ["blob"]]);
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
