//! The order by deadline: a heap of slot numbers, four children to a place, at the front of the table's `order`.
//!
//! Each scheduled slot knows its place in the heap, so that any record can leave or move in `O(log n)`. Equal deadlines are
//! ordered by slot number, which makes the order one of content, not of history.

use super::index::{SlotId, SlotIndex};
use super::web::{Moments, Web};
use crate::time::Timestamp;

/// Half as many moves as with two, for as many comparisons.
const CHILDREN: usize = 4;

impl<I: SlotIndex> Web<'_, I> {
    /// The slot at a place of the heap.
    pub(super) fn scheduled(&self, place: usize) -> Option<SlotId> {
        if place >= self.meta.scheduled as usize {
            return None;
        }
        self.order.get(place).and_then(|entry| entry.decode())
    }

    /// Puts a slot into the order, unless it is there already.
    pub(super) fn schedule<M: Moments + ?Sized>(&mut self, moments: &M, slot: SlotId) {
        if self.place_of(slot).is_some() {
            return;
        }
        let place = self.meta.scheduled as usize;
        self.meta.scheduled = self.meta.scheduled.saturating_add(1);
        self.sift_up(moments, place, slot);
    }

    /// Takes a slot out of the order, if it is there.
    pub(super) fn unschedule<M: Moments + ?Sized>(&mut self, moments: &M, slot: SlotId) {
        let Some(place) = self.place_of(slot) else { return };
        let last_place = (self.meta.scheduled as usize).saturating_sub(1);
        let last = self.scheduled(last_place);
        self.meta.scheduled = self.meta.scheduled.saturating_sub(1);
        self.relink(slot, |links| links.scheduled_at = I::default());
        if let Some(last) = last
            && last != slot
        {
            self.settle(moments, place, last);
        }
    }

    /// Takes a slot out of the order and puts another in its place, or where that belongs.
    pub(super) fn schedule_instead<M: Moments + ?Sized>(&mut self, moments: &M, slot: SlotId, other: SlotId) {
        if let Some(place) = self.place_of(slot) {
            self.relink(slot, |links| links.scheduled_at = I::default());
            self.settle(moments, place, other);
        }
    }

    /// Moves a scheduled slot to where its deadline now belongs.
    pub(super) fn reorder<M: Moments + ?Sized>(&mut self, moments: &M, slot: SlotId) {
        if let Some(place) = self.place_of(slot) {
            self.settle(moments, place, slot);
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

    /// Puts `slot` into the hole at `place`, or where it belongs from there.
    ///
    /// What moves is mostly the last in the order, or due later than before, so it belongs far down: the hole goes down to a leaf by comparing
    /// children alone, and the slot comes up from there (Wegener, "Bottom-up heapsort", 1993), which saves half of the comparisons.
    fn settle<M: Moments + ?Sized>(&mut self, moments: &M, place: usize, slot: SlotId) {
        let leaf = self.sink_hole(moments, place).unwrap_or(place);
        self.sift_up(moments, leaf, slot);
    }

    /// Takes all slots with the earliest deadline out of the order at once, and says which deadline that is. They keep their records: whoever
    /// asks removes these, slot by slot, or schedules them again.
    ///
    /// One by one each would cost a walk down the heap. Costs a few steps for each scheduled slot, however many are taken out.
    pub(super) fn take_earliest<M: Moments + ?Sized>(&mut self, moments: &M) -> Option<Timestamp> {
        let earliest = moments.deadline(self.scheduled(0)?);
        let mut kept = 0_usize;
        for place in 0..self.meta.scheduled as usize {
            let Some(slot) = self.scheduled(place) else { break };
            if moments.deadline(slot) == earliest {
                self.relink(slot, |links| links.scheduled_at = I::default());
            } else {
                self.set_place(kept, slot);
                kept = kept.wrapping_add(1);
            }
        }
        self.meta.scheduled = kept as u32;
        // From the last place that has children back to the first (Floyd, "Treesort 3", 1964): linear.
        for place in (0..kept.div_ceil(CHILDREN)).rev() {
            if let Some(slot) = self.scheduled(place) {
                let leaf = self.sink_hole(moments, place).unwrap_or(place);
                self.rise(moments, leaf, place, slot);
            }
        }
        Some(earliest)
    }

    /// Puts all records with that deadline back into the order that are not in it.
    pub(super) fn schedule_all<M: Moments + ?Sized>(&mut self, moments: &M, due: Timestamp) {
        for slot in (0..self.slots_used()).filter_map(SlotId::new) {
            if moments.position(slot).is_some() && moments.deadline(slot) == due {
                self.schedule(moments, slot);
            }
        }
    }

    /// Moves the hole at `place` down to a leaf, past the child that comes first; `place` at least quadruples each round.
    // Not inlined: its loop needs the registers.
    #[inline(never)]
    fn sink_hole<M: Moments + ?Sized>(&mut self, moments: &M, mut place: usize) -> Option<usize> {
        let links = &mut *self.links;
        let heap = self.order.get_mut(..self.meta.scheduled as usize)?;
        for _ in 0..usize::BITS {
            let first_child = place.wrapping_mul(CHILDREN).wrapping_add(1);
            let mut children = heap.get(first_child..).unwrap_or_default().iter().take(CHILDREN);
            let Some(child) = children.next() else { break };
            let (mut soonest, mut soonest_place) = (rank(moments, child.decode()?), first_child);
            let mut child_place = first_child;
            for child in children {
                child_place = child_place.wrapping_add(1);
                let child = rank(moments, child.decode()?);
                if child < soonest {
                    (soonest, soonest_place) = (child, child_place);
                }
            }
            let child = slot_of(soonest)?;
            *heap.get_mut(place)? = I::encode(Some(child));
            links.get_mut(child.number())?.scheduled_at = I::encode(SlotId::new(place));
            place = soonest_place;
        }
        Some(place)
    }

    /// Puts `slot` into the hole at `place`, or nearer the front.
    fn sift_up<M: Moments + ?Sized>(&mut self, moments: &M, place: usize, slot: SlotId) {
        self.rise(moments, place, 0, slot);
    }

    /// Puts `slot` into the hole at `place`, or nearer the front, not past `top`; `place` at least quarters each round.
    fn rise<M: Moments + ?Sized>(&mut self, moments: &M, mut place: usize, top: usize, slot: SlotId) {
        let own = rank(moments, slot);
        while place > top {
            let parent_place = place.wrapping_sub(1) / CHILDREN;
            let Some(parent) = self.scheduled(parent_place) else { break };
            if rank(moments, parent) < own {
                break;
            }
            self.set_place(place, parent);
            place = parent_place;
        }
        self.set_place(place, slot);
    }
}

/// Deadline and slot as one number, which compares in fewer steps than a pair.
#[inline]
fn rank<M: Moments + ?Sized>(moments: &M, slot: SlotId) -> i128 {
    (i128::from(moments.deadline(slot).as_micros()) << u64::BITS) | i128::from(slot.as_u32())
}

#[inline]
fn slot_of(rank: i128) -> Option<SlotId> {
    SlotId::new(rank as u32 as usize)
}
