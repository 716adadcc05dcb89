//! What the schema cannot say. Every entry must apply: one that no longer does is reported.

use std::{cell::RefCell, collections::BTreeSet};

use serde_json::Value;

use super::schema::{Bundle, reference_to};

#[path = "tables/pinned.rs"]
mod pinned;

/// A property whose name in the schema is not its name on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct FixUp {
    pub definition: &'static str,
    pub schema: &'static str,
    pub wire: &'static str,
}

/// A description in the place of the schema's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Description {
    pub definition: &'static str,
    /// What the description of the schema holds; empty where there is none.
    pub instead_of: &'static str,
    pub text: &'static str,
}

/// The tables, and which of their entries were of use.
#[derive(Debug)]
pub(super) struct Tables<'a> {
    pub fix_ups: &'a [FixUp],
    pub lost_maps: &'a [(&'a str, &'a str)],
    pub responses: &'a [(&'a str, &'a str)],
    pub other_responses: &'a [(&'a str, &'a str)],
    pub three_state: &'a [(&'a str, &'a str)],
    pub null_is_absence: &'a [(&'a str, &'a str)],
    pub secrets: &'a [(&'a str, &'a str)],
    pub experimental: &'a [(&'a str, &'a str)],
    pub accessors: &'a [(&'a str, &'a str)],
    pub constructors: &'a [(&'a str, &'a str)],
    pub open_strings: &'a [&'a str],
    pub variant_names: &'a [(&'a str, &'a str, &'a str)],
    pub extra_roots: &'a [&'a str],
    pub headings: &'a [&'a str],
    pub descriptions: &'a [Description],
    used: RefCell<BTreeSet<String>>,
}

const fn fix_up(definition: &'static str, schema: &'static str, wire: &'static str) -> FixUp {
    FixUp { definition, schema, wire }
}

impl Tables<'static> {
    /// The tables for the pinned schema.
    pub(super) fn pinned() -> Self {
        Self {
            fix_ups: pinned::FIX_UPS,
            lost_maps: pinned::LOST_MAPS,
            responses: pinned::RESPONSES,
            other_responses: pinned::OTHER_RESPONSES,
            three_state: pinned::THREE_STATE,
            null_is_absence: pinned::NULL_IS_ABSENCE,
            secrets: pinned::SECRETS,
            experimental: pinned::EXPERIMENTAL,
            accessors: pinned::ACCESSORS,
            constructors: pinned::CONSTRUCTORS,
            open_strings: pinned::OPEN_STRINGS,
            variant_names: pinned::VARIANT_NAMES,
            extra_roots: pinned::EXTRA_ROOTS,
            headings: pinned::HEADINGS,
            descriptions: pinned::DESCRIPTIONS,
            used: RefCell::default(),
        }
    }
}

