//! Aggregates over all rows: one group, which gives a result in every epoch, also when no row ever came (Spark's rule
//! for an aggregate without keys).

use super::{Cursor, Epoch, GroupRecord, GroupRow, NoRoom, Operator, Side, Taken, WindowShape};
use crate::aggregate::Aggregate;
use crate::state::{SlotIndex, Table};
use crate::time::Timestamp;

/// The aggregates `A` of all rows.
#[derive(Debug, Clone)]
pub struct GlobalAggregate<A> {
    pub(crate) aggregate: A,
}

impl<T: ?Sized, A: Aggregate<T>> Operator<T> for GlobalAggregate<A> {
    type Key = ();
    type Value = GroupRecord<A::State>;
    type Output = GroupRow<(), A::Output>;
    const ALWAYS_GIVES: bool = true;

    fn shape(&self) -> WindowShape {
        WindowShape { kind: 0, micros: [0; 3] }
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, (), Self::Value, I>,
        row: &T,
        _at: Option<Timestamp>,
        arrival: u64,
        _epoch: &Epoch,
        _side: &mut D,
    ) -> Result<Taken, NoRoom> {
        let slot = match table.last_of(&()) {
            Some(slot) => slot,
            None => table.insert((), GroupRecord { group: self.aggregate.init() }).map_err(|_| NoRoom)?,
        };
        if let Some(record) = table.edit(slot) {
            self.aggregate.update(&mut record.group, row, arrival);
        }
        Ok(Taken::Used { late_windows: 0 })
    }

    fn results_changed<I: SlotIndex, E>(
        &self,
        table: &mut Table<'_, (), Self::Value, I>,
        _epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E> {
        self.results_all(table, cursor, sink)?;
        table.pop_changed();
        Ok(())
    }

    fn results_all<I: SlotIndex, E>(
        &self,
        table: &Table<'_, (), Self::Value, I>,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E> {
        if cursor.slot > 0 {
            return Ok(());
        }
        let value = match table.last_of(&()).and_then(|slot| table.record(slot)) {
            Some((_, record)) => self.aggregate.finish(&record.group),
            None => self.aggregate.finish(&self.aggregate.init()),
        };
        sink(GroupRow { key: (), value })?;
        cursor.slot = 1;
        Ok(())
    }

    fn close<I: SlotIndex, E>(
        &self,
        _table: &mut Table<'_, (), Self::Value, I>,
        _epoch: &Epoch,
        _sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E> {
        Ok(())
    }

    fn next_close<I: SlotIndex>(&self, _table: &Table<'_, (), Self::Value, I>) -> Option<Timestamp> {
        None
    }

    fn last_close<I: SlotIndex>(&self, _table: &Table<'_, (), Self::Value, I>) -> Option<Timestamp> {
        None
    }
}
