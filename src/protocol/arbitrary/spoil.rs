//! Small damage to JSON, as a tree and as text.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// One change to a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spoil {
    /// Puts a value of another type in some place.
    Type,
    /// Takes a property or an element away.
    Remove,
    /// Adds a property or an element.
    Add,
    /// Puts one place in another.
    Swap,
    /// Puts a place into many arrays.
    Nest,
    /// Puts a long string in some place.
    Long,
    /// Cuts the text.
    Truncate,
    /// Repeats a property with another value.
    Duplicate,
    /// Changes one byte.
    Byte,
    /// Doubles a part of the text.
    Repeat,
}

impl Spoil {
    pub(crate) const ALL: [Self; 10] = [
        Self::Type,
        Self::Remove,
        Self::Add,
        Self::Swap,
        Self::Nest,
        Self::Long,
        Self::Truncate,
        Self::Duplicate,
        Self::Byte,
        Self::Repeat,
    ];

    /// Does it to a tree, unless it is about text.
    pub(crate) fn tree(self, value: &mut Value, rng: &mut Rng) {
        let other = [
            json!(null),
            json!(true),
            json!(-1),
            json!(u64::MAX),
            json!(1.5),
            json!("x"),
            json!([]),
            json!([{}]),
            json!({}),
            json!({ "type": "brandNew" }),
        ];
        let other = other[rng.usize(0..other.len())].clone();
        match self {
            Self::Type => *place(value, rng) = other,
            Self::Remove => match place(value, rng) {
                Value::Object(map) => {
                    let key = map.keys().nth(rng.usize(0..=map.len())).cloned();
                    key.map(|it| map.remove(&it));
                }
                Value::Array(items) => _ = items.pop(),
                other => *other = Value::Null,
            },
            Self::Add => match place(value, rng) {
                Value::Object(map) => _ = map.insert("brandNew".to_owned(), other),
                Value::Array(items) => items.insert(rng.usize(0..=items.len()), other),
                place => *place = other,
            },
            Self::Swap => {
                let taken = place(value, rng).clone();
                *place(value, rng) = taken;
            }
            Self::Nest => {
                let place = place(value, rng);
                for _ in 0..rng.usize(1..200) {
                    *place = if rng.bool() {
                        json!([place.take()])
                    } else {
                        json!({ "in": place.take() })
                    };
                }
            }
            Self::Long => *place(value, rng) = json!("long \u{1F600}\"".repeat(rng.usize(1..200))),
            Self::Truncate | Self::Duplicate | Self::Byte | Self::Repeat => (),
        }
    }

    /// Does it to text, unless it is about a tree.
    pub(crate) fn text(self, text: &mut String, rng: &mut Rng) {
        let at = boundary(text, rng.usize(0..=text.len()));
        match self {
            Self::Truncate => text.truncate(at),
            Self::Duplicate => {
                let opens: Vec<usize> = text.match_indices("{\"").map(|it| it.0).collect();
                let Some(open) = (!opens.is_empty()).then(|| opens[rng.usize(0..opens.len())])
                else {
                    return;
                };
                let Some(end) = text[open + 2..].find('"') else { return };
                let key = text[open + 2..open + 2 + end].to_owned();
                text.insert_str(open + 1, &format!("\"{key}\":null,"));
            }
            Self::Byte => {
                let end = boundary(text, (at + 1).min(text.len()));
                let with = ["", "\"", "\\", "{", "}", "[", ",", ":", "0", "\u{1}", "\\u0000", " "];
                text.replace_range(at..end.max(at), with[rng.usize(0..with.len())]);
            }
            Self::Repeat => {
                let end = boundary(text, rng.usize(at..=text.len()));
                let part = text[at..end.max(at)].to_owned();
                text.insert_str(at, &part);
            }
            Self::Type | Self::Remove | Self::Add | Self::Swap | Self::Nest | Self::Long => (),
        }
    }
}

/// The same tree as text, its properties in a random order.
pub(crate) fn shuffled(value: &Value, rng: &mut Rng) -> String {
    match value {
        Value::Object(map) => object(map, rng),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|it| shuffled(it, rng)).collect();
            format!("[{}]", items.join(","))
        }
        _ => value.to_string(),
    }
}

fn object(map: &Map<String, Value>, rng: &mut Rng) -> String {
    let entry = |(key, it): (&String, &Value)| {
        format!("{}:{}", Value::String(key.clone()), shuffled(it, rng))
    };
    let mut entries: Vec<String> = map.iter().map(entry).collect();
    rng.shuffle(&mut entries);
    format!("{{{}}}", entries.join(","))
}

/// Some place in a value, deep or not.
fn place<'a>(value: &'a mut Value, rng: &mut Rng) -> &'a mut Value {
    let is_here = rng.u8(0..4) == 0;
    let length = match value {
        Value::Object(map) => map.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if is_here || length == 0 {
        return value;
    }
    let nth = rng.usize(0..length);
    match value {
        Value::Object(map) => place(map.values_mut().nth(nth).unwrap(), rng),
        Value::Array(items) => place(&mut items[nth], rng),
        _ => unreachable!("nothing else has a length"),
    }
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
