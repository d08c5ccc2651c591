//! Variance and standard deviation, of a sample and of a population.

use serde::{Deserialize, Serialize};

use super::{Aggregate, Arrival, Nullable, Number, number::same_nan, square_root::square_root};

/// What [`variance()`], [`variance_pop()`], [`stddev()`] and [`stddev_pop()`] keep per group: number, mean and
/// squared deviations of the values, 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Variance {
    count: u64,
    mean: f64,
    /// The sum of the squared deviations from the mean.
    squares: f64,
}

impl Variance {
    /// Welford's step (Technometrics 4, 1962), in the operations of Spark's `CentralMomentAgg`.
    fn add(&mut self, value: f64) {
        let count = self.count.saturating_add(1);
        let delta = value - self.mean;
        let step = delta / count as f64;
        *self = Self {
            count,
            mean: same_nan(self.mean + step),
            squares: same_nan(self.squares + delta * (delta - step)),
        };
    }

    /// The formula for two parts by Chan, Golub and LeVeque (1979), in the operations of Spark's `CentralMomentAgg`.
    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let count = self.count.saturating_add(other.count);
        let (left, right) = (self.count as f64, other.count as f64);
        let delta = other.mean - self.mean;
        let step = delta / count as f64;
        *self = Self {
            count,
            mean: same_nan(self.mean + step * right),
            squares: same_nan(self.squares + other.squares + delta * step * left * right),
        };
    }

    fn of_sample(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares / self.count.saturating_sub(1) as f64)
    }

    fn of_population(&self) -> Option<f64> {
        (self.count > 0).then(|| self.squares / self.count as f64)
    }
}

/// Which answer a [`VarianceOf`] gives.
#[derive(Debug, Clone, Copy)]
enum Statistic {
    Variance,
    VariancePop,
    Stddev,
    StddevPop,
}

/// The sample variance of `column`, null skipped: squared deviations from the mean over `n - 1`. Spark's `var_samp`.
///
/// `None` for fewer than two values, whatever the one is. NaN or an infinity among two or more makes it NaN for good.
/// Computed in one pass without losing digits where the mean is large beside the spread.
///
/// ```
/// use headwater::aggregate::{Aggregate, variance};
/// let spec = variance(|row: &f64| *row);
/// let mut state = spec.init();
/// spec.update(&mut state, &1.0, 1);
/// assert_eq!(spec.finish(&state), None);
/// spec.update(&mut state, &4.0, 2);
/// assert_eq!(spec.finish(&state), Some(4.5));
/// ```
#[must_use]
pub fn variance<R, T, F>(column: F) -> VarianceOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    VarianceOf { column, statistic: Statistic::Variance }
}

/// The population variance of `column`, null skipped: squared deviations from the mean over `n`. Spark's `var_pop`.
///
/// `None` where no value was; 0 for one value, but NaN if that value is NaN or infinite.
///
/// ```
/// use headwater::aggregate::{Aggregate, variance_pop};
/// let spec = variance_pop(|row: &f64| *row);
/// let mut state = spec.init();
/// spec.update(&mut state, &1.0, 1);
/// assert_eq!(spec.finish(&state), Some(0.0));
/// spec.update(&mut state, &4.0, 2);
/// assert_eq!(spec.finish(&state), Some(2.25));
/// ```
#[must_use]
pub fn variance_pop<R, T, F>(column: F) -> VarianceOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    VarianceOf { column, statistic: Statistic::VariancePop }
}

/// The sample standard deviation of `column`: the square root of [`variance()`]. Spark's `stddev_samp`.
///
/// ```
/// use headwater::aggregate::{Aggregate, stddev};
/// let spec = stddev(|row: &f64| *row);
/// let mut state = spec.init();
/// for (row, arrival) in [(1.0, 1), (3.0, 2), (5.0, 3)] {
///     spec.update(&mut state, &row, arrival);
/// }
/// assert_eq!(spec.finish(&state), Some(2.0));
/// ```
#[must_use]
pub fn stddev<R, T, F>(column: F) -> VarianceOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    VarianceOf { column, statistic: Statistic::Stddev }
}

/// The population standard deviation of `column`: the square root of [`variance_pop()`]. Spark's `stddev_pop`.
///
/// ```
/// use headwater::aggregate::{Aggregate, stddev_pop};
/// let spec = stddev_pop(|row: &f64| *row);
/// let mut state = spec.init();
/// spec.update(&mut state, &1.0, 1);
/// spec.update(&mut state, &4.0, 2);
/// assert_eq!(spec.finish(&state), Some(1.5));
/// ```
#[must_use]
pub fn stddev_pop<R, T, F>(column: F) -> VarianceOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    VarianceOf { column, statistic: Statistic::StddevPop }
}

/// Returned by [`variance()`], [`variance_pop()`], [`stddev()`] and [`stddev_pop()`].
#[derive(Clone, Copy)]
pub struct VarianceOf<F> {
    column: F,
    statistic: Statistic,
}

impl<R, T, F> Aggregate<R> for VarianceOf<F>
where
    R: ?Sized,
    F: Fn(&R) -> T,
    T: Nullable<Value: Number>,
{
    type State = Variance;
    type Output = Option<f64>;

    fn init(&self) -> Variance {
        Variance { count: 0, mean: 0.0, squares: 0.0 }
    }

    fn update(&self, state: &mut Variance, row: &R, _arrival: Arrival) {
        if let Some(value) = (self.column)(row).into_option() {
            state.add(value.to_f64());
        }
    }

    fn merge(&self, state: &mut Variance, other: &Variance) {
        state.merge(other);
    }

    fn finish(&self, state: &Variance) -> Option<f64> {
        match self.statistic {
            Statistic::Variance => state.of_sample(),
            Statistic::VariancePop => state.of_population(),
            Statistic::Stddev => state.of_sample().map(square_root),
            Statistic::StddevPop => state.of_population().map(square_root),
        }
    }
}
