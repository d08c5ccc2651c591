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
//!
//! # Running it
//! [`CheckedQuery::lower`] makes the engine's plan of a query and hands it to a [`PlanVisitor`], because plans are types. What a visitor
//! does with it is what is done with any plan, for instance to ask for the answer over rows that are all there:
//!
//! ```
//! use headwater::QueryPlan;
//! use headwater::state::Shape;
//! use headwater_std::declared::{CheckedQuery, DeclaredQuery, FromInput, PlanVisitor, SeenRow, Sides};
//! use headwater_std::dynamic::Row;
//!
//! struct Batch(Vec<Row>);
//!
//! impl PlanVisitor for Batch {
//!     type Answer = Vec<Row>;
//!
//!     fn visit<P>(self, plan: P, sides: Sides) -> Vec<Row>
//!     where
//!         P: QueryPlan<Row: FromInput, Item: SeenRow, Output = Row, Shape: Shape<Allocated: Send>> + Send + 'static,
//!     {
//!         // All rows are of the first input.
//!         let rows: Vec<P::Row> = self.0.into_iter().map(|row| sides.row(0, row)).collect();
//!         plan.batch(&rows)
//!     }
//! }
//!
//! let query: DeclaredQuery = serde_json::from_str(
//!     r#"{
//!         "name": "busy rooms",
//!         "inputs": [{
//!             "name": "doors",
//!             "schema": [{"name": "at", "type": "timestamp"}, {"name": "room", "type": "string"}],
//!             "watermark": {"column": "at", "delay_ms": 30000}
//!         }],
//!         "query": {
//!             "kind": "filter",
//!             "input": {
//!                 "kind": "aggregate",
//!                 "input": "doors",
//!                 "keys": ["room"],
//!                 "window": {"kind": "tumbling", "size_ms": 60000},
//!                 "aggregates": [{"function": "count", "as": "times"}]
//!             },
//!             "expr": "times > 1"
//!         },
//!         "output_mode": "append",
//!         "on_full": "refuse"
//!     }"#,
//! )?;
//! let checked: CheckedQuery = query.check()?;
//! let rows = [(1_000, "hall"), (2_000, "cellar"), (59_000, "hall"), (60_000, "hall")];
//! let rows = rows.map(|(at, room)| serde_json::json!({"at": at, "room": room}));
//! let rows = rows.iter().map(|json| checked.inputs[0].schema.row_from_json(json)).collect::<Result<_, _>>()?;
//! let results = checked.lower(Batch(rows))?;
//! let results: Vec<_> = results.iter().map(|row| checked.query.schema.row_to_json(row).to_string()).collect();
//! assert_eq!(results, [r#"{"room":"hall","times":2,"window_end":60000,"window_start":0}"#]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aggregate;
mod check;
mod checked;
mod declaration;
mod lower;

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
pub use lower::{FromInput, INPUTS_MAX, InputMarks, InputRow, Inputs, PlanVisitor, SeenRow, Sides};
