//! The index from key to slot: open addressing with linear probing over slot numbers.
//!
//! Of records in order only the last of each key is in it, of others all. With twice as many buckets as slots it is never more than half full.

use super::hash::{hash_at, hash_of};
use super::index::{SlotId, SlotIndex};
use super::lookup::Lookup;
use super::record::{Key, Record};
use super::slot::Slot;
use super::table::Table;
use super::web::Web;
use crate::time::Timestamp;

impl<I: SlotIndex> Web<'_, I> {
    /// The bucket that holds `slot`, which stands for a key of this hash.
    pub(super) fn bucket_with(&self, hash: I, slot: SlotId) -> Option<usize> {
        let mut bucket = self.home(hash);
        for _ in 0..self.buckets.len() {
            if self.slot_in_bucket(bucket)? == slot {
                return Some(bucket);
            }
            bucket = self.next_bucket(bucket);
        }
        None
    }

    /// Enters a slot that is not in the index, in the first free bucket from that of its hash on.
    #[inline]
    pub(super) fn add_to_index(&mut self, hash: I, slot: SlotId) {
        let mut bucket = self.home(hash);
        for _ in 0..self.buckets.len() {
            if self.slot_in_bucket(bucket).is_none() {
                self.set_bucket(bucket, slot);
                return;
            }
            bucket = self.next_bucket(bucket);
        }
    }

    /// Empties a bucket and moves later entries back so that no search ends early (Knuth, TAOCP vol. 3, 6.4, algorithm R).
    pub(super) fn clear_bucket(&mut self, bucket: usize) {
        let mut hole = bucket;
        let mut candidate = self.next_bucket(bucket);
        for _ in 0..self.buckets.len() {
            let Some(slot) = self.slot_in_bucket(candidate) else { break };
            let home = self.home(self.links_of(slot).hash);
            if self.distance(home, candidate) >= self.distance(hole, candidate) {
                self.set_bucket(hole, slot);
                hole = candidate;
            }
            candidate = self.next_bucket(candidate);
        }
        if let Some(entry) = self.buckets.get_mut(hole) {
            *entry = I::default();
        }
    }

    pub(super) fn slot_in_bucket(&self, bucket: usize) -> Option<SlotId> {
        self.buckets.get(bucket).and_then(|entry| entry.decode())
    }

    pub(super) fn set_bucket(&mut self, bucket: usize, slot: SlotId) {
        if let Some(entry) = self.buckets.get_mut(bucket) {
            *entry = I::encode(Some(slot));
        }
    }

    /// Where a hash belongs: its share of the range (Lemire, "Fast Random Integer Generation in an Interval", 2019), no division.
    #[inline]
    fn home(&self, hash: I) -> usize {
        ((u64::from(hash.to_bits()).wrapping_mul(self.buckets.len() as u64)) >> I::BITS) as usize
    }

    #[inline]
    fn next_bucket(&self, bucket: usize) -> usize {
        let next = bucket.wrapping_add(1);
        if next < self.buckets.len() { next } else { 0 }
    }

    /// How many buckets `to` lies after `from`, around the end.
    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from {
            to.wrapping_sub(from)
        } else {
            to.wrapping_add(self.buckets.len()).wrapping_sub(from)
        }
    }
}

impl<K: Key, V: Record, I: SlotIndex> Table<'_, K, V, I> {
    /// The part of the hash that the index keeps of a record.
    #[inline]
    pub(super) fn hash(key: &K, position: Timestamp) -> I {
        let hash = if V::Lookup::BY_POSITION { hash_at(key, position) } else { hash_of(key) };
        I::from_hash(hash)
    }

    /// The bucket whose slot holds `key`, and `position` if records are looked up by it; that slot with its record.
    #[inline]
    pub(super) fn bucket_of(&self, hash: I, key: &K, position: Timestamp) -> Option<(usize, SlotId, &V)> {
        // In locals, so that they stay in registers: this is most of what a row costs.
        let (buckets, links, slots) = (&*self.web.buckets, &*self.web.links, &*self.slots);
        let mut bucket = self.web.home(hash);
        for _ in 0..buckets.len() {
            let slot = buckets.get(bucket)?.decode()?;
            if links.get(slot.number())?.hash == hash
                && let Some(Slot::Occupied(other, value)) = slots.get(slot.number())
                && other == key
                && (!V::Lookup::BY_POSITION || value.position() == position)
            {
                return Some((bucket, slot, value));
            }
            bucket = self.web.next_bucket(bucket);
        }
        None
    }
}
