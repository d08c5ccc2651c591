//! Cohorts: records that are due at one moment, each a set of slots.
//!
//! Windows of many keys end together. So a record whose deadline is shared joins the cohort of that deadline, in a few steps, and a cohort that is due is
//! gone through in order of slots, which costs what is in it. Only a handful of moments have a cohort at a time; records of others are in the
//! heap with those that share their deadline with nobody.

use super::deadlines::Place;
use super::index::{SlotId, SlotIndex};
use super::sets::Set;
use super::unsorted::HAS_UNSORTED;
use super::web::{Moments, Web};
use crate::time::{Timestamp, earlier};

/// How many deadlines can have a cohort: those that are open together in most queries, and one for what is taken out of the heap. None without `alloc`:
/// state is small then, and their code would weigh more than they save. The order is the same.
pub(super) const COHORTS: usize = if cfg!(feature = "alloc") { 5 } else { 0 };
/// The number of the cohort that only [`Web::gather`] begins.
const GATHERED: usize = COHORTS.saturating_sub(1);

/// Which slot is due first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstDue {
    /// Of those with the earliest deadline the lowest.
    pub(crate) slot: SlotId,
    /// The earliest deadline.
    pub(crate) deadline: Timestamp,
    /// The cohort of all slots with that deadline; `None` if some are in the heap.
    pub(crate) cohort: Option<Cohort>,
}

/// The number of a cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cohort(pub(super) usize);

impl Cohort {
    /// The cohort of that number, if there is one.
    #[inline]
    pub(super) fn numbered(number: usize) -> Option<Self> {
        (0..COHORTS).contains(&number).then_some(Self(number))
    }

    pub(super) const fn number(self) -> usize {
        self.0
    }

    fn all() -> impl Iterator<Item = Self> {
        (0..COHORTS).map(Self)
    }
}

impl<I: SlotIndex> Web<'_, I> {
    /// When the records of a cohort are due, if it has any.
    #[inline]
    fn deadline_of_cohort(&self, cohort: Cohort) -> Option<Timestamp> {
        if self.is_empty_set(Set::of(cohort)) {
            return None;
        }
        self.meta.cohorts.get(cohort.0).copied()
    }

    /// Puts a slot into the cohort of its deadline, if there is one or can be.
    #[inline]
    pub(super) fn join_cohort(&mut self, slot: SlotId, deadline: Timestamp) -> bool {
        let mut joined = None;
        for (number, (root, other)) in self.meta.roots.of_cohorts().zip(&self.meta.cohorts).enumerate() {
            if root != 0 && *other == deadline {
                joined = Some(Cohort(number));
                break;
            }
            if root == 0 && joined.is_none() && number != GATHERED {
                joined = Some(Cohort(number));
            }
        }
        let Some(cohort) = joined else { return false };
        self.enter_cohort(slot, cohort, deadline);
        true
    }

    fn enter_cohort(&mut self, slot: SlotId, cohort: Cohort, deadline: Timestamp) {
        if let Some(own) = self.meta.cohorts.get_mut(cohort.0) {
            *own = deadline;
        }
        self.add_to(Set::of(cohort), slot);
        self.set_place(slot, Place::Cohort(cohort));
    }

    /// The cohort that is due first, and when.
    #[inline]
    fn first_cohort(&self) -> Option<(Cohort, Timestamp)> {
        let mut first = None;
        let mut earliest = Timestamp::MAX;
        for (number, (root, deadline)) in self.meta.roots.of_cohorts().zip(&self.meta.cohorts).enumerate() {
            if root != 0 && (*deadline < earliest || first.is_none()) {
                (first, earliest) = (Some(Cohort(number)), *deadline);
            }
        }
        first.map(|cohort| (cohort, earliest))
    }

    /// Of the slots in no cohort the one that is due first, and when.
    #[inline]
    fn first_in_order<M: Moments + ?Sized>(&self, moments: &M) -> Option<(Timestamp, SlotId)> {
        let when = |slot| (moments.deadline(slot), slot);
        let in_heap = self.at_place(0).map(when);
        if HAS_UNSORTED { earlier(in_heap, self.first_unsorted().map(when)) } else { in_heap }
    }

    /// The earliest deadline.
    #[inline]
    pub(super) fn first_deadline<M: Moments + ?Sized>(&self, moments: &M) -> Option<Timestamp> {
        let in_order = self.first_in_order(moments).map(|(deadline, _)| deadline);
        let cohorts = self.meta.roots.of_cohorts().zip(&self.meta.cohorts);
        let in_cohorts = cohorts.filter(|(root, _)| *root != 0).map(|(_, deadline)| *deadline);
        in_cohorts.chain(in_order).min()
    }

    /// Which slot is due first.
    #[inline]
    pub(super) fn first_due<M: Moments + ?Sized>(&self, moments: &M) -> Option<FirstDue> {
        let in_order = self.first_in_order(moments);
        let Some((cohort, deadline)) = self.first_cohort() else {
            return in_order.map(|(deadline, slot)| FirstDue { slot, deadline, cohort: None });
        };
        let lowest = self.first_of(Set::of(cohort))?;
        match in_order {
            Some((in_order, _)) if in_order > deadline => {}
            None => {}
            Some(in_order) => {
                let (deadline, slot) = in_order.min((deadline, lowest));
                return Some(FirstDue { slot, deadline, cohort: None });
            }
        }
        Some(FirstDue { slot: lowest, deadline, cohort: Some(cohort) })
    }

    /// The next slot behind one of a cohort with that deadline.
    #[inline]
    pub(super) fn next_of_cohort(&self, cohort: Cohort, deadline: Timestamp, slot: SlotId) -> Option<SlotId> {
        // One that has become empty may have begun anew, for a later deadline.
        if self.deadline_of_cohort(cohort) != Some(deadline) {
            return None;
        }
        self.next_of(Set::of(cohort), slot.number().wrapping_add(1))
    }

    /// Takes all slots with that deadline out of the heap and makes a cohort of them. `false` if there is no cohort for them.
    ///
    /// One by one each would cost a walk down the heap. Costs a few steps for each slot in the heap, however many are taken out.
    pub(super) fn gather<M: Moments + ?Sized>(&mut self, moments: &M, deadline: Timestamp) -> bool {
        let own = Cohort::all().find(|cohort| self.deadline_of_cohort(*cohort) == Some(deadline));
        let spare = Some(Cohort(GATHERED)).filter(|spare| self.deadline_of_cohort(*spare).is_none());
        let Some(cohort) = own.or(spare) else { return false };
        let scheduled = self.meta.scheduled as usize;
        let kept = self.take_out(|slot| moments.deadline(slot) == deadline);
        for place in kept..scheduled {
            if let Some(slot) = self.in_order(place) {
                self.enter_cohort(slot, cohort, deadline);
            }
        }
        self.order_first(moments, kept);
        true
    }
}
