//! A window from two merges, however many panes it has.
//!
//! Time is cut into blocks as long as a window. A window is the end of one block and the beginning of the next, so it is what the panes of the first
//! merge to from its start on, and what those of the second merge to up to its end. Both stand with the panes: while a block is open, each pane holds
//! the merge *up to* itself, which grows by one pane with each window; when the windows have left its beginning behind, one walk back over it makes
//! them the merges *from* each pane on. So a pane is merged twice in all (van Herk, "A fast algorithm for local minimum and maximum filters", 1992; Gil
//! and Werman, 1993).
//!
//! Two stacks or DABA Lite (Tangwongsan, Hirzel and Schneider, 2021) merge as often. But where their stacks turn over hangs on when windows were asked
//! for, and with it the last bits of a sum of floats; blocks lie where the key and the clock put them, so a query that was restarted, and a batch, give
//! the same bits. Blocks of different keys end at different times, so that no trigger has the walk of all keys to do.
//!
//! A row for a pane that was merged already makes the key begin anew: one merge for each pane of its next window.

use super::{PaneRecord, SlidingAggregate};
use crate::aggregate::{Aggregate, Stored};
use crate::state::{Key, SlotId, SlotIndex, Table};
use crate::time::Timestamp;

/// What a pane keeps of merging.
#[derive(Debug, Clone)]
pub(super) struct Merged<A> {
    /// The merge of panes of this block: up to this one while the block is open, from this one on afterwards.
    panes: Option<A>,
    /// For the first pane of a key: the last pane that has been merged, as a slot number plus one; 0 for none, and then no merge of the key counts.
    newest: u32,
}

impl<A> Merged<A> {
    pub(super) const fn none() -> Self {
        Self { panes: None, newest: 0 }
    }
}

type Panes<'s, K, S, I> = Table<'s, K, PaneRecord<S>, I>;

/// The last pane that has been merged, of the key whose first pane is in `first`.
pub(super) fn newest_merged<K: Key, S: Stored, I: SlotIndex>(
    table: &Panes<'_, K, S, I>,
    first: SlotId,
) -> Option<SlotId> {
    u32::decode(table.record(first)?.1.merged.newest)
}

/// Says which pane was merged last, or that no merge counts.
pub(super) fn set_newest_merged<K: Key, S: Stored, I: SlotIndex>(
    table: &mut Panes<'_, K, S, I>,
    first: SlotId,
    newest: Option<SlotId>,
) {
    if let Some(record) = table.edit_unmarked(first) {
        record.merged.newest = u32::encode(newest);
    }
}

/// Forgets the merges of the key that the pane in `slot` belongs to. Costs a step for each pane before it.
pub(super) fn forget_merges<K: Key, S: Stored, I: SlotIndex>(table: &mut Panes<'_, K, S, I>, slot: SlotId) {
    let mut first = slot;
    for _ in 0..table.len() {
        let Some(before) = table.before(first) else { break };
        first = before;
    }
    set_newest_merged(table, first, None);
}

impl<KF, A> SlidingAggregate<KF, A> {
    /// What the window of `first`'s key merges to that ends at `end`; `None` if it holds no rows. The windows of a key are asked for in order, each
    /// once, and none is left out after which merges still count.
    pub(super) fn merged<T, K, I>(
        &self,
        table: &mut Panes<'_, K, A::State, I>,
        first: SlotId,
        end: Timestamp,
    ) -> Option<A::State>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        let (_, head) = table.record(first)?;
        let (head_start, before) = (head.start, u32::decode(head.merged.newest));
        let start = self.window.ending_at(end).start;
        let block = self.window.block_of(start, table.share_of(first));
        // Of the window, what is before this belongs to one block, and the rest to the next.
        let boundary = block.saturating_add(self.window.size());
        let newest = self.merge_up_to(table, (first, before), (boundary, end))?;
        let turns = before.is_none() || block > start.saturating_sub(self.window.slide());
        if turns {
            self.merge_from_each(table, newest, boundary);
        }
        if before != Some(newest) {
            set_newest_merged(table, first, Some(newest));
        }

        let (_, last) = table.record(newest)?;
        let later = if last.start < boundary { None } else { last.merged.panes.as_ref() };
        if head_start >= boundary {
            return later.cloned();
        }
        let mut window = table.record(first)?.1.merged.panes.clone()?;
        if let Some(later) = later {
            self.aggregate.merge(&mut window, later);
        }
        Some(window)
    }

    /// Merges panes up to each, those that the window has more than the one before; returns the last.
    fn merge_up_to<T, K, I>(
        &self,
        table: &mut Panes<'_, K, A::State, I>,
        (first, newest): (SlotId, Option<SlotId>),
        (boundary, end): (Timestamp, Timestamp),
    ) -> Option<SlotId>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        let mut newest = newest;
        for _ in 0..table.len() {
            let Some(next) = newest.map_or(Some(first), |newest| table.after(newest)) else { break };
            let Some((_, pane)) = table.record(next).filter(|(_, pane)| pane.start < end) else { break };
            let start = pane.start;
            // What lies before the boundary is merged from each pane on, in `merge_from_each`.
            if start >= boundary {
                let merged = self.up_to(pane, newest.and_then(|newest| table.record(newest)), boundary);
                table.edit_unmarked(next)?.merged.panes = Some(merged);
            }
            newest = Some(next);
            if start.saturating_add(self.window.pane()) >= end {
                break;
            }
        }
        newest
    }

    /// The merge of a block up to a pane, from the merge up to the pane before it.
    #[inline]
    fn up_to<T, K>(
        &self,
        pane: &PaneRecord<A::State>,
        before: Option<(&K, &PaneRecord<A::State>)>,
        boundary: Timestamp,
    ) -> A::State
    where
        T: ?Sized,
        A: Aggregate<T>,
    {
        match before {
            Some((_, before)) if before.start >= boundary => match &before.merged.panes {
                Some(up_to) => {
                    let mut merged = up_to.clone();
                    self.aggregate.merge(&mut merged, &pane.pane);
                    merged
                }
                None => pane.pane.clone(),
            },
            _ => pane.pane.clone(),
        }
    }

    /// Going back from `newest`, merges the panes before `boundary` from each on.
    fn merge_from_each<T, K, I>(
        &self,
        table: &mut Panes<'_, K, A::State, I>,
        newest: SlotId,
        boundary: Timestamp,
    ) where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        let mut merged: Option<A::State> = None;
        let mut slot = Some(newest);
        for _ in 0..table.len() {
            let Some(record) = slot.and_then(|slot| table.edit_unmarked(slot)) else { break };
            if record.start < boundary {
                match &mut merged {
                    Some(merged) => self.aggregate.merge(merged, &record.pane),
                    None => merged = Some(record.pane.clone()),
                }
                record.merged.panes.clone_from(&merged);
            }
            slot = slot.and_then(|slot| table.before(slot));
        }
    }
}
