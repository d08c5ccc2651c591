//! A scenario as a declared query, with Spark's quirks as options.
//!
//! Spark takes the maximum of event times after its optimizer has moved filters. So filters directly over an input that do not read
//! its event time become the input's own, which stands before the watermark; and so do the filters that an equi-join has for each
//! side whose unmatched rows are not kept: the keys are not null, and the extra condition if it reads that side alone.

use headwater::OnFull;
use headwater_std::declared::{
    AggregateCall, AggregateFunction, Aggregation, DeclaredJoinType, DeclaredQuery, DeclaredTable,
    DeclaredWatermark, Dedup, Filter, Input, Join, Relation, Select, SelectedColumn, Union, Upstream,
};
use headwater_std::expression::Expression;
use thiserror::Error;

use super::query::{Aggregate, Query, RecordedJoin, Source};
use super::read::{Scenario, Table};
use super::stateful_map::CountUntilSilent;

/// How many records an operator may hold, which is more than any recorded run needs.
const CAPACITY: usize = 10_000;

/// Where Spark's watermarks begin, in milliseconds since 1970 UTC.
const INITIAL_WATERMARK_MS: i64 = 0;

/// What an engine is started with.
#[derive(Debug, Clone, PartialEq)]
pub enum Declaration {
    /// A query as data.
    Query(DeclaredQuery),
    /// The function with state of its own.
    StatefulMap(CountUntilSilent),
}

/// A scenario that cannot be declared.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeclareError {
    /// A function with state within another query.
    #[error("`stateful_map` must be the whole query and its input a stream")]
    NestedStatefulMap,
    /// A function with state of several keys or none.
    #[error("`stateful_map` has {keys} keys; it must have one")]
    KeysOfStatefulMap {
        /// How many.
        keys: usize,
    },
}

/// The declaration of a scenario's query.
///
/// # Errors
/// [`DeclareError`] if no declaration says the same.
pub fn declare(scenario: &Scenario) -> Result<Declaration, DeclareError> {
    let mut declared =
        Declared { inputs: scenario.inputs.iter().map(input).collect(), tables: &scenario.statics };
    if let Query::StatefulMap { input, keys, timeout_ms, api, .. } = &scenario.query {
        let [key] = keys.as_slice() else {
            return Err(DeclareError::KeysOfStatefulMap { keys: keys.len() });
        };
        let input = declared.input_of(input).ok_or(DeclareError::NestedStatefulMap)?.clone();
        let map = CountUntilSilent { input, key: key.clone(), timeout_ms: *timeout_ms, api: *api };
        return Ok(Declaration::StatefulMap(map));
    }
    let query = declared.relation(&scenario.query)?;
    Ok(Declaration::Query(DeclaredQuery {
        name: scenario.name.clone(),
        version: 0,
        inputs: declared.inputs,
        tables: scenario.statics.iter().map(table).collect(),
        watermark_policy: scenario.policy,
        query,
        output_mode: scenario.output_mode,
        on_full: OnFull::Refuse,
        capacity: CAPACITY,
    }))
}

fn input(recorded: &super::read::Input) -> Input {
    let watermark = recorded.watermark.as_ref().map(|watermark| DeclaredWatermark {
        column: watermark.column.clone(),
        delay_ms: watermark.delay_ms,
        initial_ms: Some(INITIAL_WATERMARK_MS),
    });
    Input {
        name: recorded.name.clone(),
        schema: recorded.schema.clone(),
        filter: None,
        watermark,
        idle_after_ms: None,
    }
}

fn table(table: &Table) -> DeclaredTable {
    let rows = table.rows.iter().map(|row| table.schema.row_to_json(row)).collect();
    DeclaredTable { name: table.name.clone(), schema: table.schema.clone(), rows }
}

/// The inputs, whose filters are found on the way through the query.
struct Declared<'a> {
    inputs: Vec<Input>,
    tables: &'a [Table],
}

