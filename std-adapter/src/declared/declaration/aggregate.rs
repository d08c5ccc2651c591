//! Grouping and the functions over groups.

use serde::{Deserialize, Serialize};

use super::{DeclaredWindow, Upstream};

/// One row for each group: of each window, or of all rows so far.
///
/// Columns of the result: `window_start` and `window_end` where there are windows of time, the keys, the aggregates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregation {
    /// Where rows come from.
    pub input: Upstream,
    /// The columns that rows are grouped by; none for one group of all rows.
    #[serde(default)]
    pub keys: Vec<String>,
    /// The windows that rows are grouped by besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<DeclaredWindow>,
    /// The column of time that windows go by; the event time of the input unless given. Needed where the input has several, as the pairs
    /// of a join have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_column: Option<String>,
    /// What is computed for each group.
    pub aggregates: Vec<AggregateCall>,
}

/// A function over the rows of a group, and the name of its column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregateCall {
    /// Which function.
    pub function: AggregateFunction,
    /// What it is computed over. Only `count` may go without: it then counts rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The column that `max_by` and `min_by` go by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Whether `first` and `last` pass over nulls.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub ignore_nulls: bool,
    /// Which quantile, from 0 to 1; 0.5 is the median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The column's name.
    #[serde(rename = "as")]
    pub name: String,
}

/// The functions, under Spark's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AggregateFunction {
    /// How many rows, or how many values that are not null.
    Count,
    /// The total.
    Sum,
    /// The mean.
    Avg,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The standard deviation of a sample.
    StddevSamp,
    /// The standard deviation of a population.
    StddevPop,
    /// The variance of a sample.
    VarSamp,
    /// The variance of a population.
    VarPop,
    /// The value that arrived first.
    First,
    /// The value that arrived last.
    Last,
    /// The value where another column is greatest.
    MaxBy,
    /// The value where another column is least.
    MinBy,
    /// About how many different values.
    ApproxCountDistinct,
    /// Exactly how many different values. No stream can tell: refused by the check.
    CountDistinct,
    /// A quantile within 1 %.
    Quantile,
}
