//! Keyed state in fixed memory: one table type for every operator. It knows no windows and no rows.
//!
//! A [`Table`] holds records under a key, one per key or several, found as their [`Lookup`] says, with
//! - a hash index (open addressing over small slot numbers, linear probing, backward-shift deletion), at most half full;
//! - an order by deadline (a heap of slot numbers, and sets of slots that are due together), so that what is due is found at a cost that does not depend
//!   on what is not due;
//! - sets of slots: changed since the last results, changed since the last commit, free.
//!
//! A free slot is always the lowest one, so where a record lies depends only on what the table holds, not on how it
//! came about: a restart puts every record back into its slot and everything after it goes on in the same order.

mod buckets;
mod chained;
mod changes;
mod cohorts;
mod deadlines;
mod empty;
mod fingerprint;
mod free;
mod hash;
mod index;
mod lookup;
mod rebuild;
mod record;
mod sets;
mod shape;
mod slot;
mod storage;
mod table;
mod unsorted;
mod web;

pub use chained::{Chained, ChainedTables, Link, LinkCounts};
pub(crate) use cohorts::FirstDue;
pub use empty::Empty;
pub(crate) use fingerprint::fingerprint;
pub use fingerprint::fingerprint_of;
pub use index::{SlotId, SlotIndex};
pub use lookup::{ByKey, ByPosition, InOrder, Lookup, OnePerKey};
pub use record::{Key, Record, Schedule};
pub use shape::{
    Entries, EntryError, EntrySink, Keyed, NoTables, Occupancy, Shape, Stateless, Stopped, Tables,
};
#[cfg(feature = "alloc")]
pub use storage::Allocated;
pub use storage::{Inline, NoState, State};
pub use table::{Table, TableFull};
