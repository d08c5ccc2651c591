//! `quantile` and `quantiles`: the median, the 99th percentile and the like, to a relative error.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Aggregate, Arrival, Nullable, Number,
    capacity::Capacity,
    log_bucket::{PER_OCTAVE_MAX, bucket_of, value_of},
    quantile_store::QuantileStore,
};

/// What [`quantile()`] and [`quantiles()`] keep per group: 4 bytes for each bucket, and up to 52 more.
///
/// A DDSketch (Masson, Rim and Lee, PVLDB 12, 2019): counts of values in buckets that are as wide as they are high.
/// - `POSITIVE`: buckets for values above zero; `NEGATIVE` for those below, 1 unless named.
/// - `PER_OCTAVE`: buckets from a value to its double, 35 unless named, at most 400. The relative error is 0.35 / `PER_OCTAVE`:
///   35 give 1 %, 18 give 2 %, 7 give 5 %, 350 give 0.1 %.
///
/// `Quantiles<256>` takes 1,080 bytes and answers within 1 % for values up to 150 times apart, `Quantiles<512>` (2,104
/// bytes) up to 24,800 times; `Quantiles<128, 1, 7>` (568 bytes) within 5 %, up to 290,000 times apart.
///
/// # Error
/// An answer is within the relative error of the exact quantile if that is no smaller than the greatest finite value over
/// 2^((`POSITIVE` - 2) / `PER_OCTAVE`): there are buckets down to there. All values nearer to zero count in the lowest bucket, and
/// where such a value is the exact quantile the answer is that bucket's: too great, but at most that bound. For values below
/// zero the same holds with `NEGATIVE` and sizes in place of values; with 1 bucket nearly all of them answer like the least.
/// Zero (with sizes below 2.3e-308), infinities and NaN are exact, and so are the quantiles 0 and 1.
///
/// # Merges
/// The same values give the same bytes in any order and any order of merges. Each bucket counts to 4,294,967,295 and then stays.
/// In the checkpoint a sketch takes only the bits that its counts need: at most its size in memory and 2 bytes for every 32 buckets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantiles<const POSITIVE: usize, const NEGATIVE: usize = 1, const PER_OCTAVE: usize = 35> {
    capacities: (Capacity<POSITIVE>, Capacity<NEGATIVE>, Capacity<PER_OCTAVE>),
    /// The least value that is not NaN, infinity while there is none.
    least: f64,
    /// The greatest value that is not NaN, negative infinity while there is none.
    greatest: f64,
    minus_infinity: u32,
    zero: u32,
    infinity: u32,
    not_a_number: u32,
    positive: QuantileStore<POSITIVE>,
    /// By size, without the sign.
    negative: QuantileStore<NEGATIVE>,
}

