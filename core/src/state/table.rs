//! The keyed table: records under keys, several per key in order of position.

use core::fmt;

use super::hash::hash_of;
use super::index::{SlotId, SlotIndex};
use super::record::{Key, Record, Schedule};
use super::slot::{Links, Meta, Slot};
use crate::time::Timestamp;

/// A table of records `V` under keys `K`, in memory that belongs to a [`State`](super::State).
///
/// Costs, with `n` the capacity: finding a key is constant on average; a new record is `O(log n)` plus a step for each
/// record of the same key that stands after it (none for a row in order); taking the next due record is `O(log n)`.
#[derive(Debug)]
pub struct Table<'s, K, V, I> {
    pub(super) slots: &'s mut [Slot<K, V>],
    pub(super) links: &'s mut [Links<I>],
    pub(super) order: &'s mut [I],
    pub(super) buckets: &'s mut [I],
    pub(super) meta: &'s mut Meta,
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
        self.meta.occupied as usize
    }

    /// Whether the table holds no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.meta.occupied == 0
    }

    /// How many records the table can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Slots that have been in use: records are in slots below this number.
    #[must_use]
    pub fn slots_used(&self) -> usize {
        self.meta.fresh as usize
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
        self.mark(slot);
        self.edit_unmarked(slot)
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
        self.mark_dirty(slot);
        self.edit_unmarked(slot)
    }

    /// The record of `key` with the highest position.
    #[must_use]
    #[inline]
    pub fn last_of(&self, key: &K) -> Option<SlotId> {
        let hash = I::from_hash(hash_of(key));
        self.bucket_of(hash, key).map(|(_, slot, _)| slot)
    }

    /// The record of `key` at exactly `position`. The one with the highest position is found at once, others going back from there.
    #[inline]
    #[must_use]
    pub fn find(&self, key: &K, position: Timestamp) -> Option<SlotId> {
        let (_, last, value) = self.bucket_of(I::from_hash(hash_of(key)), key)?;
        match value.position() {
            highest if highest == position => Some(last),
            highest if highest < position => None,
            _ => self.find_before(last, position),
        }
    }

    /// The record at `position` of those before `slot` of the same key.
    fn find_before(&self, slot: SlotId, position: Timestamp) -> Option<SlotId> {
        let mut slot = slot;
        for _ in 0..self.len() {
            slot = self.before(slot)?;
            let found = self.record(slot)?.1.position();
            if found <= position {
                return (found == position).then_some(slot);
            }
        }
        None
    }

    /// The record of the same key with the next lower position.
    #[must_use]
    #[inline]
    pub fn before(&self, slot: SlotId) -> Option<SlotId> {
        self.links_of(slot).before.decode()
    }

    /// The record of the same key with the next higher position.
    #[must_use]
    #[inline]
    pub fn after(&self, slot: SlotId) -> Option<SlotId> {
        self.links_of(slot).after.decode()
    }

    /// The records of one key in order of position, from the one in `first` on.
    #[inline]
    pub(crate) fn in_order_from(&self, first: SlotId) -> impl Iterator<Item = &V> {
        let (slots, links) = (&*self.slots, &*self.links);
        let mut next = Some(first);
        (0..self.len()).map_while(move |_| {
            let slot = next?.number();
            next = links.get(slot)?.after.decode();
            match slots.get(slot)? {
                Slot::Occupied(_, value) => Some(value),
                Slot::Vacant => None,
            }
        })
    }

    /// The scheduled record with the earliest deadline; of several, the one in the lowest slot.
    #[must_use]
    pub fn earliest(&self) -> Option<SlotId> {
        self.scheduled(0)
    }

    /// Adds a record under `key`, in order of position and, of equal ones, of slot: an order of content, which a restart brings back.
    ///
    /// # Errors
    /// [`TableFull`] if every slot is taken; nothing has changed then.
    pub fn insert(&mut self, key: K, value: V) -> Result<SlotId, TableFull> {
        let hash = I::from_hash(hash_of(&key));
        let bucket = self.bucket_of(hash, &key).map(|(bucket, ..)| bucket);
        let slot = self.take_free_slot().ok_or(TableFull)?;
        let position = value.position();
        self.put(slot, Some((key, value)))?;
        self.enter(slot, hash, bucket, position);
        self.mark(slot);
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

    /// Takes an occupied slot out of all that leads to it, and gives it back.
    fn detach(&mut self, slot: SlotId) {
        self.unschedule_removed(slot);
        self.remove_from_key(slot);
        self.meta.occupied = self.meta.occupied.saturating_sub(1);
        self.relink(slot, |links| {
            links.hash = I::default();
            links.before = I::default();
            links.after = I::default();
        });
        self.give_back_slot(slot);
        self.mark_dirty(slot);
    }

    /// Changes a record in a way that may move its deadline, and puts it in its new place in the order. `O(log n)`.
    #[inline]
    pub fn edit_deadline(&mut self, slot: SlotId, change: impl FnOnce(&mut V)) {
        self.mark(slot);
        self.edit_deadline_unmarked(slot, change);
    }

    /// [`Table::edit_deadline`] of what can be worked out again after a restart, so that the record need not be written.
    #[inline]
    pub(crate) fn edit_deadline_unmarked(&mut self, slot: SlotId, change: impl FnOnce(&mut V)) {
        let Some(value) = self.edit_unmarked(slot) else { return };
        let before = value.deadline();
        change(value);
        if value.deadline() != before {
            self.reorder(slot);
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
        self.links.iter_mut().take(used).for_each(|links| *links = Links::default());
        if used > 0 {
            self.order.fill(I::default());
            self.buckets.fill(I::default());
        }
        *self.meta = Meta { tracks_changed: self.meta.tracks_changed, ..Meta::EMPTY };
    }

    /// Writes what a slot holds.
    pub(super) fn put(&mut self, slot: SlotId, record: Option<(K, V)>) -> Result<(), TableFull> {
        let place = self.slots.get_mut(slot.number()).ok_or(TableFull)?;
        *place = record.map_or(Slot::Vacant, |(key, value)| Slot::Occupied(key, value));
        Ok(())
    }

    /// Enters a slot that holds a record in index, order of its key, and order by deadline. `bucket` is the key's, if the index
    /// has it.
    pub(super) fn enter(&mut self, slot: SlotId, hash: I, bucket: Option<usize>, position: Timestamp) {
        self.meta.occupied = self.meta.occupied.saturating_add(1);
        self.relink(slot, |links| links.hash = hash);
        match bucket {
            None => self.add_to_index(hash, slot),
            Some(bucket) => self.add_to_key(bucket, slot, position),
        }
        self.schedule_new(slot);
    }

    /// Adds a slot to the records of a key that is in the index already, going back from the last one.
    fn add_to_key(&mut self, bucket: usize, slot: SlotId, position: Timestamp) {
        let mut before = self.slot_in_bucket(bucket);
        let mut after = None;
        for _ in 0..self.capacity() {
            let Some(candidate) = before else { break };
            if self
                .record(candidate)
                .is_none_or(|(_, value)| (value.position(), candidate) <= (position, slot))
            {
                break;
            }
            after = before;
            before = self.before(candidate);
        }
        self.relink(slot, |links| {
            links.before = I::encode(before);
            links.after = I::encode(after);
        });
        if let Some(before) = before {
            self.relink(before, |links| links.after = I::encode(Some(slot)));
        }
        match after {
            Some(after) => self.relink(after, |links| links.before = I::encode(Some(slot))),
            None => self.set_bucket(bucket, slot),
        }
    }

    /// Takes a slot out of the records of its key.
    fn remove_from_key(&mut self, slot: SlotId) {
        let Links { hash, before, after, .. } = self.links_of(slot);
        if let Some(before) = before.decode() {
            self.relink(before, |links| links.after = after);
        }
        if let Some(after) = after.decode() {
            self.relink(after, |links| links.before = before);
            return;
        }
        match (self.bucket_with(hash, slot), before.decode()) {
            (Some(bucket), Some(before)) => self.set_bucket(bucket, before),
            (Some(bucket), None) => self.clear_bucket(bucket),
            (None, _) => {}
        }
    }

    fn schedule_new(&mut self, slot: SlotId) {
        match V::SCHEDULE {
            Schedule::Never => {}
            Schedule::Each => self.schedule(slot),
            Schedule::FirstOfKey => {
                if self.before(slot).is_none() {
                    if let Some(after) = self.after(slot) {
                        self.unschedule(after);
                    }
                    self.schedule(slot);
                }
            }
        }
    }

    fn unschedule_removed(&mut self, slot: SlotId) {
        let heir =
            self.after(slot).filter(|_| V::SCHEDULE == Schedule::FirstOfKey && self.before(slot).is_none());
        match heir {
            Some(heir) => self.schedule_instead(slot, heir),
            None => self.unschedule(slot),
        }
    }

    #[inline]
    pub(super) fn links_of(&self, slot: SlotId) -> Links<I> {
        self.links.get(slot.number()).copied().unwrap_or_default()
    }

    #[inline]
    pub(super) fn relink(&mut self, slot: SlotId, change: impl FnOnce(&mut Links<I>)) {
        if let Some(links) = self.links.get_mut(slot.number()) {
            change(links);
        }
    }
}
