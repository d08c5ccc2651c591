//! Aggregates over windows that rows open and close: one record per key with an open window. The row that closes it gives it, at once.

use serde::{Deserialize, Serialize};

use super::full::has_room;
use super::stored_time::StoredTime;
use super::{Arriving, Epoch, Modes, Operator, OperatorIdentity, Refused, Side, Taken, WindowShape};
use crate::aggregate::{Aggregate, Stored};
use crate::state::{Key, Keyed, OnePerKey, Record, Schedule, SlotIndex, Table};
use crate::time::Timestamp;
use crate::window::StateWindow;

/// The open window of one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StateWindowRecord<A> {
    /// The event time of the row that opened it.
    opened_at: StoredTime,
    window: A,
}

impl<A: Stored> Record for StateWindowRecord<A> {
    type Lookup = OnePerKey;
    const SCHEDULE: Schedule = Schedule::Never;

    fn position(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn deadline(&self) -> Timestamp {
        Timestamp::MAX
    }
}

/// The result for one window of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StateWindowRow<K, O> {
    /// The event time of the row that opened the window, if it has one.
    pub opened_at: Option<Timestamp>,
    /// The event time of the row that closed it, if it has one. Rows may arrive out of order, so it can be earlier.
    pub closed_at: Option<Timestamp>,
    /// What the rows were grouped by; `()` without [`group_by`](crate::Stream::group_by).
    pub key: K,
    /// What the aggregates answered.
    pub value: O,
}

/// The aggregates `A` of rows grouped by `K` over windows that open with `O` and close with `C`. A row costs one update.
#[derive(Debug, Clone)]
pub struct StateWindowAggregate<K, O, C, A> {
    pub(crate) key: K,
    pub(crate) window: StateWindow<O, C>,
    pub(crate) aggregate: A,
}

impl<T, K, KF, O, C, A> Operator<T> for StateWindowAggregate<KF, O, C, A>
where
    T: ?Sized,
    K: Key,
    KF: Fn(&T) -> K,
    O: Fn(&T) -> bool,
    C: Fn(&T) -> bool,
    A: Aggregate<T>,
{
    type Shape = Keyed<K, StateWindowRecord<A::State>>;
    type Output = StateWindowRow<K, A::Output>;
    const GIVES_AT_PUSH: bool = true;
    const MODES: Modes = Modes::ONCE;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let window = WindowShape { kind: 11, micros: [0; 3] };
        tell(OperatorIdentity::of::<Keyed<K, StateWindowRecord<A::State>>>(window));
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, K, StateWindowRecord<A::State>, I>,
        &Arriving { row, at, arrival }: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        let used = Ok(Taken::Used { late_windows: 0 });
        let key = (self.key)(row);
        let open = table.last_of(&key);
        if open.is_none() && !(self.window.opens)(row) {
            return Ok(Taken::WithoutWindow);
        }
        if (self.window.closes)(row) {
            let found = open.and_then(|slot| table.record(slot));
            let (mut state, opened_at) = match found {
                Some((_, record)) => (record.window.clone(), record.opened_at.time()),
                None => (self.aggregate.init(), at),
            };
            self.aggregate.update(&mut state, row, arrival);
            let value = self.aggregate.finish(&state);
            let given_at = at.filter(|at| !epoch.is_closed(*at));
            side.give_at(StateWindowRow { opened_at, closed_at: at, key, value }, given_at)?;
            if let Some(slot) = open {
                table.remove(slot);
            }
            return used;
        }
        if let Some(slot) = open {
            if let Some(record) = table.edit(slot) {
                self.aggregate.update(&mut record.window, row, arrival);
            }
            return used;
        }
        if !has_room(table, epoch, row, side)? {
            return Ok(Taken::Dropped);
        }
        let mut window = self.aggregate.init();
        self.aggregate.update(&mut window, row, arrival);
        let opened_at = StoredTime::of(at);
        table.insert(key, StateWindowRecord { opened_at, window }).map_err(|_| Refused::NoRoom)?;
        used
    }
}
