//! Windows.

use serde::{Deserialize, Serialize};

/// Stretches of rows that are grouped together, told apart by their `kind`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DeclaredWindow {
    /// Windows of one size, one after the other.
    Tumbling {
        /// The length in milliseconds.
        size_ms: u64,
        /// How far windows are moved from 1970 UTC, in milliseconds.
        #[serde(default)]
        start_offset_ms: i64,
    },
    /// Windows of one size that overlap.
    Sliding {
        /// The length in milliseconds.
        size_ms: u64,
        /// The time between the starts of two windows in milliseconds, at most the length.
        slide_ms: u64,
        /// How far windows are moved from 1970 UTC, in milliseconds.
        #[serde(default)]
        start_offset_ms: i64,
    },
    /// Rows with no more than a gap between them. Either gap is given.
    Session {
        /// The gap in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gap_ms: Option<u64>,
        /// An expression that gives the gap of each row, as text such as `10 seconds`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gap_expr: Option<String>,
    },
    /// A number of rows of a key, by order of arrival.
    Count {
        /// How many rows a window holds.
        rows: u32,
        /// How many rows lie between the starts of two windows, at most `rows`; `rows` unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u32>,
    },
}
