//! `min` and `max`: the least and the greatest value of a column.

use serde::{Deserialize, Serialize};

use super::{Aggregate, Arrival, Nullable, Order, Stored};

/// What [`min()`] keeps per group: an `Option<T>`, for instance 16 bytes for `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Min<T> {
    min: Option<T>,
}

/// What [`max()`] keeps per group: an `Option<T>`, for instance 16 bytes for `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Max<T> {
    max: Option<T>,
}

/// Puts `candidate` in the place of `best` where it `is_better`; among equals `best` stays.
#[inline]
fn keep_better<T>(best: &mut Option<T>, candidate: Option<T>, is_better: impl Fn(&T, &T) -> bool) {
    if let Some(new) = candidate
        && best.as_ref().is_none_or(|old| is_better(&new, old))
    {
        *best = Some(new);
    }
}

/// The least value of `column`, null skipped; `None` where no value was. Spark's `min`.
///
/// Keeps the column's type and compares by [`Order`]: NaN is greater than everything, so it is the answer only
/// where there is nothing else. Of equal values (-0.0 and 0.0) the first seen stays; after a merge (sliding windows,
/// sessions that grew together) it may be either.
///
/// ```
/// use headwater::aggregate::{Aggregate, min};
/// let spec = min(|row: &Option<f64>| *row);
/// let mut state = spec.init();
/// for (row, arrival) in [(Some(f64::NAN), 1), (None, 2), (Some(4.0), 3)] {
///     spec.update(&mut state, &row, arrival);
/// }
/// assert_eq!(spec.finish(&state), Some(4.0));
/// ```
#[must_use]
pub fn min<R, T, F>(column: F) -> MinOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Order + Stored>,
{
    MinOf { column }
}

/// The greatest value of `column`, null skipped; `None` where no value was. Spark's `max`.
///
/// Keeps the column's type and compares by [`Order`]: NaN is greater than everything, so one NaN is the answer.
/// Of equal values (-0.0 and 0.0) the first seen stays; after a merge (sliding windows, sessions that grew together) it
/// may be either.
///
/// ```
/// use headwater::aggregate::{Aggregate, max};
/// let spec = max(|row: &u8| *row);
/// let mut state = spec.init();
/// for (row, arrival) in [(3, 1), (7, 2), (5, 3)] {
///     spec.update(&mut state, &row, arrival);
/// }
/// assert_eq!(spec.finish(&state), Some(7_u8));
/// ```
#[must_use]
pub fn max<R, T, F>(column: F) -> MaxOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Order + Stored>,
{
    MaxOf { column }
}

/// Returned by [`min()`].
#[derive(Clone, Copy)]
pub struct MinOf<F> {
    column: F,
}

impl<R, T, F> Aggregate<R> for MinOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Order + Stored>,
{
    type State = Min<T::Value>;
    type Output = Option<T::Value>;

    #[inline]
    fn init(&self) -> Self::State {
        Min { min: None }
    }

    #[inline]
    fn update(&self, state: &mut Self::State, row: &R, _arrival: Arrival) {
        keep_better(&mut state.min, (self.column)(row).into_option(), T::Value::is_less);
    }

    #[inline]
    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        keep_better(&mut state.min, other.min.clone(), T::Value::is_less);
    }

    #[inline]
    fn finish(&self, state: &Self::State) -> Self::Output {
        state.min.clone()
    }
}

/// Returned by [`max()`].
#[derive(Clone, Copy)]
pub struct MaxOf<F> {
    column: F,
}

impl<R, T, F> Aggregate<R> for MaxOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Order + Stored>,
{
    type State = Max<T::Value>;
    type Output = Option<T::Value>;

    #[inline]
    fn init(&self) -> Self::State {
        Max { max: None }
    }

    #[inline]
    fn update(&self, state: &mut Self::State, row: &R, _arrival: Arrival) {
        keep_better(&mut state.max, (self.column)(row).into_option(), |new, old| old.is_less(new));
    }

    #[inline]
    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        keep_better(&mut state.max, other.max.clone(), |new, old| old.is_less(new));
    }

    #[inline]
    fn finish(&self, state: &Self::State) -> Self::Output {
        state.max.clone()
    }
}
