//! The judgement of members: properties, values and cases.

use serde_json::Value;

use super::{
    super::generator::{
        ir::{Arm, Field, Presence, Struct, is_closed},
        schema::visit_references,
    },
    Action, Change, Direction, Kind,
    nodes::{Relation, describe},
    rules::{self, Rule},
    wire::{Event, Found, Walk, payload},
};

impl<'a> Walk<'a> {
    pub(super) fn structs(&mut self, name: &str, old: &'a Struct, new: &'a Struct) {
        self.fields(name, &old.fields, &new.fields);
        if self.direction == Direction::Client && old.choice != new.choice {
            self.choice(name, old, new);
        }
    }

    pub(super) fn fields(&mut self, name: &str, old: &'a [Field], new: &'a [Field]) {
        for it in old.iter().filter(|it| !new.iter().any(|new| new.wire == it.wire)) {
            let server = if it.is_required() {
                &rules::SERVER_REQUIRED_FIELD_REMOVED
            } else {
                &rules::SERVER_OPTIONAL_FIELD_REMOVED
            };
            let rule = self.pick(&rules::CLIENT_FIELD_REMOVED, server);
            let mut event = Event::new(Kind::Field, Action::Removed);
            event.old = Some(describe(&self.old.types, &it.schema));
            let subject = format!("{name}.{}", it.wire);
            self.note(rule, &subject, event, references(&it.schema), vec![]);
        }
        for it in new {
            let subject = format!("{name}.{}", it.wire);
            if let Some(older) = old.iter().find(|old| old.wire == it.wire) {
                self.field(&subject, older, it);
                continue;
            }
            let client = if it.is_required() {
                &rules::CLIENT_FIELD_ADDED_REQUIRED
            } else {
                &rules::CLIENT_FIELD_ADDED
            };
            let rule = self.pick(client, &rules::SERVER_FIELD_ADDED);
            let mut event = Event::new(Kind::Field, Action::Added);
            event.new = Some(describe(&self.new.types, &it.schema));
            self.note(rule, &subject, event, vec![], references(&it.schema));
        }
    }

    fn field(&mut self, subject: &str, old: &'a Field, new: &'a Field) {
        let loosened = old.is_required() && !new.is_required();
        let tightened = !old.is_required() && new.is_required();
        if loosened {
            let rule = self.pick(&rules::CLIENT_FIELD_OPTIONAL, &rules::SERVER_FIELD_OPTIONAL);
            let event = Event::changed(Kind::Requiredness, "required", "optional");
            self.note(rule, subject, event, vec![], vec![]);
        }
        if tightened {
            let rule = self.pick(&rules::CLIENT_FIELD_REQUIRED, &rules::SERVER_FIELD_REQUIRED);
            let event = Event::changed(Kind::Requiredness, "optional", "required");
            self.note(rule, subject, event, vec![], vec![]);
        }
        // What may be absent may usually be null, too: that is one change and not two.
        let implied = if new.nullable { loosened } else { tightened };
        if old.nullable != new.nullable && !implied {
            self.null(subject, old, new);
        }
        if !loosened && !tightened {
            self.default(subject, old, new);
        }
        let relation = self.schemas(&old.schema, &new.schema);
        self.retyped(subject, relation, &old.schema, &new.schema);
    }

    fn null(&mut self, subject: &str, old: &Field, new: &Field) {
        if new.nullable {
            let server = if old.presence == Presence::Required {
                &rules::SERVER_NULL_SENT
            } else {
                &rules::SERVER_NULL_IS_ABSENCE
            };
            let event = Event::changed(Kind::Nullability, "never null", "may be null");
            let rule = self.pick(&rules::CLIENT_NULL_TAKEN, server);
            self.note(rule, subject, event, vec![], vec![]);
        } else {
            let client = match old.presence {
                Presence::Nullable | Presence::ThreeState => &rules::CLIENT_NULL_REFUSED,
                _ => &rules::CLIENT_NULL_NEVER_SENT,
            };
            let event = Event::changed(Kind::Nullability, "may be null", "never null");
            let rule = self.pick(client, &rules::SERVER_NULL_GONE);
            self.note(rule, subject, event, vec![], vec![]);
        }
    }

