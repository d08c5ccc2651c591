//! How many messages a second one gateway takes from a real broker into committed files, with nothing lost.
//!
//! Broker, gateway and load share the machine, so besides the rate the processor time of each is told: what bounds the rate
//! is the one that is busy all the time.

mod answer;
pub mod command;
mod load;
mod process;
mod wire;
