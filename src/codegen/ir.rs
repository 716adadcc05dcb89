//! What the generator knows about the protocol once the schema is understood: a closed set of
//! shapes, so that everything after it can match without a fallback.

use std::collections::BTreeMap;

use serde_json::Value;

use super::since::FirstIn;

/// Every type of the protocol by its Rust name.
pub(crate) type Types = BTreeMap<String, Type>;

/// One named type.
#[derive(Clone, Debug)]
pub(crate) struct Type {
    pub doc: Option<String>,
    pub shape: Shape,
    /// Not part of the stable bundle.
    pub experimental: bool,
    /// The first runtime that takes it, for the params of a method.
    pub since: FirstIn,
    /// Reachable from something that the client sends.
    pub input: bool,
    /// Reachable from something that the server sends.
    pub output: bool,
    /// The union and wire value of which this is the payload.
    pub payload_of: Option<(String, String)>,
    /// The type that this is another name of: two methods share its params.
    pub copy_of: Option<String>,
}

impl Type {
    pub(super) fn new(doc: Option<String>, shape: Shape) -> Self {
        Self {
            doc,
            shape,
            experimental: false,
            since: FirstIn::default(),
            input: false,
            output: false,
            payload_of: None,
            copy_of: None,
        }
    }
}

/// What a type looks like on the wire.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Struct(Struct),
    /// The params of a method that has none: null on the wire.
    Unit,
    /// A string out of an open set.
    Strings(Vec<Arm>),
    /// A string that the schema does not enumerate but that deserves a type.
    OpenString,
    /// Objects told apart by the value of one property.
    Tagged {
        tag: String,
        arms: Vec<Arm>,
    },
    /// Strings, or objects with one property that names the variant.
    External(Vec<Arm>),
    /// Alternatives told apart by their JSON type or by their properties.
    Untagged(Vec<Arm>),
    /// Another name for the type of this schema.
    Alias(Value),
}

/// An object with named properties.
#[derive(Clone, Debug, Default)]
pub(crate) struct Struct {
    pub fields: Vec<Field>,
    /// The property that names the variant, when this is the payload of a tagged union.
    pub tag: Option<String>,
    /// The schema forbids other properties. Decoding ignores that; telling alternatives apart uses it.
    pub closed: bool,
    /// The sets of properties of which one has to be there, if the schema says so.
    pub choice: Vec<Vec<String>>,
}

/// One property.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub wire: String,
    pub doc: Option<String>,
    /// The schema of the value when it is present and not null.
    pub schema: Value,
    /// The schema allows null in the place of the value.
    pub nullable: bool,
    pub presence: Presence,
    pub experimental: bool,
    /// The first runtime that takes it.
    pub since: FirstIn,
}

impl Field {
    /// It is always there, so that whoever makes the object has to give it.
    pub(crate) fn is_required(&self) -> bool {
        matches!(self.presence, Presence::Required | Presence::Nullable)
    }
}

/// When a property may be absent, and what absence means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Presence {
    Required,
    /// Always there, may be null.
    Nullable,
    /// Absent and null mean the same.
    Optional,
    /// Absent, null and a value mean three things.
    ThreeState,
    /// Absent means this value.
    Default(Value),
}

/// One variant of an enum or union.
#[derive(Clone, Debug)]
pub(crate) struct Arm {
    pub name: String,
    /// The value, tag or key on the wire; empty for untagged alternatives.
    pub wire: String,
    pub doc: Option<String>,
    /// The schema of what the variant carries.
    pub payload: Option<Value>,
    pub experimental: bool,
    /// The first runtime that takes it.
    pub since: FirstIn,
}

/// Whether alternatives of these kinds leave no room for others: the types of keys.
pub(crate) fn is_closed(alternatives: &[Arm]) -> bool {
    let kind = |it: &Arm| it.payload.as_ref()?.get("type")?.as_str().map(str::to_owned);
    alternatives.iter().all(|it| matches!(kind(it).as_deref(), Some("string" | "integer")))
}
