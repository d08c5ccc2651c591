//! Relations: steps that take rows and give rows.

use serde::{Deserialize, Serialize};

use super::{Aggregation, AsOfJoin, Join, Upstream};

/// A step of a query, told apart by its `kind`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Relation {
    /// Keeps rows that meet a predicate. After an aggregate it is SQL's `HAVING`.
    Filter(Filter),
    /// Computes columns.
    Select(Select),
    /// Puts streams together.
    Union(Union),
    /// Groups rows, in windows or not.
    Aggregate(Aggregation),
    /// Keeps the first of rows that are alike.
    Dedup(Dedup),
    /// Joins two streams, or a stream and a table.
    Join(Join),
    /// Joins each row with the nearest earlier row of another stream.
    AsOfJoin(AsOfJoin),
}

/// Keeps the rows for which a predicate is true; false and null remove a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Where rows come from.
    pub input: Upstream,
    /// The predicate, an expression of SQL.
    pub expr: String,
}

/// Computes one row from each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// Where rows come from.
    pub input: Upstream,
    /// The columns of the result.
    pub columns: Vec<SelectedColumn>,
}

/// A column that an expression computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectedColumn {
    /// An expression of SQL. The event time stays event time where this is its column alone.
    pub expr: String,
    /// The column's name.
    #[serde(rename = "as")]
    pub name: String,
}

/// All rows of several streams (SQL's `UNION ALL`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Union {
    /// Where rows come from. Columns correspond by position; names are those of the first.
    pub inputs: Vec<Upstream>,
}

/// Keeps the first row of those that have the same values in some columns (Spark's `dropDuplicates`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dedup {
    /// Where rows come from.
    pub input: Upstream,
    /// The columns that make rows alike; all columns if there are none here.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Whether a row is forgotten once the watermark is the delay past it (Spark's `dropDuplicatesWithinWatermark`).
    #[serde(default)]
    pub within_watermark: bool,
}
