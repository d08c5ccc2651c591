//! The whole query, its inputs and tables.

use headwater::{OnFull, OutputMode, Span, Timestamp};

use super::CheckedRelation;
use crate::declared::WatermarkPolicy;
use crate::dynamic::{Row, Schema};
use crate::expression::Expression;

/// A query that can run.
#[derive(Debug, Clone)]
pub struct CheckedQuery {
    /// The name.
    pub name: String,
    /// The version.
    pub version: u32,
    /// The streams.
    pub inputs: Vec<CheckedInput>,
    /// The tables.
    pub tables: Vec<CheckedTable>,
    /// How the watermarks of several inputs make one.
    pub watermark_policy: WatermarkPolicy,
    /// The last step: its rows are the results.
    pub query: CheckedRelation,
    /// Which results an epoch gives.
    pub output_mode: OutputMode,
    /// What happens to a row when state is full.
    pub on_full: OnFull,
    /// How many records each operator may hold, above zero.
    pub capacity: usize,
}

/// A stream.
#[derive(Debug, Clone)]
pub struct CheckedInput {
    /// The name.
    pub name: String,
    /// The columns.
    pub schema: Schema,
    /// What rows must meet before the watermark sees them.
    pub filter: Option<Expression>,
    /// Where event time is, and how the watermark follows it.
    pub watermark: Option<CheckedWatermark>,
    /// After how long without a row this input no longer holds the watermark of the others.
    pub idle_after: Option<Span>,
}

/// Where event time is, and how the watermark follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedWatermark {
    /// The column of event time.
    pub column: usize,
    /// How far the watermark stays behind the latest event time.
    pub delay: Span,
    /// Where the watermark begins, if not unset.
    pub initial: Option<Timestamp>,
}

/// A table.
#[derive(Debug, Clone)]
pub struct CheckedTable {
    /// The name.
    pub name: String,
    /// The columns.
    pub schema: Schema,
    /// The rows.
    pub rows: Vec<Row>,
}
