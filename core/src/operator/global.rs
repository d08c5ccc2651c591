//! Aggregates over all rows: one group, which gives a result in every epoch, also when no row ever came (Spark's rule
//! for an aggregate without keys).

use super::{
    Arriving, Cursor, Epoch, Full, GroupRecord, GroupRow, Modes, Operator, OperatorIdentity, OutputMode,
    Refused, Side, Taken, WindowShape,
};
use crate::aggregate::Aggregate;
use crate::state::{Keyed, SlotIndex, Table};
use crate::time::Timestamp;

/// The aggregates `A` of all rows.
#[derive(Debug, Clone)]
pub struct GlobalAggregate<A> {
    pub(crate) aggregate: A,
}

impl<T: ?Sized, A: Aggregate<T>> Operator<T> for GlobalAggregate<A> {
    type Shape = Keyed<(), GroupRecord<A::State>>;
    type Output = GroupRow<(), A::Output>;
    const MODES: Modes = Modes { append: false, update: true, complete: true };
    const ALWAYS_GIVES: bool = true;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let window = WindowShape { kind: 0, micros: [0; 3] };
        tell(OperatorIdentity::of::<Keyed<(), GroupRecord<A::State>>>(window));
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, (), GroupRecord<A::State>, I>,
        &Arriving { row, arrival, .. }: &Arriving<'_, T>,
        _epoch: &Epoch,
        _side: &mut D,
    ) -> Result<Taken, Refused> {
        let slot = match table.last_of(&()) {
            Some(slot) => slot,
            None => {
                table.insert((), GroupRecord { group: self.aggregate.init() }).map_err(|_| Refused::NoRoom)?
            }
        };
        if let Some(record) = table.edit(slot) {
            self.aggregate.update(&mut record.group, row, arrival);
        }
        Ok(Taken::Used { late_windows: 0 })
    }

    fn results<I: SlotIndex, E: From<Full>>(
        &self,
        table: &mut Table<'_, (), GroupRecord<A::State>, I>,
        epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        if epoch.mode == OutputMode::Append || cursor.slot > 0 {
            return Ok(());
        }
        let value = match table.last_of(&()).and_then(|slot| table.record(slot)) {
            Some((_, record)) => self.aggregate.finish(&record.group),
            None => self.aggregate.finish(&self.aggregate.init()),
        };
        sink(GroupRow { key: (), value }, None)?;
        table.pop_changed();
        cursor.slot = 1;
        Ok(())
    }
}
