//! Aggregates over the rows around each row: one record per key and moment, merged with its neighbours when the window around it closes.
//!
//! Rows of one key at one moment have the same window, so they share a record, and its result is given once for each of them.

use serde::{Deserialize, Serialize};

use super::full::has_room;
use super::results::{last_end, record_at};
use super::{Arriving, Epoch, Full, Modes, Operator, OperatorIdentity, Refused, Side, Taken, WindowShape};
use crate::aggregate::{Aggregate, Stored};
use crate::state::{InOrder, Key, Keyed, Record, Schedule, SlotId, SlotIndex, Table};
use crate::time::{Span, Timestamp};
use crate::window::{LookAhead, Window};

/// The result for one row: the aggregates over the rows of its key around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LookAheadRow<K, O> {
    /// The row's event time, and the result's.
    pub at: Timestamp,
    /// The stretch of event time around it.
    pub window: Window,
    /// What the rows were grouped by; `()` without [`group_by`](crate::Stream::group_by).
    pub key: K,
    /// What the aggregates answered.
    pub value: O,
}

/// The rows of one key at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MomentRecord<A> {
    at: Timestamp,
    /// When its results are to be given; after that, when to look whether it can leave.
    due: Timestamp,
    /// For how many of its rows the result has not been given. After that it stays for the results of others.
    to_give: u32,
    /// The aggregates over its rows.
    rows: A,
}

impl<A: Stored> Record for MomentRecord<A> {
    type Lookup = InOrder;
    const SCHEDULE: Schedule = Schedule::Each;

    fn position(&self) -> Timestamp {
        self.at
    }

    fn deadline(&self) -> Timestamp {
        self.due
    }
}

/// The aggregates `A` over the rows around each row, grouped by `K`.
///
/// A row costs one update. A result costs a merge for each moment of its window at which its key has rows; a record that leaves, as many
/// steps as records of its key follow within the span that windows reach back.
#[derive(Debug, Clone)]
pub struct LookAheadAggregate<K, A> {
    pub(crate) key: K,
    pub(crate) window: LookAhead,
    pub(crate) aggregate: A,
}

type Moments<'s, K, S, I> = Table<'s, K, MomentRecord<S>, I>;

impl<KF, A> LookAheadAggregate<KF, A> {
    /// The result for the rows in `slot`.
    fn result<T, K, I>(
        &self,
        table: &Moments<'_, K, A::State, I>,
        slot: SlotId,
    ) -> Option<LookAheadRow<K, A::Output>>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        let (key, own) = table.record(slot)?;
        let window = self.window.around(own.at);
        let first = first_from(table, slot, window.start);
        let mut merged = table.record(first)?.1.rows.clone();
        let mut next = table.after(first);
        for _ in 0..table.len() {
            let Some((_, record)) = next.and_then(|next| table.record(next)) else { break };
            if record.at >= window.end {
                break;
            }
            self.aggregate.merge(&mut merged, &record.rows);
            next = next.and_then(|next| table.after(next));
        }
        let value = self.aggregate.finish(&merged);
        Some(LookAheadRow { at: own.at, window, key: key.clone(), value })
    }

    /// When the record in `slot` can leave: after the last result whose window it is in, of rows that wait or of such as may still come.
    fn leaves<K: Key, S: Stored, I: SlotIndex>(
        &self,
        table: &Moments<'_, K, S, I>,
        slot: SlotId,
    ) -> Option<Timestamp> {
        let last_at = table.record(slot)?.1.at + self.window.before();
        let mut last = last_at;
        let mut next = table.after(slot);
        for _ in 0..table.len() {
            let Some((_, record)) = next.and_then(|next| table.record(next)) else { break };
            if record.at > last_at {
                break;
            }
            if record.to_give > 0 {
                last = last.max(record.due);
            }
            next = next.and_then(|next| table.after(next));
        }
        Some(last + Span::micros(1))
    }
}

