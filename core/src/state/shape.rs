//! Which tables an operator keeps, as a type; the tables themselves, and what a query does with all of them alike.

use core::marker::PhantomData;

use serde::Serialize;

use super::chained::LinkCounts;
use super::fingerprint::fingerprint;
use super::index::{SlotId, SlotIndex};
use super::record::{Key, Record};
#[cfg(feature = "alloc")]
use super::storage::Allocated;
use super::storage::{Inline, NoState, State};
use super::table::Table;
use crate::codec::{self, EncodeEach, EncodeError, Encoder};
use crate::crc::Crc;

/// Which tables an operator keeps: none ([`Stateless`]), one ([`Keyed`]), a pair `(A, B)`, or those of two operators in a row
/// ([`Chained`](super::Chained)).
pub trait Shape: 'static {
    /// The tables, in memory that lives for `'s`, with slot numbers stored in `I`.
    type Tables<'s, I: SlotIndex>: Tables;

    /// Memory for `N` records in each table, inline.
    type Inline<const N: usize>: State<Shape = Self, Index = u16> + Default;

    /// Memory allocated at start.
    #[cfg(feature = "alloc")]
    type Allocated: State<Shape = Self, Index = u32>;

    /// Memory for `capacity` records in each table, allocated once.
    #[cfg(feature = "alloc")]
    fn allocate(capacity: usize) -> Self::Allocated;

    /// The CRC-32 of the shape of the key types.
    fn key_fingerprint() -> u32;
    /// The CRC-32 of the shape of the record types.
    fn record_fingerprint() -> u32;
}

/// One table of records `V` under keys `K`.
#[derive(Debug)]
pub struct Keyed<K, V>(PhantomData<fn() -> (K, V)>);

impl<K: Key, V: Record> Shape for Keyed<K, V> {
    type Tables<'s, I: SlotIndex> = Table<'s, K, V, I>;
    type Inline<const N: usize> = Inline<K, V, N>;
    #[cfg(feature = "alloc")]
    type Allocated = Allocated<K, V>;

    #[cfg(feature = "alloc")]
    fn allocate(capacity: usize) -> Self::Allocated {
        Allocated::with_capacity(capacity)
    }

    fn key_fingerprint() -> u32 {
        fingerprint::<K>()
    }

    fn record_fingerprint() -> u32 {
        fingerprint::<V>()
    }
}

/// No table.
#[derive(Debug)]
pub enum Stateless {}

impl Shape for Stateless {
    type Tables<'s, I: SlotIndex> = NoTables;
    type Inline<const N: usize> = NoState<u16>;
    #[cfg(feature = "alloc")]
    type Allocated = NoState<u32>;

    #[cfg(feature = "alloc")]
    fn allocate(_capacity: usize) -> Self::Allocated {
        NoState::EMPTY
    }

    fn key_fingerprint() -> u32 {
        0
    }

    fn record_fingerprint() -> u32 {
        0
    }
}

impl<A: Shape, B: Shape> Shape for (A, B) {
    type Tables<'s, I: SlotIndex> = (A::Tables<'s, I>, B::Tables<'s, I>);
    type Inline<const N: usize> = (A::Inline<N>, B::Inline<N>);
    #[cfg(feature = "alloc")]
    type Allocated = (A::Allocated, B::Allocated);

    #[cfg(feature = "alloc")]
    fn allocate(capacity: usize) -> Self::Allocated {
        (A::allocate(capacity), B::allocate(capacity))
    }

    fn key_fingerprint() -> u32 {
        combined(A::key_fingerprint(), B::key_fingerprint())
    }

    fn record_fingerprint() -> u32 {
        combined(A::record_fingerprint(), B::record_fingerprint())
    }
}

/// One fingerprint of two, in order.
pub(super) fn combined(first: u32, second: u32) -> u32 {
    let mut crc = Crc::new();
    crc.update_u32(first);
    crc.update_u32(second);
    crc.value()
}

/// Takes the entries of a checkpoint: the number of the table, and what its slots hold. It keeps its errors to itself.
pub type EntrySink<'s> = dyn FnMut(u8, &mut dyn Entries) -> Result<(), Stopped> + 's;

