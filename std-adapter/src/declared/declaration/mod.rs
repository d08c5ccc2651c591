//! What a query is as data. Types for serde, without behaviour: what they mean is told by the check.

mod aggregate;
mod join;
mod modes;
mod query;
mod relation;
#[cfg(test)]
mod tests;
mod upstream;
mod window;

pub use aggregate::{AggregateCall, AggregateFunction, Aggregation};
pub use join::{AsOfJoin, DeclaredJoinType, DeclaredTimeRange, Join};
pub use query::{DeclaredQuery, DeclaredTable, DeclaredWatermark, Input, WatermarkPolicy};
pub use relation::{Dedup, Filter, Relation, Select, SelectedColumn, Union};
pub use upstream::Upstream;
pub use window::DeclaredWindow;
