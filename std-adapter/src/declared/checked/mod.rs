//! A query whose names are resolved and whose types fit: what [`DeclaredQuery::check`](super::DeclaredQuery::check) gives.
//!
//! Columns are numbers, counted from 0, in the row that the step is given.

mod aggregate;
mod dedup;
mod join;
mod query;
mod relation;
mod time;

pub use aggregate::{CheckedAggregation, Grouping, TimeWindow};
pub use dedup::{CheckedDedup, Forgotten};
pub use join::{CheckedAsOfJoin, CheckedJoin, CheckedTableJoin, CheckedTimeRange, JoinKeys};
pub use query::{CheckedInput, CheckedQuery, CheckedTable, CheckedWatermark};
pub use relation::{CheckedRelation, CheckedStep};
pub use time::{EventTime, TimeColumn};
