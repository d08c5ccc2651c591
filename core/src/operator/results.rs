//! Ways through a table that operators share: what changed, everything, and what is due.

use super::{Cursor, Epoch, OutputMode};
use crate::state::{FirstDue, Key, Record, SlotId, SlotIndex, Table};
use crate::time::Timestamp;
use crate::window::Window;

/// Gives each changed record and takes it off the list once it is accepted.
fn each_changed<K: Key, V: Record, I: SlotIndex, E>(
    table: &mut Table<'_, K, V, I>,
    mut give: impl FnMut(&K, &V) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(slot) = table.first_changed() {
        if let Some((key, value)) = table.record(slot) {
            give(key, value)?;
        }
        table.pop_changed();
    }
    Ok(())
}

/// Gives each record from the cursor on, in order of slots.
fn each<K: Key, V: Record, I: SlotIndex, E>(
    table: &Table<'_, K, V, I>,
    cursor: &mut Cursor,
    mut give: impl FnMut(&K, &V) -> Result<(), E>,
) -> Result<(), E> {
    for slot in table.occupied_from(cursor.slot) {
        cursor.slot = slot.number();
        if let Some((key, value)) = table.record(slot) {
            give(key, value)?;
        }
        cursor.slot = slot.number().saturating_add(1);
    }
    Ok(())
}

/// Gives what the output mode wants of the epoch's rows: nothing, each changed record, or all.
pub(super) fn by_mode<K: Key, V: Record, I: SlotIndex, E>(
    table: &mut Table<'_, K, V, I>,
    mode: OutputMode,
    cursor: &mut Cursor,
    give: impl FnMut(&K, &V) -> Result<(), E>,
) -> Result<(), E> {
    match mode {
        OutputMode::Append => Ok(()),
        OutputMode::Update => each_changed(table, give),
        OutputMode::Complete => each(table, cursor, give),
    }
}

/// The event time of a window's result: its last microsecond (Spark's rule).
pub(super) fn time_of(window: Window) -> Option<Timestamp> {
    Some(Timestamp::from_micros(window.end.as_micros().saturating_sub(1)))
}

/// Removes each record whose end the watermark has reached, in order of deadline and slot; gives it first in append mode. `end` is the end of a
/// record with that deadline.
pub(super) fn close_due<K: Key, V: Record, I: SlotIndex, E>(
    table: &mut Table<'_, K, V, I>,
    epoch: &Epoch,
    end: impl Fn(Timestamp) -> Timestamp,
    mut give: impl FnMut(&K, &V) -> Result<(), E>,
) -> Result<(), E> {
    each_due(
        table,
        |deadline| epoch.is_due(end(deadline)),
        |table, slot, _| {
            if let Some((key, value)) = table.record(slot)
                && epoch.mode == OutputMode::Append
            {
                give(key, value)?;
            }
            table.discard(slot);
            Ok(())
        },
    )
}

/// Goes through the records that are due, in order of deadline and slot. `close` gets each with its deadline, and removes it or makes it due later.
///
/// Where many have one deadline, as windows of many keys do, those left in the heap are taken out of it together. See [`OneByOne`] for what that costs.
pub(super) fn each_due<'s, K: Key, V: Record, I: SlotIndex, E>(
    table: &mut Table<'s, K, V, I>,
    is_due: impl Fn(Timestamp) -> bool,
    mut close: impl FnMut(&mut Table<'s, K, V, I>, SlotId, Timestamp) -> Result<(), E>,
) -> Result<(), E> {
    let mut one_by_one = OneByOne::default();
    while table.first_deadline().is_some_and(&is_due)
        && let Some(FirstDue { slot, deadline, cohort }) = table.first_due()
    {
        let Some(cohort) = cohort else {
            if !(one_by_one.are_many(Some(deadline), table.heap_length()) && table.gather(deadline)) {
                close(table, slot, deadline)?;
            }
            continue;
        };
        let mut next = Some(slot);
        for _ in 0..table.len() {
            let Some(slot) = next else { break };
            close(table, slot, deadline)?;
            next = table.next_of_cohort(cohort, slot);
        }
    }
    Ok(())
}

/// Removes each record that is due and tells nobody, in no order.
pub(super) fn discard_due<K: Key, V: Record, I: SlotIndex>(
    table: &mut Table<'_, K, V, I>,
    is_due: impl Fn(&V) -> bool,
) {
    let mut one_by_one = OneByOne::default();
    while let Some(slot) = table.earliest()
        && table.record(slot).is_some_and(|(_, value)| is_due(value))
    {
        if one_by_one.are_many(None, table.heap_length()) {
            table.discard_of_heap(&is_due);
        } else {
            table.discard(slot);
        }
    }
}

