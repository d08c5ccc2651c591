//! Aggregates over tumbling windows: one record per key and window.

use serde::{Deserialize, Serialize};

use super::full::{evict_earliest, make_room};
use super::results::{by_mode, close_due, last_end, time_of};
use super::{
    Arriving, Cursor, Epoch, Full, LateRow, Modes, Operator, OperatorIdentity, Refused, Side, Taken,
    WindowRow, WindowShape,
};
use crate::aggregate::{Aggregate, Stored};
use crate::state::{ByPosition, Key, Keyed, Record, Schedule, SlotIndex, Table};
use crate::time::Timestamp;
use crate::window::Tumbling;

/// One window of one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WindowRecord<A> {
    start: Timestamp,
    state: A,
}

impl<A: Stored> Record for WindowRecord<A> {
    type Lookup = ByPosition;
    const SCHEDULE: Schedule = Schedule::Together;

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
    type Shape = Keyed<K, WindowRecord<A::State>>;
    type Output = WindowRow<K, A::Output>;
    const MODES: Modes = Modes::ALL;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let window = WindowShape {
            kind: 1,
            micros: [self.window.size().as_micros(), 0, self.window.offset().as_micros()],
        };
        tell(OperatorIdentity::of::<Keyed<K, WindowRecord<A::State>>>(window));
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, K, WindowRecord<A::State>, I>,
        &Arriving { row, at, arrival }: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        let Some(at) = at else { return Ok(Taken::WithoutWindow) };
        let window = self.window.window_of(at);
        if epoch.is_closed(window.end) {
            side.late(LateRow { row, at, late_windows: 1, dropped: true });
            return Ok(Taken::Late { late_windows: 1 });
        }
        let key = (self.key)(row);
        if let Some(slot) = table.find(&key, window.start) {
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
        table.insert(key, WindowRecord { start: window.start, state }).map_err(|_| Refused::NoRoom)?;
        Ok(Taken::Used { late_windows: 0 })
    }

    fn results<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, K, WindowRecord<A::State>, I>,
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
        table: &mut Table<'_, K, WindowRecord<A::State>, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = |start| self.window.starting_at(start).end;
        close_due(table, epoch, end, |key, record| {
            let row = self.row(key, record, false);
            let at = time_of(row.window);
            sink(row, at)
        })
    }

    fn next_close<I: SlotIndex>(&self, table: &Table<'_, K, WindowRecord<A::State>, I>) -> Option<Timestamp> {
        let (_, record) = table.record(table.earliest()?)?;
        Some(self.window.starting_at(record.start).end)
    }

    fn last_close<I: SlotIndex>(&self, table: &Table<'_, K, WindowRecord<A::State>, I>) -> Option<Timestamp> {
        last_end(table, |record| self.window.starting_at(record.start).end)
    }
}
