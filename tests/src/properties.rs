//! How properties are run: seeded, the seed printed, more of them on demand.

use core::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

/// The seed of an everyday run, so that it is the same run everywhere.
const EVERYDAY_SEED: u64 = 0x6865_6164_7761_7465;

/// How many times as many cases a long run has.
const LONG_FACTOR: u32 = 20;

/// Whether `HEADWATER_LONG_TESTS` asks for long runs.
#[must_use]
pub fn long() -> bool {
    std::env::var_os("HEADWATER_LONG_TESTS").is_some_and(|value| value == "1")
}

/// The seed of this run: `HEADWATER_SEED`, else one of its own for each long run and a fixed one every day.
///
/// # Panics
/// If `HEADWATER_SEED` is no number.
#[must_use]
pub fn seed() -> u64 {
    match std::env::var("HEADWATER_SEED") {
        Ok(seed) => seed.parse().expect("HEADWATER_SEED is a number"),
        Err(_) if long() => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(EVERYDAY_SEED, |since| since.as_nanos() as u64)
        }
        Err(_) => EVERYDAY_SEED,
    }
}

/// Checks a property on `cases` values of `strategy`, many more in a long run.
///
/// # Panics
/// If a value fails it, with the smallest one found and the seed that finds it again.
pub fn check<S>(cases: u32, strategy: &S, property: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S: Strategy,
    S::Value: Debug,
{
    let seed = seed();
    let cases = if long() { cases.saturating_mul(LONG_FACTOR) } else { cases };
    let config =
        Config { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() };
    if let Err(failure) = TestRunner::new(config).run(strategy, property) {
        panic!("{failure}\nrun again with HEADWATER_SEED={seed}");
    }
}

/// The splitmix64 sequence (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit.max(1)
    }
}
