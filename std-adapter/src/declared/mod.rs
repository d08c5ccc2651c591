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
//! does with it is what is done with any plan: see [*Rows that are all there*](#rows-that-are-all-there) and
//! [*Rows as they come*](#rows-as-they-come).
//!
//! The rows are the program's to bring, made of JSON by [`Schema::row_from_json`](crate::dynamic::Schema::row_from_json) or value by value, and
//! [`Sides::row`] says which input each is of. No [source](crate::source) of this crate makes rows of a schema: a
//! [`StreamingQuery`](crate::StreamingQuery) over a declared query needs one of your own, whose rows are the plan's. The `gateway` program
//! does not read declarations.
//!
//! # Rows that are all there
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
//!
//! # Rows as they come
//! A visitor does not know which operators its plan has, so it gives rows to [`push_to`](headwater::Query::push_to) and not to `push`: where a row
//! alone makes a result, as here, where duplicates are dropped, `push` does not compile. Results of windows come from the trigger.
//!
//! ```
//! use headwater::state::Shape;
//! use headwater::{QueryPlan, Timestamp};
//! use headwater_std::declared::{CheckedQuery, DeclaredQuery, FromInput, PlanVisitor, SeenRow, Sides};
//! use headwater_std::dynamic::Row;
//!
//! /// The rows of each epoch.
//! struct Epochs {
//!     capacity: usize,
//!     epochs: Vec<Vec<Row>>,
//! }
//!
//! impl PlanVisitor for Epochs {
//!     type Answer = Result<Vec<Row>, Box<dyn std::error::Error>>;
//!
//!     fn visit<P>(self, plan: P, sides: Sides) -> Self::Answer
//!     where
//!         P: QueryPlan<Row: FromInput, Item: SeenRow, Output = Row, Shape: Shape<Allocated: Send>> + Send + 'static,
//!     {
//!         let mut results = Vec::new();
//!         let mut state = plan.allocate(self.capacity);
//!         let mut query = plan.bind(&mut state);
//!         for rows in self.epochs {
//!             for row in rows {
//!                 // All rows are of the first input.
//!                 query.push_to(sides.row(0, row), |result| results.push(result))?;
//!             }
//!             // Nothing here goes by processing time. A commit would come after this.
//!             query.trigger(Timestamp::EPOCH, |result| results.push(result))?;
//!         }
//!         Ok(results)
//!     }
//! }
//!
//! let query: DeclaredQuery = serde_json::from_str(
//!     r#"{
//!         "name": "messages once",
//!         "inputs": [{
//!             "name": "messages",
//!             "schema": [{"name": "at", "type": "timestamp"}, {"name": "number", "type": "int"}],
//!             "watermark": {"column": "at", "delay_ms": 10000}
//!         }],
//!         "query": {"kind": "dedup", "input": "messages", "columns": ["number"], "within_watermark": true},
//!         "output_mode": "append",
//!         "on_full": "refuse"
//!     }"#,
//! )?;
//! let checked: CheckedQuery = query.check()?;
//! let schema = &checked.inputs[0].schema;
//! let row = |(at, number): (i64, i32)| schema.row_from_json(&serde_json::json!({"at": at, "number": number}));
//! let epochs = [vec![(100_000, 1), (101_000, 2), (103_000, 1), (120_000, 3)], vec![(121_000, 1)]];
//! let epochs = epochs.map(|rows| rows.into_iter().map(row).collect::<Result<_, _>>());
//! let epochs = epochs.into_iter().collect::<Result<_, _>>()?;
//! let results = checked.lower(Epochs { capacity: checked.capacity, epochs })??;
//! // Number 1 is forgotten when the first epoch has ended: the watermark is at 110 s.
//! let numbers: Vec<_> = results.iter().filter_map(|row| row.value(1).as_i64()).collect();
//! assert_eq!(numbers, [1, 2, 3, 1]);
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
    AggregateCall, AggregateFunction, Aggregation, AsOfJoin, DeclaredJoinType, DeclaredQuery, DeclaredTable,
    DeclaredTimeRange, DeclaredWatermark, DeclaredWindow, Dedup, Filter, Input, Join, Relation, Select,
    SelectedColumn, Union, Upstream, WatermarkPolicy,
};
pub use lower::{FromInput, INPUTS_MAX, InputMarks, InputRow, Inputs, PlanVisitor, SeenRow, Sides};
