//! Aggregates per key without windows: one record per key, for ever.

use serde::{Deserialize, Serialize};

use super::results::{each, each_changed};
use super::{Cursor, Epoch, GroupRow, NoRoom, OnFull, Operator, Side, Taken, WindowShape};
use crate::aggregate::Aggregate;
use crate::state::{Key, Record, Schedule, SlotIndex, Table};
use crate::time::Timestamp;

/// The group of one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GroupRecord<A> {
    pub(super) group: A,
}

impl<A: Serialize + serde::de::DeserializeOwned> Record for GroupRecord<A> {
    const SCHEDULE: Schedule = Schedule::Never;

    fn position(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn deadline(&self) -> Timestamp {
        Timestamp::MAX
    }
}

/// The aggregates `A` of rows grouped by `K`. The watermark plays no part, as in Spark.
#[derive(Debug, Clone)]
pub struct GroupAggregate<K, A> {
    pub(crate) key: K,
    pub(crate) aggregate: A,
}

impl<KF, A> GroupAggregate<KF, A> {
    fn row<T: ?Sized, K: Key, S>(&self, key: &K, record: &GroupRecord<S>) -> GroupRow<K, A::Output>
    where
        A: Aggregate<T, State = S>,
    {
        GroupRow { key: key.clone(), value: self.aggregate.finish(&record.group) }
    }
}

impl<T, K, KF, A> Operator<T> for GroupAggregate<KF, A>
where
    T: ?Sized,
    K: Key,
    KF: Fn(&T) -> K,
    A: Aggregate<T>,
{
    type Key = K;
    type Value = GroupRecord<A::State>;
    type Output = GroupRow<K, A::Output>;

    fn shape(&self) -> WindowShape {
        WindowShape { kind: 0, micros: [0; 3] }
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, K, Self::Value, I>,
        row: &T,
        _at: Option<Timestamp>,
        arrival: u64,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, NoRoom> {
        let key = (self.key)(row);
        if let Some(slot) = table.last_of(&key) {
            if let Some(record) = table.edit(slot) {
                self.aggregate.update(&mut record.group, row, arrival);
            }
            return Ok(Taken::Used { late_windows: 0 });
        }
        if epoch.on_full == OnFull::Drop && table.len() >= table.capacity() {
            side.dropped(row);
            return Ok(Taken::Dropped);
        }
        let mut group = self.aggregate.init();
        self.aggregate.update(&mut group, row, arrival);
        table.insert(key, GroupRecord { group }).map_err(|_| NoRoom)?;
        Ok(Taken::Used { late_windows: 0 })
    }

    fn results_changed<I: SlotIndex, E>(
        &self,
        table: &mut Table<'_, K, Self::Value, I>,
        _epoch: &Epoch,
        _cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E> {
        each_changed(table, |key, record| sink(self.row(key, record)))
    }

    fn results_all<I: SlotIndex, E>(
        &self,
        table: &Table<'_, K, Self::Value, I>,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E> {
        each(table, cursor, |key, record| sink(self.row(key, record)))
    }

    fn close<I: SlotIndex, E>(
        &self,
        _table: &mut Table<'_, K, Self::Value, I>,
        _epoch: &Epoch,
        _sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E> {
        Ok(())
    }

    fn next_close<I: SlotIndex>(&self, _table: &Table<'_, K, Self::Value, I>) -> Option<Timestamp> {
        None
    }

    fn last_close<I: SlotIndex>(&self, _table: &Table<'_, K, Self::Value, I>) -> Option<Timestamp> {
        None
    }
}
