//! Rows that a join holds.

use serde::{Deserialize, Serialize};

use crate::aggregate::Stored;
use crate::state::{InOrder, Record, Schedule};
use crate::time::Timestamp;

/// What the rows of a join are held in order of: [`ByTime`] or [`ByArrival`].
pub trait BufferOrder: Stored + Copy {
    /// The place of a row.
    fn of(at: Option<Timestamp>, arrival: u64) -> Self;
    /// The place as a moment.
    fn position(self) -> Timestamp;
    /// The row's event time.
    fn at(self) -> Option<Timestamp>;
}

/// In order of event time. 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByTime(Timestamp);

impl ByTime {
    // No event time lies that far back (`Timestamp::EVENT_TIME_MAX`), and rows without one leave first.
    const NONE: Timestamp = Timestamp::MIN;
}

impl BufferOrder for ByTime {
    fn of(at: Option<Timestamp>, _arrival: u64) -> Self {
        Self(at.unwrap_or(Self::NONE))
    }

    fn position(self) -> Timestamp {
        self.0
    }

    fn at(self) -> Option<Timestamp> {
        Some(self.0).filter(|at| *at != Self::NONE)
    }
}

/// In order of arrival. 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByArrival {
    arrival: u64,
    at: Option<Timestamp>,
}

impl BufferOrder for ByArrival {
    fn of(at: Option<Timestamp>, arrival: u64) -> Self {
        Self { arrival, at }
    }

    fn position(self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.arrival).unwrap_or(i64::MAX))
    }

    fn at(self) -> Option<Timestamp> {
        self.at
    }
}

/// A row that a join holds until the watermark says that no row in time can match it any more.
///
/// The place in the order, the row, and a byte: whether it has had a match, which only outer joins need.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Buffered<T, O = ByTime> {
    order: O,
    pub(super) matched: bool,
    pub(super) row: T,
}

impl<T, O: BufferOrder> Buffered<T, O> {
    pub(super) fn new(row: T, at: Option<Timestamp>, arrival: u64) -> Self {
        Self { order: O::of(at, arrival), matched: false, row }
    }

    pub(super) fn at(&self) -> Option<Timestamp> {
        self.order.at()
    }
}

impl<T: Stored, O: BufferOrder> Record for Buffered<T, O> {
    type Lookup = InOrder;
    const SCHEDULE: Schedule = Schedule::InNoOrder;

    fn position(&self) -> Timestamp {
        self.order.position()
    }

    /// The range is the same for all rows, so their times order them as the ends of their stays would.
    fn deadline(&self) -> Timestamp {
        self.order.position()
    }
}
