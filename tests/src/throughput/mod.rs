//! The speed comparison: two jobs over made-up sensor readings, with a checksum that any engine can be held to.
//!
//! Rows, jobs and checksum are those of `gen_readings.py` of the comparison, which other engines and hand-written loops run
//! too; each prints one line of JSON with the same fields.

pub mod answer;
pub mod command;
pub mod job;
pub mod output;
pub mod rows;
pub mod run;
