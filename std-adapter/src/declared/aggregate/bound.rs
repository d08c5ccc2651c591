//! Which aggregate over which columns.

use headwater::aggregate::{
    QuantileOutOfRange, approx_count_distinct, count, count_of, first, first_non_null, last, last_non_null,
    max, max_by, mean, min, min_by, quantile, stddev, stddev_pop, sum, variance, variance_pop,
};

use super::erased::Erased;
use crate::dynamic::{Row, Value};

/// An aggregate whose columns are known by their numbers, counted from 0.
///
/// Null is skipped except where it says otherwise. A column of another type than an aggregate reads counts as null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BoundAggregate {
    /// How many rows.
    CountRows,
    /// How many values.
    Count {
        /// Of which column.
        column: usize,
    },
    /// The total of an `int` or `long` column, as `long`.
    SumOfIntegers {
        /// Of which column.
        column: usize,
    },
    /// The total of a `double` column.
    SumOfDoubles {
        /// Of which column.
        column: usize,
    },
    /// The mean.
    Mean {
        /// Of which column.
        column: usize,
    },
    /// The least value.
    Min {
        /// Of which column.
        column: usize,
    },
    /// The greatest value.
    Max {
        /// Of which column.
        column: usize,
    },
    /// The standard deviation of a sample.
    Stddev {
        /// Of which column.
        column: usize,
    },
    /// The standard deviation of a population.
    StddevPop {
        /// Of which column.
        column: usize,
    },
    /// The variance of a sample.
    Variance {
        /// Of which column.
        column: usize,
    },
    /// The variance of a population.
    VariancePop {
        /// Of which column.
        column: usize,
    },
    /// The value of the first row to arrive, null or not.
    First {
        /// Of which column.
        column: usize,
    },
    /// The first value to arrive that is not null.
    FirstNonNull {
        /// Of which column.
        column: usize,
    },
    /// The value of the last row to arrive, null or not.
    Last {
        /// Of which column.
        column: usize,
    },
    /// The last value to arrive that is not null.
    LastNonNull {
        /// Of which column.
        column: usize,
    },
    /// The value, null or not, of the row where another column is greatest.
    MaxBy {
        /// Of which column.
        column: usize,
        /// The other column.
        by: usize,
    },
    /// The value, null or not, of the row where another column is least.
    MinBy {
        /// Of which column.
        column: usize,
        /// The other column.
        by: usize,
    },
    /// About how many different values: see [`headwater::aggregate::approx_count_distinct`].
    ApproxCountDistinct {
        /// Of which column.
        column: usize,
    },
    /// A quantile within 1 %: see [`headwater::aggregate::quantile`].
    Quantile {
        /// Of which column.
        column: usize,
        /// Which, from 0 to 1.
        quantile: f64,
    },
}

impl BoundAggregate {
    /// The engine's aggregate that computes it.
    pub(super) fn function(&self) -> Result<Box<dyn Erased>, QuantileOutOfRange> {
        Ok(match *self {
            Self::CountRows => Box::new(count()),
            Self::Count { column } => Box::new(count_of(value(column))),
            Self::SumOfIntegers { column } => Box::new(sum(integer(column))),
            Self::SumOfDoubles { column } => Box::new(sum(number(column))),
            Self::Mean { column } => Box::new(mean(number(column))),
            Self::Min { column } => Box::new(min(value(column))),
            Self::Max { column } => Box::new(max(value(column))),
            Self::Stddev { column } => Box::new(stddev(number(column))),
            Self::StddevPop { column } => Box::new(stddev_pop(number(column))),
            Self::Variance { column } => Box::new(variance(number(column))),
            Self::VariancePop { column } => Box::new(variance_pop(number(column))),
            Self::First { column } => Box::new(first(value(column))),
            Self::FirstNonNull { column } => Box::new(first_non_null(value(column))),
            Self::Last { column } => Box::new(last(value(column))),
            Self::LastNonNull { column } => Box::new(last_non_null(value(column))),
            Self::MaxBy { column, by } => Box::new(max_by(value(column), value(by))),
            Self::MinBy { column, by } => Box::new(min_by(value(column), value(by))),
            Self::ApproxCountDistinct { column } => Box::new(approx_count_distinct(value(column))),
            Self::Quantile { column, quantile: p } => Box::new(quantile(number(column), p)?),
        })
    }
}

/// Reads a column as it is.
fn value(column: usize) -> impl Fn(&Row) -> Value + Send + Sync {
    move |row| row.value(column).clone()
}

/// Reads a column of integers.
fn integer(column: usize) -> impl Fn(&Row) -> Option<i64> + Send + Sync {
    move |row| row.value(column).as_i64()
}

/// Reads a column of numbers as `double`, as Spark casts them.
fn number(column: usize) -> impl Fn(&Row) -> Option<f64> + Send + Sync {
    move |row| row.value(column).as_f64()
}