/// What slots of one table hold, one entry or more, in a form that the checkpoint log can write.
#[expect(private_bounds, reason = "sealed: entries are for the log of this crate alone")]
pub trait Entries: EncodeEach {}

impl<T: EncodeEach> Entries for T {}

/// An [`EntrySink`] takes no more entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// An entry of a checkpoint cannot be put into a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum EntryError {
    /// It is not of the table's types, or there is no such table.
    Unreadable,
    /// The state has fewer slots than it needs.
    TooSmall {
        /// The number of the slot, counted from 1.
        slots: u32,
    },
}

/// How full one table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Occupancy {
    /// Records it holds.
    pub records: usize,
    /// Records it can hold.
    pub capacity: usize,
}

/// What a query does with the tables of its operators, whatever they hold.
pub trait Tables {
    /// How many numbers the tables take in a checkpoint.
    const COUNT: u8;

    /// Removes everything and forgets all changes.
    fn clear(&mut self);

    /// Says whether slots changed since the last results are listed. For empty tables.
    fn track_changed(&mut self, on: bool);

    /// Whether slots wait in the list of those changed since the last results.
    fn has_changed(&self) -> bool;

    /// Tells how full each table is.
    fn occupancy(&self, tell: &mut impl FnMut(Occupancy));

    /// Tells how full the tables of each operator are together, in the order rows go through the operators, and what became of the rows
    /// that the operator before gave it. `link` is what to say for the first.
    fn operators(&self, link: Option<LinkCounts>, tell: &mut impl FnMut(Occupancy, Option<LinkCounts>)) {
        let mut total = Occupancy::default();
        self.occupancy(&mut |table| {
            total.records = total.records.saturating_add(table.records);
            total.capacity = total.capacity.saturating_add(table.capacity);
        });
        tell(total, link);
    }

    /// Writes what changed since the last commit, or everything, the first table under the number `first`.
    ///
    /// # Errors
    /// The sink's.
    fn write(&self, all: bool, first: u8, sink: &mut EntrySink<'_>) -> Result<(), Stopped>;

    /// Puts entries of the table `table`, counted from the first one of these, into their slots.
    /// [`Tables::rebuild`] must follow.
    ///
    /// # Errors
    /// [`EntryError`].
    fn read(&mut self, table: u8, payload: &[u8]) -> Result<(), EntryError>;

    /// Builds index, order and lists from the records.
    fn rebuild(&mut self);

    /// Forgets what changed since the last commit.
    fn committed(&mut self);

    /// Whether a result of an operator has been taken by the next one only in part: a stage between makes several rows of it, and what
    /// the next one gave at once, or its state, had no room for all. See [`Chained`](super::Chained).
    fn is_partly(&self) -> bool {
        false
    }
}

impl<K: Key, V: Record, I: SlotIndex> Tables for Table<'_, K, V, I> {
    const COUNT: u8 = 1;

    fn clear(&mut self) {
        Table::clear(self);
    }

    fn track_changed(&mut self, on: bool) {
        Table::track_changed(self, on);
    }

    fn has_changed(&self) -> bool {
        self.first_changed().is_some()
    }

    fn occupancy(&self, tell: &mut impl FnMut(Occupancy)) {
        tell(Occupancy { records: self.len(), capacity: self.capacity() });
    }

    fn write(&self, all: bool, first: u8, sink: &mut EntrySink<'_>) -> Result<(), Stopped> {
        let is_nothing = if all { self.is_empty() } else { self.dirty().next().is_none() };
        if is_nothing {
            return Ok(());
        }
        let slots = if all { Slots::All(self.occupied_from(0)) } else { Slots::Changed(self.dirty()) };
        sink(first, &mut SlotEntries { table: self, slots, waiting: None })
    }

