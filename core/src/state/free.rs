//! Free slots: always the lowest is taken.
//!
//! Slots never used follow from a count; those given back are in a min-heap at the far end of the table's `order`, which the
//! heap of deadlines cannot reach: the two together never hold more than one entry per slot.

use super::index::{SlotId, SlotIndex};
use super::web::Web;

impl<I: SlotIndex> Web<'_, I> {
    /// Takes the lowest free slot. `O(log n)`.
    pub(super) fn take_free_slot(&mut self) -> Option<SlotId> {
        if self.meta.freed > 0 {
            return self.take_lowest_freed();
        }
        if self.slots_used() >= self.links.len() {
            return None;
        }
        let slot = SlotId::new(self.slots_used());
        self.meta.fresh = self.meta.fresh.saturating_add(1);
        slot
    }

    /// Makes a slot free again. `O(log n)`.
    pub(super) fn give_back_slot(&mut self, slot: SlotId) {
        let mut place = self.meta.freed as usize;
        self.meta.freed = self.meta.freed.saturating_add(1);
        while place > 0 {
            let parent = (place.wrapping_sub(1)) / 2;
            match self.freed(parent) {
                Some(other) if other > slot => self.set_freed(place, other),
                _ => break,
            }
            place = parent;
        }
        self.set_freed(place, slot);
    }

    fn take_lowest_freed(&mut self) -> Option<SlotId> {
        let freed = self.meta.freed as usize;
        // Place 0 of the heap is the last entry.
        let first = self.order.len().checked_sub(freed)?;
        let heap = self.order.get_mut(first..)?;
        let (last_entry, lowest) = (*heap.first()?, heap.last()?.decode());
        let end = heap.len().wrapping_sub(1);
        let last = last_entry.decode()?;
        let mut place = 0_usize;
        for _ in 0..usize::BITS {
            let left_place = place.saturating_mul(2).saturating_add(1);
            let right_place = left_place.saturating_add(1);
            // The last entry leaves its place, so it is no child.
            let freed_at = |place: usize| {
                if place >= end { None } else { heap.get(end.wrapping_sub(place))?.decode() }
            };
            let Some(left) = freed_at(left_place) else { break };
            let (child_place, child) = match freed_at(right_place) {
                Some(right) if right < left => (right_place, right),
                _ => (left_place, left),
            };
            if last <= child {
                break;
            }
            *heap.get_mut(end.wrapping_sub(place))? = I::encode(Some(child));
            place = child_place;
        }
        self.meta.freed = self.meta.freed.saturating_sub(1);
        if place < end {
            *heap.get_mut(end.wrapping_sub(place))? = last_entry;
        }
        lowest
    }

    fn freed(&self, place: usize) -> Option<SlotId> {
        if place >= self.meta.freed as usize {
            return None;
        }
        let from_end = self.order.len().checked_sub(place)?.checked_sub(1)?;
        self.order.get(from_end).and_then(|entry| entry.decode())
    }

    fn set_freed(&mut self, place: usize, slot: SlotId) {
        let from_end = self.order.len().checked_sub(place).and_then(|length| length.checked_sub(1));
        if let Some(entry) = from_end.and_then(|from_end| self.order.get_mut(from_end)) {
            *entry = I::encode(Some(slot));
        }
    }
}
