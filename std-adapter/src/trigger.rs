//! When an epoch ends.

use core::time::Duration;

/// When results are given (Spark's `Trigger`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Every so often, if rows came (`ProcessingTime`).
    Interval(Duration),
    /// After every row. Commits are grouped: see [`StreamingQuery::commit_every`](crate::StreamingQuery::commit_every).
    EveryRow,
    /// Works off what is there at the start, in epochs of bounded size, and ends (`AvailableNow`).
    AvailableNow,
    /// Works off what is there at the start in one epoch, and ends (`Once`).
    Once,
}

impl Trigger {
    /// Whether the query ends by itself once it has read what was there.
    #[must_use]
    pub const fn is_bounded(self) -> bool {
        matches!(self, Self::AvailableNow | Self::Once)
    }
}
