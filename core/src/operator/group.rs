//! Aggregates per key without windows: one record per key, for ever.

use serde::{Deserialize, Serialize};

use super::results::by_mode;
use super::{
    Arriving, Cursor, Epoch, Full, GroupRow, Modes, OnFull, Operator, OperatorIdentity, Refused, Side, Taken,
    WindowShape,
};
use crate::aggregate::{Aggregate, Stored};
use crate::state::{Key, Keyed, OnePerKey, Record, Schedule, SlotIndex, Table};
use crate::time::Timestamp;

/// The group of one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GroupRecord<A> {
    pub(super) group: A,
}

impl<A: Stored> Record for GroupRecord<A> {
    type Lookup = OnePerKey;
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
    type Shape = Keyed<K, GroupRecord<A::State>>;
    type Output = GroupRow<K, A::Output>;
    const MODES: Modes = Modes { append: false, update: true, complete: true };

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let window = WindowShape { kind: 0, micros: [0; 3] };
        tell(OperatorIdentity::of::<Keyed<K, GroupRecord<A::State>>>(window));
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, K, GroupRecord<A::State>, I>,
        &Arriving { row, arrival, .. }: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        let key = (self.key)(row);
        if let Some(slot) = table.last_of(&key) {
            if let Some(record) = table.edit(slot) {
                self.aggregate.update(&mut record.group, row, arrival);
            }
            return Ok(Taken::Used { late_windows: 0 });
        }
        if epoch.full_policy() == OnFull::Drop && table.len() >= table.capacity() {
            side.dropped(row);
            return Ok(Taken::Dropped);
        }
        let mut group = self.aggregate.init();
        self.aggregate.update(&mut group, row, arrival);
        table.insert(key, GroupRecord { group }).map_err(|_| Refused::NoRoom)?;
        Ok(Taken::Used { late_windows: 0 })
    }

    fn results<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, K, GroupRecord<A::State>, I>,
        epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        by_mode(table, epoch.mode, cursor, |key, record| sink(self.row(key, record), None))
    }

    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        _table: &mut Table<'_, K, GroupRecord<A::State>, I>,
        _epoch: &Epoch,
        _sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        Ok(())
    }

    fn next_close<I: SlotIndex>(&self, _table: &Table<'_, K, GroupRecord<A::State>, I>) -> Option<Timestamp> {
        None
    }

    fn last_close<I: SlotIndex>(&self, _table: &Table<'_, K, GroupRecord<A::State>, I>) -> Option<Timestamp> {
        None
    }
}
