//! A row at an operator, and what becomes of it.

use serde::{Deserialize, Serialize};

use super::{Epoch, LateRow, Side};
use crate::time::Timestamp;

/// A row at an operator.
#[derive(Debug)]
pub struct Arriving<'r, T: ?Sized> {
    /// The row.
    pub row: &'r T,
    /// Its event time, if it has one.
    pub at: Option<Timestamp>,
    /// Its number among the rows that came here, for aggregates that go by the order of arrival.
    pub arrival: u64,
}

impl<T: ?Sized> Arriving<'_, T> {
    /// What becomes of a row that belongs to its event time alone, if that has closed: the side is told, and the row changes nothing.
    pub(super) fn late<O, D: Side<T, O>>(&self, epoch: &Epoch, side: &mut D) -> Option<Taken> {
        let at = self.at.filter(|at| epoch.is_closed(*at))?;
        side.late(LateRow { row: self.row, at, late_windows: 1, dropped: true });
        Some(Taken::Late { late_windows: 1 })
    }
}

/// What became of a row in an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taken {
    /// It is in the state. `late_windows` of the windows that hold it had closed before it came.
    Used {
        /// Sliding windows that it missed.
        late_windows: u64,
    },
    /// Every window that holds it had closed; it changed nothing.
    Late {
        /// How many windows that were.
        late_windows: u64,
    },
    /// It has no event time, or a session gap of zero: no window holds it.
    WithoutWindow,
    /// A row like it has come before, and it was left out.
    Duplicate,
    /// State was full and the policy is [`OnFull::Drop`](super::OnFull::Drop).
    Dropped,
}

impl Taken {
    /// What became of a row of which stages made several: the first that was used says so, or else the first of all; late windows add up.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Used { late_windows: one },
                Self::Used { late_windows: two } | Self::Late { late_windows: two },
            )
            | (Self::Late { late_windows: one }, Self::Used { late_windows: two }) => {
                Self::Used { late_windows: one.saturating_add(two) }
            }
            (Self::Late { late_windows: one }, Self::Late { late_windows: two }) => {
                Self::Late { late_windows: one.saturating_add(two) }
            }
            (used @ Self::Used { .. }, _) | (_, used @ Self::Used { .. }) => used,
            (first, _) => first,
        }
    }
}

/// A row was not taken, and changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The state is full.
    NoRoom,
    /// What leaves at once (a result, or a window given early) could not be taken now.
    NotNow,
}
