//! The memory a table lies in: inline, its size in the type, or allocated once at start.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

use core::marker::PhantomData;

use super::index::SlotIndex;
use super::lookup::{Lookup, SiblingLinks};
use super::record::{Key, Record};
#[cfg(feature = "alloc")]
use super::sets;
use super::shape::{Keyed, NoTables, Shape, Stateless};
use super::slot::{Links, Meta, Slot};
use super::table::Table;
use super::web::Web;

/// Memory for the tables of a [`Shape`]: [`Inline`] or [`Allocated`] for one table, a pair of states for two,
/// [`Chained`](super::Chained) for two operators in a row, [`NoState`] for none.
pub trait State {
    /// Which tables lie in it.
    type Shape: Shape;
    /// The integer slot numbers are stored in.
    type Index: SlotIndex;

    /// The tables that lie in this memory.
    fn tables(&mut self) -> <Self::Shape as Shape>::Tables<'_, Self::Index>;
}

impl<S: State + ?Sized> State for &mut S {
    type Shape = S::Shape;
    type Index = S::Index;

    fn tables(&mut self) -> <Self::Shape as Shape>::Tables<'_, Self::Index> {
        (**self).tables()
    }
}

impl<A: State, B: State<Index = A::Index>> State for (A, B) {
    type Shape = (A::Shape, B::Shape);
    type Index = A::Index;

    fn tables(&mut self) -> <Self::Shape as Shape>::Tables<'_, Self::Index> {
        (self.0.tables(), self.1.tables())
    }
}

/// State of operators that keep none. `I` is the [`State::Index`] of what it stands beside.
#[derive(Debug, Clone, Copy)]
pub struct NoState<I = u16>(PhantomData<I>);

impl<I> NoState<I> {
    /// Nothing.
    pub const EMPTY: Self = Self(PhantomData);
}

impl<I> Default for NoState<I> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<I: SlotIndex> State for NoState<I> {
    type Shape = Stateless;
    type Index = I;

    fn tables(&mut self) -> NoTables {
        NoTables
    }
}

/// Room for `N` records, inline, for a `static` or the stack.
///
/// A record costs the size of key and value, their tag and padding, and 12 bytes, or 16 if those of a key are [`InOrder`](super::InOrder). `N` is at
/// most 32,767, checked at compile time. [`Inline::EMPTY`] is all zero bytes: a `static` of it lies in `.bss` and costs no flash.
#[derive(Debug)]
pub struct Inline<K, V: Record, const N: usize> {
    slots: [Slot<K, V>; N],
    links: [Links<u16>; N],
    siblings: [<V::Lookup as Lookup>::Links<u16>; N],
    order: [u16; N],
    buckets: [[u16; 2]; N],
    /// More than sets of `N` bits take, for all `N`.
    words: [u16; N],
    meta: Meta,
}

impl<K, V: Record, const N: usize> Inline<K, V, N> {
    /// No records.
    pub const EMPTY: Self = {
        assert!(N > 0 && N <= <u16 as SlotIndex>::SLOTS_MAX, "a state holds 1 to 32,767 records");
        Self {
            slots: [const { Slot::VACANT }; N],
            links: [Links { hash: 0, scheduled_at: 0 }; N],
            siblings: [SiblingLinks::NONE; N],
            order: [0; N],
            buckets: [[0; 2]; N],
            words: [0; N],
            meta: Meta::EMPTY,
        }
    };

    /// No records. In a `static`, write [`Inline::EMPTY`].
    #[must_use]
    pub const fn new() -> Self {
        Self::EMPTY
    }
}

impl<K, V: Record, const N: usize> Default for Inline<K, V, N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<K: Key, V: Record, const N: usize> State for Inline<K, V, N> {
    type Shape = Keyed<K, V>;
    type Index = u16;

    fn tables(&mut self) -> Table<'_, K, V, u16> {
        Table {
            slots: &mut self.slots,
            web: Web {
                links: &mut self.links,
                siblings: SiblingLinks::all(&mut self.siblings),
                order: &mut self.order,
                buckets: self.buckets.as_flattened_mut(),
                words: &mut self.words,
                meta: &mut self.meta,
            },
        }
    }
}

/// Room for a number of records chosen at start, allocated once and never grown.
///
/// A record costs the size of key and value, their tag and padding, and 21 bytes, or 29 if those of a key are [`InOrder`](super::InOrder).
#[cfg(feature = "alloc")]
#[derive(Debug)]
pub struct Allocated<K, V: Record> {
    slots: Box<[Slot<K, V>]>,
    links: Box<[Links<u32>]>,
    siblings: Box<[<V::Lookup as Lookup>::Links<u32>]>,
    order: Box<[u32]>,
    buckets: Box<[u32]>,
    words: Box<[u32]>,
    meta: Meta,
}

#[cfg(feature = "alloc")]
impl<K, V: Record> Allocated<K, V> {
    /// Room for `capacity` records, at least 1 and at most 2,147,483,647. The memory does not pass through the stack.
    ///
    /// ```
    /// use headwater::{aggregate::Count, WindowRecord, state::Allocated};
    /// let state: Allocated<u32, WindowRecord<Count>> = Allocated::with_capacity(1_000_000);
    /// # let _ = state;
    /// ```
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, <u32 as SlotIndex>::SLOTS_MAX);
        Self {
            slots: (0..capacity).map(|_| Slot::Vacant).collect(),
            links: (0..capacity).map(|_| Links::default()).collect(),
            siblings: (0..capacity).map(|_| SiblingLinks::NONE).collect(),
            order: (0..capacity).map(|_| 0).collect(),
            buckets: (0..capacity.saturating_mul(2)).map(|_| 0).collect(),
            words: (0..sets::words(capacity, u32::BITS as usize)).map(|_| 0).collect(),
            meta: Meta::EMPTY,
        }
    }
}

#[cfg(feature = "alloc")]
impl<K: Key, V: Record> State for Allocated<K, V> {
    type Shape = Keyed<K, V>;
    type Index = u32;

    fn tables(&mut self) -> Table<'_, K, V, u32> {
        Table {
            slots: &mut self.slots,
            web: Web {
                links: &mut self.links,
                siblings: SiblingLinks::all(&mut self.siblings),
                order: &mut self.order,
                buckets: &mut self.buckets,
                words: &mut self.words,
                meta: &mut self.meta,
            },
        }
    }
}