impl Tables<'_> {
    /// Renames the properties of the fix-up table, and says what lost maps hold.
    pub(super) fn fix(&self, bundle: &mut Bundle) {
        for it in self.fix_ups {
            let found = bundle.definitions.get_mut(it.definition);
            if found.is_some_and(|schema| rename_property(schema, it.schema, it.wire)) {
                self.mark("fix-up", &[it.definition, it.schema]);
            }
        }
        for (definition, values) in self.lost_maps {
            if let Some(Value::Object(map)) = bundle.definitions.get_mut(*definition)
                && !map.contains_key("properties")
                && !map.contains_key("additionalProperties")
            {
                map.insert("additionalProperties".to_owned(), reference_to(values));
                self.mark("lost map", &[definition]);
            }
        }
    }

    pub(super) fn response(&self, method: &str) -> Option<&str> {
        let (_, res) = self.responses.iter().find(|it| it.0 == method)?;
        self.mark("response", &[method]);
        Some(res)
    }

    /// The response in another runtime, where the rule leads to none.
    pub(super) fn other_response(&self, method: &str) -> Option<&str> {
        self.other_responses.iter().find(|it| it.0 == method).map(|it| it.1)
    }

    pub(super) fn is_three_state(&self, ty: &str, wire: &str) -> bool {
        self.has_pair(self.three_state, "three-state field", ty, wire)
    }

    /// Some other type has a property of this name for which null is a third thing.
    pub(super) fn is_three_state_elsewhere(&self, wire: &str) -> bool {
        self.three_state.iter().any(|it| it.1 == wire)
    }

    pub(super) fn is_null_absence(&self, ty: &str, wire: &str) -> bool {
        self.has_pair(self.null_is_absence, "reviewed null", ty, wire)
    }

    pub(super) fn is_experimental(&self, union: &str, wire: &str) -> bool {
        self.has_pair(self.experimental, "experimental case", union, wire)
    }

    /// Notes that a case of the union has the string.
    pub(super) fn mark_accessor(&self, union: &str, wire: &str) {
        self.mark("accessor", &[union, wire]);
    }

    /// Whether the type can be made from this property alone, also if that is all it has.
    pub(super) fn is_constructor(&self, ty: &str, wire: &str) -> bool {
        self.has_pair(self.constructors, "constructor", ty, wire)
    }

    pub(super) fn is_secret(&self, ty: &str, wire: &str) -> bool {
        self.has_pair(self.secrets, "secret", ty, wire)
    }

    pub(super) fn is_open_string(&self, ty: &str) -> bool {
        let res = self.open_strings.contains(&ty);
        if res {
            self.mark("open string", &[ty]);
        }
        res
    }

    pub(super) fn variant_name(&self, union: &str, wire: &str) -> Option<&str> {
        let (.., res) = self.variant_names.iter().find(|it| it.0 == union && it.1 == wire)?;
        self.mark("variant name", &[union, wire]);
        Some(res)
    }

    /// The description without a heading before it, if anything is left.
    pub(super) fn without_heading<'t>(&self, text: &'t str) -> Option<&'t str> {
        let heading = self.headings.iter().find(|it| text.starts_with(**it));
        let rest = heading.map_or(text, |it| {
            self.mark("heading", &[it]);
            text[it.len()..].trim_start()
        });
        (!rest.is_empty()).then_some(rest)
    }

    /// The text to take instead of the schema's description of a definition.
    pub(super) fn description(&self, definition: &str, original: Option<&str>) -> Option<&str> {
        let res = self.descriptions.iter().find(|it| it.definition == definition)?;
        let applies = match original {
            Some(it) => !res.instead_of.is_empty() && it.contains(res.instead_of),
            None => res.instead_of.is_empty(),
        };
        if !applies {
            return None;
        }
        self.mark("description", &[definition]);
        Some(res.text)
    }

    /// Notes that an extra root exists and that nothing else leads to it.
    pub(super) fn mark_extra_root(&self, name: &str) {
        self.mark("extra root", &[name]);
    }

    /// The entries that did not apply to the schema.
    pub(super) fn stale(&self) -> Vec<String> {
        let pairs = |kind, entries: &[(&str, &str)]| -> Vec<String> {
            entries.iter().map(|it| label(kind, &[it.0, it.1])).collect()
        };
        let singles = |kind, entries: &[&str]| -> Vec<String> {
            entries.iter().map(|it| label(kind, &[it])).collect()
        };
        let mut all = Vec::new();
        all.extend(self.fix_ups.iter().map(|it| label("fix-up", &[it.definition, it.schema])));
        all.extend(self.lost_maps.iter().map(|it| label("lost map", &[it.0])));
        all.extend(self.responses.iter().map(|it| label("response", &[it.0])));
        all.extend(pairs("three-state field", self.three_state));
        all.extend(pairs("reviewed null", self.null_is_absence));
        all.extend(pairs("secret", self.secrets));
        all.extend(pairs("experimental case", self.experimental));
        all.extend(pairs("accessor", self.accessors));
        all.extend(pairs("constructor", self.constructors));
        all.extend(singles("open string", self.open_strings));
        all.extend(self.variant_names.iter().map(|it| label("variant name", &[it.0, it.1])));
        all.extend(singles("extra root", self.extra_roots));
        all.extend(singles("heading", self.headings));
        all.extend(self.descriptions.iter().map(|it| label("description", &[it.definition])));
        let used = self.used.borrow();
        all.retain(|it| !used.contains(it));
        all
    }

    fn has_pair(&self, table: &[(&str, &str)], kind: &str, ty: &str, wire: &str) -> bool {
        let res = table.contains(&(ty, wire));
        if res {
            self.mark(kind, &[ty, wire]);
        }
        res
    }

    fn mark(&self, kind: &str, key: &[&str]) {
        self.used.borrow_mut().insert(label(kind, key));
    }
}

fn label(kind: &str, key: &[&str]) -> String {
    format!("{kind} `{}`", key.join("."))
}

