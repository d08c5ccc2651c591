//! Which slots have changed: *dirty*, since the last commit, and *changed*, since the last results.
//!
//! A removed record makes its slot dirty, since for the checkpoint the emptiness is the change, but gives no result.

use super::index::{SlotId, SlotIndex};
use super::sets::Set;
use super::web::Web;

impl<I: SlotIndex> Web<'_, I> {
    /// Enters a slot in both sets. Mostly it is there already.
    #[inline]
    pub(super) fn mark(&mut self, slot: SlotId) {
        if !self.is_in(Set::DIRTY, slot) || self.meta.tracks_changed && !self.is_in(Set::CHANGED, slot) {
            self.mark_first(slot);
        }
    }

    #[inline(never)]
    fn mark_first(&mut self, slot: SlotId) {
        if self.meta.tracks_changed {
            self.add_to_both(Set::DIRTY, Set::CHANGED, slot);
        } else {
            self.add_to(Set::DIRTY, slot);
        }
    }

    /// Enters a slot in the set of those changed since the last commit.
    #[inline]
    pub(super) fn mark_dirty(&mut self, slot: SlotId) {
        self.add_to(Set::DIRTY, slot);
    }

    /// Says whether slots changed since the last results are kept; they are not unless asked for. For an empty table.
    pub(super) fn track_changed(&mut self, on: bool) {
        self.meta.tracks_changed = on;
    }

    /// The lowest slot changed since the last results.
    pub(super) fn first_changed(&self) -> Option<SlotId> {
        self.first_of(Set::CHANGED)
    }

    /// Whether a slot has changed since the last results.
    pub(super) fn is_changed(&self, slot: SlotId) -> bool {
        self.is_in(Set::CHANGED, slot)
    }

    /// Takes the lowest slot out of those changed since the last results.
    pub(super) fn pop_changed(&mut self) {
        self.pop_first(Set::CHANGED);
    }

    /// The slots changed since the last commit, lowest first.
    pub(super) fn dirty(&self) -> impl Iterator<Item = SlotId> + '_ {
        self.all_of(Set::DIRTY)
    }

    /// Forgets which slots changed since the last commit, because they have been committed.
    pub(super) fn clear_dirty(&mut self) {
        self.empty(Set::DIRTY);
    }
}
