//! What a table holds under a key.

use core::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lookup::Lookup;
use super::unsorted::HAS_UNSORTED;
use crate::time::Timestamp;

/// What rows are grouped by: any plain type that can be compared, hashed, copied and written to the checkpoint.
///
/// Integers, enums, tuples, `heapless::String<N>`; implemented for everything that fits.
pub trait Key: Clone + Eq + Hash + Serialize + DeserializeOwned + 'static {}

impl<K: Clone + Eq + Hash + Serialize + DeserializeOwned + 'static> Key for K {}

/// Which records of a table are kept in order of deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// None: records stay for ever.
    Never,
    /// Every record by itself.
    Each,
    /// Every record by itself; what is due leaves in no order and mostly many at a time, as rows of joins do.
    InNoOrder,
    /// Every record by itself, and those of many keys are due at one moment, as windows are.
    Together,
    /// Of each key, the record with the lowest position stands for all; many keys are due at one moment. For records [`InOrder`](super::InOrder).
    FirstOfKey,
}

impl Schedule {
    /// Whether deadlines are shared by many keys.
    pub(super) const fn is_shared(self) -> bool {
        matches!(self, Self::Together | Self::FirstOfKey)
    }

    /// Whether records come to the unsorted end of the order.
    pub(super) const fn may_be_unsorted(self) -> bool {
        HAS_UNSORTED && matches!(self, Self::InNoOrder)
    }
}

/// A record of a table: it knows its place in event time and when it is due.
pub trait Record: Serialize + DeserializeOwned + 'static {
    /// How it is found.
    type Lookup: Lookup;
    /// Which records are scheduled.
    const SCHEDULE: Schedule;

    /// Where it stands among the records of its key, for instance the start of its window. Only [`Table::edit`]
    /// may change it, not past a neighbour, and not where it is looked up by ([`ByPosition`](super::ByPosition)).
    ///
    /// [`Table::edit`]: super::Table::edit
    fn position(&self) -> Timestamp;

    /// What records are ordered by across keys: the earlier, the sooner it is due.
    fn deadline(&self) -> Timestamp;
}
