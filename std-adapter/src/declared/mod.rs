//! A query as data: declared in a file, checked before it runs.
//!
//! Three things are kept apart. A [`DeclaredQuery`] is what was written, a serde type without behaviour. [`DeclaredQuery::check`]
//! resolves its names and types and refuses what Spark refuses; the [`CheckedQuery`] that comes of it has the columns of every
//! step and nothing left to go wrong. The aggregates of such a query are [`DynamicAggregates`].
//!
//! ```
//! use headwater_std::declared::DeclaredQuery;
//!
//! let query: DeclaredQuery = serde_json::from_str(
//!     r#"{
//!         "name": "warm rooms",
//!         "inputs": [{
//!             "name": "readings",
//!             "schema": [
//!                 {"name": "at", "type": "timestamp"},
//!                 {"name": "room", "type": "string"},
//!                 {"name": "celsius", "type": "double"}
//!             ],
//!             "watermark": {"column": "at", "delay_ms": 30000}
//!         }],
//!         "query": {
//!             "kind": "filter",
//!             "input": {
//!                 "kind": "aggregate",
//!                 "input": "readings",
//!                 "keys": ["room"],
//!                 "window": {"kind": "tumbling", "size_ms": 600000},
//!                 "aggregates": [{"function": "avg", "column": "celsius", "as": "mean"}]
//!             },
//!             "expr": "mean > 25"
//!         },
//!         "output_mode": "append",
//!         "on_full": "refuse"
//!     }"#,
//! )?;
//! let checked = query.check()?;
//! let columns = checked.query.schema.to_string();
//! assert_eq!(columns, "window_start timestamp, window_end timestamp, room string, mean double");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aggregate;
mod check;
mod checked;
mod declaration;

pub use aggregate::{AggregateState, AggregateStates, BoundAggregate, DynamicAggregates};
pub use check::{DeclarationError, DeclarationReason};
pub use checked::{
    CheckedAggregation, CheckedAsOfJoin, CheckedDedup, CheckedInput, CheckedJoin, CheckedQuery,
    CheckedRelation, CheckedStep, CheckedTable, CheckedTableJoin, CheckedTimeRange, CheckedWatermark,
    EventTime, Forgotten, Grouping, JoinKeys, TimeColumn, TimeWindow,
};
pub use declaration::{
    AggregateCall, AggregateFunction, Aggregation, AsOfJoin, DeclaredQuery, DeclaredWatermark,
    DeclaredWindow, Dedup, Filter, Input, Join, JoinType, Relation, Select, SelectedColumn, StaticTable,
    TimeRange, Union, Upstream, WatermarkPolicy,
};
