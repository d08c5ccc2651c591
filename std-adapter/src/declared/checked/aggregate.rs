//! Grouping.

use headwater::window::{Session, Sliding, Tumbling};

use super::{CheckedRelation, EventTime, TimeColumn};
use crate::declared::DynamicAggregates;
use crate::expression::IntervalExpression;

/// Grouping, and the functions over groups.
#[derive(Debug, Clone)]
pub struct CheckedAggregation {
    /// The step before.
    pub input: Box<CheckedRelation>,
    /// The columns that rows are grouped by.
    pub keys: Vec<usize>,
    /// What groups are besides.
    pub grouping: Grouping,
    /// The functions.
    pub aggregates: DynamicAggregates,
}

/// What groups are, besides rows with the same keys.
#[derive(Debug, Clone)]
pub enum Grouping {
    /// Nothing else. With an event time among the keys, groups are late and leave by it.
    Keys {
        /// The event time among the keys.
        event_time: Option<EventTime>,
    },
    /// Windows of time.
    Windows {
        /// The windows.
        window: TimeWindow,
        /// What they go by.
        time: TimeColumn,
    },
    /// A number of rows.
    CountWindows {
        /// How many, above zero.
        rows: u32,
        /// How many lie between the starts of two windows, from 1 to `rows`.
        step: u32,
    },
}

/// Windows of time.
#[derive(Debug, Clone)]
pub enum TimeWindow {
    /// One after the other.
    Tumbling(Tumbling),
    /// Overlapping.
    Sliding(Sliding),
    /// With a fixed gap.
    Session(Session),
    /// With a gap for each row.
    SessionBy(IntervalExpression),
}
