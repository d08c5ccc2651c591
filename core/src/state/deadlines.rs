//! The order by deadline: a heap of slot numbers, four children to a place, and beside it the [cohorts](super::cohorts).
//!
//! Each scheduled slot knows its place, so that any record can leave or move in `O(log n)`. Equal deadlines are
//! ordered by slot number, which makes the order one of content, not of history.

use super::cohorts::Cohort;
use super::index::{SlotId, SlotIndex};
use super::record::Schedule;
use super::sets::Set;
use super::web::{Moments, Web};

/// Half as many moves as with two, for as many comparisons.
const CHILDREN: usize = 4;

/// Where a slot is in the order.
///
/// Stored as the place in the heap plus one, or counted down from the highest number, which is no place, for a cohort; 0 for nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    Heap(usize),
    Cohort(Cohort),
}

impl<I: SlotIndex> Web<'_, I> {
    const HIGHEST: u32 = u32::MAX >> u32::BITS.saturating_sub(I::BITS);

    #[inline]
    pub(super) fn place_of(&self, slot: SlotId) -> Place {
        let stored = self.links.get(slot.number()).map_or(0, |links| links.scheduled_at.to_bits());
        if let Some(cohort) = Cohort::numbered(Self::HIGHEST.wrapping_sub(stored) as usize) {
            return Place::Cohort(cohort);
        }
        stored.checked_sub(1).map_or(Place::Nowhere, |place| Place::Heap(place as usize))
    }

    #[inline]
    pub(super) fn set_place(&mut self, slot: SlotId, place: Place) {
        let stored = match place {
            Place::Nowhere => 0,
            Place::Heap(place) => (place as u32).wrapping_add(1),
            Place::Cohort(cohort) => Self::HIGHEST.wrapping_sub(cohort.number() as u32),
        };
        if let Some(links) = self.links.get_mut(slot.number()) {
            links.scheduled_at = I::from_bits(stored);
        }
    }

    /// The slot at a place of the heap.
    #[inline]
    pub(super) fn at_place(&self, place: usize) -> Option<SlotId> {
        if place >= self.heaped() {
            return None;
        }
        self.in_order(place)
    }

    /// The slot at a place of the memory that the heap begins, and the [unsorted end](super::unsorted) goes on with.
    #[inline]
    pub(super) fn in_order(&self, place: usize) -> Option<SlotId> {
        self.order.get(place).and_then(|entry| entry.decode())
    }

    pub(super) fn set_order(&mut self, place: usize, slot: SlotId) {
        if let Some(entry) = self.order.get_mut(place) {
            *entry = I::encode(Some(slot));
        }
    }

    /// Puts a slot into a place of the heap.
    pub(super) fn put_at(&mut self, place: usize, slot: SlotId) {
        self.set_order(place, slot);
        self.set_place(slot, Place::Heap(place));
    }

    /// Puts a slot into the order, unless it is there already.
    pub(super) fn schedule<M: Moments + ?Sized>(&mut self, moments: &M, slot: SlotId, schedule: Schedule) {
        if self.place_of(slot) == Place::Nowhere {
            self.enter_order(moments, slot, schedule);
        }
    }

    /// Puts a slot into the order that is not in it.
    fn enter_order<M: Moments + ?Sized>(&mut self, moments: &M, slot: SlotId, schedule: Schedule) {
        if schedule.is_shared() && self.join_cohort(slot, moments.deadline(slot))
            || schedule.may_be_unsorted() && self.add_unsorted(moments, slot)
        {
            return;
        }
        let place = self.heaped();
        self.shift_unsorted(place, self.meta.scheduled as usize);
        self.meta.scheduled = self.meta.scheduled.saturating_add(1);
        self.rise(moments, place, slot);
    }

    /// Takes a slot out of the order, if it is there.
    pub(super) fn unschedule<M: Moments + ?Sized>(&mut self, moments: &M, slot: SlotId) {
        match self.place_of(slot) {
            Place::Nowhere => {}
            Place::Cohort(cohort) => {
                self.take_from(Set::of(cohort), slot);
                self.set_place(slot, Place::Nowhere);
            }
            Place::Heap(place) => {
                self.set_place(slot, Place::Nowhere);
                if self.is_behind_heap(place) {
                    self.leave_unsorted(moments, place, slot);
                } else {
                    self.fill_hole(moments, place, slot);
                }
            }
        }
    }

    /// Fills the place of the heap that a slot has left with the last one.
    fn fill_hole<M: Moments + ?Sized>(&mut self, moments: &M, place: usize, left: SlotId) {
        let last_place = self.heaped().saturating_sub(1);
        let last = self.at_place(last_place);
        self.meta.scheduled = self.meta.scheduled.saturating_sub(1);
        self.shift_unsorted(self.meta.scheduled as usize, last_place);
        if let Some(last) = last.filter(|last| *last != left) {
            self.settle(moments, place, last);
        }
    }

    /// Moves a scheduled slot to where its deadline now belongs.
    pub(super) fn reorder<M: Moments + ?Sized>(&mut self, moments: &M, slot: SlotId, schedule: Schedule) {
        match self.place_of(slot) {
            Place::Nowhere => {}
            Place::Heap(place) if self.is_behind_heap(place) => self.reorder_unsorted(moments, slot),
            Place::Heap(place) => self.settle(moments, place, slot),
            Place::Cohort(cohort) => {
                self.take_from(Set::of(cohort), slot);
                self.enter_order(moments, slot, schedule);
            }
        }
    }

    /// Puts `slot` into the hole at `place`, or where it belongs from there.
    ///
    /// What moves is mostly the last in the order, or due later than before, so it belongs far down: the hole goes down to a leaf by comparing
    /// children alone, and the slot comes up from there (Wegener, "Bottom-up heapsort", 1993), which saves half of the comparisons.
    fn settle<M: Moments + ?Sized>(&mut self, moments: &M, place: usize, slot: SlotId) {
        let leaf = self.sink_hole(moments, place).unwrap_or(place);
        self.rise(moments, leaf, slot);
    }

    /// Takes all slots out of the order that are due, and puts them behind those that are kept, whose number it returns. What is kept is no heap.
    pub(super) fn take_out(&mut self, is_due: impl Fn(SlotId) -> bool) -> usize {
        let mut kept = 0_usize;
        for place in 0..self.meta.scheduled as usize {
            let Some(slot) = self.in_order(place) else { break };
            if is_due(slot) {
                self.set_place(slot, Place::Nowhere);
                continue;
            }
            if kept != place {
                if let Some(taken) = self.in_order(kept) {
                    self.set_order(place, taken);
                }
                self.put_at(kept, slot);
            }
            kept = kept.wrapping_add(1);
        }
        kept
    }

    /// Makes a heap of the first `length` places, whose slots know them.
    pub(super) fn order_first<M: Moments + ?Sized>(&mut self, moments: &M, length: usize) {
        self.meta.scheduled = length as u32;
        self.none_unsorted();
        // From the last place that has children back to the first (Floyd, "Treesort 3", 1964): linear.
        for place in (0..length.div_ceil(CHILDREN)).rev() {
            self.sink(moments, place);
        }
    }

    /// Moves the slot at `place` down to where nothing below is due sooner. What is nearly in order stays where it is.
    fn sink<M: Moments + ?Sized>(&mut self, moments: &M, mut place: usize) {
        let Some(slot) = self.at_place(place) else { return };
        let own = rank(moments, slot);
        let begun_at = place;
        for _ in 0..usize::BITS {
            let first_child = place.wrapping_mul(CHILDREN).wrapping_add(1);
            let mut soonest = own;
            let mut soonest_place = place;
            for child_place in first_child..first_child.wrapping_add(CHILDREN) {
                let Some(child) = self.at_place(child_place) else { break };
                let child = rank(moments, child);
                if child < soonest {
                    (soonest, soonest_place) = (child, child_place);
                }
            }
            let Some(child) = slot_of(soonest).filter(|_| soonest_place != place) else { break };
            self.put_at(place, child);
            place = soonest_place;
        }
        if place != begun_at {
            self.put_at(place, slot);
        }
    }

    /// Moves the hole at `place` down to a leaf, past the child that comes first; `place` at least quadruples each round.
    // Not inlined: its loop needs the registers.
    #[inline(never)]
    fn sink_hole<M: Moments + ?Sized>(&mut self, moments: &M, mut place: usize) -> Option<usize> {
        let heaped = self.heaped();
        let links = &mut *self.links;
        let heap = self.order.get_mut(..heaped)?;
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
            links.get_mut(child.number())?.scheduled_at = I::from_bits((place as u32).wrapping_add(1));
            place = soonest_place;
        }
        Some(place)
    }

    /// Puts `slot` into the hole at `place`, or nearer the front; `place` at least quarters each round.
    pub(super) fn rise<M: Moments + ?Sized>(&mut self, moments: &M, mut place: usize, slot: SlotId) {
        let own = rank(moments, slot);
        while place > 0 {
            let parent_place = place.wrapping_sub(1) / CHILDREN;
            let Some(parent) = self.at_place(parent_place) else { break };
            if rank(moments, parent) < own {
                break;
            }
            self.put_at(place, parent);
            place = parent_place;
        }
        self.put_at(place, slot);
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
