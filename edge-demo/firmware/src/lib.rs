//! What the image needs of the board: replace [`board`] for an own one, and [`flash`] with [`chip`] by its flash driver.
#![no_std]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub mod board;
#[cfg_attr(feature = "power-cuts", path = "failing_chip.rs")]
pub mod chip;
pub mod flash;
