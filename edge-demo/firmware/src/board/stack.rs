//! How deep the stack has been. At reset the runtime paints it (`paint-stack` of `cortex-m-rt`).

use cortex_m_rt::STACK_PAINT_VALUE;

#[expect(unsafe_code, reason = "the linker's symbols")]
// SAFETY: `link.x` of `cortex-m-rt` defines both: the lowest and the first address after the stack.
unsafe extern "C" {
    static _stack_end: u32;
    static _stack_start: u32;
}

/// Bytes of the stack that were used since reset, at most.
#[must_use]
pub fn deepest() -> u32 {
    let (lowest, top) = (&raw const _stack_end, &raw const _stack_start);
    let mut word = lowest;
    while word < top && is_painted(word) {
        word = word.wrapping_add(1);
    }
    (top.addr().wrapping_sub(word.addr())) as u32
}

#[expect(unsafe_code, reason = "the stack below this call is memory that nobody owns")]
fn is_painted(word: *const u32) -> bool {
    // SAFETY: `deepest` asks only for aligned words between the stack's two ends, which are RAM.
    unsafe { word.read_volatile() == STACK_PAINT_VALUE }
}
