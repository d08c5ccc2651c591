//! Aggregates over sliding windows: one record per key and pane. A window's panes are merged when it is given out.

mod given;
mod merging;

use serde::{Deserialize, Serialize};

use self::merging::{Merged, forget_merges, newest_merged, set_newest_merged};
use super::full::make_room;
use super::results::{each_due, last_end, time_of};
use super::{
    Arriving, Cursor, Epoch, Full, LateRow, Modes, Operator, OperatorIdentity, OutputMode, Refused, Side,
    Taken, WindowRow, WindowShape,
};
use crate::aggregate::{Aggregate, Stored};
use crate::state::{InOrder, Key, Keyed, Record, Schedule, SlotId, SlotIndex, Table};
use crate::time::{Span, Timestamp};
use crate::window::Sliding;

/// One pane of one key. The first pane of a key stands for the key in the order by deadline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaneRecord<A> {
    start: Timestamp,
    /// For the first pane of a key: the end of the key's next window to be given out (append mode), or of the last window
    /// that holds the pane (other modes).
    due: Timestamp,
    pane: A,
    /// Merged with its neighbours: see [`merging`]. Not in the checkpoint, since it follows from the panes.
    #[serde(skip, default = "Merged::none")]
    merged: Merged<A>,
}

impl<A: Stored> Record for PaneRecord<A> {
    type Lookup = InOrder;
    const SCHEDULE: Schedule = Schedule::FirstOfKey;

    fn position(&self) -> Timestamp {
        self.start
    }

    fn deadline(&self) -> Timestamp {
        self.due
    }
}

/// The aggregates `A` of rows grouped by `K` over sliding windows.
///
/// A row costs one update of one pane. A window that closes costs two merges, however many panes it has; one that is given out otherwise (early, in update
/// or complete mode) a merge for each of its panes that holds rows.
#[derive(Debug, Clone)]
pub struct SlidingAggregate<K, A> {
    pub(crate) key: K,
    pub(crate) window: Sliding,
    pub(crate) aggregate: A,
}

impl<KF, A> SlidingAggregate<KF, A> {
    /// When a pane must be looked at first.
    fn due(&self, start: Timestamp, epoch: &Epoch) -> Timestamp {
        if epoch.mode != OutputMode::Append {
            return self.window.last_end(start);
        }
        // The later the moment, the later the first window that holds it ends.
        self.window.first_end(epoch.watermark.map_or(start, |watermark| start.max(watermark)))
    }

