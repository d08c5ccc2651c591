//! Aggregates of rows with the same event time: one record per key and moment.

use serde::{Deserialize, Serialize};

use super::full::make_room;
use super::results::{by_mode, close_due, record_at};
use super::stored_time::StoredTime;
use super::{
    Arriving, Cursor, Epoch, Full, Modes, Operator, OperatorIdentity, Refused, Side, Taken, WindowShape,
};
use crate::aggregate::{Aggregate, Stored};
use crate::state::{ByPosition, Key, Keyed, Record, Schedule, SlotIndex, Table};
use crate::time::Timestamp;

/// The group of one event time and one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventTimeRecord<A> {
    /// None for rows without event time: never due.
    at: StoredTime,
    group: A,
}

impl<A: Stored> Record for EventTimeRecord<A> {
    type Lookup = ByPosition;
    const SCHEDULE: Schedule = Schedule::Each;

    fn position(&self) -> Timestamp {
        self.at.order()
    }

    fn deadline(&self) -> Timestamp {
        self.at.order()
    }
}

/// The result for one event time and one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EventTimeRow<K, O> {
    /// The event time of the rows; `None` for those without.
    pub at: Option<Timestamp>,
    /// What the rows were grouped by; `()` without [`group_by`](crate::Stream::group_by).
    pub key: K,
    /// What the aggregates answered.
    pub value: O,
    /// Whether the group left before the watermark closed it, to make room ([`OnFull::EvictOldest`](crate::OnFull::EvictOldest)). Rows that
    /// come later for it come in a result of their own.
    pub early: bool,
}

/// The aggregates `A` of rows grouped by their event time and `K`.
#[derive(Debug, Clone)]
pub struct EventTimeAggregate<K, A> {
    pub(crate) key: K,
    pub(crate) aggregate: A,
}

impl<KF, A> EventTimeAggregate<KF, A> {
    fn row<T, K>(
        &self,
        key: &K,
        record: &EventTimeRecord<A::State>,
        early: bool,
    ) -> EventTimeRow<K, A::Output>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
    {
        let value = self.aggregate.finish(&record.group);
        EventTimeRow { at: record.at.time(), key: key.clone(), value, early }
    }

    /// Gives the group that closes first to the side output and removes it. One without event time never closes and never leaves.
    fn evict<T, K, I, D>(
        &self,
        table: &mut Table<'_, K, EventTimeRecord<A::State>, I>,
        side: &mut D,
    ) -> Result<(), Refused>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
        D: Side<T, EventTimeRow<K, A::Output>>,
    {
        let earliest = table.earliest().ok_or(Refused::NoRoom)?;
        let (key, record) = table.record(earliest).ok_or(Refused::NoRoom)?;
        let at = record.at.time().ok_or(Refused::NoRoom)?;
        side.early_at(self.row(key, record, true), Some(at))?;
        table.remove(earliest);
        Ok(())
    }
}

impl<T, K, KF, A> Operator<T> for EventTimeAggregate<KF, A>
where
    T: ?Sized,
    K: Key,
    KF: Fn(&T) -> K,
    A: Aggregate<T>,
{
    type Shape = Keyed<K, EventTimeRecord<A::State>>;
    type Output = EventTimeRow<K, A::Output>;
    const MODES: Modes = Modes::ALL;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let window = WindowShape { kind: 13, micros: [0; 3] };
        tell(OperatorIdentity::of::<Keyed<K, EventTimeRecord<A::State>>>(window));
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, K, EventTimeRecord<A::State>, I>,
        arriving: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        if let Some(late) = arriving.late(epoch, side) {
            return Ok(late);
        }
        let &Arriving { row, at, arrival } = arriving;
        let key = (self.key)(row);
        let at = StoredTime::of(at);
        if let Some(slot) = record_at(table, &key, at.order()) {
            if let Some(record) = table.edit(slot) {
                self.aggregate.update(&mut record.group, row, arrival);
            }
            return Ok(Taken::Used { late_windows: 0 });
        }
        if table.len() >= table.capacity() && !make_room(epoch, row, side, |side| self.evict(table, side))? {
            return Ok(Taken::Dropped);
        }
        let mut group = self.aggregate.init();
        self.aggregate.update(&mut group, row, arrival);
        table.insert(key, EventTimeRecord { at, group }).map_err(|_| Refused::NoRoom)?;
        Ok(Taken::Used { late_windows: 0 })
    }

    fn results<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, K, EventTimeRecord<A::State>, I>,
        epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        by_mode(table, epoch.mode, cursor, |key, record| sink(self.row(key, record, false), record.at.time()))
    }

    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, K, EventTimeRecord<A::State>, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        close_due(table, epoch, |at| at, |key, record| sink(self.row(key, record, false), record.at.time()))
    }

    fn next_close<I: SlotIndex>(
        &self,
        table: &Table<'_, K, EventTimeRecord<A::State>, I>,
    ) -> Option<Timestamp> {
        let (_, record) = table.record(table.earliest()?)?;
        record.at.time()
    }

    fn last_close<I: SlotIndex>(
        &self,
        table: &Table<'_, K, EventTimeRecord<A::State>, I>,
    ) -> Option<Timestamp> {
        let records = table.occupied_from(0).filter_map(|slot| table.record(slot));
        records.filter_map(|(_, record)| record.at.time()).max()
    }
}