impl Declared<'_> {
    fn relation(&mut self, query: &Query) -> Result<Relation, DeclareError> {
        Ok(match query {
            Query::WindowAggregate { input, time_column, keys, window, aggregates, .. } => {
                Relation::Aggregate(Aggregation {
                    input: self.upstream(input)?,
                    keys: keys.clone(),
                    window: Some(window.clone()),
                    // The window of the aggregate before is what its rows have as event time.
                    time_column: (time_column != "window").then(|| time_column.clone()),
                    aggregates: aggregates.iter().map(aggregate).collect(),
                })
            }
            Query::Aggregate { input, keys, aggregates, .. } => Relation::Aggregate(Aggregation {
                input: self.upstream(input)?,
                keys: keys.clone(),
                window: None,
                time_column: None,
                aggregates: aggregates.iter().map(aggregate).collect(),
            }),
            Query::Dedup { input, columns, within_watermark } => Relation::Dedup(Dedup {
                input: self.upstream(input)?,
                columns: columns.clone(),
                within_watermark: *within_watermark,
            }),
            Query::Join(join) => Relation::Join(self.join(join)?),
            Query::Filter { input, expr } => {
                // It may stand twice: a declared query is a step at least.
                self.filter_input(input, expr);
                Relation::Filter(Filter { input: self.upstream(input)?, expr: expr.clone() })
            }
            Query::Select { input, columns } => {
                let columns = columns.iter();
                let columns = columns
                    .map(|column| SelectedColumn { expr: column.expr.clone(), name: column.name.clone() });
                Relation::Select(Select { columns: columns.collect(), input: self.upstream(input)? })
            }
            Query::Union { inputs } => {
                let inputs: Result<_, _> = inputs.iter().map(|input| self.upstream(input)).collect();
                Relation::Union(Union { inputs: inputs? })
            }
            Query::StatefulMap { .. } => return Err(DeclareError::NestedStatefulMap),
        })
    }

    fn upstream(&mut self, source: &Source) -> Result<Upstream, DeclareError> {
        match source {
            Source::Name(name) => Ok(Upstream::Named(name.clone())),
            Source::Query(query) => match &**query {
                Query::Filter { input, expr } if self.filter_input(input, expr) => self.upstream(input),
                query => self.relation(query).map(Upstream::from),
            },
        }
    }

    fn join(&mut self, recorded: &RecordedJoin) -> Result<Join, DeclareError> {
        self.filter_sides(recorded);
        let RecordedJoin { join_type, left, right, on, time_range, condition } = recorded;
        Ok(Join {
            join_type: *join_type,
            left: self.upstream(left)?,
            right: self.upstream(right)?,
            on: on.clone(),
            time_range: time_range.clone(),
            condition: condition.clone(),
            null_keys_match: *join_type == DeclaredJoinType::Full && !self.is_table(right),
        })
    }

    /// The filters of a join's own. A side whose unmatched rows are kept loses none to them.
    fn filter_sides(&mut self, join: &RecordedJoin) {
        let (left_keys, right_keys): (Vec<_>, Vec<_>) =
            join.on.iter().map(|(left, right)| (left, right)).unzip();
        let sides = [
            (&join.left, left_keys, DeclaredJoinType::Left),
            (&join.right, right_keys, DeclaredJoinType::Right),
        ];
        for (side, keys, keeping) in sides {
            if [keeping, DeclaredJoinType::Full].contains(&join.join_type) {
                continue;
            }
            for key in keys {
                self.filter_input(side, &format!("`{key}` IS NOT NULL"));
            }
            // One that reads both sides is no predicate of either.
            if let Some(condition) = &join.condition {
                self.filter_input(side, condition);
            }
        }
    }

    /// Puts a predicate before the watermark of the input that `source` is, through filters that are over it. Whether it could:
    /// only over an input, and only if it does not read the event time.
    fn filter_input(&mut self, source: &Source, predicate: &str) -> bool {
        let Some(input) = self.input_of(source) else { return false };
        let Ok(expression) = Expression::parse(predicate, &input.schema) else { return false };
        let event_time =
            input.watermark.as_ref().and_then(|watermark| input.schema.index_of(&watermark.column));
        if event_time.is_some_and(|column| expression.columns().contains(&column)) {
            return false;
        }
        input.filter = Some(match input.filter.take() {
            None => predicate.to_owned(),
            Some(earlier) => format!("({earlier}) AND ({predicate})"),
        });
        true
    }

    fn input_of(&mut self, source: &Source) -> Option<&mut Input> {
        match source {
            Source::Name(name) => self.inputs.iter_mut().find(|input| input.name == *name),
            Source::Query(query) => match &**query {
                Query::Filter { input, .. } => self.input_of(input),
                _ => None,
            },
        }
    }

    fn is_table(&self, source: &Source) -> bool {
        matches!(source, Source::Name(name) if self.tables.iter().any(|table| table.name == *name))
    }
}

fn aggregate(recorded: &Aggregate) -> AggregateCall {
    let distinct = recorded.column.as_ref().and_then(|column| column.strip_prefix("DISTINCT "));
    let (function, column) = match distinct {
        Some(column) if recorded.function == AggregateFunction::Count => {
            (AggregateFunction::CountDistinct, Some(column.to_owned()))
        }
        _ => (recorded.function, recorded.column.clone()),
    };
    AggregateCall {
        function,
        column,
        by: recorded.by.clone(),
        ignore_nulls: recorded.ignore_nulls,
        p: None,
        name: recorded.name.clone(),
    }
}
