//! What a query reports of itself.

use serde::{Deserialize, Serialize};

use crate::state::{LinkCounts, Occupancy};
use crate::time::Timestamp;

/// What became of the rows pushed. Kept in the checkpoint: after a restart the counts go on from the last commit.
///
/// `rows_in = used + filtered + without_window + late + duplicate + dropped + refused`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RowCounts {
    /// Rows pushed, also those handed back: pushed again they count again.
    pub rows_in: u64,
    /// Rows in the state or in results.
    pub used: u64,
    /// Rows that a filter removed.
    pub filtered: u64,
    /// Rows that no window holds: without event time, or with a session gap of zero.
    pub without_window: u64,
    /// Rows all of whose windows had closed.
    pub late: u64,
    /// Rows that deduplication removed.
    pub duplicate: u64,
    /// Rows dropped because state was full ([`OnFull::Drop`](crate::OnFull::Drop)).
    pub dropped: u64,
    /// Rows handed back because state was full or a trigger was unfinished.
    pub refused: u64,
    /// Windows that rows came too late for; a row of sliding windows may miss several, or some and be used in others.
    pub late_windows: u64,
    /// Results given out.
    pub emitted: u64,
    /// Of those, windows given out early ([`OnFull::EvictOldest`](crate::OnFull::EvictOldest)).
    pub emitted_early: u64,
}

impl RowCounts {
    /// Whether every row is accounted for.
    #[must_use]
    pub fn balance(&self) -> bool {
        let parts = [
            self.used,
            self.filtered,
            self.without_window,
            self.late,
            self.duplicate,
            self.dropped,
            self.refused,
        ];
        parts.iter().fold(0_u64, |sum, part| sum.wrapping_add(*part)) == self.rows_in
    }

    /// All, in the order of the checkpoint.
    pub(super) fn in_order(&mut self) -> [&mut u64; 11] {
        [
            &mut self.rows_in,
            &mut self.used,
            &mut self.filtered,
            &mut self.without_window,
            &mut self.late,
            &mut self.duplicate,
            &mut self.dropped,
            &mut self.refused,
            &mut self.late_windows,
            &mut self.emitted,
            &mut self.emitted_early,
        ]
    }
}

/// Where a query stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Progress {
    /// Epochs ended.
    pub epoch: u64,
    /// The watermark, once rows have moved it.
    pub watermark: Option<Timestamp>,
    /// The highest event time seen.
    pub event_time_max: Option<Timestamp>,
    /// What became of the rows.
    pub rows: RowCounts,
    /// Records in the state.
    pub state_rows: usize,
    /// Records the state can hold.
    pub state_capacity: usize,
}

/// Where one operator of a query stands. See [`Query::operators`](crate::Query::operators).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OperatorProgress {
    /// How full its tables are together; nothing of nothing for an operator without state.
    pub occupancy: Occupancy,
    /// What became of the rows that the operator before gave it. `None` for the first: its rows are those of [`Progress::rows`].
    pub link: Option<LinkCounts>,
}
