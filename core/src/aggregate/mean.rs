//! `mean`: the average of a column.

use serde::{Deserialize, Serialize};

use super::{Aggregate, Arrival, Nullable, Number, number::same_nan};

/// What [`mean()`] keeps per group: the sum and number of values, 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    sum: f64,
    count: u64,
}

/// The mean of `column` as `f64`, null skipped; `None` where no value was. Spark's `avg`.
///
/// Integers too are added as `f64`, as Spark does, from +0.0. NaN, or +inf and -inf, make the mean NaN for good.
///
/// ```
/// use headwater::aggregate::{Aggregate, mean};
/// let spec = mean(|row: &Option<i32>| *row);
/// let mut state = spec.init();
/// spec.update(&mut state, &Some(1), 1);
/// spec.update(&mut state, &None, 2);
/// spec.update(&mut state, &Some(2), 3);
/// assert_eq!(spec.finish(&state), Some(1.5));
/// ```
#[must_use]
pub fn mean<R, T, F>(column: F) -> MeanOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    MeanOf { column }
}

/// Returned by [`mean()`].
#[derive(Clone, Copy)]
pub struct MeanOf<F> {
    column: F,
}

impl<R, T, F> Aggregate<R> for MeanOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    type State = Mean;
    type Output = Option<f64>;

    #[inline]
    fn init(&self) -> Mean {
        Mean { sum: 0.0, count: 0 }
    }

    #[inline]
    fn update(&self, state: &mut Mean, row: &R, _arrival: Arrival) {
        if let Some(value) = (self.column)(row).into_option() {
            state.sum = same_nan(state.sum + value.to_f64());
            state.count = state.count.wrapping_add(1);
        }
    }

    #[inline]
    fn merge(&self, state: &mut Mean, other: &Mean) {
        state.sum = same_nan(state.sum + other.sum);
        state.count = state.count.wrapping_add(other.count);
    }

    #[inline]
    fn finish(&self, state: &Mean) -> Option<f64> {
        (state.count > 0).then(|| state.sum / state.count as f64)
    }
}
