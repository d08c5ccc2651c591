//! The keyed table: records under keys, several per key in order of position.

use core::fmt;

use core::ops::Range;

use super::cohorts::{Cohort, FirstDue};
use super::index::{SlotId, SlotIndex};
use super::lookup::{ByKey, InOrder, Lookup};
use super::record::{Key, Record, Schedule};
use super::slot::Slot;
use super::web::{Moments, Records, Web, moments};
use crate::time::Timestamp;

/// A table of records `V` under keys `K`, in memory that belongs to a [`State`](super::State).
///
/// Costs, with `n` the capacity: finding a key is constant on average; a new record is `O(log n)` plus a step for each
/// record of the same key that stands after it (none for a row in order); taking the next due record is `O(log n)`,
/// and amortized for [`Schedule::InNoOrder`]: it may bring up to 4,096 records into order at once, each one time.
#[derive(Debug)]
pub struct Table<'s, K, V, I> {
    pub(super) slots: &'s mut [Slot<K, V>],
    pub(super) web: Web<'s, I>,
}

/// A record could not be added because every slot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TableFull;

impl fmt::Display for TableFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("every slot of the state is taken")
    }
}

impl core::error::Error for TableFull {}

impl<K: Key, V: Record, I: SlotIndex> Table<'_, K, V, I> {
    /// How many records the table holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.web.meta.occupied as usize
    }

    /// Whether the table holds no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.web.meta.occupied == 0
    }

    /// How many records the table can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Slots that have been in use: records are in slots below this number.
    #[must_use]
    pub fn slots_used(&self) -> usize {
        self.web.slots_used()
    }

    /// The record in a slot, with its key.
    #[must_use]
    #[inline]
    pub fn record(&self, slot: SlotId) -> Option<(&K, &V)> {
        match self.slots.get(slot.number()) {
            Some(Slot::Occupied(key, value)) => Some((key, value)),
            _ => None,
        }
    }

    /// Changes the record in a slot and marks it as changed. Its position must stay between its neighbours', its deadline must
    /// not change while it is scheduled (see [`Table::edit_deadline`]).
    #[inline]
    pub fn edit(&mut self, slot: SlotId) -> Option<&mut V> {
        match self.slots.get_mut(slot.number()) {
            Some(Slot::Occupied(_, value)) => {
                self.web.mark(slot);
                Some(value)
            }
            _ => None,
        }
    }

    /// Changes what can be worked out again after a restart, so that the record need not be written to the checkpoint.
    #[inline]
    pub(crate) fn edit_unmarked(&mut self, slot: SlotId) -> Option<&mut V> {
        match self.slots.get_mut(slot.number()) {
            Some(Slot::Occupied(_, value)) => Some(value),
            _ => None,
        }
    }

    /// Changes what gives no result by itself: written to the checkpoint, but not listed as changed since the last results.
    pub(crate) fn edit_unlisted(&mut self, slot: SlotId) -> Option<&mut V> {
        match self.slots.get_mut(slot.number()) {
            Some(Slot::Occupied(_, value)) => {
                self.web.mark_dirty(slot);
                Some(value)
            }
            _ => None,
        }
    }

    /// The record of `key` at exactly `position`. Found at once, except in order: there the one with the highest position is, and others
    /// going back from it.
    #[inline]
    #[must_use]
    pub fn find(&self, key: &K, position: Timestamp) -> Option<SlotId> {
        let (_, slot, value) = self.bucket_of(Self::hash(key, position), key, position)?;
        if !V::Lookup::IN_ORDER || value.position() == position {
            return Some(slot);
        }
        if value.position() < position { None } else { self.find_before(slot, position) }
    }

    /// The record at `position` of those before `slot` of the same key.
    fn find_before(&self, slot: SlotId, position: Timestamp) -> Option<SlotId> {
        let mut slot = slot;
        for _ in 0..self.len() {
            slot = self.web.before(slot)?;
            let found = self.record(slot)?.1.position();
            if found <= position {
                return (found == position).then_some(slot);
            }
        }
        None
    }

    /// 16 bits that belong to the key in a slot, the same in every kind of state: what to do with it shall not be done with all keys at once.
    pub(crate) fn share_of(&self, slot: SlotId) -> u16 {
        let bits = self.web.links_of(slot).hash.to_bits();
        (bits >> I::BITS.saturating_sub(u16::BITS)) as u16
    }

    /// The scheduled record with the earliest deadline; of several, the one in the lowest slot.
    #[must_use]
    pub fn earliest(&self) -> Option<SlotId> {
        self.first_due().map(|first| first.slot)
    }

    /// The earliest deadline.
    #[inline]
    pub(crate) fn first_deadline(&self) -> Option<Timestamp> {
        self.web.first_deadline(moments(&Records(self.slots)))
    }

    /// [`Table::earliest`], with its deadline and those that are due with it.
    #[inline]
    pub(crate) fn first_due(&self) -> Option<FirstDue> {
        self.web.first_due(moments(&Records(self.slots)))
    }

    /// The next slot behind one of those that are due with it.
    #[inline]
    pub(crate) fn next_of_cohort(&self, cohort: Cohort, deadline: Timestamp, slot: SlotId) -> Option<SlotId> {
        self.web.next_of_cohort(cohort, deadline, slot)
    }

    /// Makes a cohort of the records with that deadline that are in the heap; `false` if there is none for them. Costs a few steps for each record in
    /// the heap.
    pub(crate) fn gather(&mut self, deadline: Timestamp) -> bool {
        self.web.gather(moments(&Records(self.slots)), deadline)
    }

    /// How many records are in the order by deadline, in the heap and behind it.
    pub(crate) fn heap_length(&self) -> usize {
        self.web.meta.scheduled as usize
    }

    /// Whether a record is behind the heap, in no order.
    #[inline]
    pub(crate) fn is_unsorted(&self, slot: SlotId) -> bool {
        V::SCHEDULE.may_be_unsorted() && self.web.is_unsorted(slot)
    }

    /// Removes the records behind the heap that are due up to then, in no order. Costs a few steps for each record there.
    pub(crate) fn discard_unsorted(&mut self, up_to: Timestamp) {
        let taken_out = self.web.take_unsorted(moments(&Records(self.slots)), up_to);
        self.discard_each(taken_out);
    }

    /// Removes the records of the heap, and of those behind it, that are due up to then, in no order. Costs a few steps for each record there.
    pub(crate) fn discard_of_heap(&mut self, up_to: Timestamp) {
        let length = self.heap_length();
        let records = Records(self.slots);
        let kept = self.web.take_out(|slot| Moments::deadline(moments(&records), slot) <= up_to);
        self.web.order_first(moments(&records), kept);
        self.discard_each(kept..length);
    }

    /// Removes the records whose slots are at those places, which are not in the order any more.
    fn discard_each(&mut self, places: Range<usize>) {
        // An heir would be put where those wait that are still to be removed.
        const { assert!(!matches!(V::SCHEDULE, Schedule::FirstOfKey)) };
        for place in places {
            if let Some(slot) = self.web.in_order(place) {
                self.discard(slot);
            }
        }
    }

    /// Adds a record under `key`: in order of position and, of equal ones, of slot, which a restart brings back; or, where records are in no order, as the
    /// only one of its key, and of its position if records are looked up by it. Whoever adds it has looked for another before.
    ///
    /// # Errors
    /// [`TableFull`] if every slot is taken; nothing has changed then.
    pub fn insert(&mut self, key: K, value: V) -> Result<SlotId, TableFull> {
        let position = value.position();
        let hash = Self::hash(&key, position);
        let bucket = if V::Lookup::IN_ORDER { self.bucket_of(hash, &key, position) } else { None };
        let bucket = bucket.map(|(bucket, ..)| bucket);
        let slot = self.web.take_free_slot().ok_or(TableFull)?;
        *self.slots.get_mut(slot.number()).ok_or(TableFull)? = Slot::Occupied(key, value);
        let records = Records(self.slots);
        self.web.enter(moments(&records), V::SCHEDULE, slot, hash, bucket);
        self.web.mark(slot);
        Ok(slot)
    }

    /// Takes a record out.
    pub fn remove(&mut self, slot: SlotId) -> Option<(K, V)> {
        let removed = self.slots.get(slot.number()).is_some_and(|place| matches!(place, Slot::Occupied(..)));
        if removed {
            self.detach(slot);
        }
        match core::mem::take(self.slots.get_mut(slot.number())?) {
            Slot::Occupied(key, value) => Some((key, value)),
            Slot::Vacant => None,
        }
    }

    /// Takes a record out that nobody wants to see again, without moving it.
    pub fn discard(&mut self, slot: SlotId) {
        if self.record(slot).is_some() {
            self.detach(slot);
        }
        if let Some(place) = self.slots.get_mut(slot.number()) {
            *place = Slot::Vacant;
        }
    }

    fn detach(&mut self, slot: SlotId) {
        let records = Records(self.slots);
        self.web.detach(moments(&records), V::SCHEDULE, slot);
    }

    /// Changes a record in a way that may move its deadline, and puts it in its new place in the order. `O(log n)`.
    #[inline]
    pub fn edit_deadline(&mut self, slot: SlotId, change: impl FnOnce(&mut V)) {
        if self.edit(slot).is_some() {
            self.edit_deadline_unmarked(slot, change);
        }
    }

    /// [`Table::edit_deadline`] of what can be worked out again after a restart, so that the record need not be written.
    #[inline]
    pub(crate) fn edit_deadline_unmarked(&mut self, slot: SlotId, change: impl FnOnce(&mut V)) {
        let Some(value) = self.edit_unmarked(slot) else { return };
        let before = value.deadline();
        change(value);
        if value.deadline() != before {
            let records = Records(self.slots);
            self.web.reorder(moments(&records), slot, V::SCHEDULE);
        }
    }

    /// The slots that hold a record, lowest first, from `from` on.
    pub fn occupied_from(&self, from: usize) -> impl Iterator<Item = SlotId> + '_ {
        let used = self.slots.get(from..self.slots_used()).unwrap_or_default();
        used.iter().enumerate().filter_map(move |(number, slot)| match slot {
            Slot::Occupied(..) => SlotId::new(number.saturating_add(from)),
            Slot::Vacant => None,
        })
    }

    /// Removes everything and forgets all changes. Costs what has been in use.
    pub fn clear(&mut self) {
        let used = self.slots_used();
        self.slots.iter_mut().take(used).for_each(|slot| *slot = Slot::Vacant);
        self.web.clear();
    }

    /// Writes what a slot holds.
    pub(super) fn put(&mut self, slot: SlotId, record: Option<(K, V)>) -> Result<(), TableFull> {
        let place = self.slots.get_mut(slot.number()).ok_or(TableFull)?;
        *place = record.map_or(Slot::Vacant, |(key, value)| Slot::Occupied(key, value));
        Ok(())
    }

    /// Says whether slots changed since the last results are kept; they are not unless asked for. For an empty table.
    pub fn track_changed(&mut self, on: bool) {
        self.web.track_changed(on);
    }

    /// The lowest slot changed since the last results.
    #[must_use]
    pub fn first_changed(&self) -> Option<SlotId> {
        self.web.first_changed()
    }

    /// Whether a slot has changed since the last results.
    #[must_use]
    pub fn is_changed(&self, slot: SlotId) -> bool {
        self.web.is_changed(slot)
    }

    /// Takes the lowest slot out of those changed since the last results.
    pub fn pop_changed(&mut self) {
        self.web.pop_changed();
    }

    /// How many slots changed since the last commit. Counts them.
    #[must_use]
    pub fn dirty_count(&self) -> usize {
        self.dirty().count()
    }

    /// The slots changed since the last commit, lowest first.
    pub fn dirty(&self) -> impl Iterator<Item = SlotId> + '_ {
        self.web.dirty()
    }

    /// Forgets which slots changed since the last commit, because they have been committed.
    pub fn clear_dirty(&mut self) {
        self.web.clear_dirty();
    }
}

