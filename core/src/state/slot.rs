//! The parts of a table's memory.

use super::cohorts::COHORTS;
use super::sets::Roots;
use super::unsorted::{UNSORTED, Unsorted};
use crate::time::Timestamp;

/// A place for one record.
///
/// The representation has a tag of its own, so that vacant is 0 whatever values `K` and `V` leave unused, and empty
/// state goes to `.bss`.
#[derive(Debug, Clone, Default)]
#[repr(u8)]
pub(super) enum Slot<K, V> {
    #[default]
    Vacant = 0,
    Occupied(K, V) = 1,
}

impl<K, V> Slot<K, V> {
    pub(super) const VACANT: Self = Self::Vacant;
}

/// Where a slot is in index and order. All zero: nowhere.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Links<I> {
    /// Part of the hash: where the record belongs in the index.
    pub(super) hash: I,
    /// The place in the order by deadline: see [`Place`](super::deadlines::Place).
    pub(super) scheduled_at: I,
}

/// The neighbours of a slot among the records of its key. All zero: on its own.
// Out of reach on purpose: only `Lookup::Links` leads here, and nothing can be done with it.
#[allow(unnameable_types)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Siblings<I> {
    /// The next record with a lower position.
    pub(super) before: I,
    /// The next record with a higher position.
    pub(super) after: I,
}

/// Counts, and the roots of the sets of slots.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meta {
    pub(super) occupied: u32,
    /// Slots from here on have never been used.
    pub(super) fresh: u32,
    /// Slots in the heap and behind it.
    pub(super) scheduled: u32,
    /// The part behind it.
    pub(super) unsorted: [Unsorted; UNSORTED],
    /// Whether slots changed since the last results are kept at all: only some output modes need them.
    pub(super) tracks_changed: bool,
    pub(super) roots: Roots,
    /// When each cohort is due that has records.
    pub(super) cohorts: [Timestamp; COHORTS],
}

impl Meta {
    pub(super) const EMPTY: Self = Self {
        occupied: 0,
        fresh: 0,
        scheduled: 0,
        unsorted: [Unsorted::EMPTY; UNSORTED],
        tracks_changed: false,
        roots: Roots::EMPTY,
        cohorts: [Timestamp::EPOCH; COHORTS],
    };
}
