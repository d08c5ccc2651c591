//! The unsorted end of the order: records the heap has not been asked about yet.
//!
//! A row of a join, or a key of deduplication, is due at a moment of its own, but leaves with many others at one trigger. So it comes to the end of the
//! order, behind the heap, in a few steps; of the records there only the one that is due first is known. When that one is due, all there are looked
//! at: if many are due they leave, and have never been in the heap; else the rest moves into it. So a record pays for a few looks, or for its way
//! into the heap once, and a trigger never looks at more than [`LENGTH_MAX`] of them in vain. None without `alloc`: the code would weigh
//! more than it saves.

use core::ops::Range;

use super::deadlines::Place;
use super::index::{SlotId, SlotIndex};
use super::web::{Moments, Web};
use crate::time::Timestamp;

/// Whether tables of this build have one.
pub(super) const HAS_UNSORTED: bool = cfg!(feature = "alloc");
/// How many they have.
pub(super) const UNSORTED: usize = HAS_UNSORTED as usize;

/// The most records in it. What is held beyond is mostly held for many triggers, and belongs into the heap.
const LENGTH_MAX: u32 = 4_096;
/// So many looks for each record that leaves are cheaper than the heap.
const LOOKS_PER_DUE: usize = 16;

/// How long the unsorted end is, and what is due first there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unsorted {
    length: u32,
    /// As a slot number plus one; 0 for none.
    first: u32,
}

impl Unsorted {
    pub(super) const EMPTY: Self = Self { length: 0, first: 0 };
}

impl<I: SlotIndex> Web<'_, I> {
    #[inline]
    fn unsorted(&self) -> Unsorted {
        self.meta.unsorted.first().copied().unwrap_or_default()
    }

    fn set_unsorted(&mut self, length: usize, first: Option<SlotId>) {
        if let Some(unsorted) = self.meta.unsorted.first_mut() {
            *unsorted = Unsorted { length: length as u32, first: u32::encode(first) };
        }
    }

    /// How many slots are in the heap.
    #[inline]
    pub(super) fn heaped(&self) -> usize {
        let unsorted = if HAS_UNSORTED { self.unsorted().length } else { 0 };
        self.meta.scheduled.wrapping_sub(unsorted) as usize
    }

    /// Of the unsorted slots the one that is due first.
    #[inline]
    pub(super) fn first_unsorted(&self) -> Option<SlotId> {
        u32::decode(self.unsorted().first)
    }

    /// Whether a slot is there.
    #[inline]
    pub(super) fn is_unsorted(&self, slot: SlotId) -> bool {
        matches!(self.place_of(slot), Place::Heap(place) if self.is_behind_heap(place))
    }

    /// Whether a place of the order is there.
    #[inline]
    pub(super) fn is_behind_heap(&self, place: usize) -> bool {
        HAS_UNSORTED && place >= self.heaped()
    }

    /// Moves a slot of them from one end to the other, where the heap grows or shrinks by a place. None, if there is none.
    #[inline]
    pub(super) fn shift_unsorted(&mut self, from: usize, to: usize) {
        if HAS_UNSORTED
            && from != to
            && let Some(slot) = self.in_order(from)
        {
            self.put_at(to, slot);
        }
    }

    /// Puts a slot there that is not in the order, if there is room.
    #[inline]
    pub(super) fn add_unsorted<M: Moments + ?Sized>(&mut self, moments: &M, slot: SlotId) -> bool {
        let Unsorted { length, .. } = self.unsorted();
        if !HAS_UNSORTED || length >= LENGTH_MAX {
            return false;
        }
        let place = self.meta.scheduled as usize;
        self.meta.scheduled = self.meta.scheduled.wrapping_add(1);
        self.put_at(place, slot);
        let first = self.first_unsorted();
        let is_first = first.is_none_or(|first| is_sooner(moments, slot, first));
        self.set_unsorted((length as usize).wrapping_add(1), if is_first { Some(slot) } else { first });
        true
    }

    /// Fills the place there that a slot has left.
    pub(super) fn leave_unsorted<M: Moments + ?Sized>(&mut self, moments: &M, place: usize, left: SlotId) {
        let (Unsorted { length, .. }, first) = (self.unsorted(), self.first_unsorted());
        self.meta.scheduled = self.meta.scheduled.wrapping_sub(1);
        self.set_unsorted((length as usize).wrapping_sub(1), first);
        if let Some(last) = self.in_order(self.meta.scheduled as usize).filter(|last| *last != left) {
            self.put_at(place, last);
        }
        if first == Some(left) {
            self.sort_in(moments);
        }
    }

    /// Takes note of a new deadline of a slot there.
    pub(super) fn reorder_unsorted<M: Moments + ?Sized>(&mut self, moments: &M, slot: SlotId) {
        match self.first_unsorted() {
            // Who is first now is not known.
            Some(first) if first == slot => self.sort_in(moments),
            Some(first) if is_sooner(moments, slot, first) => {
                self.set_unsorted(self.unsorted().length as usize, Some(slot));
            }
            _ => {}
        }
    }

    /// Moves all of them into the heap.
    #[inline(never)]
    fn sort_in<M: Moments + ?Sized>(&mut self, moments: &M) {
        let length = self.unsorted().length as usize;
        self.set_unsorted(length, None);
        for left in (0..length).rev() {
            let place = self.heaped();
            self.set_unsorted(left, None);
            if let Some(slot) = self.in_order(place) {
                self.rise(moments, place, slot);
            }
        }
    }

    /// Takes out those of them that are due up to then, and returns their places, which are behind the end of the order. What is left stays
    /// for another look, or moves into the heap if few have been taken out.
    pub(super) fn take_unsorted<M: Moments + ?Sized>(
        &mut self,
        moments: &M,
        up_to: Timestamp,
    ) -> Range<usize> {
        let (heaped, before) = (self.heaped(), self.meta.scheduled as usize);
        let (mut first, mut earliest) = (None, Timestamp::MAX);
        let (mut place, mut end) = (heaped, before);
        while place < end {
            let Some(slot) = self.in_order(place) else { break };
            let deadline = moments.deadline(slot);
            if deadline <= up_to {
                // The last one comes here, and is looked at next.
                end = end.wrapping_sub(1);
                if let Some(last) = self.in_order(end) {
                    self.put_at(place, last);
                }
                self.set_order(end, slot);
                self.set_place(slot, Place::Nowhere);
                continue;
            }
            if deadline <= earliest && first.is_none_or(|first| (deadline, slot) < (earliest, first)) {
                (first, earliest) = (Some(slot), deadline);
            }
            place = place.wrapping_add(1);
        }
        let (kept, due) = (end.wrapping_sub(heaped), before.wrapping_sub(end));
        self.meta.scheduled = end as u32;
        self.set_unsorted(kept, first);
        if due.saturating_mul(LOOKS_PER_DUE) < kept {
            self.sort_in(moments);
        }
        end..before
    }

    /// Says that all slots of the order are in the heap.
    pub(super) fn none_unsorted(&mut self) {
        self.set_unsorted(0, None);
    }
}

/// Whether one slot is due before another.
#[inline]
fn is_sooner<M: Moments + ?Sized>(moments: &M, one: SlotId, other: SlotId) -> bool {
    (moments.deadline(one), one) < (moments.deadline(other), other)
}