/// Renames a property wherever `schema` declares it. Returns whether it did.
fn rename_property(schema: &mut Value, from: &str, to: &str) -> bool {
    let mut res = false;
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get_mut("properties")
                && let Some(it) = properties.remove(from)
            {
                properties.insert(to.to_owned(), it);
                res = true;
            }
            if let Some(Value::Array(required)) = map.get_mut("required") {
                for it in required.iter_mut().filter(|it| *it == from) {
                    *it = Value::String(to.to_owned());
                }
            }
            for it in map.values_mut() {
                res |= rename_property(it, from, to);
            }
        }
        Value::Array(items) => {
            for it in items {
                res |= rename_property(it, from, to);
            }
        }
        _ => (),
    }
    res
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tables() -> Tables<'static> {
        Tables {
            fix_ups: const { &[fix_up("A", "turn_id", "turnId"), fix_up("B", "gone", "Gone")] },
            lost_maps: &[("Map", "A")],
            responses: &[("a/b", "CResponse")],
            other_responses: &[("a/c", "CResponse")],
            three_state: &[("A", "x")],
            null_is_absence: &[],
            secrets: &[],
            experimental: &[],
            accessors: &[],
            constructors: &[],
            open_strings: &[],
            variant_names: &[],
            extra_roots: &[],
            headings: &["NEW"],
            descriptions: const {
                &[
                    Description { definition: "A", instead_of: "old", text: "new" },
                    Description { definition: "B", instead_of: "", text: "new" },
                ]
            },
            used: RefCell::default(),
        }
    }

    #[test]
    fn a_fix_up_renames_the_property_wherever_the_definition_declares_it() {
        let arm =
            json!({ "properties": { "turn_id": { "type": "string" } }, "required": ["turn_id"] });
        let schema = json!({ "definitions": { "A": { "oneOf": [arm] }, "B": {} } });
        let mut bundle = Bundle::parse("x.json", &schema.to_string()).unwrap();
        let tables = tables();
        tables.fix(&mut bundle);
        let arm = &bundle.definitions["A"]["oneOf"][0];
        assert_eq!(arm["properties"], json!({ "turnId": { "type": "string" } }));
        assert_eq!(arm["required"], json!(["turnId"]));
        assert!(tables.stale().contains(&"fix-up `B.gone`".to_owned()), "{:?}", tables.stale());
        assert!(!tables.stale().contains(&"fix-up `A.turn_id`".to_owned()));
    }

    #[test]
    fn a_lost_map_gets_its_values_unless_the_schema_has_them_by_now() {
        let fixed = |schema: Value| {
            let schema = json!({ "definitions": { "A": {}, "Map": schema } });
            let mut bundle = Bundle::parse("x.json", &schema.to_string()).unwrap();
            let tables = tables();
            tables.fix(&mut bundle);
            let applied = !tables.stale().contains(&"lost map `Map`".to_owned());
            (bundle.definitions["Map"]["additionalProperties"].clone(), applied)
        };
        assert_eq!(fixed(json!({ "type": "object" })), (reference_to("A"), true));
        let known = json!({ "type": "object", "additionalProperties": true });
        assert_eq!(fixed(known), (json!(true), false));
    }

    #[test]
    fn an_entry_is_stale_until_it_applies() {
        let tables = tables();
        let stale = |what: &str| tables.stale().iter().any(|it| it == what);
        assert!(stale("response `a/b`") && stale("three-state field `A.x`"));
        assert_eq!(tables.response("a/b"), Some("CResponse"));
        assert!(tables.is_three_state("A", "x") && !tables.is_three_state("A", "y"));
        assert!(!stale("response `a/b`") && !stale("three-state field `A.x`"));
    }

    #[test]
    fn what_only_other_runtimes_need_is_never_stale() {
        let tables = tables();
        assert_eq!(tables.response("a/c"), None);
        assert_eq!(tables.other_response("a/c"), Some("CResponse"));
        assert!(!tables.stale().iter().any(|it| it.contains("a/c")), "{:?}", tables.stale());
    }

    #[test]
    fn headings_are_cut_off() {
        let tables = tables();
        assert_eq!(tables.without_heading("NEW Sent when."), Some("Sent when."));
        assert_eq!(tables.without_heading("NEW"), None);
        assert_eq!(tables.without_heading("Old."), Some("Old."));
    }

    #[test]
    fn a_description_takes_the_place_of_the_one_it_was_written_for() {
        let tables = tables();
        let stale = |what: &str| tables.stale().iter().any(|it| it == what);
        for (definition, original) in
            [("A", Some("changed")), ("A", None), ("B", Some("described now")), ("C", None)]
        {
            assert_eq!(tables.description(definition, original), None);
        }
        assert!(stale("description `A`") && stale("description `B`"));
        assert_eq!(tables.description("A", Some("the old one")), Some("new"));
        assert_eq!(tables.description("B", None), Some("new"));
        assert!(!stale("description `A`") && !stale("description `B`"));
    }
}
