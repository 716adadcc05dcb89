//! The generator of the protocol types: schema in, Rust source out.
//!
//! It is shared by the build script and the development tasks and is no part of the library.
//!
//! Stages: `schema` reads and flattens the bundles; `vocabulary` refuses what the rest would
//! ignore; `normalize` (with `unions`, `properties` and `names`) turns definitions into the closed
//! set of shapes in `ir`; `methods` (with `copies`) ties methods to types; `graph` finds directions
//! and marks; `since` marks what older runtimes lack; `types` asks typify for the Rust types of
//! properties; `emit` (with `docs`) prints. `tables` holds what the schema cannot say, and `nulls`
//! finds what may have to go there.

use std::{fmt, result};

use serde_json::Value;

#[path = "codegen/copies.rs"]
mod copies;
#[path = "codegen/docs.rs"]
mod docs;
#[path = "codegen/emit.rs"]
mod emit;
#[path = "codegen/graph.rs"]
pub(crate) mod graph;
#[path = "codegen/ir.rs"]
pub(crate) mod ir;
#[path = "codegen/methods.rs"]
pub(crate) mod methods;
#[path = "codegen/names.rs"]
pub(crate) mod names;
#[path = "codegen/normalize.rs"]
pub(crate) mod normalize;
#[path = "codegen/nulls.rs"]
mod nulls;
#[path = "codegen/properties.rs"]
mod properties;
#[path = "codegen/schema.rs"]
pub(crate) mod schema;
#[path = "codegen/since.rs"]
pub(crate) mod since;
#[path = "codegen/tables.rs"]
mod tables;
#[path = "codegen/types.rs"]
mod types;
#[path = "codegen/unions.rs"]
mod unions;
#[path = "codegen/vocabulary.rs"]
mod vocabulary;

use schema::Bundle;
use since::Since;
use tables::Tables;

/// The texts of the files under `schema/`.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub stable: String,
    pub experimental: String,
    pub pin: String,
    /// Only the pinned schema has it.
    pub since: Option<String>,
}

/// How much of the protocol to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What every client may use.
    Stable,
    /// What a client may use that asks for the experimental API, with marks on what only it may.
    Experimental,
}

/// What the generator makes of the schema.
#[derive(Clone, Debug)]
pub(crate) struct Generated {
    /// The module.
    pub protocol: String,
    /// Tables of all types and methods, for tests.
    pub registry: String,
    /// The entries of the tables that did not apply.
    pub stale: Vec<String>,
    /// The properties of which nobody has decided whether null means what absence means.
    pub unreviewed: Vec<String>,
    /// The definitions that no message reaches, and that are therefore left out.
    pub unreached: Vec<String>,
}

/// Turns the schema into Rust.
///
/// # Errors
/// When a definition or method has a shape that the generator does not know; the message names it.
pub(crate) fn generate(input: &Input, scope: Scope) -> Result<Generated> {
    let tables = Tables::pinned();
    let Protocol { mut types, mut methods, unreached, .. } = protocol(input, scope, &tables)?;
    let runtime = runtime_version(&input.pin)?;
    if let Some(text) = &input.since {
        let missing = Since::parse(text, &runtime)?.mark(&mut types, &mut methods);
        // The stable part does not have all of it.
        if scope == Scope::Experimental {
            Since::check(&missing)?;
        }
    }
    let protocol = emit::emit(&types, &methods, &tables, &runtime)?;
    let registry = emit::registry(&types, &methods)?;
    let unreviewed = nulls::unreviewed(&types, &tables);
    // What is printed uses some of the entries, and the stable part not all of them.
    let unused = if scope == Scope::Experimental { tables.stale() } else { Vec::new() };
    Ok(Generated { protocol, registry, stale: unused, unreviewed, unreached })
}

/// What a schema says, understood.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    /// Those that some message reaches, each with its directions.
    pub types: ir::Types,
    pub methods: methods::Methods,
    /// The types of which only the tables say that the server sends them.
    pub extra_roots: Vec<String>,
    /// The definitions that no message reaches.
    unreached: Vec<String>,
}

impl Protocol {
    /// Understands a schema without printing anything.
    ///
    /// # Errors
    /// As [`generate`].
    pub(crate) fn of(input: &Input, scope: Scope) -> Result<Self> {
        protocol(input, scope, &Tables::pinned())
    }
}

fn protocol(input: &Input, scope: Scope, tables: &Tables<'_>) -> Result<Protocol> {
    let (mut types, mut methods) = read("experimental.json", &input.experimental, tables)?;
    // Entries count as used by the experimental bundle, which contains the stable one.
    let (mut stable_types, mut stable_methods) =
        read("stable.json", &input.stable, &Tables::pinned())?;
    copies::align(&mut stable_methods, &mut stable_types, &methods);
    match scope {
        Scope::Stable => {
            (types, methods) = (stable_types, stable_methods);
            graph::mark_cases(&mut types, tables);
            graph::remove_cases(&mut types);
        }
        Scope::Experimental => {
            methods::mark_experimental(&mut methods, &stable_methods);
            graph::mark_experimental(&mut types, &stable_types)?;
            graph::mark_cases(&mut types, tables);
        }
    }
    let unreached = graph::mark_directions(&mut types, &methods, tables)?;
    let extra_roots = tables.extra_roots.iter().filter(|it| types.contains_key(**it));
    let extra_roots = extra_roots.map(|it| (*it).to_owned()).collect();
    Ok(Protocol { types, methods, extra_roots, unreached })
}

/// Reads one bundle.
fn read(file: &str, text: &str, tables: &Tables<'_>) -> Result<(ir::Types, methods::Methods)> {
    let mut bundle = Bundle::parse(file, text)?;
    vocabulary::check(&bundle)?;
    tables.fix(&mut bundle);
    let mut types = normalize::normalize(&bundle, tables)?;
    let methods = methods::methods(&bundle, &mut types, tables)?;
    Ok((types, methods))
}

fn runtime_version(pin: &str) -> Result<String> {
    let pin: Value = serde_json::from_str(pin)
        .map_err(|it| Error::new(format!("pin.json is not valid JSON: {it}")))?;
    let res = pin.get("runtime").and_then(Value::as_str);
    Ok(res.ok_or_else(|| Error::new("pin.json has no string `runtime`"))?.to_owned())
}

/// Why the schema cannot be turned into types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// From the outermost place to the innermost.
    places: Vec<String>,
    message: String,
}

pub(crate) type Result<T, E = Error> = result::Result<T, E>;

impl Error {
    fn new(message: impl Into<String>) -> Self {
        Self { places: Vec::new(), message: message.into() }
    }

    /// An error about the definition or method `place`.
    fn at(place: &str, message: impl Into<String>) -> Self {
        Self { places: vec![format!("`{place}`")], message: message.into() }
    }

    /// The same error, seen from the definition, property or method `place`.
    fn within(mut self, place: &str) -> Self {
        self.places.insert(0, format!("`{place}`"));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for it in &self.places {
            write!(f, "{it}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
