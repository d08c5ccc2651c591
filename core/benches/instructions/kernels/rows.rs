//! The rows: made, not read, so that every run has the same ones.

use headwater::{Span, Timestamp};

/// How many keys the rows have.
pub const KEYS: u32 = 1_000;
/// Of all tumbling windows here.
pub const WINDOW_MS: i64 = 10_000;
/// No row is this far, in ms, behind a row before it; the delay of the watermark.
pub const DISORDER_MS: u32 = 2_000;

/// The beginning of a window.
const START_MS: i64 = 1_700_000_000_000;
const SEED: u64 = 42;

/// A row: 24 bytes.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub at: Timestamp,
    pub key: u32,
    /// A multiple of 0.25 from -1,000 to 1,000.
    pub value: f64,
}

/// So many ms after the first window's start.
pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(START_MS + ms)
}

pub fn delay() -> Span {
    Span::millis(DISORDER_MS)
}

/// A row for each of the keys, `ms` after the start of the window with this number, counted from 0.
pub fn row_of_each(keys: core::ops::Range<u32>, window: i64, ms: i64) -> impl Iterator<Item = Reading> {
    keys.map(move |key| Reading { at: at(window * WINDOW_MS + ms), key, value: f64::from(key) / 4.0 })
}

/// The first `count` rows of a stream: one arrives each millisecond of event time, and lags up to 2 s behind.
pub fn readings(count: usize) -> Vec<Reading> {
    (0_i64..)
        .zip(SplitMix64(SEED))
        .take(count)
        .map(|(arrival_ms, random)| reading(arrival_ms, random))
        .collect()
}

/// Takes key, lag and value from 20, 20 and 24 bits of one random number.
fn reading(arrival_ms: i64, random: u64) -> Reading {
    let key = (random & 0xf_ffff) % u64::from(KEYS);
    let lag_ms = ((random >> 20) & 0xf_ffff) % u64::from(DISORDER_MS);
    let quarters = (random >> 40) % 8_001;
    Reading { at: at(arrival_ms - lag_ms as i64), key: key as u32, value: (quarters as f64 - 4_000.0) / 4.0 }
}

/// Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
struct SplitMix64(u64);

impl Iterator for SplitMix64 {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(mixed ^ (mixed >> 31))
    }
}