/// Going back from `slot`, the first record of its key that is not before `start`.
fn first_from<K: Key, S: Stored, I: SlotIndex>(
    table: &Moments<'_, K, S, I>,
    slot: SlotId,
    start: Timestamp,
) -> SlotId {
    let mut first = slot;
    for _ in 0..table.len() {
        match table.before(first) {
            Some(before) if table.record(before).is_some_and(|(_, record)| record.at >= start) => {
                first = before
            }
            _ => break,
        }
    }
    first
}

/// When the result is to be given whose window's last moment is `last`.
///
/// At the beginning of a query, rows at the watermark are late. Behind another operator they are not ([`Epoch::held_back`]), which shows
/// in that rows are judged by another watermark than records close by: so the watermark must be past the window.
fn due(last: Timestamp, epoch: &Epoch) -> Timestamp {
    if epoch.watermark == epoch.closing { last } else { last + Span::micros(1) }
}

impl<T, K, KF, A> Operator<T> for LookAheadAggregate<KF, A>
where
    T: ?Sized,
    K: Key,
    KF: Fn(&T) -> K,
    A: Aggregate<T>,
{
    type Shape = Keyed<K, MomentRecord<A::State>>;
    type Output = LookAheadRow<K, A::Output>;
    const MODES: Modes = Modes::ONCE;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let micros = [self.window.before().as_micros(), self.window.ahead().as_micros(), 0];
        tell(OperatorIdentity::of::<Keyed<K, MomentRecord<A::State>>>(WindowShape { kind: 12, micros }));
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Moments<'_, K, A::State, I>,
        arriving: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        let &Arriving { row, at: Some(at), arrival } = arriving else { return Ok(Taken::WithoutWindow) };
        if let Some(late) = arriving.late(epoch, side) {
            return Ok(late);
        }
        let key = (self.key)(row);
        let due = due(at + self.window.ahead(), epoch);
        if let Some(slot) = record_at(table, &key, at) {
            table.edit_deadline(slot, |record| {
                self.aggregate.update(&mut record.rows, row, arrival);
                record.due = record.due.max(due);
                record.to_give = record.to_give.saturating_add(1);
            });
            return Ok(Taken::Used { late_windows: 0 });
        }
        // Nothing can leave early: the results of the rows around it would lack it.
        if !has_room(table, epoch, row, side)? {
            return Ok(Taken::Dropped);
        }
        let mut rows = self.aggregate.init();
        self.aggregate.update(&mut rows, row, arrival);
        table.insert(key, MomentRecord { at, due, to_give: 1, rows }).map_err(|_| Refused::NoRoom)?;
        Ok(Taken::Used { late_windows: 0 })
    }

    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Moments<'_, K, A::State, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(up_to) = epoch.due_up_to() else { return Ok(()) };
        // Each record comes up at most three times: for its results, when no further row can want it, and after the last that does.
        while let Some(slot) = table.earliest() {
            let Some((_, &MomentRecord { at, due, to_give, .. })) = table.record(slot) else { break };
            if due > up_to {
                break;
            }
            for _ in 0..to_give {
                let Some(result) = self.result(table, slot) else { break };
                sink(result, Some(at))?;
                if let Some(record) = table.edit(slot) {
                    record.to_give = record.to_give.saturating_sub(1);
                }
            }
            match self.leaves(table, slot) {
                Some(leaves) if leaves > due => table.edit_deadline(slot, |record| record.due = leaves),
                _ => drop(table.remove(slot)),
            }
        }
        Ok(())
    }

    /// Also when only a record leaves that others no longer need.
    fn next_close<I: SlotIndex>(&self, table: &Moments<'_, K, A::State, I>) -> Option<Timestamp> {
        table.record(table.earliest()?).map(|(_, record)| record.due)
    }

    fn last_close<I: SlotIndex>(&self, table: &Moments<'_, K, A::State, I>) -> Option<Timestamp> {
        last_end(table, |record| record.due.max(record.at + self.window.before()) + Span::micros(1))
    }

    /// A row whose window has not closed is older than the watermark by as much as windows reach ahead.
    fn trails(&self) -> Span {
        self.window.ahead()
    }
}