    /// The window of `first`'s key that ends at `end`: merges the panes from `first` on. `None` if they hold no rows of it.
    fn row<T, K, I>(
        &self,
        table: &Table<'_, K, PaneRecord<A::State>, I>,
        first: SlotId,
        end: Timestamp,
        early: bool,
    ) -> Option<WindowRow<K, A::Output>>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        let window = self.window.ending_at(end);
        let mut panes = table
            .in_order_from(first)
            .skip_while(|record| record.start < window.start)
            .take_while(|record| record.start < end);
        let mut merged = panes.next()?.pane.clone();
        panes.for_each(|record| self.aggregate.merge(&mut merged, &record.pane));
        let (key, _) = table.record(first)?;
        Some(WindowRow { window, key: key.clone(), value: self.aggregate.finish(&merged), early })
    }

    /// Moves a key on from the window that ended at `end`: drops panes that no later window holds, and makes the first one left,
    /// which it returns, due with the next window that holds it.
    fn move_on<K: Key, S, I: SlotIndex>(
        &self,
        table: &mut Table<'_, K, PaneRecord<S>, I>,
        first: SlotId,
        end: Timestamp,
    ) -> Option<SlotId>
    where
        S: Stored,
    {
        let next_end = end + self.window.slide();
        // At the end of time there is no next window.
        let keep_from = (next_end > end).then(|| self.window.ending_at(next_end).start);
        let is_kept = |start| keep_from.is_some_and(|from| start >= from);
        // What the window has that ends now, the next one has, too, unless it leaves.
        let due = |start| if start < end { next_end } else { self.window.first_end(start).max(next_end) };
        let start = table.record(first)?.1.start;
        if is_kept(start) {
            table.edit_deadline_unmarked(first, |record| record.due = due(start));
            return Some(first);
        }
        let newest = newest_merged(table, first);
        let mut is_newest_kept = newest != Some(first);
        let mut kept = table.after(first);
        for _ in 0..table.len() {
            let Some(slot) = kept else { break };
            let Some((_, record)) = table.record(slot) else { break };
            let start = record.start;
            if is_kept(start) {
                table.edit_deadline_unmarked(slot, |record| record.due = due(start));
                set_newest_merged(table, slot, newest.filter(|_| is_newest_kept));
                break;
            }
            is_newest_kept &= kept != newest;
            kept = table.after(slot);
        }
        // Its due time is right already when it takes the place of these in the order.
        let mut dropped = Some(first);
        for _ in 0..table.len() {
            let Some(slot) = dropped.filter(|_| dropped != kept) else { break };
            dropped = table.after(slot);
            table.discard(slot);
        }
        kept
    }

    /// Gives the window of `first`'s key that ends at `end` in append mode, and moves the key on; in other modes removes the pane.
    fn close_window<T, K, I, E>(
        &self,
        table: &mut Table<'_, K, PaneRecord<A::State>, I>,
        first: SlotId,
        end: Timestamp,
        epoch: &Epoch,
        sink: &mut impl FnMut(WindowRow<K, A::Output>, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        if epoch.mode != OutputMode::Append {
            table.discard(first);
            return Ok(());
        }
        if let Some(merged) = self.merged(table, first, end)
            && let Some((key, _)) = table.record(first)
        {
            let window = self.window.ending_at(end);
            let row =
                WindowRow { window, key: key.clone(), value: self.aggregate.finish(&merged), early: false };
            sink(row, time_of(window))?;
        }
        self.move_on(table, first, end);
        Ok(())
    }

    /// Frees the pane that is due first: gives out early the windows that hold it, at most size / slide of them.
    fn evict<T, K, I, D>(
        &self,
        table: &mut Table<'_, K, PaneRecord<A::State>, I>,
        side: &mut D,
    ) -> Result<(), Refused>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
        D: Side<T, WindowRow<K, A::Output>>,
    {
        let first = table.earliest().ok_or(Refused::NoRoom)?;
        // Each round moves the pane's due time on by a slide, up to the last window that holds it.
        while let Some(end) = table.record(first).map(|(_, record)| record.due) {
            if let Some(row) = self.row(table, first, end, true) {
                let at = time_of(row.window);
                side.early_at(row, at)?;
            }
            let left = self.move_on(table, first, end);
            // The due time says what has been given out, so it belongs into the checkpoint here.
            if let Some(left) = left {
                table.edit(left);
                set_newest_merged(table, left, None);
            }
            if left != Some(first) {
                break;
            }
        }
        if table.len() < table.capacity() { Ok(()) } else { Err(Refused::NoRoom) }
    }

    /// The end of the last window of `key` that was given out early, if any was.
    fn given_early<K: Key, S, I: SlotIndex>(
        &self,
        table: &Table<'_, K, PaneRecord<S>, I>,
        key: &K,
        epoch: &Epoch,
    ) -> Option<Timestamp>
    where
        S: Stored,
    {
        if !epoch.given_early {
            return None;
        }
        let mut first = table.last_of(key)?;
        for _ in 0..table.len() {
            match table.before(first) {
                Some(before) => first = before,
                None => break,
            }
        }
        let (_, record) = table.record(first)?;
        (record.due > self.due(record.start, epoch)).then(|| record.due - self.window.slide())
    }
}

