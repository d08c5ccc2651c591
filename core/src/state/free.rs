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
}
