//! An event time, or none, in the 8 bytes of a record.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// An event time, or none, which is after all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct StoredTime(Timestamp);

impl StoredTime {
    /// No row has this event time: see [`Timestamp::EVENT_TIME_MAX`].
    const NONE: Timestamp = Timestamp::MAX;

    pub(super) fn of(at: Option<Timestamp>) -> Self {
        Self(at.unwrap_or(Self::NONE))
    }

    /// The event time.
    pub(super) fn time(self) -> Option<Timestamp> {
        (self.0 < Self::NONE).then_some(self.0)
    }

    /// What orders records by it: without event time, later than any.
    pub(super) fn order(self) -> Timestamp {
        self.0
    }
}
