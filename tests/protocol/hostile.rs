//! Nothing makes a type panic, and what it takes it takes again.
//!
//! `PROPTEST_CASES` sets how many values are tried. Lines are tried by the tests of the crate.

use fastrand::Rng;
use proptest::{collection::vec, prelude::any, sample::select};

use crate::{
    arbitrary::{Random, Schema, Spoil, for_all},
    roots::{from_client, from_server},
};

#[test]
fn what_any_type_makes_of_a_spoiled_value_stays_the_same() {
    let schema = Schema::pinned();
    let mut roots = from_server(&schema);
    roots.extend(from_client(&schema));
    let spoils = vec(select(&Spoil::ALL[..]), 0..5);
    for_all(5_000, &(any::<u64>(), spoils), |(seed, spoils)| {
        let mut rng = Rng::with_seed(seed);
        let root = &roots[rng.usize(0..roots.len())];
        let mut value = Random::new(&schema, seed).value(root.schema);
        for it in spoils {
            it.tree(&mut value, &mut rng);
        }
        let first = root.round_trip(value.clone()).ok()?;
        let fault = match root.round_trip(first.value.clone()) {
            Ok(again) if (&again.value, &again.debug) == (&first.value, &first.debug) => {
                return None;
            }
            Ok(again) => format!("{} becomes {}", first.debug, again.debug),
            Err(it) => it,
        };
        Some(format!("{}: {fault}\n{value}", root.name))
    });
}
