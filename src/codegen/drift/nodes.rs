//! What a schema comes down to on the wire, and how two of those relate.

use std::mem::discriminant;

use serde_json::{Value, json};

use super::super::generator::{
    ir::{Arm, Shape, Type, Types},
    normalize::alternatives,
    schema::reference,
};

/// What a schema comes down to once the names of strings are resolved.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node<'a> {
    Any,
    Text,
    Flag,
    /// A number of this format.
    Number(&'a str),
    List(&'a Value),
    /// An object with these values.
    Map(&'a Value),
    Named(&'a str, &'a Type),
}

/// How the values of the new type relate to those of the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Same,
    /// The strings of an enum, and all others.
    Opened,
    Wider,
    Narrower,
    Other,
}

impl Relation {
    /// The relation of what consists of both.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Same, it) | (it, Self::Same) => it,
            (a, b) if a == b => a,
            (Self::Opened | Self::Wider, Self::Opened | Self::Wider) => Self::Wider,
            _ => Self::Other,
        }
    }

    /// The relation of the old type to the new one.
    pub(super) fn reversed(self) -> Self {
        match self {
            Self::Opened | Self::Wider => Self::Narrower,
            Self::Narrower => Self::Wider,
            other => other,
        }
    }
}

impl<'a> Node<'a> {
    /// What `schema` comes down to, and whether null may stand in its place.
    pub(super) fn of(types: &'a Types, schema: &'a Value) -> (Self, bool) {
        if let Some([inner, null]) = alternatives(schema).map(Vec::as_slice)
            && *null == json!({ "type": "null" })
        {
            return (Self::of(types, inner).0, true);
        }
        if let Some(node) = reference(schema).and_then(|it| Self::named(types, it)) {
            return (node, false);
        }
        let text = |key: &str| schema.get(key).and_then(Value::as_str);
        let node = match text("type") {
            Some("string") => Self::Text,
            Some("boolean") => Self::Flag,
            Some("integer" | "number") => Self::Number(text("format").unwrap_or_default()),
            Some("array") => schema.get("items").map_or(Self::Any, Self::List),
            Some("object") => schema.get("additionalProperties").map_or(Self::Any, Self::Map),
            _ => Self::Any,
        };
        (node, false)
    }

    /// What the type `name` comes down to.
    pub(super) fn named(types: &'a Types, name: &str) -> Option<Self> {
        let (name, ty) = types.get_key_value(name)?;
        Some(match &ty.shape {
            Shape::Alias(inner) => Self::of(types, inner).0,
            Shape::OpenString => Self::Text,
            _ => Self::Named(name, ty),
        })
    }

    /// The alternatives of a union without names.
    pub(super) fn alternatives(self) -> Option<&'a [Arm]> {
        match self {
            Self::Named(_, Type { shape: Shape::Untagged(arms), .. }) => Some(arms),
            _ => None,
        }
    }

    /// The one of `others` that can be what `self` is, the one of the same name before all others.
    pub(super) fn kin(self, others: impl Iterator<Item = Self>) -> Option<Self> {
        let namesake = |it: &Self| match (self, it) {
            (Self::Named(a, _), Self::Named(b, _)) => a == *b,
            _ => true,
        };
        others.filter(|it| self.is_kin(*it)).min_by_key(|it| !namesake(it))
    }

    /// Whether JSON tells the two apart by nothing but their members.
    pub(super) fn is_kin(self, other: Self) -> bool {
        match (self, other) {
            (Self::Named(_, a), Self::Named(_, b)) => {
                discriminant(&a.shape) == discriminant(&b.shape)
            }
            _ => discriminant(&self) == discriminant(&other),
        }
    }
}

/// How two formats of numbers relate.
pub(super) fn numbers(old: &str, new: &str) -> Relation {
    let range = |format: &str| match format {
        "int32" => (i128::from(i32::MIN), i128::from(i32::MAX)),
        "int64" => (i128::from(i64::MIN), i128::from(i64::MAX)),
        "uint8" => (0, i128::from(u8::MAX)),
        "uint16" => (0, i128::from(u16::MAX)),
        "uint32" => (0, i128::from(u32::MAX)),
        "uint64" => (0, i128::from(u64::MAX)),
        _ => (i128::MIN, i128::MAX),
    };
    let ((old_min, old_max), (min, max)) = (range(old), range(new));
    match (min <= old_min && old_max <= max, old_min <= min && max <= old_max) {
        (true, true) => Relation::Same,
        (true, false) => Relation::Wider,
        (false, true) => Relation::Narrower,
        (false, false) => Relation::Other,
    }
}

/// A type in words.
pub(super) fn describe(types: &Types, schema: &Value) -> String {
    let (node, nullable) = Node::of(types, schema);
    let text = match node {
        Node::Any => "any value".to_owned(),
        Node::Text => "string".to_owned(),
        Node::Flag => "boolean".to_owned(),
        Node::Number(format) => format.to_owned(),
        Node::List(items) => format!("list of {}", describe(types, items)),
        Node::Map(values) => format!("map of {}", describe(types, values)),
        Node::Named(name, _) => name.to_owned(),
    };
    if nullable { format!("{text} or null") } else { text }
}

/// The kind of a type in words.
pub(super) fn describe_shape(shape: &Shape) -> String {
    match shape {
        Shape::Struct(_) => "struct".to_owned(),
        Shape::Unit => "null".to_owned(),
        Shape::Strings(_) | Shape::OpenString => "strings".to_owned(),
        Shape::Tagged { tag, .. } => format!("union by `{tag}`"),
        Shape::External(_) => "union by key".to_owned(),
        Shape::Untagged(_) => "union without names".to_owned(),
        Shape::Alias(_) => "another name".to_owned(),
    }
}