    /// What absence means.
    fn default(&mut self, subject: &str, old: &Field, new: &Field) {
        let of = |it: &Field| match &it.presence {
            Presence::Default(it) => Some(it.to_string()),
            _ => None,
        };
        let (before, later) = (of(old), of(new));
        // The default of what may be null is not known, and whether it may be is judged above.
        if before == later || old.nullable || new.nullable {
            return;
        }
        let [client, server] = match before {
            None => [&rules::CLIENT_DEFAULT_STATED, &rules::SERVER_DEFAULT_STATED],
            Some(_) => [&rules::CLIENT_DEFAULT_CHANGED, &rules::SERVER_DEFAULT_CHANGED],
        };
        let none = || "none".to_owned();
        let (before, later) = (before.unwrap_or_else(none), later.unwrap_or_else(none));
        let event = Event::changed(Kind::Default, before, later);
        self.note(self.pick(client, server), subject, event, vec![], vec![]);
    }

    /// Which sets of properties have to be there.
    fn choice(&mut self, name: &str, old: &Struct, new: &Struct) {
        let required = |body: &Struct| -> Vec<String> {
            body.fields.iter().filter(|it| it.is_required()).map(|it| it.wire.clone()).collect()
        };
        let always = required(old);
        let sent: Vec<Vec<String>> = match old.choice.as_slice() {
            [] => vec![always],
            some => some.iter().map(|it| [always.as_slice(), it].concat()).collect(),
        };
        let is_taken = |sent: &Vec<String>| {
            new.choice.is_empty()
                || new.choice.iter().any(|it| it.iter().all(|it| sent.contains(it)))
        };
        let words = |body: &Struct| match body.choice.as_slice() {
            [] => "no choice".to_owned(),
            some => some.iter().map(|it| it.join(" and ")).collect::<Vec<_>>().join(" or "),
        };
        let rule = if !sent.iter().all(is_taken) {
            &rules::CLIENT_CHOICE_REQUIRED
        } else if new.choice.is_empty() {
            &rules::CLIENT_CHOICE_DROPPED
        } else {
            // The requiredness of the properties says it.
            return;
        };
        let event = Event::changed(Kind::Requiredness, words(old), words(new));
        self.note(rule, name, event, vec![], vec![]);
    }

    /// The values of an enum, or the cases of a union. What were `strings` alone take no object.
    pub(super) fn arms(&mut self, name: &str, old: &'a [Arm], new: &'a [Arm], strings: bool) {
        for it in old.iter().filter(|it| !new.iter().any(|new| new.wire == it.wire)) {
            self.lost(&format!("{name}.{}", it.wire), it);
        }
        for it in new {
            let subject = format!("{name}.{}", it.wire);
            let Some(older) = old.iter().find(|old| old.wire == it.wire) else {
                self.gained(&subject, it, strings && it.payload.is_some());
                continue;
            };
            match (&older.payload, &it.payload) {
                (None, None) => (),
                (Some(old), Some(new)) => {
                    let relation = self.schemas(old, new);
                    self.retyped(&subject, relation, old, new);
                }
                (old, new) => {
                    let none = &Value::Null;
                    let (old, new) = (old.as_ref().unwrap_or(none), new.as_ref().unwrap_or(none));
                    self.retyped(&subject, Relation::Other, old, new);
                }
            }
        }
    }

