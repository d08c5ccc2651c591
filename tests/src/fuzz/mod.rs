//! Fuzzing in stable Rust: targets that take bytes, inputs made from seeds, and a driver that keeps what led to something new.
//!
//! A target is a function of bytes, so any fuzzer can call it; `cargo fuzz run --sanitizer none` also works on stable Rust, but needs a
//! C++ compiler and an installed tool. Here the class of an outcome (which error, where, how much was read) stands in for coverage: an
//! input that leads to a class not seen before is kept, and mutated further.

pub mod command;
mod driver;
mod image;
mod log_bytes;
mod mutate;
mod queries;
mod restore;
mod rows;
mod seeds;

pub use driver::{Report, Target, fuzz};
pub use restore::Restore;
pub use rows::Rows;
