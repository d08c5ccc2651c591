//! Building everything but the records anew, after a checkpoint has put the records into their slots.

use super::hash::hash_of;
use super::index::{SlotId, SlotIndex};
use super::record::{Key, Record};
use super::table::{Table, TableFull};
use super::web::{Moments, Records, Web, moments};
use crate::time::Timestamp;

impl<K: Key, V: Record, I: SlotIndex> Table<'_, K, V, I> {
    /// Puts a record into a slot without looking at anything else. [`Table::rebuild`] must follow.
    pub(crate) fn place(&mut self, slot: SlotId, record: Option<(K, V)>) -> Result<(), TableFull> {
        self.put(slot, record)?;
        self.web.meta.fresh = self.web.meta.fresh.max(slot.as_u32().saturating_add(1));
        Ok(())
    }

    /// Builds index, order, lists and free slots from the records alone. `O(n log n)`.
    ///
    /// Records are taken in order of position, so that each goes to the end of its key's.
    pub(crate) fn rebuild(&mut self) {
        self.web.forget_links();
        let occupied = self.list_occupied();
        let records = Records(self.slots);
        self.web.sort_by_position(moments(&records), occupied);
        for place in 0..occupied {
            // The order by deadline grows over places that have been read.
            let Some(slot) = self.web.in_order(place) else { break };
            let Some((key, _)) = self.record(slot) else { break };
            let hash = I::from_hash(hash_of(key));
            let bucket = self.bucket_of(hash, key).map(|(bucket, ..)| bucket);
            let records = Records(self.slots);
            self.web.enter(moments(&records), V::SCHEDULE, slot, hash, bucket);
        }
        for slot in (0..self.slots_used()).filter_map(SlotId::new) {
            if self.record(slot).is_none() {
                self.web.give_back_slot(slot);
            }
        }
    }

    /// Fills the front of `order` with the occupied slots, and returns how many they are.
    fn list_occupied(&mut self) -> usize {
        let mut length = 0_usize;
        for slot in (0..self.slots_used()).filter_map(SlotId::new) {
            if self.record(slot).is_some() {
                self.web.set_order(length, slot);
                length = length.wrapping_add(1);
            }
        }
        length
    }
}

impl<I: SlotIndex> Web<'_, I> {
    /// Sorts the first `length` slots in `order` by position.
    fn sort_by_position<M: Moments + ?Sized>(&mut self, moments: &M, length: usize) {
        // Heapsort: in place, and without the panics of the standard sort.
        for place in (0..length / 2).rev() {
            self.sift_down_position(moments, place, length);
        }
        for end in (1..length).rev() {
            if let (Some(first), Some(last)) = (self.in_order(0), self.in_order(end)) {
                self.set_order(0, last);
                self.set_order(end, first);
            }
            self.sift_down_position(moments, 0, end);
        }
    }

    /// Restores the heap below `place`, greatest first, among the first `length` places.
    fn sift_down_position<M: Moments + ?Sized>(&mut self, moments: &M, mut place: usize, length: usize) {
        let Some(slot) = self.in_order(place) else { return };
        let rank = position_rank(moments, slot);
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
                && position_rank(moments, other) > position_rank(moments, child)
            {
                (child_place, child) = (right, other);
            }
            if position_rank(moments, child) <= rank {
                break;
            }
            self.set_order(place, child);
            place = child_place;
        }
        self.set_order(place, slot);
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

fn position_rank<M: Moments + ?Sized>(moments: &M, slot: SlotId) -> (Option<Timestamp>, SlotId) {
    (moments.position(slot), slot)
}
