//! `sum`: exact for integers, in `f64` for floats.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Aggregate, Arrival, Nullable, Number, number::same_nan};

/// What [`sum()`] keeps per group for a column of type `T`: `Sum<f64>`, `Sum<u16>`. 16 bytes.
pub type Sum<T> = <T as Number>::SumState;

/// The total of a column's values so far, and whether there were any.
pub trait SumState: Clone + Default + Serialize + DeserializeOwned + 'static {
    /// The type of the total.
    type Total;

    /// Adds what `other` has added up.
    fn merge(&mut self, other: &Self);

    /// The total; `None` if there was no value or it cannot be told in `Total`.
    fn total(&self) -> Option<Self::Total>;
}

/// The sum of integers: 16 bytes.
///
/// Kept in 96 bits, wrapping, so that an overflow on the way does no harm and neither the order of rows nor of merges
/// can change the answer. It is exact while the true sum fits 96 bits: not before two thousand million rows of
/// `u64::MAX` could it leave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IntegerSum {
    /// The sum is `overflow * 2^64 + low`; a sum that fits `i64` is `low` alone, short in the checkpoint.
    low: i64,
    overflow: i32,
    any: bool,
}

impl IntegerSum {
    const LOW_BITS: u32 = 64;

    pub(super) fn add(&mut self, value: i128) {
        let sum = self.wide().wrapping_add(value);
        let low = sum as i64;
        let overflow = (sum.wrapping_sub(i128::from(low)) >> Self::LOW_BITS) as i32;
        *self = Self { low, overflow, any: true };
    }

    fn wide(&self) -> i128 {
        (i128::from(self.overflow) << Self::LOW_BITS).wrapping_add(i128::from(self.low))
    }
}

impl SumState for IntegerSum {
    type Total = i64;

    fn merge(&mut self, other: &Self) {
        if other.any {
            self.add(other.wide());
        }
    }

    fn total(&self) -> Option<i64> {
        (self.any && self.overflow == 0).then_some(self.low)
    }
}

/// The sum of floats, added in the order of rows from +0.0: 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct FloatSum {
    sum: f64,
    any: bool,
}

impl FloatSum {
    pub(super) fn add(&mut self, value: f64) {
        *self = Self { sum: same_nan(self.sum + value), any: true };
    }
}

impl SumState for FloatSum {
    type Total = f64;

    fn merge(&mut self, other: &Self) {
        if other.any {
            self.add(other.sum);
        }
    }

    fn total(&self) -> Option<f64> {
        self.any.then_some(self.sum)
    }
}

/// The sum of `column`, null skipped; `None` where no value was. Spark's `sum`.
///
/// Integers of any width give `i64`, exactly. If the sum does not fit, the answer is `None` (as Spark's `try_sum`),
/// and later rows that bring it back into range bring the answer back: it depends on which rows the group holds,
/// never on their order. Floats give `f64` by IEEE rules: NaN, or +inf and -inf, make the sum NaN for good, and the sum of
/// only -0.0 is 0.0.
///
/// ```
/// use headwater::aggregate::{Aggregate, sum};
/// let litres = sum(|row: &Option<u16>| *row);
/// let mut state = litres.init();
/// assert_eq!(litres.finish(&state), None);
/// litres.update(&mut state, &Some(40_000), 1);
/// litres.update(&mut state, &None, 2);
/// litres.update(&mut state, &Some(40_000), 3);
/// assert_eq!(litres.finish(&state), Some(80_000_i64));
/// ```
#[must_use]
pub fn sum<R, T, F>(column: F) -> SumOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    SumOf { column }
}

/// Returned by [`sum()`].
#[derive(Clone, Copy)]
pub struct SumOf<F> {
    column: F,
}

impl<R, T, F> Aggregate<R> for SumOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    type State = Sum<T::Value>;
    type Output = Option<<Sum<T::Value> as SumState>::Total>;

    #[inline]
    fn init(&self) -> Self::State {
        Self::State::default()
    }

    #[inline]
    fn update(&self, state: &mut Self::State, row: &R, _arrival: Arrival) {
        if let Some(value) = (self.column)(row).into_option() {
            value.add_to(state);
        }
    }

    #[inline]
    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        state.merge(other);
    }

    #[inline]
    fn finish(&self, state: &Self::State) -> Self::Output {
        state.total()
    }
}
