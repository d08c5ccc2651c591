//! `first` and `last`: the values that arrived first and last, with nulls or without.
//!
//! First and last are by order of arrival, not of event time, as in Spark. States of panes and sessions are merged in
//! order of event time, so each value keeps the number of its row beside it.

use serde::{Deserialize, Serialize};

use super::{Aggregate, Arrival, Nullable, Stored};

/// A value and the number of the row it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Arrived<T> {
    arrival: Arrival,
    value: T,
}

impl<T> Arrived<T> {
    fn put_earlier(self, kept: &mut Option<Self>) {
        if kept.as_ref().is_none_or(|kept| self.arrival < kept.arrival) {
            *kept = Some(self);
        }
    }

    fn put_later(self, kept: &mut Option<Self>) {
        if kept.as_ref().is_none_or(|kept| self.arrival >= kept.arrival) {
            *kept = Some(self);
        }
    }
}

/// What [`first()`] keeps per group: a value and its row's number, for instance 24 bytes for `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct First<T> {
    first: Option<Arrived<Option<T>>>,
}

/// What [`last()`] keeps per group: a value and its row's number, for instance 24 bytes for `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last<T> {
    last: Option<Arrived<Option<T>>>,
}

/// What [`first_non_null()`] keeps per group: a value and its row's number, for instance 24 bytes for `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstNonNull<T> {
    first_non_null: Option<Arrived<T>>,
}

/// What [`last_non_null()`] keeps per group: a value and its row's number, for instance 24 bytes for `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastNonNull<T> {
    last_non_null: Option<Arrived<T>>,
}

/// The value of `column` in the row that arrived first: `None` if it is null there. Spark's `first(column)`.
///
/// Arrival counts, not event time. [`first_non_null()`] passes over nulls. `None` also for a group without rows.
///
/// ```
/// use headwater::aggregate::{Aggregate, first};
/// let spec = first(|row: &Option<u32>| *row);
/// let mut state = spec.init();
/// for (row, arrival) in [(None, 1), (Some(10), 2), (Some(20), 3), (None, 4)] {
///     spec.update(&mut state, &row, arrival);
/// }
/// assert_eq!(spec.finish(&state), None);
/// ```
#[must_use]
pub fn first<R, T, F>(column: F) -> FirstOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Stored>,
{
    FirstOf { column }
}

/// The value of `column` in the row that arrived last: `None` if it is null there. Spark's `last(column)`.
///
/// Arrival counts, not event time. [`last_non_null()`] passes over nulls. `None` also for a group without rows.
///
/// ```
/// use headwater::aggregate::{Aggregate, last};
/// let spec = last(|row: &Option<u32>| *row);
/// let mut state = spec.init();
/// for (row, arrival) in [(None, 1), (Some(10), 2), (Some(20), 3), (None, 4)] {
///     spec.update(&mut state, &row, arrival);
/// }
/// assert_eq!(spec.finish(&state), None);
/// ```
#[must_use]
pub fn last<R, T, F>(column: F) -> LastOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Stored>,
{
    LastOf { column }
}

/// The value of `column` that arrived first, null skipped; `None` where no value was. Spark's `first(column, true)`.
///
/// Arrival counts, not event time.
///
/// ```
/// use headwater::aggregate::{Aggregate, first_non_null};
/// let spec = first_non_null(|row: &Option<u32>| *row);
/// let mut state = spec.init();
/// for (row, arrival) in [(None, 1), (Some(10), 2), (Some(20), 3), (None, 4)] {
///     spec.update(&mut state, &row, arrival);
/// }
/// assert_eq!(spec.finish(&state), Some(10));
/// ```
#[must_use]
pub fn first_non_null<R, T, F>(column: F) -> FirstNonNullOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Stored>,
{
    FirstNonNullOf { column }
}