impl<const POSITIVE: usize, const NEGATIVE: usize, const PER_OCTAVE: usize>
    Quantiles<POSITIVE, NEGATIVE, PER_OCTAVE>
{
    /// At most [`PER_OCTAVE_MAX`].
    const RESOLUTION: i32 = PER_OCTAVE as i32;

    fn new() -> Self {
        const {
            assert!(PER_OCTAVE >= 1 && PER_OCTAVE <= PER_OCTAVE_MAX, "buckets per octave must be 1 to 400");
        }
        Self {
            capacities: (Capacity, Capacity, Capacity),
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            minus_infinity: 0,
            zero: 0,
            infinity: 0,
            not_a_number: 0,
            positive: QuantileStore::new(),
            negative: QuantileStore::new(),
        }
    }

    fn add(&mut self, value: f64) {
        // Adding 0.0 turns -0.0 into 0.0, so that which of them came first does not show.
        let value = value + 0.0;
        self.widen(value, value);
        if value.is_nan() {
            self.not_a_number = self.not_a_number.saturating_add(1);
        } else if value == f64::INFINITY {
            self.infinity = self.infinity.saturating_add(1);
        } else if value == f64::NEG_INFINITY {
            self.minus_infinity = self.minus_infinity.saturating_add(1);
        } else if value >= f64::MIN_POSITIVE {
            self.positive.add(bucket_of(value, Self::RESOLUTION));
        } else if value <= -f64::MIN_POSITIVE {
            self.negative.add(bucket_of(-value, Self::RESOLUTION));
        } else {
            self.zero = self.zero.saturating_add(1);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.widen(other.least, other.greatest);
        self.minus_infinity = self.minus_infinity.saturating_add(other.minus_infinity);
        self.zero = self.zero.saturating_add(other.zero);
        self.infinity = self.infinity.saturating_add(other.infinity);
        self.not_a_number = self.not_a_number.saturating_add(other.not_a_number);
        self.positive.merge(&other.positive);
        self.negative.merge(&other.negative);
    }

    /// Takes in a least and a greatest value; NaN is neither.
    fn widen(&mut self, least: f64, greatest: f64) {
        if least < self.least {
            self.least = least;
        }
        if greatest > self.greatest {
            self.greatest = greatest;
        }
    }

    fn total(&self) -> u64 {
        [self.minus_infinity, self.zero, self.infinity, self.not_a_number]
            .into_iter()
            .map(u64::from)
            .chain([self.negative.total(), self.positive.total()])
            .fold(0, u64::saturating_add)
    }

    /// Values and how many of them there are, ascending, NaN last.
    fn ascending(&self) -> impl Iterator<Item = (f64, u32)> {
        let value = |(bucket, count)| (value_of(bucket, Self::RESOLUTION), count);
        let below = self.negative.ascending().rev().map(value).map(|(size, count)| (-size, count));
        core::iter::once((f64::NEG_INFINITY, self.minus_infinity))
            .chain(below)
            .chain([(0.0, self.zero)])
            .chain(self.positive.ascending().map(value))
            .chain([(f64::INFINITY, self.infinity), (f64::NAN, self.not_a_number)])
    }

    /// The value with `rank` smaller ones before it, of `total` values.
    fn value_at(&self, rank: u64, total: u64) -> f64 {
        let numbers = total.saturating_sub(u64::from(self.not_a_number));
        if rank >= numbers {
            return f64::NAN;
        }
        if rank == 0 {
            return self.least;
        }
        if rank.saturating_add(1) == numbers {
            return self.greatest;
        }
        let mut before = 0_u64;
        let found = self.ascending().find(|(_, count)| {
            before = before.saturating_add(u64::from(*count));
            before > rank
        });
        // Always found; a bucket's value may lie outside of what was seen in it.
        found.map_or(self.greatest, |(value, _)| value.max(self.least).min(self.greatest))
    }

    fn quantile(&self, quantile: f64, total: u64) -> Option<f64> {
        let last = total.checked_sub(1)?;
        let rank = (quantile * last as f64) as u64;
        Some(self.value_at(rank.min(last), total))
    }
}

/// A quantile that is not a number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct QuantileOutOfRange {
    /// What was given.
    pub quantile: f64,
}

impl fmt::Display for QuantileOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no quantile: give a number from 0 to 1, such as 0.99", self.quantile)
    }
}

impl core::error::Error for QuantileOutOfRange {}

fn check(quantile: f64) -> Result<f64, QuantileOutOfRange> {
    if (0.0..=1.0).contains(&quantile) { Ok(quantile) } else { Err(QuantileOutOfRange { quantile }) }
}

/// The value below which the share `quantile` of `column` lies, null skipped, to a relative error; `None` where no value was.
///
/// 0.5 is the median, 0.99 the 99th percentile. Of `n` values in ascending order it is the one with
/// floor(`quantile` * (`n` - 1)) before it (Masson et al., "lower quantile"): 0 and 1 are the least and the greatest, exactly.
/// NaN is a value and greater than all others, as in [`max()`](super::max()).
///
/// The number of buckets, hence memory, error and range, is in the state's type, [`Quantiles`], and is taken from there.
///
/// Cost: a few multiplications per row; steps in the number of buckets where a value is the greatest so far, per merge and per answer.
///
/// # Errors
/// [`QuantileOutOfRange`] if `quantile` is not from 0 to 1.
///
/// ```
/// use headwater::aggregate::{Aggregate, Quantiles, quantile};
/// let spec = quantile(|row: &u32| *row, 0.5)?;
/// let mut state: Quantiles<256> = spec.init();
/// for milliseconds in 1..=99 {
///     spec.update(&mut state, &milliseconds, milliseconds.into());
/// }
/// let median = spec.finish(&state).unwrap_or_default();
/// assert!((49.5..=50.5).contains(&median));
/// # Ok::<(), headwater::aggregate::QuantileOutOfRange>(())
/// ```
pub fn quantile<const POSITIVE: usize, const NEGATIVE: usize, const PER_OCTAVE: usize, R, T, F>(
    column: F,
    quantile: f64,
) -> Result<QuantileOf<F, POSITIVE, NEGATIVE, PER_OCTAVE>, QuantileOutOfRange>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    Ok(QuantileOf { column, quantile: check(quantile)? })
}

