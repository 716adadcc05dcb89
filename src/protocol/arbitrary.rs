//! Values made from the pinned schema, for tests: plain ones, random ones and spoiled ones.
//!
//! It reads the schema as JSON and not through the generator. The tests in `tests/protocol` include
//! this file, too.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    reason = "for tests, and each of the two places that include this file uses a part of it"
)]

#[path = "arbitrary/cases.rs"]
mod cases;
#[path = "arbitrary/lines.rs"]
mod lines;
#[path = "arbitrary/random.rs"]
mod random;
#[path = "arbitrary/schema.rs"]
mod schema;
#[path = "arbitrary/spoil.rs"]
mod spoil;

pub(crate) use self::{
    cases::for_all,
    lines::Lines,
    random::{OPEN_KEY, Random},
    schema::{Object, Schema, Shape, Union, Width, integer, wire_bundle},
    spoil::{Spoil, shuffled},
};
