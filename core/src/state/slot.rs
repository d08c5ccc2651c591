//! The parts of a table's memory.

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

/// How a slot hangs together with others. All zero: on its own.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Links<I> {
    /// Part of the key's hash: where the key belongs in the index.
    pub(super) hash: I,
    /// The place in the order by deadline, plus one.
    pub(super) scheduled_at: I,
    /// The next record of the same key with a lower position.
    pub(super) before: I,
    /// The next record of the same key with a higher position.
    pub(super) after: I,
    /// The next slot changed since the last commit; the last one names itself.
    pub(super) next_dirty: I,
    /// The next slot changed since the last results; the last one names itself.
    pub(super) next_changed: I,
}

/// Counts and list ends. Slot numbers are stored plus one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meta {
    pub(super) occupied: u32,
    /// Slots from here on have never been used.
    pub(super) fresh: u32,
    /// Used slots that are free again.
    pub(super) freed: u32,
    pub(super) scheduled: u32,
    pub(super) dirty: ListEnds,
    pub(super) changed: ListEnds,
    /// Whether the second list is kept at all: only some output modes need it.
    pub(super) tracks_changed: bool,
}

/// The two ends of a list of slots.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ListEnds {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) length: u32,
}

impl Meta {
    pub(super) const EMPTY: Self = Self {
        occupied: 0,
        fresh: 0,
        freed: 0,
        scheduled: 0,
        dirty: ListEnds { first: 0, last: 0, length: 0 },
        changed: ListEnds { first: 0, last: 0, length: 0 },
        tracks_changed: false,
    };
}