    fn read(&mut self, table: u8, payload: &[u8]) -> Result<(), EntryError> {
        if table != 0 {
            return Err(EntryError::Unreadable);
        }
        let mut rest = payload;
        while !rest.is_empty() {
            let ((slot, record), after) =
                codec::take::<(u32, Option<(K, V)>)>(rest).map_err(|_| EntryError::Unreadable)?;
            // An entry is never empty, so this ends.
            rest = after;
            let slot = SlotId::new(slot as usize).ok_or(EntryError::Unreadable)?;
            let slots = slot.as_u32().saturating_add(1);
            self.place(slot, record).map_err(|_| EntryError::TooSmall { slots })?;
        }
        Ok(())
    }

    fn rebuild(&mut self) {
        Table::rebuild(self);
    }

    fn committed(&mut self) {
        self.clear_dirty();
    }
}

/// Slots of a table: one iterator for both, so that what encodes a record is there once and can be inlined.
enum Slots<A, C> {
    All(A),
    Changed(C),
}

impl<A: Iterator<Item = SlotId>, C: Iterator<Item = SlotId>> Iterator for Slots<A, C> {
    type Item = SlotId;

    #[inline]
    fn next(&mut self) -> Option<SlotId> {
        match self {
            Self::All(slots) => slots.next(),
            Self::Changed(slots) => slots.next(),
        }
    }
}

/// Entries of slots.
struct SlotEntries<'e, 's, K, V, I, S> {
    table: &'e Table<'s, K, V, I>,
    slots: S,
    /// The next slot, if its entry has been found not to fit.
    waiting: Option<SlotId>,
}

impl<K: Key, V: Record, I: SlotIndex, S: Iterator<Item = SlotId>> EncodeEach
    for SlotEntries<'_, '_, K, V, I, S>
{
    fn encode_each(&mut self, encoder: &mut Encoder<'_>) -> Result<bool, EncodeError> {
        let Self { table, slots, waiting } = self;
        *waiting = encoder.each(slots, waiting.take(), |slot| (slot.as_u32(), table.record(*slot)))?;
        Ok(waiting.is_none())
    }
}

/// The tables of [`Stateless`].
#[derive(Debug)]
pub struct NoTables;

impl Tables for NoTables {
    const COUNT: u8 = 0;

    fn clear(&mut self) {}

    fn track_changed(&mut self, _on: bool) {}

    fn has_changed(&self) -> bool {
        false
    }

    fn occupancy(&self, _tell: &mut impl FnMut(Occupancy)) {}

    fn write(&self, _all: bool, _first: u8, _sink: &mut EntrySink<'_>) -> Result<(), Stopped> {
        Ok(())
    }

    fn read(&mut self, _table: u8, _payload: &[u8]) -> Result<(), EntryError> {
        Err(EntryError::Unreadable)
    }

    fn rebuild(&mut self) {}

    fn committed(&mut self) {}
}

impl<A: Tables, B: Tables> Tables for (A, B) {
    const COUNT: u8 = A::COUNT.saturating_add(B::COUNT);

    fn clear(&mut self) {
        self.0.clear();
        self.1.clear();
    }

    fn track_changed(&mut self, on: bool) {
        self.0.track_changed(on);
        self.1.track_changed(on);
    }

    fn has_changed(&self) -> bool {
        self.0.has_changed() || self.1.has_changed()
    }

    fn occupancy(&self, tell: &mut impl FnMut(Occupancy)) {
        self.0.occupancy(tell);
        self.1.occupancy(tell);
    }

    fn write(&self, all: bool, first: u8, sink: &mut EntrySink<'_>) -> Result<(), Stopped> {
        self.0.write(all, first, sink)?;
        self.1.write(all, first.saturating_add(A::COUNT), sink)
    }

    fn read(&mut self, table: u8, payload: &[u8]) -> Result<(), EntryError> {
        match table.checked_sub(A::COUNT) {
            None => self.0.read(table, payload),
            Some(table) => self.1.read(table, payload),
        }
    }

    fn rebuild(&mut self) {
        self.0.rebuild();
        self.1.rebuild();
    }

    fn committed(&mut self) {
        self.0.committed();
        self.1.committed();
    }

    fn is_partly(&self) -> bool {
        self.0.is_partly() || self.1.is_partly()
    }
}
