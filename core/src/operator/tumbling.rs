//! Aggregates over tumbling windows: one record per key and window.

use serde::{Deserialize, Serialize};

use super::full::{evict_earliest, make_room};
use super::results::{close_due, each, each_changed, last_end, record_at};
use super::{Cursor, Epoch, LateRow, NoRoom, Operator, Side, Taken, WindowRow, WindowShape};
use crate::aggregate::Aggregate;
use crate::state::{Key, Record, Schedule, SlotIndex, Table};
use crate::time::Timestamp;
use crate::window::Tumbling;

/// One window of one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WindowRecord<A> {
    start: Timestamp,
    state: A,
}

impl<A: Serialize + serde::de::DeserializeOwned> Record for WindowRecord<A> {
    const SCHEDULE: Schedule = Schedule::Each;

    fn position(&self) -> Timestamp {
        self.start
    }

    /// All windows have one size, so their starts order them as their ends would.
    fn deadline(&self) -> Timestamp {
        self.start
    }
}

/// The aggregates `A` of rows grouped by `K` over tumbling windows.
#[derive(Debug, Clone)]
pub struct TumblingAggregate<K, A> {
    pub(crate) key: K,
    pub(crate) window: Tumbling,
    pub(crate) aggregate: A,
}

impl<KF, A> TumblingAggregate<KF, A> {
    fn row<T, K: Key>(&self, key: &K, record: &WindowRecord<A::State>, early: bool) -> WindowRow<K, A::Output>
    where
        T: ?Sized,
        A: Aggregate<T>,
    {
        let window = self.window.starting_at(record.start);
        WindowRow { window, key: key.clone(), value: self.aggregate.finish(&record.state), early }
    }
}

impl<T, K, KF, A> Operator<T> for TumblingAggregate<KF, A>
where
    T: ?Sized,
    K: Key,
    KF: Fn(&T) -> K,
    A: Aggregate<T>,
{
    type Key = K;
    type Value = WindowRecord<A::State>;
    type Output = WindowRow<K, A::Output>;

    fn shape(&self) -> WindowShape {
        WindowShape { kind: 1, micros: [self.window.size().as_micros(), 0, self.window.offset().as_micros()] }
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, K, Self::Value, I>,
        row: &T,
        at: Option<Timestamp>,
        arrival: u64,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, NoRoom> {
        let Some(at) = at else { return Ok(Taken::WithoutWindow) };
        let window = self.window.window_of(at);
        if epoch.is_closed(window.end) {
            side.late(LateRow { row, at, late_windows: 1, dropped: true });
            return Ok(Taken::Late { late_windows: 1 });
        }
        let key = (self.key)(row);
        if let Some(slot) = record_at(table, &key, window.start) {
            if let Some(record) = table.edit(slot) {
                self.aggregate.update(&mut record.state, row, arrival);
            }
            return Ok(Taken::Used { late_windows: 0 });
        }
        if table.len() >= table.capacity()
            && !make_room(epoch, row, side, |side| {
                evict_earliest(table, side, |key, record| self.row(key, record, true))
            })?
        {
            return Ok(Taken::Dropped);
        }
        let mut state = self.aggregate.init();
        self.aggregate.update(&mut state, row, arrival);
        table.insert(key, WindowRecord { start: window.start, state }).map_err(|_| NoRoom)?;
        Ok(Taken::Used { late_windows: 0 })
    }

    fn results_changed<I: SlotIndex, E>(
        &self,
        table: &mut Table<'_, K, Self::Value, I>,
        _epoch: &Epoch,
        _cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E> {
        each_changed(table, |key, record| sink(self.row(key, record, false)))
    }

    fn results_all<I: SlotIndex, E>(
        &self,
        table: &Table<'_, K, Self::Value, I>,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E> {
        each(table, cursor, |key, record| sink(self.row(key, record, false)))
    }

    fn close<I: SlotIndex, E>(
        &self,
        table: &mut Table<'_, K, Self::Value, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = |record: &Self::Value| self.window.starting_at(record.start).end;
        close_due(table, epoch, end, |key, record| sink(self.row(key, record, false)))
    }

    fn next_close<I: SlotIndex>(&self, table: &Table<'_, K, Self::Value, I>) -> Option<Timestamp> {
        let (_, record) = table.record(table.earliest()?)?;
        Some(self.window.starting_at(record.start).end)
    }

    fn last_close<I: SlotIndex>(&self, table: &Table<'_, K, Self::Value, I>) -> Option<Timestamp> {
        last_end(table, |record| self.window.starting_at(record.start).end)
    }
}