    /// Alternatives without names: what is left over on both sides may have got another name.
    pub(super) fn untagged(&mut self, name: &str, old: &'a [Arm], new: &'a [Arm]) {
        let has = |arms: &[Arm], name: &str| arms.iter().any(|it| it.name == name);
        let mut rest: Vec<_> = old.iter().filter(|it| !has(new, &it.name)).collect();
        let (before, later) = (&self.old.types, &self.new.types);
        for it in new {
            let node = payload(later, it);
            let namesake = old.iter().find(|old| old.name == it.name);
            let kin = rest.iter().position(|old| payload(before, old).is_kin(node));
            let subject = format!("{name}.{}", it.name);
            match namesake.or_else(|| kin.map(|index| rest.remove(index))) {
                Some(older) => {
                    let nothing = &Value::Null;
                    let old = older.payload.as_ref().unwrap_or(nothing);
                    let new = it.payload.as_ref().unwrap_or(nothing);
                    let relation = self.schemas(old, new);
                    self.retyped(&subject, relation, old, new);
                }
                None => self.gained(&subject, it, is_closed(old)),
            }
        }
        for it in rest {
            self.lost(&format!("{name}.{}", it.name), it);
        }
    }

    fn gained(&mut self, subject: &str, arm: &Arm, closed: bool) {
        let server =
            if closed { &rules::SERVER_CLOSED_VALUE_ADDED } else { &rules::SERVER_VALUE_ADDED };
        let rule = self.pick(&rules::CLIENT_VALUE_ADDED, server);
        let types = arm.payload.as_ref().map(references).unwrap_or_default();
        self.note(rule, subject, Event::new(Kind::Value, Action::Added), vec![], types);
    }

    fn lost(&mut self, subject: &str, arm: &Arm) {
        let rule = self.pick(&rules::CLIENT_VALUE_REMOVED, &rules::SERVER_VALUE_REMOVED);
        let types = arm.payload.as_ref().map(references).unwrap_or_default();
        self.note(rule, subject, Event::new(Kind::Value, Action::Removed), types, vec![]);
    }

    fn retyped(&mut self, subject: &str, relation: Relation, old: &Value, new: &Value) {
        if relation == Relation::Same {
            return;
        }
        let words = |types, schema: &Value| match schema {
            Value::Null => "nothing".to_owned(),
            schema => describe(types, schema),
        };
        let (before, later) = (words(&self.old.types, old), words(&self.new.types, new));
        let event = Event::changed(Kind::FieldType, before, later);
        self.note(self.type_rule(relation), subject, event, references(old), references(new));
    }

    pub(super) fn type_rule(&self, relation: Relation) -> &'static Rule {
        match relation {
            Relation::Wider => self.pick(&rules::CLIENT_TYPE_WIDENED, &rules::SERVER_TYPE_CHANGED),
            Relation::Opened => {
                self.pick(&rules::CLIENT_TYPE_WIDENED, &rules::SERVER_STRING_OPENED)
            }
            Relation::Narrower => {
                self.pick(&rules::CLIENT_TYPE_CHANGED, &rules::SERVER_TYPE_NARROWED)
            }
            Relation::Same | Relation::Other => {
                self.pick(&rules::CLIENT_TYPE_CHANGED, &rules::SERVER_TYPE_CHANGED)
            }
        }
    }

    fn pick(&self, client: &'static Rule, server: &'static Rule) -> &'static Rule {
        if self.direction == Direction::Client { client } else { server }
    }

    pub(super) fn note(
        &mut self,
        rule: &'static Rule,
        subject: &str,
        event: Event,
        old_types: Vec<String>,
        new_types: Vec<String>,
    ) {
        let change = Change {
            direction: self.direction,
            method: Some(self.method.clone()).filter(|it| !it.is_empty()),
            subject: subject.to_owned(),
            kind: event.kind,
            action: event.action,
            old: event.old,
            new: event.new,
            experimental: false,
            rules: vec![rule],
            types: Vec::new(),
        };
        self.found.changes.push(Found { change, old_types, new_types });
    }
}

/// The types that a schema names.
fn references(schema: &Value) -> Vec<String> {
    let mut res = Vec::new();
    visit_references(schema, &mut |it| res.push(it.to_owned()));
    res
}