impl<T, K, KF, A> Operator<T> for SlidingAggregate<KF, A>
where
    T: ?Sized,
    K: Key,
    KF: Fn(&T) -> K,
    A: Aggregate<T>,
{
    type Shape = Keyed<K, PaneRecord<A::State>>;
    type Output = WindowRow<K, A::Output>;
    const MODES: Modes = Modes::ALL;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let micros = [self.window.size(), self.window.slide(), self.window.offset()].map(Span::as_micros);
        let window = WindowShape { kind: 2, micros };
        tell(OperatorIdentity::of::<Keyed<K, PaneRecord<A::State>>>(window));
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, K, PaneRecord<A::State>, I>,
        &Arriving { row, at, arrival }: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        let Some(at) = at else { return Ok(Taken::WithoutWindow) };
        let start = self.window.pane_of(at);
        // A pane that begins at the watermark or later is in no window that has closed.
        let is_behind = epoch.watermark > Some(start) && epoch.mode != OutputMode::Complete;
        let closed = epoch.watermark.filter(|_| is_behind);
        if is_behind && epoch.is_closed(self.window.last_end(start)) {
            let late_windows = closed.map_or(0, |watermark| self.window.windows_closed(start, watermark));
            side.late(LateRow { row, at, late_windows, dropped: true });
            return Ok(Taken::Late { late_windows });
        }
        let key = (self.key)(row);
        let slot = table.find(&key, start);
        let mut given = self.given_early(table, &key, epoch);
        let is_given = |given| given >= Some(self.window.last_end(start));
        if slot.is_none() && table.len() >= table.capacity() && !(given.is_some() && is_given(given)) {
            if !make_room(epoch, row, side, |side| self.evict(table, side))? {
                return Ok(Taken::Dropped);
            }
            // The eviction may have been the first.
            given = self.given_early(table, &key, &Epoch { given_early: true, ..*epoch });
        }
        let late_windows =
            closed.max(given).map_or(0, |watermark| self.window.windows_closed(start, watermark));
        if given.is_some() && is_given(given) {
            side.late(LateRow { row, at, late_windows, dropped: true });
            return Ok(Taken::Late { late_windows });
        }
        if late_windows > 0 {
            side.late(LateRow { row, at, late_windows, dropped: false });
        }
        // A pane that a closed window has may have been merged.
        let may_be_merged =
            epoch.closing.is_some_and(|closing| self.window.windows_closed(start, closing) > 0);
        if let Some(slot) = slot {
            if let Some(record) = table.edit(slot) {
                self.aggregate.update(&mut record.pane, row, arrival);
            }
            if may_be_merged {
                forget_merges(table, slot);
            }
            return Ok(Taken::Used { late_windows });
        }
        let mut pane = self.aggregate.init();
        self.aggregate.update(&mut pane, row, arrival);
        let due = given
            .map_or(self.due(start, epoch), |given| self.due(start, epoch).max(self.window.first_end(given)));
        let merged = Merged::none();
        let slot = table.insert(key, PaneRecord { start, due, pane, merged }).map_err(|_| Refused::NoRoom)?;
        if may_be_merged {
            forget_merges(table, slot);
        }
        Ok(Taken::Used { late_windows })
    }

    fn results<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, K, PaneRecord<A::State>, I>,
        epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        match epoch.mode {
            OutputMode::Append => Ok(()),
            OutputMode::Update => self.results_changed(table, epoch, cursor, sink),
            OutputMode::Complete => self.results_all(table, cursor, sink),
        }
    }

    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, K, PaneRecord<A::State>, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(up_to) = epoch.due_up_to() else { return Ok(()) };
        each_due(
            table,
            |end| end <= up_to,
            |table, first, end| self.close_window(table, first, end, epoch, sink),
        )
    }

    fn next_close<I: SlotIndex>(&self, table: &Table<'_, K, PaneRecord<A::State>, I>) -> Option<Timestamp> {
        table.record(table.earliest()?).map(|(_, record)| record.due)
    }

    fn last_close<I: SlotIndex>(&self, table: &Table<'_, K, PaneRecord<A::State>, I>) -> Option<Timestamp> {
        last_end(table, |record| self.window.last_end(record.start))
    }

    /// The due time of a pane moves on with each window given out, and is written only with the pane: what the watermark has
    /// passed since then has been given out.
    fn restored<I: SlotIndex>(&self, table: &mut Table<'_, K, PaneRecord<A::State>, I>, epoch: &Epoch) {
        for slot in (0..table.slots_used()).filter_map(SlotId::new) {
            if let Some(record) = table.edit_unmarked(slot) {
                record.due = record.due.max(self.due(record.start, epoch));
            }
        }
    }
}
