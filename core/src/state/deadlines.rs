//! The order by deadline: a binary heap of slot numbers at the front of the table's `order`.
//!
//! Each scheduled slot knows its place in the heap, so that any record can leave or move in `O(log n)`. Equal deadlines are
//! ordered by slot number, which makes the order one of content, not of history.

use super::index::{SlotId, SlotIndex};
use super::record::{Key, Record};
use super::table::Table;
use crate::time::Timestamp;

impl<K: Key, V: Record, I: SlotIndex> Table<'_, K, V, I> {
    /// The slot at a place of the heap.
    pub(super) fn scheduled(&self, place: usize) -> Option<SlotId> {
        if place >= self.meta.scheduled as usize {
            return None;
        }
        self.order.get(place).and_then(|entry| entry.decode())
    }

    /// Puts a slot into the order, unless it is there already.
    pub(super) fn schedule(&mut self, slot: SlotId) {
        if self.place_of(slot).is_some() {
            return;
        }
        let place = self.meta.scheduled as usize;
        self.meta.scheduled = self.meta.scheduled.saturating_add(1);
        self.set_place(place, slot);
        self.sift_up(place);
    }

    /// Takes a slot out of the order, if it is there.
    pub(super) fn unschedule(&mut self, slot: SlotId) {
        let Some(place) = self.place_of(slot) else { return };
        let last_place = (self.meta.scheduled as usize).saturating_sub(1);
        let last = self.scheduled(last_place);
        self.meta.scheduled = self.meta.scheduled.saturating_sub(1);
        self.relink(slot, |links| links.scheduled_at = I::default());
        if let Some(last) = last
            && last != slot
        {
            self.set_place(place, last);
            self.sift_up(place);
            self.sift_down(place);
        }
    }

    /// Moves a scheduled slot to where its deadline now belongs.
    pub(super) fn reorder(&mut self, slot: SlotId) {
        if let Some(place) = self.place_of(slot) {
            self.sift_up(place);
        }
        if let Some(place) = self.place_of(slot) {
            self.sift_down(place);
        }
    }

    fn place_of(&self, slot: SlotId) -> Option<usize> {
        self.links_of(slot).scheduled_at.decode().map(SlotId::number)
    }

    fn set_place(&mut self, place: usize, slot: SlotId) {
        if let Some(entry) = self.order.get_mut(place) {
            *entry = I::encode(Some(slot));
        }
        self.relink(slot, |links| links.scheduled_at = I::encode(SlotId::new(place)));
    }

    fn rank(&self, slot: SlotId) -> (Timestamp, SlotId) {
        (self.record(slot).map_or(Timestamp::MAX, |(_, value)| value.deadline()), slot)
    }

    /// Moves the slot at `place` towards the front; `place` at least halves each round.
    fn sift_up(&mut self, mut place: usize) {
        let Some(slot) = self.scheduled(place) else { return };
        let rank = self.rank(slot);
        while place > 0 {
            let parent_place = (place.wrapping_sub(1)) / 2;
            let Some(parent) = self.scheduled(parent_place) else { break };
            if self.rank(parent) <= rank {
                break;
            }
            self.set_place(place, parent);
            place = parent_place;
        }
        self.set_place(place, slot);
    }

    /// Moves the slot at `place` towards the end; `place` at least doubles each round.
    fn sift_down(&mut self, mut place: usize) {
        let Some(slot) = self.scheduled(place) else { return };
        let rank = self.rank(slot);
        for _ in 0..usize::BITS {
            let left_place = place.saturating_mul(2).saturating_add(1);
            let Some(left) = self.scheduled(left_place) else { break };
            let right_place = left_place.saturating_add(1);
            let (mut child_place, mut child) = (left_place, left);
            if let Some(right) = self.scheduled(right_place)
                && self.rank(right) < self.rank(left)
            {
                (child_place, child) = (right_place, right);
            }
            if rank <= self.rank(child) {
                break;
            }
            self.set_place(place, child);
            place = child_place;
        }
        self.set_place(place, slot);
    }
}
