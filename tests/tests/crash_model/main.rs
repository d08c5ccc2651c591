//! The power fails at every word of a run, and at random again and again in long ones, on three kinds of flash: random rows, triggers and
//! commits of real queries. The recovered query, fed the rest, gives the uninterrupted output.
//!
//! The full counts are those of a long run in release mode (`HEADWATER_LONG_TESTS=1`); an everyday run samples them.

mod cuts;
mod queries;

use cuts::{every_word, sampled};
use headwater_tests::properties::{long, seed};
use queries::{joined_windows, one, sessions_of_windows, two};

/// Words of the run that is cut at each of them; every such word is cut with each of the contents it may be left with.
const WORDS_MIN: u64 = 2_000;

/// Cuts drawn for each kind of flash and each query.
fn sampled_cuts() -> u64 {
    if long() { 20_000 } else { 150 }
}

/// Both queries on one kind of flash; `epochs` are those of the run that is cut everywhere.
fn on_flash<const BYTES: usize, const WRITE: usize, const ERASE: usize>(epochs: u64) {
    let (first, second) = (sessions_of_windows(), joined_windows());
    let seed = seed();
    let sessions = format!("sessions of windows, HEADWATER_SEED={seed}");
    let windows = format!("windows of a join, HEADWATER_SEED={seed}");
    every_word::<_, _, BYTES, WRITE, ERASE>(&first, &sessions, epochs, seed, one);
    every_word::<_, _, BYTES, WRITE, ERASE>(&second, &windows, epochs, seed, two);
    sampled::<_, _, BYTES, WRITE, ERASE>(&first, &sessions, sampled_cuts(), seed, one);
    sampled::<_, _, BYTES, WRITE, ERASE>(&second, &windows, sampled_cuts(), seed, two);
}

#[test]
fn words_of_1_byte_in_sectors_of_256_bytes() {
    on_flash::<8192, 1, 256>(40);
}

#[test]
fn words_of_4_bytes_in_sectors_of_4_kib() {
    on_flash::<24_576, 4, 4096>(90);
}

#[test]
fn words_of_16_bytes_in_sectors_of_8_kib() {
    on_flash::<40_960, 16, 8192>(150);
}
