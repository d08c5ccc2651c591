//! The firmware's queries, rows and frames, for any target: the device runs them, and so does the desktop that checks it.
//!
//! - [`recording`]: readings of eight phones, as they arrived, in place of a sensor.
//! - [`plans`]: the two queries, the types of their state and their budgets.
//! - [`Frame`]: a result, and [`FrameFormat`]: how it looks on the wire.
//! - [`Lane`]: a query with its log: rows in, frames out, and exactly once through a power cut.
//!
//! # Features
//! - `defmt`: what happens is logged.
//! - `can-panic`, `over-budget`, `skip-row`: faults on purpose, which the checks must find.
#![no_std]
#![forbid(unsafe_code)]

mod frame;
mod lane;
mod log;
pub mod plans;
mod reading;
mod wire;

pub use frame::Frame;
pub use lane::{COMMIT_ROWS, Fault, Lane, RECORD_BYTES};
pub use log::Loggable;
pub use reading::{ROWS, Reading, recording};
pub use wire::{Cobs, FrameFormat, Text};

/// Bytes of one erase sector of the flash that the logs lie in.
pub const SECTOR_BYTES: usize = 4096;
/// Bytes of one word of that flash.
pub const WORD_BYTES: usize = 4;
/// Bytes of one query's log: four sectors.
pub const LOG_BYTES: usize = 4 * SECTOR_BYTES;

#[cfg(test)]
mod tests {
    use core::hint::black_box;

    /// Arithmetic that can overflow must show itself in tests.
    #[test]
    #[should_panic(expected = "overflow")]
    fn an_overflow_panics_in_tests() {
        black_box(black_box(u8::MAX) + 1);
    }
}
