//! State as a constant, whatever it is made of.

use super::chained::Chained;
use super::record::Record;
use super::storage::{Inline, NoState};

/// State that a `static` can begin with: inline state of one table, of a pair of them, of operators in a row. All zero bytes, so it lies
/// in `.bss` and costs no flash.
///
/// ```
/// use headwater::{aggregate::Count, JoinState, WindowState, state::{Chained, Empty}};
///
/// // A join, and windows over its results.
/// type State = Chained<JoinState<u16, (u16, i64), (u16, f32), 32, 8>, WindowState<u16, Count, 16>>;
/// static STATE: State = State::EMPTY;
/// # let _ = &STATE;
/// ```
pub trait Empty: Sized {
    /// No records.
    const EMPTY: Self;
}

impl<K, V: Record, const N: usize> Empty for Inline<K, V, N> {
    const EMPTY: Self = Inline::EMPTY;
}

impl<I> Empty for NoState<I> {
    const EMPTY: Self = NoState::EMPTY;
}

impl<A: Empty, B: Empty> Empty for (A, B) {
    const EMPTY: Self = (A::EMPTY, B::EMPTY);
}

impl<A: Empty, B: Empty> Empty for Chained<A, B> {
    const EMPTY: Self = Self::of(A::EMPTY, B::EMPTY);
}
