//! Free slots: always the lowest is taken.
//!
//! Slots never used follow from a count; those given back are in a set.

use super::index::{SlotId, SlotIndex};
use super::sets::Set;
use super::web::Web;

impl<I: SlotIndex> Web<'_, I> {
    /// Takes the lowest free slot.
    pub(super) fn take_free_slot(&mut self) -> Option<SlotId> {
        let freed = self.pop_first(Set::FREE);
        if freed.is_some() {
            return freed;
        }
        if self.slots_used() >= self.links.len() {
            return None;
        }
        let slot = SlotId::new(self.slots_used());
        self.meta.fresh = self.meta.fresh.saturating_add(1);
        slot
    }

    /// Makes a slot free again.
    pub(super) fn give_back_slot(&mut self, slot: SlotId) {
        self.add_to(Set::FREE, slot);
    }

    /// Makes the slot of a record free that has been removed, which is a change for the checkpoint.
    pub(super) fn give_back_emptied_slot(&mut self, slot: SlotId) {
        self.add_to_both(Set::FREE, Set::DIRTY, slot);
    }
}
