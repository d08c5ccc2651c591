//! The state of two operators in a row: the tables of both, and what became of the rows in between.

use serde::{Deserialize, Serialize};

use super::index::SlotIndex;
use super::shape::{EntryError, EntrySink, Occupancy, Shape, Stopped, Tables, combined};
use super::storage::State;
use crate::codec::{self, One};

/// What became of the rows that the first of two operators gave the second.
///
/// `rows_in = used + filtered + without_window + late + duplicate + dropped`, always ([`LinkCounts::balance`]): a row that the second has
/// no room for stays with the first. Kept in the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LinkCounts {
    /// Rows given by the first operator; where a stage between makes several rows of one, those, each once it has been taken.
    pub rows_in: u64,
    /// Rows in the second one's state or in results.
    pub used: u64,
    /// Rows that the stages between removed.
    pub filtered: u64,
    /// Rows that no window of the second operator holds.
    pub without_window: u64,
    /// Rows all of whose windows had closed.
    pub late: u64,
    /// Rows that deduplication removed.
    pub duplicate: u64,
    /// Rows dropped because the second operator's state was full.
    pub dropped: u64,
    /// Windows that rows came too late for.
    pub late_windows: u64,
    /// Windows that one of the two operators gave early to make room.
    pub early: u64,
}

impl LinkCounts {
    /// Whether every row is accounted for.
    #[must_use]
    pub fn balance(&self) -> bool {
        let parts = [self.used, self.filtered, self.without_window, self.late, self.duplicate, self.dropped];
        parts.iter().fold(0_u64, |sum, part| sum.wrapping_add(*part)) == self.rows_in
    }
}

/// What is between two operators in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Link {
    /// What became of the rows.
    pub counts: LinkCounts,
    /// Of the row being given, how many of the rows that the stages made of it the second operator has taken.
    pub taken: u32,
}

impl Link {
    pub(crate) const EMPTY: Self = Self {
        counts: LinkCounts {
            rows_in: 0,
            used: 0,
            filtered: 0,
            without_window: 0,
            late: 0,
            duplicate: 0,
            dropped: 0,
            late_windows: 0,
            early: 0,
        },
        taken: 0,
    };
}

/// State of two operators in a row: `A` for the first, `B` for the second, both [`State`].
///
/// As [`Shape`] it names their shapes instead.
///
/// ```
/// use headwater::{GroupState, WindowState, aggregate::Count, state::Chained};
///
/// // Tumbling windows by device, and windows over their results.
/// type State = Chained<WindowState<u16, Count, 64>, WindowState<(), Count, 4>>;
/// static EMPTY: State = State::of(WindowState::EMPTY, WindowState::EMPTY);
/// # let _ = &EMPTY;
/// ```
#[derive(Debug)]
pub struct Chained<A, B> {
    first: A,
    second: B,
    link: Link,
}

impl<A, B> Chained<A, B> {
    /// The state of a first and a second operator.
    #[must_use]
    pub const fn of(first: A, second: B) -> Self {
        Self { first, second, link: Link::EMPTY }
    }
}

impl<A: Default, B: Default> Default for Chained<A, B> {
    fn default() -> Self {
        Self::of(A::default(), B::default())
    }
}

impl<A: State, B: State<Index = A::Index>> State for Chained<A, B> {
    type Shape = Chained<A::Shape, B::Shape>;
    type Index = A::Index;

    fn tables(&mut self) -> ChainedTables<'_, TablesOf<'_, A>, TablesOf<'_, B>> {
        ChainedTables { first: self.first.tables(), second: self.second.tables(), link: &mut self.link }
    }
}

type TablesOf<'s, S> = <<S as State>::Shape as Shape>::Tables<'s, <S as State>::Index>;

impl<A: Shape, B: Shape> Shape for Chained<A, B> {
    type Tables<'s, I: SlotIndex> = ChainedTables<'s, A::Tables<'s, I>, B::Tables<'s, I>>;
    type Inline<const N: usize> = Chained<A::Inline<N>, B::Inline<N>>;
    #[cfg(feature = "alloc")]
    type Allocated = Chained<A::Allocated, B::Allocated>;

    #[cfg(feature = "alloc")]
    fn allocate(capacity: usize) -> Self::Allocated {
        Chained::of(A::allocate(capacity), B::allocate(capacity))
    }

    fn key_fingerprint() -> u32 {
        combined(A::key_fingerprint(), B::key_fingerprint())
    }

    fn record_fingerprint() -> u32 {
        combined(A::record_fingerprint(), B::record_fingerprint())
    }
}

/// The tables of two operators in a row.
#[derive(Debug)]
pub struct ChainedTables<'s, A, B> {
    /// Of the first.
    pub first: A,
    /// Of the second.
    pub second: B,
    /// What is between them.
    pub link: &'s mut Link,
}

impl<A: Tables, B: Tables> Tables for ChainedTables<'_, A, B> {
    // The link itself is an entry of its own.
    const COUNT: u8 = A::COUNT.saturating_add(B::COUNT).saturating_add(1);

    fn clear(&mut self) {
        self.first.clear();
        self.second.clear();
        *self.link = Link::EMPTY;
    }

    fn track_changed(&mut self, on: bool) {
        self.first.track_changed(on);
        self.second.track_changed(on);
    }

    fn has_changed(&self) -> bool {
        self.first.has_changed() || self.second.has_changed()
    }

    fn occupancy(&self, tell: &mut impl FnMut(Occupancy)) {
        self.first.occupancy(tell);
        self.second.occupancy(tell);
    }

    fn operators(&self, link: Option<LinkCounts>, tell: &mut impl FnMut(Occupancy, Option<LinkCounts>)) {
        self.first.operators(link, tell);
        self.second.operators(Some(self.link.counts), tell);
    }

    fn write(&self, all: bool, first: u8, sink: &mut EntrySink<'_>) -> Result<(), Stopped> {
        sink(first, &mut One(&*self.link))?;
        let first = first.saturating_add(1);
        self.first.write(all, first, sink)?;
        self.second.write(all, first.saturating_add(A::COUNT), sink)
    }

    fn read(&mut self, table: u8, payload: &[u8]) -> Result<(), EntryError> {
        let Some(table) = table.checked_sub(1) else {
            let (link, rest) = codec::take(payload).map_err(|_| EntryError::Unreadable)?;
            *self.link = link;
            return if rest.is_empty() { Ok(()) } else { Err(EntryError::Unreadable) };
        };
        match table.checked_sub(A::COUNT) {
            None => self.first.read(table, payload),
            Some(table) => self.second.read(table, payload),
        }
    }

    fn rebuild(&mut self) {
        self.first.rebuild();
        self.second.rebuild();
    }

    fn committed(&mut self) {
        self.first.committed();
        self.second.committed();
    }

    fn is_partly(&self) -> bool {
        self.link.taken > 0 || self.first.is_partly() || self.second.is_partly()
    }
}
