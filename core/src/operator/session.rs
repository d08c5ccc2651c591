//! Aggregates over sessions: one record per key and open session.

use serde::{Deserialize, Serialize};

use super::full::{evict_earliest, make_room};
use super::results::{by_mode, close_due, last_end, time_of};
use super::{
    Arriving, Cursor, Epoch, Full, LateRow, Modes, Operator, OperatorIdentity, Refused, Side, Taken,
    WindowRow, WindowShape,
};
use crate::aggregate::{Aggregate, Stored};
use crate::state::{InOrder, Key, Keyed, Record, Schedule, SlotId, SlotIndex, Table};
use crate::time::Timestamp;
use crate::window::{SessionGap, Window};

/// One open session of one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionRecord<A> {
    start: Timestamp,
    end: Timestamp,
    session: A,
}

impl<A: Stored> Record for SessionRecord<A> {
    type Lookup = InOrder;
    const SCHEDULE: Schedule = Schedule::Each;

    fn position(&self) -> Timestamp {
        self.start
    }

    fn deadline(&self) -> Timestamp {
        self.end
    }
}

/// The aggregates `A` of rows grouped by `K` over sessions with the gap `G`.
///
/// Sessions of a key never touch: rows that bridge two of them make them one. A row that comes when later sessions of its
/// key are open costs a step for each of them.
#[derive(Debug, Clone)]
pub struct SessionAggregate<K, G, A> {
    pub(crate) key: K,
    pub(crate) gap: G,
    pub(crate) aggregate: A,
}

impl<KF, G, A> SessionAggregate<KF, G, A> {
    fn row<T: ?Sized, K: Key, S>(
        &self,
        key: &K,
        record: &SessionRecord<S>,
        early: bool,
    ) -> WindowRow<K, A::Output>
    where
        A: Aggregate<T, State = S>,
    {
        let window = Window { start: record.start, end: record.end };
        WindowRow { window, key: key.clone(), value: self.aggregate.finish(&record.session), early }
    }

    /// Takes the older sessions of the same key that reach into `target`'s new span into it.
    fn absorb_older<T, K, I>(
        &self,
        table: &mut Table<'_, K, SessionRecord<A::State>, I>,
        target: SlotId,
        start: Timestamp,
    ) where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        for _ in 0..table.len() {
            let Some(older) = table.before(target) else { break };
            if table.record(older).is_none_or(|(_, record)| record.end < start) {
                break;
            }
            let Some((_, absorbed)) = table.remove(older) else { break };
            table.edit_deadline(target, |record| {
                record.start = record.start.min(absorbed.start);
                record.end = record.end.max(absorbed.end);
                self.aggregate.merge(&mut record.session, &absorbed.session);
            });
        }
    }
}

/// The session of `key` with the highest start that touches `[start, end]`.
fn touching<K: Key, S, I: SlotIndex>(
    table: &Table<'_, K, SessionRecord<S>, I>,
    key: &K,
    start: Timestamp,
    end: Timestamp,
) -> Option<SlotId>
where
    S: Stored,
{
    let mut candidate = table.last_of(key);
    for _ in 0..table.len() {
        let slot = candidate?;
        let (_, record) = table.record(slot)?;
        if record.start <= end {
            return (record.end >= start).then_some(slot);
        }
        candidate = table.before(slot);
    }
    None
}

impl<T, K, KF, G, A> Operator<T> for SessionAggregate<KF, G, A>
where
    T: ?Sized,
    K: Key,
    KF: Fn(&T) -> K,
    G: SessionGap<T>,
    A: Aggregate<T>,
{
    type Shape = Keyed<K, SessionRecord<A::State>>;
    type Output = WindowRow<K, A::Output>;
    // A session that grew or merged is another window: what was given for it before could not be taken back.
    const MODES: Modes = Modes { append: true, update: false, complete: true };

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let window = match self.gap.fixed() {
            Some(gap) => WindowShape { kind: 3, micros: [gap.as_micros(), 0, 0] },
            None => WindowShape { kind: 4, micros: [0; 3] },
        };
        tell(OperatorIdentity::of::<Keyed<K, SessionRecord<A::State>>>(window));
    }

    /// A row is late by the end of the session it would have alone, also where it would have joined an open one (Spark's rule).
    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, K, SessionRecord<A::State>, I>,
        &Arriving { row, at, arrival }: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        let gap = self.gap.gap(row);
        let Some(start) = at.filter(|_| !gap.is_zero()) else { return Ok(Taken::WithoutWindow) };
        let end = start + gap;
        if epoch.is_closed(end) {
            side.late(LateRow { row, at: start, late_windows: 1, dropped: true });
            return Ok(Taken::Late { late_windows: 1 });
        }
        let key = (self.key)(row);
        if let Some(slot) = touching(table, &key, start, end) {
            table.edit_deadline(slot, |record| {
                record.start = record.start.min(start);
                record.end = record.end.max(end);
                self.aggregate.update(&mut record.session, row, arrival);
            });
            self.absorb_older(table, slot, start);
            return Ok(Taken::Used { late_windows: 0 });
        }
        if table.len() >= table.capacity()
            && !make_room(epoch, row, side, |side| {
                evict_earliest(table, side, |key, record| self.row(key, record, true))
            })?
        {
            return Ok(Taken::Dropped);
        }
        let mut session = self.aggregate.init();
        self.aggregate.update(&mut session, row, arrival);
        table.insert(key, SessionRecord { start, end, session }).map_err(|_| Refused::NoRoom)?;
        Ok(Taken::Used { late_windows: 0 })
    }

    fn results<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, K, SessionRecord<A::State>, I>,
        epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        by_mode(table, epoch.mode, cursor, |key, record| {
            let row = self.row(key, record, false);
            let at = time_of(row.window);
            sink(row, at)
        })
    }

    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, K, SessionRecord<A::State>, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        close_due(
            table,
            epoch,
            |end| end,
            |key, record| {
                let row = self.row(key, record, false);
                let at = time_of(row.window);
                sink(row, at)
            },
        )
    }

    fn next_close<I: SlotIndex>(
        &self,
        table: &Table<'_, K, SessionRecord<A::State>, I>,
    ) -> Option<Timestamp> {
        table.record(table.earliest()?).map(|(_, record)| record.end)
    }

    fn last_close<I: SlotIndex>(
        &self,
        table: &Table<'_, K, SessionRecord<A::State>, I>,
    ) -> Option<Timestamp> {
        last_end(table, |record| record.end)
    }
}