/// How many records that belong together have closed one after the other.
///
/// One by one each takes a walk down the heap. Taken out together they take a few steps each, but so does every other record that is in it. So that
/// comes only when a part of their number has closed in this call: the cost is one of what closes, never of capacity.
#[derive(Default)]
struct OneByOne {
    due: Option<Timestamp>,
    closed: usize,
}

impl OneByOne {
    /// The least that close one by one before the rest of them does at once.
    const CLOSED_MIN: usize = 8;
    /// A walk down the order costs about as much as so many records of the heap that are passed over.
    const PASSED_PER_CLOSED: usize = 32;

    /// Takes note of a record that is due, one of those with that deadline, and says whether there have been enough of them before it.
    fn are_many(&mut self, due: Option<Timestamp>, heap_length: usize) -> bool {
        // Without `alloc` state is small, and the code would weigh more than it saves.
        if !cfg!(feature = "alloc") {
            return false;
        }
        if due != self.due {
            *self = Self { due, closed: 0 };
        }
        let enough = self.closed >= Self::CLOSED_MIN.max(heap_length / Self::PASSED_PER_CLOSED);
        self.closed = self.closed.saturating_add(1);
        enough
    }
}

/// The latest of all records' ends.
pub(super) fn last_end<K: Key, V: Record, I: SlotIndex>(
    table: &Table<'_, K, V, I>,
    end: impl Fn(&V) -> Timestamp,
) -> Option<Timestamp> {
    let mut last = None;
    for slot in table.occupied_from(0) {
        last = last.max(table.record(slot).map(|(_, value)| end(value)));
    }
    last
}

/// The record of `key` at exactly `position`.
#[inline]
pub(super) fn record_at<K: Key, V: Record, I: SlotIndex>(
    table: &Table<'_, K, V, I>,
    key: &K,
    position: Timestamp,
) -> Option<SlotId> {
    table.find(key, position)
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use core::cell::Cell;

    use serde::{Deserialize, Serialize};

    use super::super::OnFull;
    use super::*;
    use crate::state::{Allocated, OnePerKey, Schedule, State};

    extern crate std;

    std::thread_local! {
        /// How often a deadline was looked at: the unit of cost here.
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    #[derive(Serialize, Deserialize)]
    struct Due(i64);

    impl Record for Due {
        type Lookup = OnePerKey;
        const SCHEDULE: Schedule = Schedule::Each;

        fn position(&self) -> Timestamp {
            Timestamp::from_micros(self.0)
        }

        fn deadline(&self) -> Timestamp {
            LOOKS.set(LOOKS.get() + 1);
            Timestamp::from_micros(self.0)
        }
    }

    fn epoch() -> Epoch {
        Epoch {
            watermark: None,
            closing: Some(Timestamp::EPOCH),
            mode: OutputMode::Append,
            on_full: OnFull::Refuse,
            given_early: false,
            now: None,
        }
    }

    /// Closes `due` of `slots` records, of which `left` are still there; the sink takes `taken` of them. Returns how often a deadline was looked at.
    fn looks(slots: i64, left: i64, due: i64, taken: usize) -> usize {
        let mut state = Allocated::<i64, Due>::with_capacity(slots as usize);
        let mut table = state.tables();
        for key in 0..slots {
            let at = if key < due { 0 } else { key };
            assert!(table.insert(key, Due(at)).is_ok(), "there is room");
        }
        for slot in (left as usize..slots as usize).filter_map(SlotId::new) {
            table.discard(slot);
        }
        let mut given = std::vec::Vec::new();
        let mut close = |limit: usize| {
            close_due(
                &mut table,
                &epoch(),
                |deadline| deadline,
                |key, _| {
                    if given.len() >= limit {
                        return Err(());
                    }
                    given.push(*key);
                    Ok(())
                },
            )
        };
        LOOKS.set(0);
        assert_eq!(close(taken).is_ok(), taken >= due as usize);
        let looks = LOOKS.get();
        assert!(close(usize::MAX).is_ok(), "the sink takes all");
        assert!(given.iter().copied().eq(0..due), "each once, in order of slots");
        looks
    }

    #[test]
    fn few_due_cost_the_same_in_a_large_table() {
        let few = looks(1_000, 1_000, 20, 20);
        // Twice as many levels of the order, and no step for each slot.
        assert!(looks(1_000_000, 1_000_000, 20, 20) <= 3 * few, "{few}");
        assert!(looks(1_000_000, 200, 20, 20) <= 3 * few, "slots that are not in use any more");
    }

    #[test]
    fn many_due_together_cost_a_few_steps_each() {
        let looks = looks(100_000, 100_000, 50_000, 50_000);
        assert!(looks < 16 * 50_000, "{looks}");
    }

    #[test]
    fn a_sink_that_refuses_amid_them_gets_the_rest_later() {
        for taken in [0, 10, 17, 100, 400, 499] {
            looks(1_000, 1_000, 500, taken);
        }
    }
}
