//! Aggregates over windows of so many rows: one record per key and pane. The row that makes a window full gives it, at once.

use serde::{Deserialize, Serialize};

use super::full::has_room;
use super::stored_time::StoredTime;
use super::{Arriving, Epoch, Modes, Operator, OperatorIdentity, Refused, Side, Taken, WindowShape};
use crate::aggregate::{Aggregate, Stored};
use crate::state::{InOrder, Key, Keyed, Record, Schedule, SlotId, SlotIndex, Table};
use crate::time::Timestamp;
use crate::window::CountWindow;

/// One pane of one key. The last pane of a key also says how many rows the key has had, so it stays for ever.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CountPaneRecord<A> {
    /// The number of its first row among those of the key.
    start: u64,
    rows: u32,
    /// The event time of its first row.
    first_at: StoredTime,
    pane: A,
}

impl<A: Stored> Record for CountPaneRecord<A> {
    type Lookup = InOrder;
    const SCHEDULE: Schedule = Schedule::Never;

    fn position(&self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.start).unwrap_or(i64::MAX))
    }

    fn deadline(&self) -> Timestamp {
        Timestamp::MAX
    }
}

/// The result for one window of one key. Rows are counted from 0 within the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CountWindowRow<K, O> {
    /// The number of the window's first row.
    pub first_row: u64,
    /// The number of its last row.
    pub last_row: u64,
    /// The event time of the first row, if it has one.
    pub first_at: Option<Timestamp>,
    /// The event time of the last row, if it has one.
    pub last_at: Option<Timestamp>,
    /// What the rows were grouped by; `()` without [`group_by`](crate::Stream::group_by).
    pub key: K,
    /// What the aggregates answered.
    pub value: O,
}

/// The aggregates `A` of rows grouped by `K` over windows of so many rows.
///
/// A row costs one update of one pane; the row that makes a window full costs a merge for each of its panes besides.
#[derive(Debug, Clone)]
pub struct CountAggregate<K, A> {
    pub(crate) key: K,
    pub(crate) window: CountWindow,
    pub(crate) aggregate: A,
}

/// Where a row stands among those of its key.
struct Place {
    /// Its number.
    number: u64,
    /// The number of its pane's first row.
    pane_start: u64,
    /// The newest pane of the key.
    newest: Option<SlotId>,
    /// Whether that is the row's.
    in_newest: bool,
}

impl<KF, A> CountAggregate<KF, A> {
    fn place<K: Key, S: Stored, I: SlotIndex>(
        &self,
        table: &Table<'_, K, CountPaneRecord<S>, I>,
        key: &K,
    ) -> Place {
        let newest = table.last_of(key);
        let pane = newest.and_then(|slot| table.record(slot)).map(|(_, pane)| pane);
        let number = pane.map_or(0, |pane| pane.start.saturating_add(u64::from(pane.rows)));
        let pane_rows = u64::from(self.window.pane_rows().get());
        let pane_start = number.saturating_sub(number.checked_rem(pane_rows).unwrap_or(0));
        let in_newest = pane.is_some_and(|pane| pane.start == pane_start);
        Place { number, pane_start, newest, in_newest }
    }

