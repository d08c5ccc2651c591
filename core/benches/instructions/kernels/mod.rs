//! The measured code, through the engine's public API only.

mod aggregates;
mod checkpoint;
mod flash;
mod joins;
mod operators;
mod push;
mod query;
mod rows;
mod single_push;
mod sliding_panes;
mod trigger;

use crate::kernel::{Kernel, measured};

/// All kernels, in the order of the table.
pub fn all() -> Vec<Kernel> {
    // What measuring costs: part of every other figure, once in each call.
    let mut kernels = vec![Kernel::new("nothing", "call", || {
        measured(&mut || ());
        1
    })];
    kernels.extend(push::kernels());
    kernels.extend(single_push::kernels());
    kernels.extend(trigger::kernels());
    kernels.extend(checkpoint::kernels());
    kernels.extend(aggregates::kernels());
    kernels.extend(operators::kernels());
    kernels.extend(joins::kernels());
    kernels.extend(sliding_panes::kernels());
    kernels
}
