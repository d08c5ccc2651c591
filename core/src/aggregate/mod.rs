//! Aggregates: functions over the rows of a group, kept as a small state that rows update.
//!
//! A query is given one aggregate or a tuple of up to eight. Each free function here ([`count()`], [`mean()`],
//! [`max()`], …) takes closures that read a row and returns a value holding them, such as [`MeanOf`]. What is
//! kept per group is a plain type that can be named in a `static`, such as [`Mean`]:
//!
//! ```
//! use headwater::aggregate::{Aggregate, Count, Max, Mean, count, max, mean};
//!
//! struct Reading {
//!     celsius: Option<f64>,
//! }
//!
//! let spec = (count(), mean(|r: &Reading| r.celsius), max(|r: &Reading| r.celsius));
//! let mut state: (Count, Mean, Max<f64>) = Aggregate::<Reading>::init(&spec);
//! spec.update(&mut state, &Reading { celsius: Some(20.0) }, 1);
//! spec.update(&mut state, &Reading { celsius: None }, 2);
//! spec.update(&mut state, &Reading { celsius: Some(23.0) }, 3);
//! assert_eq!(Aggregate::<Reading>::finish(&spec, &state), (3, Some(21.5), Some(23.0)));
//! ```
//!
//! # Null, NaN and types
//! Null is `Option` (see [`Nullable`]); answers, null rules and result types are those of Spark 4.3, found by
//! running it. In short: null is skipped except by [`count()`], [`first()`], [`last()`] and as the value of
//! [`min_by()`] and [`max_by()`]; a group without any value answers `None`; NaN is a value, greater than all
//! others; sums of integers are `i64`, of floats `f64`.
//!
//! # Same bytes everywhere
//! Which NaN an operation such as `inf - inf` gives differs between processors. Computed states hold
//! [`f64::NAN`] in its place, so a checkpoint has the same bytes on each of them.

mod approx_count_distinct;
mod capacity;
mod collect;
mod count;
mod decay;
mod exponential_mean;
mod extremum;
mod extremum_by;
mod first_last;
mod histogram;
mod log_bucket;
mod logarithm;
mod mean;
mod most_frequent;
mod nullable;
mod number;
mod order;
mod packed;
mod quantile_store;
mod quantiles;
mod square_root;
mod stable_hash;
mod stored;
mod sum;
mod tuple;
mod variance;
mod xxhash64;

pub use approx_count_distinct::{ApproxCountDistinct, ApproxCountDistinctOf, approx_count_distinct};
pub use collect::{Collect, CollectOf, Collected, collect};
pub use count::{Count, CountOf, CountRows, count, count_of};
pub use exponential_mean::{ExponentialMean, ExponentialMeanOf, NoHalfLife, exponential_mean};
pub use extremum::{Max, MaxOf, Min, MinOf, max, min};
pub use extremum_by::{MaxBy, MaxByOf, MinBy, MinByOf, max_by, min_by};
pub use first_last::{
    First, FirstNonNull, FirstNonNullOf, FirstOf, Last, LastNonNull, LastNonNullOf, LastOf, first,
    first_non_null, last, last_non_null,
};
pub use histogram::{Bin, Histogram, HistogramCounts, HistogramEdges, HistogramOf, histogram};
pub use mean::{Mean, MeanOf, mean};
pub use most_frequent::{Frequent, MostFrequent, MostFrequentOf, most_frequent};
pub use nullable::Nullable;
pub use number::Number;
pub use order::Order;
pub use quantiles::{QuantileOf, QuantileOutOfRange, Quantiles, QuantilesOf, quantile, quantiles};
pub use stable_hash::StableHash;
pub use stored::Stored;
pub use sum::{FloatSum, IntegerSum, Sum, SumOf, SumState, sum};
pub use variance::{Variance, VarianceOf, stddev, stddev_pop, variance, variance_pop};

/// The number of a row among all rows pushed into the query, counted from 1.
///
/// It survives a restart with the checkpoint. Aggregates that depend on the order of arrival (`first`, `last`)
/// keep it beside their value, because the partial states of panes and sessions are merged in order of event
/// time, not of arrival.
pub type Arrival = u64;

/// A function over the rows of a group: how its state begins, takes in a row, merges with another, and ends.
///
/// `R` is the row. The value that implements this trait holds the closures; [`Aggregate::State`] is plain data, is
/// written to the checkpoint, and must not grow: what a query may hold is in its type.
///
/// # Laws
/// Merging two states must give what updating one state with the rows of both would give (floating-point
/// rounding aside), and merging with a fresh state must change nothing. Sliding and session windows rely on it.
///
/// # Your own
/// Here the share of rows above a limit; it can stand in a tuple beside the others.
///
/// ```
/// use headwater::aggregate::{Aggregate, Arrival, count};
/// use serde::{Deserialize, Serialize};
///
/// struct ShareAbove {
///     limit: f64,
/// }
///
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// struct ShareAboveState {
///     above: u64,
///     rows: u64,
/// }
///
/// impl Aggregate<f64> for ShareAbove {
///     type State = ShareAboveState;
///     type Output = Option<f64>;
///
///     fn init(&self) -> ShareAboveState {
///         ShareAboveState { above: 0, rows: 0 }
///     }
///
///     fn update(&self, state: &mut ShareAboveState, row: &f64, _arrival: Arrival) {
///         state.above += u64::from(*row > self.limit);
///         state.rows += 1;
///     }
///
///     fn merge(&self, state: &mut ShareAboveState, other: &ShareAboveState) {
///         state.above += other.above;
///         state.rows += other.rows;
///     }
///
///     fn finish(&self, state: &ShareAboveState) -> Option<f64> {
///         (state.rows > 0).then(|| state.above as f64 / state.rows as f64)
///     }
/// }
///
/// let spec = (count(), ShareAbove { limit: 30.0 });
/// let mut state = Aggregate::<f64>::init(&spec);
/// for (celsius, arrival) in [(29.0, 1), (31.0, 2), (30.0, 3), (35.0, 4)] {
///     spec.update(&mut state, &celsius, arrival);
/// }
/// assert_eq!(Aggregate::<f64>::finish(&spec, &state), (4, Some(0.5)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate over rows of type `{R}`",
    note = "an aggregate is one of `headwater::aggregate`, a tuple of up to eight, or a type of your own",
    note = "its closures take the row by reference, `|row: &{R}| ..`, and return a `Nullable` value"
)]
pub trait Aggregate<R: ?Sized> {
    /// What is kept per group between rows.
    type State: Stored;
    /// The answer for a group.
    type Output;

    /// The state of a group without rows.
    fn init(&self) -> Self::State;

    /// Takes one row in. `arrival` numbers the rows in order of arrival.
    fn update(&self, state: &mut Self::State, row: &R, arrival: Arrival);

    /// Adds the rows of `other` to `state`. Either may hold the earlier rows.
    fn merge(&self, state: &mut Self::State, other: &Self::State);

    /// The answer for the rows taken in so far. Called as often as the group is emitted.
    fn finish(&self, state: &Self::State) -> Self::Output;
}
