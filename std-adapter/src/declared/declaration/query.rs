//! The whole query: inputs, tables, what is done with them, and how results come out.

use headwater::{OnFull, OutputMode};
use serde::{Deserialize, Serialize};

use super::{Relation, modes};
use crate::dynamic::Schema;

/// A query as it is written down.
///
/// Fields that are not known are refused, so that a misspelt one is not passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredQuery {
    /// The name; a checkpoint belongs to the query of this name.
    pub name: String,
    /// The version; with another one, old checkpoints are refused.
    #[serde(default)]
    pub version: u32,
    /// The streams that rows come from.
    pub inputs: Vec<Input>,
    /// Tables that do not change while the query runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<DeclaredTable>,
    /// How the watermarks of several inputs make one.
    #[serde(default)]
    pub watermark_policy: WatermarkPolicy,
    /// What is done with the rows.
    pub query: Relation,
    /// Which results an epoch gives: `append`, `update` or `complete`.
    #[serde(with = "modes::OutputModeName")]
    pub output_mode: OutputMode,
    /// What happens to a row when state is full: `refuse`, `drop` or `evict_oldest`. There is no default, because memory is fixed.
    #[serde(with = "modes::OnFullName")]
    pub on_full: OnFull,
    /// How many records each operator may hold; 10,000 unless given.
    #[serde(default = "default_capacity")]
    pub capacity: usize,
}

const CAPACITY_DEFAULT: usize = 10_000;

const fn default_capacity() -> usize {
    CAPACITY_DEFAULT
}

/// A stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The name by which the query refers to it.
    pub name: String,
    /// The columns.
    pub schema: Schema,
    /// A predicate that rows must meet before the watermark sees them: the rows it removes do not move it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Where event time is and how late rows may come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<DeclaredWatermark>,
    /// After how many milliseconds without a row this input no longer holds the watermark of the others. Never unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_after_ms: Option<u64>,
}

/// Spark's `withWatermark`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredWatermark {
    /// The column of event time.
    pub column: String,
    /// How far the watermark stays behind the latest event time, in milliseconds.
    pub delay_ms: u64,
    /// Where the watermark begins, in milliseconds since 1970 UTC. Without it there is none until a row came; Spark's begins at 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_ms: Option<i64>,
}

/// A table that does not change while the query runs: the right side of a join.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredTable {
    /// The name by which the query refers to it.
    pub name: String,
    /// The columns.
    pub schema: Schema,
    /// The rows as objects: see [`Schema::row_from_json`].
    pub rows: Vec<serde_json::Value>,
}

/// How the watermarks of several inputs make one (Spark's `multipleWatermarkPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatermarkPolicy {
    /// The slowest input rules: no row is late because another input was faster.
    #[default]
    Min,
    /// The fastest input rules: results come soonest, and rows of slower inputs may be late.
    Max,
}
