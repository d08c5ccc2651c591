//! Deduplication.

use super::{CheckedRelation, EventTime};

/// The first of rows that are alike.
#[derive(Debug, Clone)]
pub struct CheckedDedup {
    /// The step before.
    pub input: Box<CheckedRelation>,
    /// The columns that make rows alike.
    pub columns: Vec<usize>,
    /// The event time that rows are late by; none without watermark.
    pub event_time: Option<EventTime>,
    /// When a row is forgotten.
    pub forgotten: Forgotten,
}

/// When the watermark makes a deduplication forget a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// Never.
    Never,
    /// At the row's event time: a row like it would be late.
    AtEventTime,
    /// The watermark's delay after the row's event time.
    AfterDelay,
}
