//! What holds the slots of a table together, whatever is in them: index, order, sets of slots.
//!
//! Apart from the records so that its code is there once for all tables with the same [`SlotIndex`], as far as it does not look at
//! records; with the feature `small-code`, also where it does.

use super::index::{SlotId, SlotIndex};
use super::record::{Record, Schedule};
use super::slot::{Links, Meta, Siblings, Slot};
use crate::time::Timestamp;

/// The memory of a table beside its records.
#[derive(Debug)]
pub struct Web<'s, I> {
    pub(super) links: &'s mut [Links<I>],
    /// None where a key's records do not hang together.
    pub(super) siblings: &'s mut [Siblings<I>],
    pub(super) order: &'s mut [I],
    pub(super) buckets: &'s mut [I],
    /// Of the sets of slots, what is below their roots.
    pub(super) words: &'s mut [I],
    pub(super) meta: &'s mut Meta,
}

/// The two moments of a record that the web is ordered by.
pub(super) trait Moments {
    /// Of the record in a slot, the place in event time.
    fn position(&self, slot: SlotId) -> Option<Timestamp>;
    /// When the record in a slot is due.
    fn deadline(&self, slot: SlotId) -> Timestamp;
}

/// The records of a table.
pub(super) struct Records<'r, K, V>(pub(super) &'r [Slot<K, V>]);

impl<K, V: Record> Moments for Records<'_, K, V> {
    #[inline]
    fn position(&self, slot: SlotId) -> Option<Timestamp> {
        match self.0.get(slot.number()) {
            Some(Slot::Occupied(_, value)) => Some(value.position()),
            _ => None,
        }
    }

    #[inline]
    fn deadline(&self, slot: SlotId) -> Timestamp {
        match self.0.get(slot.number()) {
            Some(Slot::Occupied(_, value)) => value.deadline(),
            _ => Timestamp::MAX,
        }
    }
}

/// How the web asks for them: directly, so that the code is there for each table.
#[cfg(not(feature = "small-code"))]
#[inline]
pub(super) fn moments<M: Moments>(records: &M) -> &M {
    records
}

