//! Where a row's time is.

use headwater::{Span, Timestamp};

use crate::dynamic::Row;

/// An event time that a watermark follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    /// Where it is.
    pub time: TimeColumn,
    /// How far the watermark stays behind it.
    pub delay: Span,
}

/// Where a row's time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeColumn {
    /// The time in this column.
    At(usize),
    /// The last moment before the time in this column, which is a window's end: Spark's `window_time`.
    Before(usize),
}

impl TimeColumn {
    /// The column.
    #[must_use]
    pub const fn column(self) -> usize {
        match self {
            Self::At(column) | Self::Before(column) => column,
        }
    }

    /// The same in rows where the column is this one.
    #[must_use]
    pub const fn moved_to(self, column: usize) -> Self {
        match self {
            Self::At(_) => Self::At(column),
            Self::Before(_) => Self::Before(column),
        }
    }

    /// The time of `row`, or `None` where it is null.
    #[must_use]
    pub fn of(self, row: &Row) -> Option<Timestamp> {
        match self {
            Self::At(column) => row.value(column).as_timestamp(),
            Self::Before(column) => row.value(column).as_timestamp().map(|end| end - Span::micros(1)),
        }
    }
}
