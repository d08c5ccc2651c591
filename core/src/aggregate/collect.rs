//! `collect`: the first values of a group, as a list.

use serde::{Deserialize, Serialize};

use super::{Aggregate, Arrival, Nullable, Stored, capacity::Capacity};

/// What [`collect()`] keeps per group: `N` values with the numbers of their rows, and 16 bytes more; for instance 144 bytes for 8
/// of `f64`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
pub struct Collect<T, const N: usize> {
    capacity: Capacity<N>,
    /// In order of arrival.
    values: heapless::Vec<(Arrival, T), N>,
    left_out: u64,
}

/// The first values of a group in order of arrival, and how many came after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected<T, const N: usize> {
    /// The first `N` values, in order of arrival.
    pub values: heapless::Vec<T, N>,
    /// How many values more there were, for which the list has no room.
    pub left_out: u64,
}

impl<T, const N: usize> Collect<T, N> {
    /// Puts a value in its place; the last to arrive is left out if there is no room.
    fn insert(&mut self, arrival: Arrival, value: T) {
        // Rows nearly always come in order, so the place is sought from the end.
        let later = self.values.iter().rev().take_while(|(kept, _)| *kept > arrival).count();
        let Err((arrival, value)) = self.values.push((arrival, value)).map(|()| settle(&mut self.values))
        else {
            return;
        };
        self.left_out = self.left_out.saturating_add(1);
        if later > 0
            && let Some(last) = self.values.last_mut()
        {
            *last = (arrival, value);
            settle(&mut self.values);
        }
    }
}

/// Moves the last value to its place among the others, which are in order of arrival.
fn settle<T>(values: &mut [(Arrival, T)]) {
    let Some((mut moving, mut before)) = values.split_last_mut() else { return };
    while let Some((neighbour, rest)) = before.split_last_mut() {
        if neighbour.0 <= moving.0 {
            return;
        }
        core::mem::swap(moving, neighbour);
        (moving, before) = (neighbour, rest);
    }
}

/// The first `N` values of `column` in order of arrival, null skipped, and how many were left out. Spark's `collect_list`,
/// which has no bound.
///
/// `N` is in the state's type, [`Collect`], and is taken from there. Arrival counts, not event time: which values are kept
/// follows from the numbers of their rows alone, so the same rows give the same bytes in any order of merges, exactly.
///
/// ```
/// use headwater::aggregate::{Aggregate, Collect, collect};
/// let spec = collect(|row: &Option<u32>| *row);
/// let mut state: Collect<u32, 2> = spec.init();
/// for (row, arrival) in [(Some(30), 1), (None, 2), (Some(10), 3), (Some(20), 4)] {
///     spec.update(&mut state, &row, arrival);
/// }
/// let collected = spec.finish(&state);
/// assert_eq!(collected.values, [30, 10]);
/// assert_eq!(collected.left_out, 1);
/// ```
#[must_use]
pub fn collect<const N: usize, R, T, F>(column: F) -> CollectOf<F, N>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Stored>,
{
    CollectOf { column }
}

/// Returned by [`collect()`].
#[derive(Clone, Copy)]
pub struct CollectOf<F, const N: usize> {
    column: F,
}

impl<R, T, F, const N: usize> Aggregate<R> for CollectOf<F, N>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Stored>,
{
    type State = Collect<T::Value, N>;
    type Output = Collected<T::Value, N>;

    fn init(&self) -> Self::State {
        Collect { capacity: Capacity, values: heapless::Vec::new(), left_out: 0 }
    }

    fn update(&self, state: &mut Self::State, row: &R, arrival: Arrival) {
        if let Some(value) = (self.column)(row).into_option() {
            state.insert(arrival, value);
        }
    }

    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        for (arrival, value) in &other.values {
            state.insert(*arrival, value.clone());
        }
        state.left_out = state.left_out.saturating_add(other.left_out);
    }

    fn finish(&self, state: &Self::State) -> Self::Output {
        Collected {
            values: state.values.iter().map(|(_, value)| value.clone()).collect(),
            left_out: state.left_out,
        }
    }
}
