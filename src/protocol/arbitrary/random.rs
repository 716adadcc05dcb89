//! Random values that fit a schema.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::{Object, Schema, Shape, schema::integer};

/// Deeper than this, a value has only what it must have.
const MAX_DEPTH: usize = 12;

/// How many values one value may hold before it has only what it must have.
const MAX_SIZE: usize = 60;

/// How the names of properties begin that are not the schema's: null means something there.
pub(crate) const OPEN_KEY: char = '~';

/// Makes values from one seed, always the same.
pub(crate) struct Random<'a> {
    schema: &'a Schema,
    rng: Rng,
    left: usize,
    /// How many of the optional properties are there, in eighths.
    density: u32,
}

impl<'a> Random<'a> {
    pub(crate) fn new(schema: &'a Schema, seed: u64) -> Self {
        Self { schema, rng: Rng::with_seed(seed), left: 0, density: 0 }
    }

    /// A value that fits.
    pub(crate) fn value(&mut self, schema: &Value) -> Value {
        self.left = MAX_SIZE;
        self.density = self.rng.u32(0..=8);
        self.of(schema, 0)
    }

    fn of(&mut self, schema: &Value, depth: usize) -> Value {
        self.left = self.left.saturating_sub(1);
        let is_small = self.left == 0 || depth > MAX_DEPTH;
        let all = self.schema;
        if all.is_nullable(schema) && (is_small || self.rng.u8(0..4) == 0) {
            return Value::Null;
        }
        match all.shape(schema) {
            Shape::Any => self.raw(3),
            Shape::Null => Value::Null,
            Shape::Text => Value::String(self.text()),
            Shape::Flag => json!(self.rng.bool()),
            Shape::Number => json!(self.number()),
            Shape::Integer(it) => {
                let any = i128::from(self.rng.i64(..)).clamp(it.min, it.max);
                let near = i128::from(self.rng.u8(..)).min(it.max);
                integer(self.pick(&[it.min, it.max, it.max - 1, 0, any, near]))
            }
            Shape::Values(it) => json!(self.pick(&it)),
            Shape::List(items) => {
                let length = if is_small { 0 } else { self.rng.usize(0..=3) };
                (0..length).map(|_| self.of(items, depth + 1)).collect()
            }
            Shape::Map(values) => {
                let length = if is_small { 0 } else { self.rng.usize(0..=3) };
                let entry = |_| (self.key(), self.of(values, depth + 1));
                Value::Object((0..length).map(entry).collect())
            }
            Shape::Object(it) => self.object(&it, is_small, depth),
            Shape::Union(it) if depth > MAX_DEPTH => all.least(it.arms[0]),
            Shape::Union(it) => {
                let arm = self.pick(&it.arms);
                self.of(arm, depth)
            }
        }
    }

    fn object(&mut self, object: &Object<'_>, is_small: bool, depth: usize) -> Value {
        let choice = (!object.choices.is_empty()).then(|| self.rng.usize(0..object.choices.len()));
        let mut properties = object.properties.clone();
        self.rng.shuffle(&mut properties);
        let mut res = Map::new();
        for (key, schema) in properties {
            let must = object.required.contains(key)
                || choice.is_some_and(|it| object.choices[it].contains(key));
            if must || !is_small && self.rng.u32(0..8) < self.density {
                res.insert(key.to_owned(), self.of(schema, depth + 1));
            }
        }
        Value::Object(res)
    }

    /// Any JSON.
    pub(crate) fn raw(&mut self, depth: usize) -> Value {
        match self.rng.u8(0..if depth == 0 { 5 } else { 7 }) {
            0 => Value::Null,
            1 => json!(self.rng.bool()),
            2 => json!(self.rng.i64(..)),
            3 => json!(self.number()),
            4 => Value::String(self.text()),
            5 => (0..self.rng.usize(0..=3)).map(|_| self.raw(depth - 1)).collect(),
            _ => {
                let length = self.rng.usize(0..=3);
                (0..length).map(|_| (self.key(), self.raw(depth - 1))).collect()
            }
        }
    }

    /// The name of a property that no schema has.
    fn key(&mut self) -> String {
        format!("{OPEN_KEY}{}", self.text())
    }

    pub(crate) fn text(&mut self) -> String {
        let parts = ["", "Text", "a/b", "\"\\", "\n\t\u{0}", "\u{1F600}", "é\u{301}", "null", "{}"];
        (0..self.rng.usize(0..=2)).map(|_| self.pick(&parts)).collect()
    }

    fn number(&mut self) -> f64 {
        self.pick(&[0.0, -0.5, 1.5, 1e300, -1e-300, 12_345.678])
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.usize(0..of.len())]
    }
}
