//! Every place in a message at which something may stand, each with the shortest way to it.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};

use crate::{
    arbitrary::{OPEN_KEY, Schema, Shape},
    roots::Root,
};

/// Where a schema is used.
struct Place<'a> {
    schema: &'a Value,
    way: Way<'a>,
}

enum Way<'a> {
    Root,
    /// Of the object with this schema.
    Property(usize, &'a Value, &'a str),
    Element(usize),
    Entry(usize),
    /// The same place, one of its alternatives.
    Arm(usize),
}

/// The schemas whose parts are known.
pub(crate) type Seen = BTreeSet<*const Value>;

pub(crate) struct Places<'a> {
    schema: &'a Schema,
    root: &'a Root<'a>,
    all: Vec<Place<'a>>,
}

impl<'a> Places<'a> {
    /// Each use of a schema in a message once, however many ways lead to it.
    pub(crate) fn of(schema: &'a Schema, root: &'a Root<'a>) -> Self {
        Self::new_in(schema, root, &mut BTreeSet::new())
    }

    /// Those that are in none of the messages before.
    pub(crate) fn new_in(schema: &'a Schema, root: &'a Root<'a>, seen: &mut Seen) -> Self {
        let all = vec![Place { schema: root.schema, way: Way::Root }];
        let mut res = Self { schema, root, all };
        let mut todo = VecDeque::from([0]);
        while let Some(at) = todo.pop_front() {
            let target = schema.resolve(res.all[at].schema).1;
            if seen.insert(std::ptr::from_ref(target)) {
                let first = res.all.len();
                res.expand(at, target);
                todo.extend(first..res.all.len());
            }
        }
        res
    }

    /// The schemas of all places.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = (usize, &'a Value)> {
        self.all.iter().map(|it| it.schema).enumerate()
    }

    fn expand(&mut self, at: usize, target: &'a Value) {
        let mut add = |schema, way| self.all.push(Place { schema, way });
        match self.schema.shape(target) {
            Shape::List(it) => add(it, Way::Element(at)),
            Shape::Map(it) => add(it, Way::Entry(at)),
            Shape::Object(it) => {
                it.properties.iter().for_each(|(key, it)| add(it, Way::Property(at, target, key)));
            }
            Shape::Union(it) => it.arms.into_iter().for_each(|it| add(it, Way::Arm(at))),
            _ => (),
        }
    }

    /// A message with `value` at a place, and what is required around it.
    pub(crate) fn message(&self, at: usize, value: Value) -> Value {
        match &self.all[at].way {
            Way::Root => value,
            Way::Property(parent, object, key) => {
                let mut res = self.schema.least(object);
                res[*key] = value;
                self.message(*parent, res)
            }
            Way::Element(parent) => self.message(*parent, json!([value])),
            Way::Entry(parent) => self.message(*parent, json!({ entry(): value })),
            Way::Arm(parent) => self.message(*parent, value),
        }
    }

    /// Whether the place is an alternative of the definition `name`.
    pub(crate) fn is_in(&self, at: usize, name: &str) -> bool {
        let Way::Arm(parent) = self.all[at].way else { return false };
        self.schema.resolve(self.all[parent].schema).0 == Some(name)
    }

    /// Whether another alternative, told apart by its looks alone, may take a value from here.
    pub(crate) fn is_alternative(&self, mut at: usize) -> bool {
        while let Way::Arm(parent) = self.all[at].way {
            let shape = self.schema.shape(self.all[parent].schema);
            if matches!(shape, Shape::Union(it) if it.tag.is_none() && !it.is_external) {
                return true;
            }
            at = parent;
        }
        false
    }

    /// The object with this property, and its name, if the place is a property.
    pub(crate) fn property(&self, at: usize) -> Option<(&'a Value, &'a str)> {
        match self.all[at].way {
            Way::Property(_, object, key) => Some((object, key)),
            _ => None,
        }
    }

    /// Names a place, such as `thread/started.thread.turns[].items[].type`.
    pub(crate) fn name(&self, at: usize) -> String {
        match &self.all[at].way {
            Way::Root => self.root.name.clone(),
            Way::Property(parent, _, key) => format!("{}.{key}", self.name(*parent)),
            Way::Element(parent) => format!("{}[]", self.name(*parent)),
            Way::Entry(parent) => format!("{}{{}}", self.name(*parent)),
            Way::Arm(parent) => self.name(*parent),
        }
    }
}

/// The name of a property in a map.
pub(crate) fn entry() -> String {
    format!("{OPEN_KEY}entry")
}
