//! Building everything but the records anew, after a checkpoint has put the records into their slots.

use super::index::{SlotId, SlotIndex};
use super::lookup::Lookup;
use super::record::{Key, Record, Schedule};
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

    /// Builds index, order and sets from the records alone: `O(n)`, or `O(n log n)` where the records of a key are in order.
    pub(crate) fn rebuild(&mut self) {
        self.web.forget_links();
        if V::Lookup::IN_ORDER {
            self.enter_in_order()
        } else {
            self.enter_each()
        }
        for slot in (0..self.slots_used()).filter_map(SlotId::new) {
            if self.record(slot).is_none() {
                self.web.give_back_slot(slot);
            }
        }
    }

    /// Enters all records in index and order, each on its own.
    fn enter_each(&mut self) {
        let mut in_heap = 0_usize;
        for slot in (0..self.slots_used()).filter_map(SlotId::new) {
            let Some((key, value)) = self.record(slot) else { continue };
            let (hash, deadline) = (Self::hash(key, value.position()), value.deadline());
            self.web.enter_in_index(slot, hash);
            let is_scheduled = V::SCHEDULE != Schedule::Never;
            if is_scheduled && !(V::SCHEDULE.is_shared() && self.web.join_cohort(slot, deadline)) {
                self.web.put_at(in_heap, slot);
                in_heap = in_heap.wrapping_add(1);
            }
        }
        let records = Records(self.slots);
        self.web.order_first(moments(&records), in_heap);
    }

    /// Enters all records in order of position, so that each goes to the end of its key's.
    fn enter_in_order(&mut self) {
        let occupied = self.list_occupied();
        let records = Records(self.slots);
        self.web.sort_by_position(moments(&records), occupied);
        for place in 0..occupied {
            // The order by deadline grows over places that have been read.
            let Some(slot) = self.web.in_order(place) else { break };
            let Some((key, value)) = self.record(slot) else { break };
            let position = value.position();
            let hash = Self::hash(key, position);
            let bucket = self.bucket_of(hash, key, position).map(|(bucket, ..)| bucket);
            let records = Records(self.slots);
            self.web.enter(moments(&records), V::SCHEDULE, slot, hash, bucket);
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
}

fn position_rank<M: Moments + ?Sized>(moments: &M, slot: SlotId) -> (Option<Timestamp>, SlotId) {
    (moments.position(slot), slot)
}
