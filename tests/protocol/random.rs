//! Random values of everything that a message can hold come back as they were sent.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    arbitrary::{Random, Schema},
    registry::{Encoded, Type, types},
    roots::{Root, from_client, from_server, reachable},
    same::{Defaults, assert_none, inexact},
};

/// How many values of each definition.
const VALUES: u64 = 20;

/// Definitions that are plain strings or raw objects in Rust.
const ALIASES: [&str; 7] = [
    "AbsolutePathBuf",
    "AgentPath",
    "LegacyAppPathString",
    "PathUri",
    "ThreadExtra",
    "ThreadId",
    "ThreadSource",
];

/// Checks all definitions that the roots reach, and the roots themselves. Returns how many.
fn check(schema: &Schema, roots: &[Root<'_>]) -> (usize, usize) {
    let defaults = Defaults::pinned();
    let generated: BTreeMap<_, _> = types().into_iter().collect();
    let (mut definitions, mut values, mut failures) = (0, 0, Vec::new());
    for name in reachable(schema, roots) {
        let Some(ty) = generated.get(name) else {
            assert!(ALIASES.contains(&name), "{name} has no type");
            continue;
        };
        definitions += 1;
        for seed in 0..VALUES {
            let value = Random::new(schema, seed).value(schema.definition(name).unwrap());
            let got = (ty.round_trip)(value.clone());
            let fault = inexact(&defaults, &value, &got);
            if let Some(it) = fault.or_else(|| unsteady(ty, &got.ok()?)) {
                failures.push(format!("{name}, seed {seed}: {it}\n{value}"));
            }
            values += 1;
        }
    }
    for root in roots {
        for seed in VALUES..2 * VALUES {
            let value = Random::new(schema, seed).value(root.schema);
            let got = root.round_trip(value.clone());
            if let Some(it) = inexact(&defaults, &value, &got) {
                failures.push(format!("{}, seed {seed}: {it}\n{value}", root.name));
            }
            values += 1;
        }
    }
    assert_none(&failures, values);
    (definitions, values)
}

/// What becomes of a value that was written when it is read again, if that is something else.
fn unsteady(ty: &Type, written: &Encoded) -> Option<String> {
    match (ty.round_trip)(written.value.clone()) {
        Ok(again) if again.debug == written.debug => None,
        Ok(again) => Some(format!("{} becomes {}", written.debug, again.debug)),
        Err(it) => Some(it),
    }
}

#[test]
fn random_values_of_every_definition_of_the_server_come_back() {
    let schema = Schema::pinned();
    let roots = from_server(&schema);
    assert!(roots.len() > 250, "{}", roots.len());
    let (definitions, values) = check(&schema, &roots);
    assert!(definitions > 600 && values > 18_000, "{definitions} definitions, {values} values");
}

#[test]
fn random_values_of_every_definition_of_the_client_come_back() {
    let schema = Schema::pinned();
    let roots = from_client(&schema);
    assert!(roots.len() > 160, "{}", roots.len());
    let (definitions, values) = check(&schema, &roots);
    assert!(definitions > 280 && values > 9_000, "{definitions} definitions, {values} values");
}

#[test]
fn every_generated_definition_is_tried_from_one_of_the_roots() {
    let schema = Schema::pinned();
    let (server, client) = (from_server(&schema), from_client(&schema));
    let tried: BTreeSet<_> =
        reachable(&schema, &server).into_iter().chain(reachable(&schema, &client)).collect();
    let names = types().into_iter().map(|it| it.0);
    let missed: Vec<_> =
        names.filter(|it| schema.definition(it).is_some() && !tried.contains(it)).collect();
    assert_eq!(missed, [""; 0]);
}