    /// The rows of the window from `first` on that are in panes: their aggregate, and the first one's event time. `None` if there are none.
    fn held<T, K, I>(
        &self,
        table: &Table<'_, K, CountPaneRecord<A::State>, I>,
        newest: Option<SlotId>,
        first: u64,
    ) -> Option<(A::State, StoredTime)>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        let mut held: Option<(A::State, StoredTime)> = None;
        let mut next = newest;
        for _ in 0..self.window.panes_max() {
            let Some((slot, (_, pane))) = next.and_then(|slot| Some((slot, table.record(slot)?))) else {
                break;
            };
            if pane.start < first {
                break;
            }
            match &mut held {
                Some((state, first_at)) => {
                    self.aggregate.merge(state, &pane.pane);
                    *first_at = pane.first_at;
                }
                None => held = Some((pane.pane.clone(), pane.first_at)),
            }
            next = table.before(slot);
        }
        held
    }

    /// Removes the panes of a key that hold no row from `first` on.
    fn release<K: Key, S: Stored, I: SlotIndex>(
        &self,
        table: &mut Table<'_, K, CountPaneRecord<S>, I>,
        newest: Option<SlotId>,
        first: u64,
    ) {
        let mut next = newest;
        for _ in 0..self.window.panes_max() {
            let Some(slot) = next else { break };
            next = table.before(slot);
            if table.record(slot).is_some_and(|(_, pane)| pane.start < first) {
                table.remove(slot);
            }
        }
    }

    /// Puts a row into its pane: the newest of its key, or a new one, which takes the newest's record where windows do not overlap.
    fn put<T, K, I>(
        &self,
        table: &mut Table<'_, K, CountPaneRecord<A::State>, I>,
        place: &Place,
        key: K,
        &Arriving { row, at, arrival }: &Arriving<'_, T>,
    ) -> Result<Taken, Refused>
    where
        T: ?Sized,
        K: Key,
        A: Aggregate<T>,
        I: SlotIndex,
    {
        let newest = place.newest.filter(|_| place.in_newest || !self.window.overlaps());
        if let Some(pane) = newest.filter(|_| place.in_newest).and_then(|slot| table.edit(slot)) {
            let in_window = pane.rows < self.window.rows().get();
            pane.rows = pane.rows.saturating_add(1);
            if !in_window {
                return Ok(Taken::WithoutWindow);
            }
            self.aggregate.update(&mut pane.pane, row, arrival);
            return Ok(Taken::Used { late_windows: 0 });
        }
        let mut pane = self.aggregate.init();
        self.aggregate.update(&mut pane, row, arrival);
        let first_at = StoredTime::of(at);
        let new = CountPaneRecord { start: place.pane_start, rows: 1, first_at, pane };
        match newest.and_then(|slot| table.edit(slot)) {
            Some(pane) => *pane = new,
            None => {
                table.insert(key, new).map_err(|_| Refused::NoRoom)?;
            }
        }
        Ok(Taken::Used { late_windows: 0 })
    }
}

impl<T, K, KF, A> Operator<T> for CountAggregate<KF, A>
where
    T: ?Sized,
    K: Key,
    KF: Fn(&T) -> K,
    A: Aggregate<T>,
{
    type Shape = Keyed<K, CountPaneRecord<A::State>>;
    type Output = CountWindowRow<K, A::Output>;
    const GIVES_AT_PUSH: bool = true;
    const MODES: Modes = Modes::ONCE;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let (rows, step) = (self.window.rows().get(), self.window.step().get());
        let window = WindowShape { kind: 10, micros: [i64::from(rows), i64::from(step), 0] };
        tell(OperatorIdentity::of::<Keyed<K, CountPaneRecord<A::State>>>(window));
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, K, CountPaneRecord<A::State>, I>,
        arriving: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        let &Arriving { row, at, arrival } = arriving;
        let key = (self.key)(row);
        let place = self.place(table, &key);
        let full_window = self.window.ending_with(place.number);
        // A window that others overlap leaves panes behind when it is full.
        let takes_place =
            place.in_newest || place.newest.is_some() && (full_window.is_some() || !self.window.overlaps());
        if !takes_place && !has_room(table, epoch, row, side)? {
            return Ok(Taken::Dropped);
        }
        if let Some(first_row) = full_window {
            let held = self.held(table, place.newest, first_row);
            let (mut state, first_at) = match held {
                Some((state, first_at)) => (state, first_at.time()),
                None => (self.aggregate.init(), at),
            };
            self.aggregate.update(&mut state, row, arrival);
            let value = self.aggregate.finish(&state);
            let last_row = place.number;
            side.give_at(
                CountWindowRow { first_row, last_row, first_at, last_at: at, key: key.clone(), value },
                at.filter(|at| !epoch.is_closed(*at)),
            )?;
            if self.window.overlaps() {
                let next_window = first_row.saturating_add(u64::from(self.window.step().get()));
                self.release(table, place.newest, next_window);
            }
        }
        self.put(table, &place, key, arriving)
    }
}
