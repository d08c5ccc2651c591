//! Steps.

use super::{CheckedAggregation, CheckedAsOfJoin, CheckedDedup, CheckedJoin, CheckedTableJoin, EventTime};
use crate::dynamic::Schema;
use crate::expression::Expression;

/// A step and the rows it gives.
#[derive(Debug, Clone)]
pub struct CheckedRelation {
    /// The columns of its rows.
    pub schema: Schema,
    /// Where the watermark's event time is in them. None without watermark, two after a join of streams.
    pub event_times: Vec<EventTime>,
    /// What the step does.
    pub step: CheckedStep,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum CheckedStep {
    /// Rows of an input, by its number in [`CheckedQuery::inputs`](super::CheckedQuery::inputs).
    Input(usize),
    /// Rows for which the predicate is true.
    Filter {
        /// The step before.
        input: Box<CheckedRelation>,
        /// The predicate.
        predicate: Expression,
    },
    /// A row of these from each.
    Select {
        /// The step before.
        input: Box<CheckedRelation>,
        /// The columns.
        columns: Vec<Expression>,
    },
    /// All rows of these.
    Union(Vec<CheckedRelation>),
    /// One row for each group.
    Aggregate(CheckedAggregation),
    /// The first of rows that are alike.
    Dedup(CheckedDedup),
    /// Pairs of rows of two streams.
    Join(CheckedJoin),
    /// Pairs of rows of a stream and of a table.
    TableJoin(CheckedTableJoin),
    /// Rows, each with the nearest earlier one of another stream.
    AsOfJoin(CheckedAsOfJoin),
}

impl CheckedRelation {
    /// Whether a step on the way here groups rows.
    pub(in crate::declared) fn has_aggregate(&self) -> bool {
        match &self.step {
            CheckedStep::Input(_) => false,
            CheckedStep::Aggregate(_) => true,
            CheckedStep::Filter { input, .. } | CheckedStep::Select { input, .. } => input.has_aggregate(),
            CheckedStep::Union(inputs) => inputs.iter().any(Self::has_aggregate),
            CheckedStep::Dedup(dedup) => dedup.input.has_aggregate(),
            CheckedStep::TableJoin(join) => join.left.has_aggregate(),
            CheckedStep::Join(join) => join.left.has_aggregate() || join.right.has_aggregate(),
            CheckedStep::AsOfJoin(join) => join.left.has_aggregate() || join.right.has_aggregate(),
        }
    }
}