/// The value of `column` that arrived last, null skipped; `None` where no value was. Spark's `last(column, true)`.
///
/// Arrival counts, not event time.
///
/// ```
/// use headwater::aggregate::{Aggregate, last_non_null};
/// let spec = last_non_null(|row: &Option<u32>| *row);
/// let mut state = spec.init();
/// for (row, arrival) in [(None, 1), (Some(10), 2), (Some(20), 3), (None, 4)] {
///     spec.update(&mut state, &row, arrival);
/// }
/// assert_eq!(spec.finish(&state), Some(20));
/// ```
#[must_use]
pub fn last_non_null<R, T, F>(column: F) -> LastNonNullOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Stored>,
{
    LastNonNullOf { column }
}

/// Returned by [`first()`].
#[derive(Clone, Copy)]
pub struct FirstOf<F> {
    column: F,
}

impl<R, T, F> Aggregate<R> for FirstOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Stored>,
{
    type State = First<T::Value>;
    type Output = Option<T::Value>;

    fn init(&self) -> Self::State {
        First { first: None }
    }

    fn update(&self, state: &mut Self::State, row: &R, arrival: Arrival) {
        let value = (self.column)(row).into_option();
        Arrived { arrival, value }.put_earlier(&mut state.first);
    }

    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        if let Some(kept) = other.first.clone() {
            kept.put_earlier(&mut state.first);
        }
    }

    fn finish(&self, state: &Self::State) -> Self::Output {
        state.first.as_ref().and_then(|kept| kept.value.clone())
    }
}

/// Returned by [`last()`].
#[derive(Clone, Copy)]
pub struct LastOf<F> {
    column: F,
}

impl<R, T, F> Aggregate<R> for LastOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Stored>,
{
    type State = Last<T::Value>;
    type Output = Option<T::Value>;

    fn init(&self) -> Self::State {
        Last { last: None }
    }

    fn update(&self, state: &mut Self::State, row: &R, arrival: Arrival) {
        let value = (self.column)(row).into_option();
        Arrived { arrival, value }.put_later(&mut state.last);
    }

    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        if let Some(kept) = other.last.clone() {
            kept.put_later(&mut state.last);
        }
    }

    fn finish(&self, state: &Self::State) -> Self::Output {
        state.last.as_ref().and_then(|kept| kept.value.clone())
    }
}

/// Returned by [`first_non_null()`].
#[derive(Clone, Copy)]
pub struct FirstNonNullOf<F> {
    column: F,
}

impl<R, T, F> Aggregate<R> for FirstNonNullOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Stored>,
{
    type State = FirstNonNull<T::Value>;
    type Output = Option<T::Value>;

    fn init(&self) -> Self::State {
        FirstNonNull { first_non_null: None }
    }

    fn update(&self, state: &mut Self::State, row: &R, arrival: Arrival) {
        if let Some(value) = (self.column)(row).into_option() {
            Arrived { arrival, value }.put_earlier(&mut state.first_non_null);
        }
    }

    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        if let Some(kept) = other.first_non_null.clone() {
            kept.put_earlier(&mut state.first_non_null);
        }
    }

    fn finish(&self, state: &Self::State) -> Self::Output {
        state.first_non_null.as_ref().map(|kept| kept.value.clone())
    }
}

/// Returned by [`last_non_null()`].
#[derive(Clone, Copy)]
pub struct LastNonNullOf<F> {
    column: F,
}

impl<R, T, F> Aggregate<R> for LastNonNullOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Stored>,
{
    type State = LastNonNull<T::Value>;
    type Output = Option<T::Value>;

    fn init(&self) -> Self::State {
        LastNonNull { last_non_null: None }
    }

    fn update(&self, state: &mut Self::State, row: &R, arrival: Arrival) {
        if let Some(value) = (self.column)(row).into_option() {
            Arrived { arrival, value }.put_later(&mut state.last_non_null);
        }
    }

    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        if let Some(kept) = other.last_non_null.clone() {
            kept.put_later(&mut state.last_non_null);
        }
    }

    fn finish(&self, state: &Self::State) -> Self::Output {
        state.last_non_null.as_ref().map(|kept| kept.value.clone())
    }
}
