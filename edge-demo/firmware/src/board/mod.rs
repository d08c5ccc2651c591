//! The board: QEMU's `mps2-an386`, a Cortex-M4F at 25 MHz.

pub mod clock;
pub mod console;
pub mod host;
mod interrupts;
#[cfg(feature = "defmt")]
mod log;
pub mod panic;
pub mod stack;
pub mod uart;

/// Ticks of the processor's clock in a second.
pub const CLOCK_HZ: u32 = 25_000_000;
