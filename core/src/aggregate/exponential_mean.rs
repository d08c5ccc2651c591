//! `exponential_mean`: a mean in which a value counts half as much with every half-life that it is older.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{Aggregate, Arrival, Nullable, Number, decay::decay, number::same_nan};
use crate::{EventTime, Span, Timestamp};

/// What [`exponential_mean()`] keeps per group: the weighted sum, the sum of weights and the time they are for, 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExponentialMean {
    latest: Option<Weighted>,
}

/// Sums whose weights are those at the time of the latest value, which itself weighs 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Weighted {
    at: Timestamp,
    sum: f64,
    weight: f64,
}

impl Weighted {
    /// What is left of these at a time not before their own.
    fn aged(self, at: Timestamp, half_life: Span) -> Self {
        if at <= self.at {
            return self;
        }
        let left = decay(at.since(self.at), half_life);
        Self { at, sum: self.sum * left, weight: self.weight * left }
    }

    fn plus(self, other: Self, half_life: Span) -> Self {
        let at = self.at.max(other.at);
        let (ours, theirs) = (self.aged(at, half_life), other.aged(at, half_life));
        Self { at, sum: same_nan(ours.sum + theirs.sum), weight: ours.weight + theirs.weight }
    }
}

/// A half-life of no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoHalfLife;

impl fmt::Display for NoHalfLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the half-life of an exponential mean is zero: give the time after which a value counts half",
        )
    }
}

impl core::error::Error for NoHalfLife {}

/// The mean of `column` in which a value counts half as much with every `half_life` that it is older than the latest one.
///
/// Time is event time, which `at` reads from the row. A value of age `a` weighs 2^(-`a` / `half_life`); the mean is the
/// weighted sum over the sum of weights, so it is no estimate, has no start-up bias and needs no even spacing. A row without
/// value or without event time is skipped; `None` where no value was. NaN, or +inf and -inf, make it NaN for good.
/// An infinity stays one. Spark has no such aggregate; this is pandas' `ewm(halflife=.., times=..).mean()`.
///
/// # Order and merges
/// Merging ages the older of two states to the time of the other and adds them: the answer of one pass in order of time, whatever
/// the order of rows and merges, but for rounding in the last digits (relative to the sizes of the values some 1e-16 for each
/// row or merge). So the bytes do depend on the order.
///
/// The half-life is not in the checkpoint: when it changes, raise the query's version ([`Plan::named`](crate::Plan::named)).
///
/// # Errors
/// [`NoHalfLife`] if `half_life` is zero.
///
/// ```
/// use headwater::{Span, Timestamp};
/// use headwater::aggregate::{Aggregate, exponential_mean};
/// struct Reading { at: Timestamp, celsius: f64 }
///
/// let spec = exponential_mean(|r: &Reading| r.celsius, |r: &Reading| r.at, Span::secs(60))?;
/// let mut state = spec.init();
/// spec.update(&mut state, &Reading { at: Timestamp::from_secs(60), celsius: 20.0 }, 1);
/// spec.update(&mut state, &Reading { at: Timestamp::from_secs(0), celsius: 14.0 }, 2);
/// assert_eq!(spec.finish(&state), Some((20.0 + 14.0 * 0.5) / 1.5));
/// # Ok::<(), headwater::aggregate::NoHalfLife>(())
/// ```
pub fn exponential_mean<R, T, E, F, G>(
    column: F,
    at: G,
    half_life: Span,
) -> Result<ExponentialMeanOf<F, G>, NoHalfLife>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    G: Fn(&R) -> E,
    T: Nullable<Value: Number>,
    E: EventTime,
{
    if half_life.is_zero() { Err(NoHalfLife) } else { Ok(ExponentialMeanOf { column, at, half_life }) }
}

/// Returned by [`exponential_mean()`].
#[derive(Clone, Copy)]
pub struct ExponentialMeanOf<F, G> {
    column: F,
    at: G,
    half_life: Span,
}

impl<F, G> ExponentialMeanOf<F, G> {
    fn add(&self, state: &mut ExponentialMean, more: Weighted) {
        let sums = state.latest.map_or(more, |sums| sums.plus(more, self.half_life));
        state.latest = Some(sums);
    }
}

impl<R, T, E, F, G> Aggregate<R> for ExponentialMeanOf<F, G>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    G: Fn(&R) -> E,
    T: Nullable<Value: Number>,
    E: EventTime,
{
    type State = ExponentialMean;
    type Output = Option<f64>;

    fn init(&self) -> ExponentialMean {
        ExponentialMean { latest: None }
    }

    fn update(&self, state: &mut ExponentialMean, row: &R, _arrival: Arrival) {
        let value = (self.column)(row).into_option();
        let at = (self.at)(row).event_time().filter(|at| at.is_event_time());
        if let (Some(value), Some(at)) = (value, at) {
            // From +0.0, as every sum.
            self.add(state, Weighted { at, sum: same_nan(0.0 + value.to_f64()), weight: 1.0 });
        }
    }

    fn merge(&self, state: &mut ExponentialMean, other: &ExponentialMean) {
        if let Some(more) = other.latest {
            self.add(state, more);
        }
    }

    fn finish(&self, state: &ExponentialMean) -> Option<f64> {
        state.latest.map(|sums| sums.sum / sums.weight)
    }
}
