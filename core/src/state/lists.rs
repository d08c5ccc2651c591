//! The two lists of slots: *dirty*, changed since the last commit, and *changed*, since the last results.
//!
//! Each is linked through the slots, in order of first change; the last slot names itself, so that a slot in no list is all
//! zero. A removed record makes its slot dirty, since for the checkpoint the emptiness is the change, but gives no result.

use super::index::{SlotId, SlotIndex};
use super::slot::{Links, ListEnds, Meta};
use super::web::Web;

/// One of the two lists: where its ends are and which link it runs through.
struct List<I> {
    ends: fn(&mut Meta) -> &mut ListEnds,
    next: fn(&mut Links<I>) -> &mut I,
}

impl<I> List<I> {
    const DIRTY: Self = Self { ends: |meta| &mut meta.dirty, next: |links| &mut links.next_dirty };
    const CHANGED: Self = Self { ends: |meta| &mut meta.changed, next: |links| &mut links.next_changed };
}

impl<I: SlotIndex> Web<'_, I> {
    /// Enters a slot in both lists.
    #[inline]
    pub(super) fn mark(&mut self, slot: SlotId) {
        self.mark_dirty(slot);
        if self.meta.tracks_changed && self.links_of(slot).next_changed == I::default() {
            self.append(&List::CHANGED, slot);
        }
    }

    /// Enters a slot in the list of those changed since the last commit.
    #[inline]
    pub(super) fn mark_dirty(&mut self, slot: SlotId) {
        if self.links_of(slot).next_dirty == I::default() {
            self.append(&List::DIRTY, slot);
        }
    }

    /// Says whether slots changed since the last results are listed; they are not unless asked for. For an empty table.
    pub(super) fn track_changed(&mut self, on: bool) {
        self.meta.tracks_changed = on;
    }

    /// The first slot changed since the last results.
    pub(super) fn first_changed(&self) -> Option<SlotId> {
        u32::decode(self.meta.changed.first)
    }

    /// Whether a slot has changed since the last results.
    pub(super) fn is_changed(&self, slot: SlotId) -> bool {
        self.links_of(slot).next_changed != I::default()
    }

    /// Takes the first slot off the list of those changed since the last results.
    pub(super) fn pop_changed(&mut self) {
        self.pop(&List::CHANGED);
    }

    /// How many slots changed since the last commit.
    pub(super) fn dirty_count(&self) -> usize {
        self.meta.dirty.length as usize
    }

    /// The slots changed since the last commit, in order of first change.
    pub(super) fn dirty(&self) -> impl Iterator<Item = SlotId> + '_ {
        let mut next = u32::decode(self.meta.dirty.first);
        (0..self.dirty_count()).map_while(move |_| {
            let slot = next?;
            next = self.links_of(slot).next_dirty.decode().filter(|following| *following != slot);
            Some(slot)
        })
    }

    /// Forgets which slots changed since the last commit, because they have been committed.
    pub(super) fn clear_dirty(&mut self) {
        for _ in 0..self.dirty_count() {
            self.pop(&List::DIRTY);
        }
    }

    fn append(&mut self, list: &List<I>, slot: SlotId) {
        self.relink(slot, |links| *(list.next)(links) = I::encode(Some(slot)));
        let ends = (list.ends)(self.meta);
        let last = u32::decode(ends.last);
        ends.last = u32::encode(Some(slot));
        ends.length = ends.length.saturating_add(1);
        match last {
            Some(last) => self.relink(last, |links| *(list.next)(links) = I::encode(Some(slot))),
            None => ends.first = u32::encode(Some(slot)),
        }
    }

    fn pop(&mut self, list: &List<I>) {
        let Some(slot) = u32::decode((list.ends)(self.meta).first) else { return };
        let mut following = None;
        self.relink(slot, |links| {
            following = core::mem::take((list.next)(links)).decode().filter(|following| *following != slot);
        });
        let ends = (list.ends)(self.meta);
        ends.first = u32::encode(following);
        ends.length = ends.length.saturating_sub(1);
        if following.is_none() {
            ends.last = 0;
        }
    }
}