/// How the web asks for them: through a pointer, so that the code is there once.
#[cfg(feature = "small-code")]
#[inline]
pub(super) fn moments<'m, M: Moments + 'm>(records: &'m M) -> &'m (dyn Moments + 'm) {
    records
}

impl<I: SlotIndex> Web<'_, I> {
    /// Slots that have been in use.
    pub(super) fn slots_used(&self) -> usize {
        self.meta.fresh as usize
    }

    #[inline]
    pub(super) fn before(&self, slot: SlotId) -> Option<SlotId> {
        self.siblings.get(slot.number())?.before.decode()
    }

    #[inline]
    pub(super) fn after(&self, slot: SlotId) -> Option<SlotId> {
        self.siblings.get(slot.number())?.after.decode()
    }

    #[inline]
    pub(super) fn links_of(&self, slot: SlotId) -> Links<I> {
        self.links.get(slot.number()).copied().unwrap_or_default()
    }

    #[inline]
    fn set_hash(&mut self, slot: SlotId, hash: I) {
        if let Some(links) = self.links.get_mut(slot.number()) {
            links.hash = hash;
        }
    }

    fn set_before(&mut self, slot: SlotId, before: Option<SlotId>) {
        if let Some(siblings) = self.siblings.get_mut(slot.number()) {
            siblings.before = I::encode(before);
        }
    }

    fn set_after(&mut self, slot: SlotId, after: Option<SlotId>) {
        if let Some(siblings) = self.siblings.get_mut(slot.number()) {
            siblings.after = I::encode(after);
        }
    }

    /// Enters a slot that holds a record in index, order of its key, and order by deadline. `bucket` is the key's, if the index
    /// has it.
    // Twice in each query, so once for all.
    #[cfg_attr(feature = "small-code", inline(never))]
    pub(super) fn enter<M: Moments + ?Sized>(
        &mut self,
        moments: &M,
        schedule: Schedule,
        slot: SlotId,
        hash: I,
        bucket: Option<usize>,
    ) {
        match bucket {
            None => self.enter_in_index(slot, hash),
            Some(bucket) => {
                self.meta.occupied = self.meta.occupied.saturating_add(1);
                self.set_hash(slot, hash);
                self.add_to_key(moments, bucket, slot);
            }
        }
        match schedule {
            Schedule::Never => {}
            Schedule::Each | Schedule::InNoOrder | Schedule::Together => {
                self.schedule(moments, slot, schedule);
            }
            Schedule::FirstOfKey => {
                if self.before(slot).is_none() {
                    if let Some(after) = self.after(slot) {
                        self.unschedule(moments, after);
                    }
                    self.schedule(moments, slot, schedule);
                }
            }
        }
    }

    /// Enters a slot that holds a record, the first of its key there, in the index.
    pub(super) fn enter_in_index(&mut self, slot: SlotId, hash: I) {
        self.meta.occupied = self.meta.occupied.saturating_add(1);
        self.set_hash(slot, hash);
        self.add_to_index(hash, slot);
    }

    /// Takes an occupied slot out of all that leads to it, and gives it back.
    pub(super) fn detach<M: Moments + ?Sized>(&mut self, moments: &M, schedule: Schedule, slot: SlotId) {
        let heir =
            self.after(slot).filter(|_| schedule == Schedule::FirstOfKey && self.before(slot).is_none());
        self.unschedule(moments, slot);
        if let Some(heir) = heir {
            self.schedule(moments, heir, schedule);
        }
        self.remove_from_key(slot);
        self.meta.occupied = self.meta.occupied.saturating_sub(1);
        if let Some(siblings) = self.siblings.get_mut(slot.number()) {
            *siblings = Siblings::default();
        }
        self.give_back_emptied_slot(slot);
    }

    /// Forgets everything. Costs what has been in use.
    pub(super) fn clear(&mut self) {
        let used = self.slots_used();
        self.links.iter_mut().take(used).for_each(|links| *links = Links::default());
        self.siblings.iter_mut().take(used).for_each(|siblings| *siblings = Siblings::default());
        if used > 0 {
            self.order.fill(I::NONE);
            self.buckets.fill(I::NONE);
            self.words.fill(I::NONE);
        }
        *self.meta = Meta { tracks_changed: self.meta.tracks_changed, ..Meta::EMPTY };
    }

    /// Forgets everything but which slots have been in use.
    pub(super) fn forget_links(&mut self) {
        let fresh = self.meta.fresh;
        self.clear();
        self.meta.fresh = fresh;
    }

    /// Adds a slot to the records of a key that is in the index already, going back from the last one.
    fn add_to_key<M: Moments + ?Sized>(&mut self, moments: &M, bucket: usize, slot: SlotId) {
        let position = moments.position(slot);
        let mut before = self.slot_in_bucket(bucket);
        let mut after = None;
        for _ in 0..self.links.len() {
            let Some(candidate) = before else { break };
            if (moments.position(candidate), candidate) <= (position, slot) {
                break;
            }
            after = before;
            before = self.before(candidate);
        }
        self.set_before(slot, before);
        self.set_after(slot, after);
        if let Some(before) = before {
            self.set_after(before, Some(slot));
        }
        match after {
            Some(after) => self.set_before(after, Some(slot)),
            None => self.set_bucket(bucket, slot),
        }
    }

    /// Takes a slot out of the records of its key.
    fn remove_from_key(&mut self, slot: SlotId) {
        let (before, after) = (self.before(slot), self.after(slot));
        if let Some(before) = before {
            self.set_after(before, after);
        }
        if let Some(after) = after {
            self.set_before(after, before);
            return;
        }
        match (self.bucket_with(self.links_of(slot).hash, slot), before) {
            (Some(bucket), Some(before)) => self.set_bucket(bucket, before),
            (Some(bucket), None) => self.clear_bucket(bucket),
            (None, _) => {}
        }
    }
}