/// Several quantiles of `column` from one sketch, in the order given: see [`quantile()`].
///
/// # Errors
/// [`QuantileOutOfRange`] with the first that is not from 0 to 1.
///
/// ```
/// use headwater::aggregate::{Aggregate, Quantiles, quantiles};
/// // Within 5 %, also below zero.
/// let spec = quantiles(|celsius: &f32| *celsius, [0.0, 0.5, 1.0])?;
/// let mut state: Quantiles<64, 64, 7> = spec.init();
/// for (celsius, arrival) in [(-12.5, 1), (0.0, 2), (21.0, 3), (f32::NAN, 4)] {
///     spec.update(&mut state, &celsius, arrival);
/// }
/// let [least, median, greatest] = spec.finish(&state).unwrap_or_default();
/// assert_eq!((least, median), (-12.5, 0.0));
/// assert!(greatest.is_nan());
/// # Ok::<(), headwater::aggregate::QuantileOutOfRange>(())
/// ```
pub fn quantiles<
    const POSITIVE: usize,
    const NEGATIVE: usize,
    const PER_OCTAVE: usize,
    const Q: usize,
    R,
    T,
    F,
>(
    column: F,
    quantiles: [f64; Q],
) -> Result<QuantilesOf<F, Q, POSITIVE, NEGATIVE, PER_OCTAVE>, QuantileOutOfRange>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    for quantile in quantiles {
        check(quantile)?;
    }
    Ok(QuantilesOf { column, quantiles })
}

/// Returned by [`quantile()`].
#[derive(Clone, Copy)]
pub struct QuantileOf<F, const POSITIVE: usize, const NEGATIVE: usize = 1, const PER_OCTAVE: usize = 35> {
    column: F,
    quantile: f64,
}

/// Returned by [`quantiles()`].
#[derive(Clone, Copy)]
pub struct QuantilesOf<
    F,
    const Q: usize,
    const POSITIVE: usize,
    const NEGATIVE: usize = 1,
    const PER_OCTAVE: usize = 35,
> {
    column: F,
    quantiles: [f64; Q],
}

impl<R, T, F, const POSITIVE: usize, const NEGATIVE: usize, const PER_OCTAVE: usize> Aggregate<R>
    for QuantileOf<F, POSITIVE, NEGATIVE, PER_OCTAVE>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    type State = Quantiles<POSITIVE, NEGATIVE, PER_OCTAVE>;
    type Output = Option<f64>;

    fn init(&self) -> Self::State {
        Quantiles::new()
    }

    fn update(&self, state: &mut Self::State, row: &R, _arrival: Arrival) {
        if let Some(value) = (self.column)(row).into_option() {
            state.add(value.to_f64());
        }
    }

    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        state.merge(other);
    }

    fn finish(&self, state: &Self::State) -> Self::Output {
        state.quantile(self.quantile, state.total())
    }
}

impl<R, T, F, const Q: usize, const POSITIVE: usize, const NEGATIVE: usize, const PER_OCTAVE: usize>
    Aggregate<R> for QuantilesOf<F, Q, POSITIVE, NEGATIVE, PER_OCTAVE>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    type State = Quantiles<POSITIVE, NEGATIVE, PER_OCTAVE>;
    type Output = Option<[f64; Q]>;

    fn init(&self) -> Self::State {
        Quantiles::new()
    }

    fn update(&self, state: &mut Self::State, row: &R, _arrival: Arrival) {
        if let Some(value) = (self.column)(row).into_option() {
            state.add(value.to_f64());
        }
    }

    fn merge(&self, state: &mut Self::State, other: &Self::State) {
        state.merge(other);
    }

    fn finish(&self, state: &Self::State) -> Self::Output {
        let total = state.total();
        (total > 0)
            .then(|| self.quantiles.map(|quantile| state.quantile(quantile, total).unwrap_or(f64::NAN)))
    }
}
