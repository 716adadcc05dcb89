//! Many inputs, and the smallest one that shows a fault.

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngSeed, TestCaseError, TestRunner},
};

/// Panics with the smallest input for which `fault` finds one.
///
/// Tries as many inputs as `PROPTEST_CASES` says, or else `cases`; from a fixed seed, which
/// `PROPTEST_RNG_SEED` overrides.
pub(crate) fn for_all<S: Strategy>(
    cases: u32,
    inputs: &S,
    fault: impl Fn(S::Value) -> Option<String>,
) {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(1);
    }
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    let verdict = TestRunner::new(config)
        .run(inputs, |it| fault(it).map_or(Ok(()), |it| Err(TestCaseError::fail(it))));
    if let Err(it) = verdict {
        panic!("{it}");
    }
}
