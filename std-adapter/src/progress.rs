//! What a running query reports: one JSON object per commit, in the field names of Spark's `StreamingQueryProgress` where
//! they apply.

use headwater::{Progress, RowCounts};
use serde::Serialize;

use crate::rfc3339::to_rfc3339;
use crate::source::SourceMetrics;

/// One commit of a running query.
///
/// Counts are of the epochs since the commit before, except `rows`, which counts from the very beginning and goes on after
/// a restart.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct QueryProgress {
    /// The query, the same after every restart from its checkpoint.
    pub id: String,
    /// This run of it.
    pub run_id: String,
    /// The name given to it.
    pub name: String,
    /// When the work on these rows began, RFC 3339.
    pub timestamp: String,
    /// The number of the last epoch.
    pub batch_id: u64,
    /// Rows from the source.
    pub num_input_rows: u64,
    /// Rows per second since the commit before.
    pub input_rows_per_second: f64,
    /// Rows per second of the time spent on them.
    pub processed_rows_per_second: f64,
    /// Where the time went.
    pub duration_ms: Durations,
    /// Watermark and highest event time.
    pub event_time: EventTimeProgress,
    /// The stateful operators.
    pub state_operators: Vec<StateOperatorProgress>,
    /// The source.
    pub sources: Vec<SourceProgress>,
    /// The sink.
    pub sink: SinkProgress,
    /// What became of every row since the query first started.
    #[serde(with = "CamelCaseRowCounts")]
    pub rows: RowCounts,
}

/// [`RowCounts`] in the report: in the log its names do not matter, here they are as all others.
#[derive(Serialize)]
#[serde(remote = "RowCounts", rename_all = "camelCase")]
struct CamelCaseRowCounts {
    rows_in: u64,
    used: u64,
    filtered: u64,
    without_window: u64,
    late: u64,
    duplicate: u64,
    dropped: u64,
    refused: u64,
    late_windows: u64,
    emitted: u64,
    emitted_early: u64,
}

/// Milliseconds spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Durations {
    /// Giving results to the sink.
    pub add_batch: u64,
    /// Making rows durable in the sink and writing the commit.
    pub wal_commit: u64,
    /// From the first row to the end of the commit, waiting for rows left out.
    pub trigger_execution: u64,
}

/// Event time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct EventTimeProgress {
    /// The highest seen, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// The watermark, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
}

/// A stateful operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StateOperatorProgress {
    /// Records in its state.
    pub num_rows_total: u64,
    /// Records it can hold.
    pub num_rows_capacity: u64,
    /// Rows dropped because all their windows had closed.
    pub num_rows_dropped_by_watermark: u64,
    /// Windows that rows came too late for.
    pub num_windows_missed: u64,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SourceProgress {
    /// Which it is.
    pub description: String,
    /// The position before, as JSON.
    pub start_offset: serde_json::Value,
    /// The position committed, as JSON.
    pub end_offset: serde_json::Value,
    /// Rows from it.
    pub num_input_rows: u64,
    /// Rows per second since the commit before.
    pub input_rows_per_second: f64,
    /// Rows per second of the time spent on them.
    pub processed_rows_per_second: f64,
    /// Its own counters, since it was opened.
    pub metrics: SourceMetrics,
}

/// A sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SinkProgress {
    /// Which it is.
    pub description: String,
    /// Results given to it.
    pub num_output_rows: u64,
}

impl QueryProgress {
    /// The object on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Plain structs with string keys always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl EventTimeProgress {
    pub(crate) fn of(progress: &Progress) -> Self {
        Self { max: progress.event_time_max.map(to_rfc3339), watermark: progress.watermark.map(to_rfc3339) }
    }
}

impl StateOperatorProgress {
    /// The state now, and what was late since `before`.
    pub(crate) fn since(before: &RowCounts, progress: &Progress) -> Self {
        Self {
            num_rows_total: progress.state_rows as u64,
            num_rows_capacity: progress.state_capacity as u64,
            num_rows_dropped_by_watermark: progress.rows.late.wrapping_sub(before.late),
            num_windows_missed: progress.rows.late_windows.wrapping_sub(before.late_windows),
        }
    }
}
