//! Where null may mean something else than absence. The schema cannot say it; descriptions hint.

use super::{
    ir::{Presence, Shape, Types},
    tables::Tables,
};

/// The properties that a person has to look at, as `Type.property`: the client may leave them out
/// or send null, and a description speaks of null, or a property of that name is known for it.
/// Those that the tables decide, one way or the other, are left out.
pub(super) fn unreviewed(types: &Types, tables: &Tables<'_>) -> Vec<String> {
    let mut res = Vec::new();
    for (name, ty) in types.iter().filter(|it| it.1.input && it.1.copy_of.is_none()) {
        let Shape::Struct(body) = &ty.shape else { continue };
        let union = ty.payload_of.as_ref().and_then(|(union, _)| types.get(union));
        let hinted = hints_at_null(ty.doc.as_deref())
            || union.is_some_and(|it| hints_at_null(it.doc.as_deref()));
        for field in &body.fields {
            let is_open = field.presence == Presence::Optional && field.nullable;
            if is_open
                && (hinted
                    || hints_at_null(field.doc.as_deref())
                    || tables.is_three_state_elsewhere(&field.wire))
                && !tables.is_null_absence(name, &field.wire)
            {
                res.push(format!("{name}.{}", field.wire));
            }
        }
    }
    res
}

fn hints_at_null(doc: Option<&str>) -> bool {
    let words = |it: char| !it.is_alphanumeric();
    doc.is_some_and(|it| it.to_lowercase().split(words).any(|it| it == "null"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::ir::{Field, Struct, Type},
        *,
    };

    fn field(wire: &str, doc: Option<&str>) -> Field {
        Field {
            wire: wire.to_owned(),
            doc: doc.map(str::to_owned),
            schema: json!({ "type": "string" }),
            nullable: true,
            presence: Presence::Optional,
            experimental: false,
            since: Default::default(),
        }
    }

    #[test]
    fn a_property_whose_null_nobody_has_decided_is_reported() {
        let mut ty = Type::new(
            None,
            Shape::Struct(Struct {
                fields: vec![
                    field("colour", Some("Omit to keep it; `null` clears it.")),
                    field("shape", Some("Nullable, in a way.")),
                    field("serviceTier", None),
                    field("size", None),
                ],
                ..Struct::default()
            }),
        );
        ty.input = true;
        let mut types = Types::from([("ThingParams".to_owned(), ty)]);
        let tables = Tables::pinned();
        assert_eq!(unreviewed(&types, &tables), ["ThingParams.colour", "ThingParams.serviceTier"]);

        types.get_mut("ThingParams").unwrap().doc = Some("Null clears a property.".to_owned());
        assert_eq!(unreviewed(&types, &tables).len(), 4);
        let union = Type::new(Some("Null clears a property.".to_owned()), Shape::OpenString);
        types.insert("Things".to_owned(), union);
        let ty = types.get_mut("ThingParams").unwrap();
        ty.doc = None;
        assert_eq!(unreviewed(&types, &tables).len(), 2);
        let ty = types.get_mut("ThingParams").unwrap();
        ty.payload_of = Some(("Things".to_owned(), "thing".to_owned()));
        assert_eq!(unreviewed(&types, &tables).len(), 4);
        types.get_mut("ThingParams").unwrap().input = false;
        assert!(unreviewed(&types, &tables).is_empty());
    }
}
