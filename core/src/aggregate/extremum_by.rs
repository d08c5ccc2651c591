//! `min_by` and `max_by`: a column's value in the row where another column is least or greatest.

use core::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Aggregate, Arrival, Nullable, Order, Stored};

/// What [`min_by()`] keeps per group: value, ordering value and number of the best row; for instance 32 bytes for
/// two `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinBy<V, O> {
    least: Option<Ranked<V, O>>,
}

/// What [`max_by()`] keeps per group: value, ordering value and number of the best row; for instance 32 bytes for
/// two `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaxBy<V, O> {
    greatest: Option<Ranked<V, O>>,
}

/// The best row so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Ranked<V, O> {
    by: O,
    arrival: Arrival,
    value: Option<V>,
}

impl<V, O: Order> Ranked<V, O> {
    /// Whether this row takes the place of `best`: its ordering value compares as `better`, or is the same and it
    /// arrived later.
    fn beats(&self, best: &Self, better: Ordering) -> bool {
        match self.by.order(&best.by) {
            Ordering::Equal => self.arrival > best.arrival,
            order => order == better,
        }
    }
}

fn keep_better<V, O: Order>(
    best: &mut Option<Ranked<V, O>>,
    candidate: Option<Ranked<V, O>>,
    better: Ordering,
) {
    match (&best, &candidate) {
        (Some(old), Some(new)) if !new.beats(old, better) => {}
        (_, None) => {}
        _ => *best = candidate,
    }
}

/// Reads a row; `None` where its ordering value is null.
fn rank<R, V, O>(
    row: &R,
    arrival: Arrival,
    value: impl Fn(&R) -> V,
    by: impl Fn(&R) -> O,
) -> Option<Ranked<V::Value, O::Value>>
where
    R: ?Sized,
    V: Nullable,
    O: Nullable,
{
    let by = by(row).into_option()?;
    Some(Ranked { by, arrival, value: value(row).into_option() })
}

/// `value` in the row where `by` is least. Spark's `min_by`.
///
/// Rows whose `by` is null are skipped; a null `value` is an answer, and `None` is also the answer where no row
/// was left. `by` compares as in [`min()`](super::min()). Of rows with the same `by` the last to arrive is taken, as
/// Spark 4.3 does (its `MinBy` keeps the old row only if it is strictly less), also through merges.
///
/// ```
/// use headwater::aggregate::{Aggregate, min_by};
/// struct Price { shop: u32, cents: Option<u32> }
/// let spec = min_by(|r: &Price| r.shop, |r: &Price| r.cents);
/// let mut state = spec.init();
/// spec.update(&mut state, &Price { shop: 1, cents: Some(250) }, 1);
/// spec.update(&mut state, &Price { shop: 2, cents: Some(199) }, 2);
/// spec.update(&mut state, &Price { shop: 3, cents: None }, 3);
/// assert_eq!(spec.finish(&state), Some(2));
/// ```
#[must_use]
pub fn min_by<R, V, O, F, G>(value: F, by: G) -> MinByOf<F, G>
where
    R: ?Sized,
    F: Fn(&R) -> V,
    G: Fn(&R) -> O,
    V: Nullable<Value: Stored>,
    O: Nullable<Value: Order + Stored>,
{
    MinByOf { value, by }
}

/// `value` in the row where `by` is greatest. Spark's `max_by`.
///
/// Rows whose `by` is null are skipped; a null `value` is an answer, and `None` is also the answer where no row
/// was left. `by` compares as in [`max()`](super::max()). Of rows with the same `by` the last to arrive is taken, as
/// Spark 4.3 does (its `MaxBy` keeps the old row only if it is strictly greater), also through merges.
///
/// ```
/// use headwater::aggregate::{Aggregate, max_by};
/// struct Vote { party: u32, votes: u32 }
/// let spec = max_by(|r: &Vote| r.party, |r: &Vote| r.votes);
/// let mut state = spec.init();
/// spec.update(&mut state, &Vote { party: 1, votes: 70 }, 1);
/// spec.update(&mut state, &Vote { party: 2, votes: 90 }, 2);
/// spec.update(&mut state, &Vote { party: 3, votes: 90 }, 3);
/// assert_eq!(spec.finish(&state), Some(3));
/// ```
#[must_use]
pub fn max_by<R, V, O, F, G>(value: F, by: G) -> MaxByOf<F, G>
where
    R: ?Sized,
    F: Fn(&R) -> V,
    G: Fn(&R) -> O,
    V: Nullable<Value: Stored>,
    O: Nullable<Value: Order + Stored>,
{
    MaxByOf { value, by }
}

/// Returned by [`min_by()`].
#[derive(Clone, Copy)]
pub struct MinByOf<F, G> {
    value: F,
    by: G,
}

impl<R, V, O, F, G> Aggregate<R> for MinByOf<F, G>
where
    R: ?Sized,
    F: Fn(&R) -> V,
    G: Fn(&R) -> O,
    V: Nullable<Value: Stored>,
    O: Nullable<Value: Order + Stored>,
{
    type State = MinBy<V::Value, O::Value>;
    type Output = Option<V::Value>;

    fn init(&self) -> Self::State {
        MinBy { least: None }
    }

    fn update(&self, state: &mut Self::State, row: &R, arrival: Arrival) {
        keep_better(&mut state.least, rank(row, arrival, &self.value, &self.by), Ordering::Less);
    }

    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        keep_better(&mut state.least, other.least.clone(), Ordering::Less);
    }

    fn finish(&self, state: &Self::State) -> Self::Output {
        state.least.as_ref().and_then(|best| best.value.clone())
    }
}

/// Returned by [`max_by()`].
#[derive(Clone, Copy)]
pub struct MaxByOf<F, G> {
    value: F,
    by: G,
}

impl<R, V, O, F, G> Aggregate<R> for MaxByOf<F, G>
where
    R: ?Sized,
    F: Fn(&R) -> V,
    G: Fn(&R) -> O,
    V: Nullable<Value: Stored>,
    O: Nullable<Value: Order + Stored>,
{
    type State = MaxBy<V::Value, O::Value>;
    type Output = Option<V::Value>;

    fn init(&self) -> Self::State {
        MaxBy { greatest: None }
    }

    fn update(&self, state: &mut Self::State, row: &R, arrival: Arrival) {
        keep_better(&mut state.greatest, rank(row, arrival, &self.value, &self.by), Ordering::Greater);
    }

    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        keep_better(&mut state.greatest, other.greatest.clone(), Ordering::Greater);
    }

    fn finish(&self, state: &Self::State) -> Self::Output {
        state.greatest.as_ref().and_then(|best| best.value.clone())
    }
}
