//! The windows that update and complete mode give before the watermark moves: those that rows have changed, and all.

use super::super::results::time_of;
use super::super::{Cursor, Epoch, WindowRow};
use super::{PaneRecord, SlidingAggregate};
use crate::aggregate::{Aggregate, Stored};
use crate::state::{Key, SlotId, SlotIndex, Table};
use crate::time::{Span, Timestamp};

impl<KF, A> SlidingAggregate<KF, A> {
    /// Gives the windows that hold the changed pane `slot` and no other pane of the key that is still on the list: those come
    /// with that pane, so each window comes once.
    fn windows_of_changed<T, K, I, E>(
        &self,
        table: &Table<'_, K, PaneRecord<A::State>, I>,
        slot: SlotId,
        epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(WindowRow<K, A::Output>, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        let Some((_, record)) = table.record(slot) else { return Ok(()) };
        let start = record.start;
        let changed_before = start_of_changed(table, slot, self.window.size(), Table::before);
        let changed_after = start_of_changed(table, slot, self.window.size(), Table::after);

        let mut end = self.window.first_end(start);
        for closed in
            [changed_before.map(|before| before + self.window.size()), epoch.watermark, cursor.after]
        {
            end = closed.map_or(end, |closed| end.max(self.window.first_end(closed)));
        }
        let last = self.window.last_end(start).min(changed_after.unwrap_or(Timestamp::MAX));
        while end <= last {
            if let Some(row) = self.row(table, self.first_pane_from(table, slot, end), end, false) {
                let at = time_of(row.window);
                sink(row, at)?;
            }
            cursor.after = Some(end);
            let next = end + self.window.slide();
            if next <= end {
                break;
            }
            end = next;
        }
        Ok(())
    }

    /// Gives every window that holds a changed pane.
    pub(super) fn results_changed<T, K, I, E>(
        &self,
        table: &mut Table<'_, K, PaneRecord<A::State>, I>,
        epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(WindowRow<K, A::Output>, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        while let Some(slot) = table.first_changed() {
            self.windows_of_changed(table, slot, epoch, cursor, sink)?;
            table.pop_changed();
            *cursor = Cursor::default();
        }
        Ok(())
    }

    /// Gives every window of every key.
    pub(super) fn results_all<T, K, I, E>(
        &self,
        table: &Table<'_, K, PaneRecord<A::State>, I>,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(WindowRow<K, A::Output>, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        for slot in table.occupied_from(cursor.slot) {
            if table.before(slot).is_some() {
                continue;
            }
            if cursor.slot != slot.number() {
                (cursor.slot, cursor.after) = (slot.number(), None);
            }
            let mut first = Some(slot);
            for _ in 0..table.len() {
                let Some(pane) = first else { break };
                let Some((_, record)) = table.record(pane) else { break };
                let mut end = self.window.first_end(record.start);
                end = cursor.after.map_or(end, |after| end.max(self.window.first_end(after)));
                let last = self.window.last_end(record.start);
                while end <= last {
                    if let Some(row) = self.row(table, pane, end, false) {
                        let at = time_of(row.window);
                        sink(row, at)?;
                    }
                    cursor.after = Some(end);
                    let next = end + self.window.slide();
                    if next <= end {
                        break;
                    }
                    end = next;
                }
                first = table.after(pane);
            }
            (cursor.slot, cursor.after) = (slot.number().saturating_add(1), None);
        }
        Ok(())
    }

    /// Going back from `slot`, the first pane of the window that ends at `end`.
    fn first_pane_from<K: Key, S, I: SlotIndex>(
        &self,
        table: &Table<'_, K, PaneRecord<S>, I>,
        slot: SlotId,
        end: Timestamp,
    ) -> SlotId
    where
        S: Stored,
    {
        let window = self.window.ending_at(end);
        let mut first = slot;
        for _ in 0..table.len() {
            match table.before(first) {
                Some(before) if table.record(before).is_some_and(|(_, pane)| pane.start >= window.start) => {
                    first = before;
                }
                _ => break,
            }
        }
        first
    }
}

/// Where the next changed pane of the same key starts, going on from `slot` by `next` while panes are less than `within` away.
fn start_of_changed<'s, K: Key, S, I: SlotIndex>(
    table: &Table<'s, K, PaneRecord<S>, I>,
    slot: SlotId,
    within: Span,
    next: impl Fn(&Table<'s, K, PaneRecord<S>, I>, SlotId) -> Option<SlotId>,
) -> Option<Timestamp>
where
    S: Stored,
{
    let here = table.record(slot)?.1.start;
    let mut candidate = next(table, slot);
    for _ in 0..table.len() {
        let other = candidate?;
        let there = table.record(other)?.1.start;
        if there.since(here).max(here.since(there)) >= within {
            return None;
        }
        if table.is_changed(other) {
            return Some(there);
        }
        candidate = next(table, other);
    }
    None
}
