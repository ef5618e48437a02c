//! Thousands of random cases that Rust and Python must agree on.
//!
//! Each run takes another seed and prints it; `PROPTEST_RNG_SEED` repeats a run, `PROPTEST_CASES` makes it longer.

mod header;
mod payload;
mod sessions;
mod signer;
mod token;
mod walk;

use std::time::{SystemTime, UNIX_EPOCH};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};

/// Runs `case` on this many random inputs, unless the environment wants more or less of them.
fn for_random<S: Strategy>(cases: u32, inputs: &S, case: impl Fn(S::Value) -> TestCaseResult) {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
        config.rng_seed = RngSeed::Fixed(u64::from(since.subsec_nanos()));
    }
    println!("PROPTEST_RNG_SEED={}", config.rng_seed);
    if let Err(failure) = TestRunner::new(config).run(inputs, case) {
        panic!("{failure}");
    }
}
