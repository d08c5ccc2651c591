//! The firmware's queries, rows and frames, for any target: the device runs them, and so does the desktop that checks it.
//!
//! - [`recording`]: readings of eight phones, as they arrived, in place of a sensor.
//! - [`plans`]: the two queries, the types of their state and their budgets.
//! - [`Frame`]: a result on the wire.
//! - [`Lane`]: a query with its log: rows in, frames out, and exactly once through a power cut.
#![no_std]
#![forbid(unsafe_code)]

mod frame;
mod lane;
pub mod plans;
mod reading;

pub use frame::{Frame, FrameFormat};
pub use lane::{COMMIT_ROWS, Fault, Lane, RECORD_BYTES};
pub use reading::{ROWS, Reading, recording};

/// Bytes of one erase sector of the flash that the logs lie in.
pub const SECTOR_BYTES: usize = 4096;
/// Bytes of one word of that flash.
pub const WORD_BYTES: usize = 4;
/// Bytes of one query's log: four sectors.
pub const LOG_BYTES: usize = 4 * SECTOR_BYTES;
