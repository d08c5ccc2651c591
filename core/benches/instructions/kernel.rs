//! What a kernel is.

use core::hint::black_box;

/// A piece of work whose instructions are counted.
pub struct Kernel {
    /// Its place and what it does, `push/allocated/hit`: what the baseline knows it by.
    pub name: String,
    /// What the count is divided by: `row`, `slot`.
    pub unit: &'static str,
    pub counting: Counting,
    /// Sets up, hands the work to [`measured`], checks that the work was what it should be, and returns how many units it was.
    pub run: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// How the calls of [`measured`] in one run are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// All together.
    Together,
    /// Each by itself, one unit each, for the least, the median and the worst.
    EachCall,
}

impl Kernel {
    pub fn new(
        name: impl Into<String>,
        unit: &'static str,
        run: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), unit, counting: Counting::Together, run: Box::new(run) }
    }

    pub fn of_each_call(
        name: impl Into<String>,
        unit: &'static str,
        run: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { counting: Counting::EachCall, ..Self::new(name, unit, run) }
    }
}

/// Does the work that counts. Callgrind counts between the beginning and the end of this function, which it knows by its name.
///
/// One function for all kernels, called through a pointer: of a generic one the compiler might make one of two, or inline it.
#[inline(never)]
pub fn measured(work: &mut dyn FnMut()) {
    one_call(work);
    // So that the call above is one, and no jump.
    black_box(work);
}

/// At its end callgrind writes down the count of the call, which it does only while it counts.
#[inline(never)]
fn one_call(work: &mut dyn FnMut()) {
    work();
    black_box(work);
}
