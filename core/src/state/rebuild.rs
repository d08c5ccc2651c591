//! Building everything but the records anew, after a checkpoint has put the records into their slots.

use super::hash::hash_of;
use super::index::{SlotId, SlotIndex};
use super::record::{Key, Record};
use super::slot::{Links, Meta};
use super::table::{Table, TableFull};
use crate::time::Timestamp;

impl<K: Key, V: Record, I: SlotIndex> Table<'_, K, V, I> {
    /// Puts a record into a slot without looking at anything else. [`Table::rebuild`] must follow.
    pub(crate) fn place(&mut self, slot: SlotId, record: Option<(K, V)>) -> Result<(), TableFull> {
        self.put(slot, record)?;
        self.meta.fresh = self.meta.fresh.max(slot.as_u32().saturating_add(1));
        Ok(())
    }

    /// Builds index, order, lists and free slots from the records alone. `O(n log n)`.
    ///
    /// Records are taken in order of position, so that each goes to the end of its key's.
    pub(crate) fn rebuild(&mut self) {
        self.links.fill(Links::default());
        self.order.fill(I::default());
        self.buckets.fill(I::default());
        let tracks_changed = self.meta.tracks_changed;
        *self.meta = Meta { fresh: self.meta.fresh, tracks_changed, ..Meta::EMPTY };
        let occupied = self.sort_by_position();
        for place in 0..occupied {
            // The order by deadline grows over places that have been read.
            let Some(slot) = self.order.get(place).and_then(|entry| entry.decode()) else { break };
            let Some((key, value)) = self.record(slot) else { break };
            let (hash, position) = (I::from_hash(hash_of(key)), value.position());
            let bucket = self.bucket_of(hash, key).map(|(bucket, ..)| bucket);
            self.enter(slot, hash, bucket, position);
        }
        for slot in (0..self.slots_used()).filter_map(SlotId::new) {
            if self.record(slot).is_none() {
                self.give_back_slot(slot);
            }
        }
    }

    /// Fills the front of `order` with the occupied slots in order of position, and returns how many they are.
    fn sort_by_position(&mut self) -> usize {
        let mut length = 0_usize;
        for slot in (0..self.slots_used()).filter_map(SlotId::new) {
            if self.record(slot).is_some() {
                self.set_order(length, slot);
                length = length.wrapping_add(1);
            }
        }
        // Heapsort: in place, and without the panics of the standard sort.
        for place in (0..length / 2).rev() {
            self.sift_down_position(place, length);
        }
        for end in (1..length).rev() {
            if let (Some(first), Some(last)) = (self.in_order(0), self.in_order(end)) {
                self.set_order(0, last);
                self.set_order(end, first);
            }
            self.sift_down_position(0, end);
        }
        length
    }

    /// Restores the heap below `place`, greatest first, among the first `length` places.
    fn sift_down_position(&mut self, mut place: usize, length: usize) {
        let Some(slot) = self.in_order(place) else { return };
        let rank = self.position_rank(slot);
        for _ in 0..usize::BITS {
            let left = place.saturating_mul(2).saturating_add(1);
            let right = left.saturating_add(1);
            if left >= length {
                break;
            }
            let Some(mut child) = self.in_order(left) else { break };
            let mut child_place = left;
            if right < length
                && let Some(other) = self.in_order(right)
                && self.position_rank(other) > self.position_rank(child)
            {
                (child_place, child) = (right, other);
            }
            if self.position_rank(child) <= rank {
                break;
            }
            self.set_order(place, child);
            place = child_place;
        }
        self.set_order(place, slot);
    }

    fn position_rank(&self, slot: SlotId) -> (Timestamp, SlotId) {
        (self.record(slot).map_or(Timestamp::MAX, |(_, value)| value.position()), slot)
    }

    fn in_order(&self, place: usize) -> Option<SlotId> {
        self.order.get(place).and_then(|entry| entry.decode())
    }

    fn set_order(&mut self, place: usize, slot: SlotId) {
        if let Some(entry) = self.order.get_mut(place) {
            *entry = I::encode(Some(slot));
        }
    }
}
