//! `count`: how many rows, or how many values that are not null.

use serde::{Deserialize, Serialize};

use super::{Aggregate, Arrival, Nullable};

/// What [`count()`] and [`count_of()`] keep per group: 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    count: u64,
}

impl Count {
    fn increment(&mut self) {
        self.count = self.count.wrapping_add(1);
    }

    fn merge(&mut self, other: &Self) {
        self.count = self.count.wrapping_add(other.count);
    }
}

/// The number of rows in the group, whatever they hold. Spark's `count(*)`.
///
/// ```
/// use headwater::aggregate::{Aggregate, count};
/// let spec = count();
/// let mut state = Aggregate::<f64>::init(&spec);
/// spec.update(&mut state, &f64::NAN, 1);
/// assert_eq!(Aggregate::<f64>::finish(&spec, &state), 1);
/// ```
#[must_use]
pub const fn count() -> CountRows {
    CountRows
}

/// The number of rows in which `column` is not null; NaN counts. Spark's `count(column)`.
///
/// For a value that is costly to return, return whether it is there: `|r| r.text.is_some().then_some(true)`.
///
/// ```
/// use headwater::aggregate::{Aggregate, count_of};
/// let spec = count_of(|row: &Option<f64>| *row);
/// let mut state = spec.init();
/// spec.update(&mut state, &Some(f64::NAN), 1);
/// spec.update(&mut state, &None, 2);
/// assert_eq!(spec.finish(&state), 1);
/// ```
#[must_use]
pub fn count_of<R, T, F>(column: F) -> CountOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable,
{
    CountOf { column }
}

/// Returned by [`count()`].
#[derive(Debug, Clone, Copy)]
pub struct CountRows;

impl<R: ?Sized> Aggregate<R> for CountRows {
    type State = Count;
    type Output = u64;

    #[inline]
    fn init(&self) -> Count {
        Count { count: 0 }
    }

    #[inline]
    fn update(&self, state: &mut Count, _row: &R, _arrival: Arrival) {
        state.increment();
    }

    #[inline]
    fn merge(&self, state: &mut Count, other: &Count) {
        state.merge(other);
    }

    #[inline]
    fn finish(&self, state: &Count) -> u64 {
        state.count
    }
}

/// Returned by [`count_of()`].
#[derive(Clone, Copy)]
pub struct CountOf<F> {
    column: F,
}

impl<R, T, F> Aggregate<R> for CountOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable,
{
    type State = Count;
    type Output = u64;

    #[inline]
    fn init(&self) -> Count {
        Count { count: 0 }
    }

    #[inline]
    fn update(&self, state: &mut Count, row: &R, _arrival: Arrival) {
        if (self.column)(row).into_option().is_some() {
            state.increment();
        }
    }

    #[inline]
    fn merge(&self, state: &mut Count, other: &Count) {
        state.merge(other);
    }

    #[inline]
    fn finish(&self, state: &Count) -> u64 {
        state.count
    }
}
