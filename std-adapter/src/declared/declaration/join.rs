//! Joins.

use serde::{Deserialize, Serialize};

use super::Upstream;

/// Pairs the rows of two streams, or of a stream and a table on the right.
///
/// No column may have the same name on both sides, not even those that are joined by: rename them with a
/// [`Select`](super::Select) before. A pair has the event times of both sides. So windows behind a join say in
/// [`time_column`](super::Aggregation::time_column) which one they go by, and deduplication has one among its columns or
/// a select before it that leaves one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Which rows come out.
    pub join_type: DeclaredJoinType,
    /// The left side.
    pub left: Upstream,
    /// The right side; a table may only stand here. Its columns come after those of the left side.
    pub right: Upstream,
    /// Pairs of columns, left and right, that are equal.
    pub on: Vec<(String, String)>,
    /// How far apart in time two rows may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_range: Option<DeclaredTimeRange>,
    /// A further predicate over the columns of both sides. A pair that fails it is no match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Whether null equals null in `on`. SQL says no; Spark's full outer join of two streams says yes.
    #[serde(default)]
    pub null_keys_match: bool,
}

/// Which rows a join gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclaredJoinType {
    /// Pairs.
    Inner,
    /// Pairs, and rows of the left side without a match.
    Left,
    /// Pairs, and rows of the right side without a match.
    Right,
    /// Pairs, and rows of either side without a match.
    Full,
    /// Rows of the left side that have a match, once each.
    LeftSemi,
}

/// `right` less `left` lies between `lower_ms` and `upper_ms`, both included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredTimeRange {
    /// A timestamp of the left side.
    pub left: String,
    /// A timestamp of the right side.
    pub right: String,
    /// The least difference in milliseconds, which may be negative.
    pub lower_ms: i64,
    /// The greatest difference in milliseconds.
    pub upper_ms: i64,
}

/// Joins each row of the left side with the row of the right side that is nearest in time among those not later.
///
/// Every row of the left side comes out once, with nulls where no row of the right side is near enough. No column may have the same name
/// on both sides, as in a [`Join`]; the event time is that of the left side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AsOfJoin {
    /// The stream whose rows come out.
    pub left: Upstream,
    /// The stream that is looked up.
    pub right: Upstream,
    /// Pairs of columns, left and right, that are equal.
    pub on: Vec<(String, String)>,
    /// The event time of the left side.
    pub left_time: String,
    /// The event time of the right side.
    pub right_time: String,
    /// How much earlier the row of the right side may be, in milliseconds.
    pub tolerance_ms: u64,
}
