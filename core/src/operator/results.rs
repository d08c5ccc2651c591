//! Ways through a table that operators share: what changed, everything, and what is due.

use super::{Cursor, Epoch, OutputMode};
use crate::state::{Key, Record, SlotId, SlotIndex, Table};
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

/// Removes each record whose end the watermark has reached, in order of deadline and slot; gives it first in append mode.
///
/// Records are scheduled one by one ([`Schedule::Each`](crate::state::Schedule::Each)). Where many have one deadline, as windows of many keys do, one walk
/// over the slots closes them, which has their order, too. It comes only when a sixteenth as many records have closed in this call, so the cost
/// is one of what closes, never of capacity; a sink that takes fewer at a time gets them one by one.
pub(super) fn close_due<K: Key, V: Record, I: SlotIndex, E>(
    table: &mut Table<'_, K, V, I>,
    epoch: &Epoch,
    end: impl Fn(&V) -> Timestamp,
    mut give: impl FnMut(&K, &V) -> Result<(), E>,
) -> Result<(), E> {
    let mut together = Together::default();
    while let Some(slot) = table.earliest()
        && let Some((key, value)) = table.record(slot)
        && epoch.is_due(end(value))
    {
        // Without `alloc` state is small, and the code would weigh more than it saves. The order is the same.
        if cfg!(feature = "alloc") && together.are_many(value.deadline(), table.slots_used()) {
            let Some(due) = table.take_earliest() else { break };
            let swept = close_all_at(table, epoch, due, &mut give);
            if swept.is_err() {
                table.schedule_all(due);
            }
            swept?;
            continue;
        }
        if epoch.mode == OutputMode::Append {
            give(key, value)?;
        }
        table.discard(slot);
    }
    Ok(())
}

/// How many records with one deadline have closed one after the other.
#[derive(Default)]
struct Together {
    due: Timestamp,
    closed: usize,
}

impl Together {
    /// The least that close one by one before the rest of them does at once.
    const CLOSED_MIN: usize = 16;
    /// To close the rest takes a few steps for each slot in use, so a part of that number has closed before: what closes pays for it.
    const SLOTS_PER_CLOSED: usize = 16;

    /// Takes note of a record that is due, and says whether there have been enough of that deadline before it.
    fn are_many(&mut self, due: Timestamp, slots_used: usize) -> bool {
        if due != self.due {
            *self = Self { due, closed: 0 };
        }
        let enough = self.closed >= Self::CLOSED_MIN.max(slots_used / Self::SLOTS_PER_CLOSED);
        self.closed = self.closed.saturating_add(1);
        enough
    }
}

/// Removes the records with that deadline, which is none in the order, in order of slots.
fn close_all_at<K: Key, V: Record, I: SlotIndex, E>(
    table: &mut Table<'_, K, V, I>,
    epoch: &Epoch,
    due: Timestamp,
    give: &mut impl FnMut(&K, &V) -> Result<(), E>,
) -> Result<(), E> {
    for slot in (0..table.slots_used()).filter_map(SlotId::new) {
        let Some((key, value)) = table.record(slot).filter(|(_, value)| value.deadline() == due) else {
            continue;
        };
        if epoch.mode == OutputMode::Append {
            give(key, value)?;
        }
        table.discard(slot);
    }
    Ok(())
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
    use crate::state::{Allocated, Schedule, State};

    extern crate std;

    std::thread_local! {
        /// How often a deadline was looked at: the unit of cost here.
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    #[derive(Serialize, Deserialize)]
    struct Due(i64);

    impl Record for Due {
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
                |record| Timestamp::from_micros(record.0),
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