impl<K: Key, V: Record<Lookup: ByKey>, I: SlotIndex> Table<'_, K, V, I> {
    /// The record of `key`; of several the one with the highest position.
    #[must_use]
    #[inline]
    pub fn last_of(&self, key: &K) -> Option<SlotId> {
        // No position is part of the hash here.
        let position = Timestamp::EPOCH;
        self.bucket_of(Self::hash(key, position), key, position).map(|(_, slot, _)| slot)
    }
}

impl<K: Key, V: Record<Lookup = InOrder>, I: SlotIndex> Table<'_, K, V, I> {
    /// The record of the same key with the next lower position.
    #[must_use]
    #[inline]
    pub fn before(&self, slot: SlotId) -> Option<SlotId> {
        self.web.before(slot)
    }

    /// The record of the same key with the next higher position.
    #[must_use]
    #[inline]
    pub fn after(&self, slot: SlotId) -> Option<SlotId> {
        self.web.after(slot)
    }

    /// The records of one key in order of position, from the one in `first` on.
    #[inline]
    pub(crate) fn in_order_from(&self, first: SlotId) -> impl Iterator<Item = &V> {
        let (slots, siblings) = (&*self.slots, &*self.web.siblings);
        let mut next = Some(first);
        (0..self.len()).map_while(move |_| {
            let slot = next?.number();
            next = siblings.get(slot)?.after.decode();
            match slots.get(slot)? {
                Slot::Occupied(_, value) => Some(value),
                Slot::Vacant => None,
            }
        })
    }
}
