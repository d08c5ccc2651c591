//! When deduplication forgets a row, as one type for all rules.

use headwater::Timestamp;
use headwater::operator::{ExpiringRecord, Expiry, UntilDelay, UntilEventTime};
use headwater::state::{Key, SlotId, SlotIndex, Table};

use crate::declared::checked::{CheckedDedup, Forgotten};

/// The rule of a step.
#[derive(Debug, Clone, Copy)]
pub(super) enum WhenForgotten {
    Never,
    AtEventTime,
    AfterDelay(UntilDelay),
}

impl WhenForgotten {
    pub(super) fn of(dedup: &CheckedDedup) -> Self {
        match (dedup.forgotten, dedup.event_time) {
            (Forgotten::AtEventTime, _) => Self::AtEventTime,
            (Forgotten::AfterDelay, Some(at)) => Self::AfterDelay(UntilDelay(at.delay)),
            (Forgotten::Never | Forgotten::AfterDelay, _) => Self::Never,
        }
    }
}

/// A key that is never forgotten is kept as one without event time is.
impl Expiry for WhenForgotten {
    type Record = ExpiringRecord;
    // Which rule it is, the name of a declared query tells.
    const NUMBER: i64 = 3;

    fn record(&self, at: Option<Timestamp>) -> ExpiringRecord {
        match self {
            Self::Never => UntilEventTime.record(None),
            Self::AtEventTime => UntilEventTime.record(at),
            Self::AfterDelay(delay) => delay.record(at),
        }
    }

    fn find<K: Key, I: SlotIndex>(
        &self,
        table: &Table<'_, K, ExpiringRecord, I>,
        key: &K,
        at: Option<Timestamp>,
    ) -> Option<SlotId> {
        match self {
            Self::AtEventTime => UntilEventTime.find(table, key, at),
            Self::Never | Self::AfterDelay(_) => table.last_of(key),
        }
    }
}
