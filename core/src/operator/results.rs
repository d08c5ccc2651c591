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
    let Some(up_to) = epoch.due_up_to() else { return Ok(()) };
    each_due(
        table,
        |deadline| end(deadline) <= up_to,
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
            next = table.next_of_cohort(cohort, deadline, slot);
        }
    }
    Ok(())
}

/// Removes each record that is due up to then and tells nobody, in no order.
pub(super) fn discard_due<K: Key, V: Record, I: SlotIndex>(table: &mut Table<'_, K, V, I>, up_to: Timestamp) {
    let mut one_by_one = OneByOne::default();
    while let Some(FirstDue { slot, cohort, deadline }) = table.first_due()
        && deadline <= up_to
    {
        if table.is_unsorted(slot) {
            table.discard_unsorted(up_to);
        } else if cohort.is_none() && one_by_one.are_many(None, table.heap_length()) {
            // Those of a cohort are not in the heap.
            table.discard_of_heap(up_to);
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
    use crate::random::Random;
    use crate::state::{Allocated, InOrder, OnePerKey, Schedule, State};

    extern crate std;

    use std::vec::Vec;

    std::thread_local! {
        /// How often a deadline was looked at: the unit of cost here.
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    const EACH: u8 = 0;
    const TOGETHER: u8 = 1;
    const IN_NO_ORDER: u8 = 2;

    /// Due on its own, together with others, or on its own and in no order.
    #[derive(Serialize, Deserialize)]
    struct Due<const HOW: u8>(i64);

    impl<const HOW: u8> Record for Due<HOW> {
        type Lookup = OnePerKey;
        const SCHEDULE: Schedule = match HOW {
            EACH => Schedule::Each,
            TOGETHER => Schedule::Together,
            _ => Schedule::InNoOrder,
        };

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

    /// A table in which `due` records are due together, those with the lowest keys, and the others later, each at a moment of its own.
    #[derive(Clone, Copy)]
    struct Case {
        slots: i64,
        /// Of the slots, how many still hold a record.
        left: i64,
        due: i64,
        /// Of those due, how many are in the heap because others had taken all cohorts.
        beyond_cohorts: i64,
    }

    impl Case {
        fn of(slots: i64, due: i64) -> Self {
            Self { slots, left: slots, due, beyond_cohorts: 0 }
        }

        fn fill<const HOW: u8>(self, table: &mut Table<'_, i64, Due<HOW>, u32>) {
            let insert = |table: &mut Table<'_, i64, Due<HOW>, u32>, key, at| {
                assert!(table.insert(key, Due(at)).is_ok(), "there is room");
            };
            // With the last four that are left, at first: so these keep the cohorts.
            let at_first = |key| if self.beyond_cohorts == 0 { 0 } else { self.left - 3 + key % 4 };
            // Keys and slots agree: what comes first has the lowest slot.
            for key in 0..self.slots {
                insert(table, key, if key < self.due { at_first(key) } else { key + 1 });
            }
            let in_cohort = self.due - self.beyond_cohorts;
            ids(in_cohort, self.due).for_each(|slot| table.edit_deadline(slot, |record| record.0 = 0));
            if 0 < in_cohort && in_cohort < self.due {
                // The last one gives its cohort up to the others that are due.
                let meanwhile = self.left - 3;
                ids(0, in_cohort).for_each(|slot| table.edit_deadline(slot, |record| record.0 = meanwhile));
                ids(self.left - 1, self.left).for_each(|slot| table.discard(slot));
                ids(0, in_cohort).for_each(|slot| table.edit_deadline(slot, |record| record.0 = 0));
                insert(table, self.left - 1, self.left);
            }
            ids(self.left, self.slots).for_each(|slot| table.discard(slot));
        }

        /// Closes what is due; the sink takes `taken` of them and the rest later. Returns how often a deadline was looked at up to where it refused.
        fn looks_to_close<const HOW: u8>(self, taken: usize) -> usize {
            let mut state = Allocated::<i64, Due<HOW>>::with_capacity(self.slots as usize);
            let mut table = state.tables();
            self.fill(&mut table);
            let mut given = Vec::new();
            let mut close = |limit: usize| {
                close_due(
                    &mut table,
                    &epoch(),
                    |at| at,
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
            assert_eq!(close(taken).is_ok(), taken >= self.due as usize);
            let looks = LOOKS.get();
            assert!(close(usize::MAX).is_ok(), "the sink takes all");
            assert!(given.iter().copied().eq(0..self.due), "each once, in order of slots");
            self.check_the_rest(&mut table);
            looks
        }

        /// Discards what is due. Returns how often a deadline was looked at.
        fn looks_to_discard<const HOW: u8>(self) -> usize {
            let mut state = Allocated::<i64, Due<HOW>>::with_capacity(self.slots as usize);
            let mut table = state.tables();
            self.fill(&mut table);
            LOOKS.set(0);
            discard_due(&mut table, Timestamp::EPOCH);
            let looks = LOOKS.get();
            self.check_the_rest(&mut table);
            looks
        }

        /// What was not due is there, and in order.
        fn check_the_rest<const HOW: u8>(self, table: &mut Table<'_, i64, Due<HOW>, u32>) {
            assert_eq!(table.len() as i64, self.left - self.due);
            for slot in ids(self.due, self.left) {
                assert_eq!(table.earliest(), Some(slot));
                table.discard(slot);
            }
            assert_eq!(table.earliest(), None);
        }
    }

    fn ids(from: i64, to: i64) -> impl Iterator<Item = SlotId> {
        (from as usize..to as usize).filter_map(SlotId::new)
    }

    #[test]
    fn few_due_cost_the_same_in_a_large_table() {
        let emptied = Case { left: 200, ..Case::of(300_000, 20) };
        // Twice as many levels of the order, and no step for each slot.
        let few = Case::of(1_000, 20).looks_to_close::<EACH>(20);
        for case in [Case::of(300_000, 20), emptied] {
            let looks = case.looks_to_close::<EACH>(20);
            assert!(looks <= 3 * few, "{looks} instead of {few}");
        }
        let few = Case::of(1_000, 20).looks_to_discard::<EACH>();
        for case in [Case::of(300_000, 20), emptied] {
            let looks = case.looks_to_discard::<EACH>();
            assert!(looks <= 3 * few, "{looks} to discard instead of {few}");
            // And a few looks at what the heap has not been asked about yet.
            let looks = case.looks_to_discard::<IN_NO_ORDER>();
            assert!(looks <= 3 * few + 4 * 4_096, "{looks} to discard in no order instead of {few}");
        }
    }

    /// Rows that come in disorder and leave a while later, some at each trigger. Returns the looks for each of them.
    fn looks_per_row(rows: i64, rows_per_trigger: i64) -> usize {
        const HELD: i64 = 3_000;
        let mut state = Allocated::<i64, Due<IN_NO_ORDER>>::with_capacity(2 * HELD as usize);
        let mut table = state.tables();
        LOOKS.set(0);
        for row in 0..rows {
            let lag = row * 7_919 % 1_000;
            assert!(table.insert(row, Due(row - lag)).is_ok(), "there is room");
            if row % rows_per_trigger == 0 {
                discard_due(&mut table, Timestamp::from_micros(row - HELD));
            }
        }
        LOOKS.get() / rows as usize
    }

    #[test]
    fn what_is_due_on_its_own_costs_a_few_looks_at_triggers_of_any_number_of_rows() {
        for (rows_per_trigger, looks_max) in [(1, 40), (10, 40), (100, 100), (1_000, 8), (2_000, 8)] {
            let looks = looks_per_row(100_000, rows_per_trigger);
            assert!(looks <= looks_max, "{looks} for {rows_per_trigger} rows to a trigger");
        }
    }

    #[test]
    fn what_is_due_leaves_whatever_came_before() {
        const CAPACITY: usize = 200;
        for seed in 0..40 {
            let mut random = Random(seed);
            let mut state = Allocated::<i64, Due<IN_NO_ORDER>>::with_capacity(CAPACITY);
            let mut table = state.tables();
            // How far deadlines lie apart: from all at one moment to each at its own.
            let spread = 12_usize.pow(seed as u32 % 4);
            let mut model = std::collections::BTreeMap::new();
            for step in 0..3_000 {
                let drawn = model.keys().copied().nth(random.below(CAPACITY));
                match (random.below(10), drawn) {
                    (0, Some(slot)) => {
                        table.discard(slot);
                        model.remove(&slot);
                    }
                    (1 | 2, Some(slot)) => {
                        let due = step + random.below(spread) as i64;
                        table.edit_deadline(slot, |record| record.0 = due);
                        model.insert(slot, due);
                    }
                    (3, _) => {
                        let up_to = step - random.below(spread) as i64;
                        discard_due(&mut table, Timestamp::from_micros(up_to));
                        model.retain(|_, due| *due > up_to);
                    }
                    _ => {
                        let due = step + random.below(spread) as i64;
                        if let Ok(slot) = table.insert(step, Due(due)) {
                            model.insert(slot, due);
                        }
                    }
                }
                let earliest = model.iter().map(|(slot, due)| (*due, *slot)).min().map(|(_, slot)| slot);
                assert_eq!(
                    (table.len(), table.earliest()),
                    (model.len(), earliest),
                    "seed {seed}, step {step}"
                );
            }
        }
    }

    #[test]
    fn many_due_together_cost_a_few_steps_each() {
        let many = Case::of(100_000, 50_000);
        let looks = many.looks_to_close::<EACH>(50_000);
        assert!(looks < 16 * 50_000, "{looks}");
        let looks = many.looks_to_discard::<EACH>();
        assert!(looks < 16 * 50_000, "{looks} to discard");
        let looks = many.looks_to_discard::<IN_NO_ORDER>();
        assert!(looks < 16 * 50_000, "{looks} to discard in no order");
    }

    #[test]
    fn a_cohort_closes_without_a_look_at_others() {
        // Two looks at the first of the heap before, one after.
        for case in [Case::of(1_000, 20), Case::of(100_000, 20), Case::of(100_000, 50_000)] {
            assert_eq!(case.looks_to_close::<TOGETHER>(usize::MAX), 3);
        }
    }

    #[test]
    fn a_cohort_is_discarded_at_a_look_each() {
        for due in [1, 7, 8, 9, 20, 5_000] {
            // One at the first of the heap, before each and after all.
            assert_eq!(Case::of(10_000, due).looks_to_discard::<TOGETHER>(), due as usize + 1);
        }
    }

    #[test]
    fn many_beyond_the_cohorts_cost_a_few_steps_each() {
        // All of them, or some, so that the cohort and the heap hold the same deadline.
        for beyond_cohorts in [50_000, 25_000] {
            let case = Case { beyond_cohorts, ..Case::of(100_000, 50_000) };
            let looks = case.looks_to_close::<TOGETHER>(usize::MAX);
            assert!(looks < 16 * 50_000, "{looks}, {beyond_cohorts} beyond");
            let looks = case.looks_to_discard::<TOGETHER>();
            assert!(looks < 16 * 50_000, "{looks} to discard, {beyond_cohorts} beyond");
        }
        let few = Case { beyond_cohorts: 20, ..Case::of(1_000, 20) }.looks_to_close::<TOGETHER>(20);
        let looks = Case { beyond_cohorts: 20, ..Case::of(300_000, 20) }.looks_to_close::<TOGETHER>(20);
        assert!(looks <= 3 * few, "{looks} instead of {few}");
    }

    #[test]
    fn a_sink_that_refuses_amid_them_gets_the_rest_later() {
        for taken in [0, 10, 17, 100, 400, 499] {
            for beyond_cohorts in [0, 250, 500] {
                let case = Case { beyond_cohorts, ..Case::of(1_000, 500) };
                case.looks_to_close::<EACH>(taken);
                case.looks_to_close::<TOGETHER>(taken);
                case.looks_to_close::<IN_NO_ORDER>(taken);
            }
        }
    }

    /// A row of a join, so to speak.
    #[derive(Serialize, Deserialize)]
    struct Row(i64);

    impl Record for Row {
        type Lookup = InOrder;
        const SCHEDULE: Schedule = Schedule::InNoOrder;

        fn position(&self) -> Timestamp {
            Timestamp::from_micros(self.0)
        }

        fn deadline(&self) -> Timestamp {
            self.position()
        }
    }

    #[test]
    fn more_rows_than_stay_unsorted_leave_when_due_also_after_a_restart() {
        const ROWS: i64 = 10_000;
        // All at moments of their own, in disorder.
        let at = |row: i64| row * 7_919 % ROWS;
        let mut state = Allocated::<i64, Row>::with_capacity(ROWS as usize);
        let mut table = state.tables();
        for row in 0..ROWS {
            assert!(table.insert(row % 100, Row(at(row))).is_ok(), "there is room");
        }
        for left_up_to in [-1, 0, 99, 100, 3_000, 3_001, 9_000, ROWS - 1] {
            discard_due(&mut table, Timestamp::from_micros(left_up_to));
            table.rebuild();
            let earliest = table.earliest().and_then(|slot| table.record(slot)).map(|(_, row)| row.0);
            let expected = Some(left_up_to + 1).filter(|first| *first < ROWS);
            assert_eq!((table.len() as i64, earliest), (ROWS - 1 - left_up_to, expected));
        }
    }

    #[derive(Serialize, Deserialize)]
    struct Pane(i64);

    impl Record for Pane {
        type Lookup = InOrder;
        const SCHEDULE: Schedule = Schedule::FirstOfKey;

        fn position(&self) -> Timestamp {
            Timestamp::from_micros(self.0)
        }

        fn deadline(&self) -> Timestamp {
            self.position()
        }
    }

    #[test]
    fn what_comes_after_the_last_of_a_cohort_waits_until_it_is_due() {
        let mut state = Allocated::<i64, Pane>::with_capacity(8);
        let mut table = state.tables();
        // The second of the key takes the place of the first, in a slot behind it, and the cohort has no other left.
        for at in [0, 1, 2] {
            assert!(table.insert(7, Pane(at)).is_ok(), "there is room");
        }
        let mut given = Vec::new();
        let closed = close_due(
            &mut table,
            &epoch(),
            |at| at,
            |_, pane| {
                given.push(pane.0);
                Ok::<_, ()>(())
            },
        );
        assert_eq!((closed, given), (Ok(()), std::vec![0]));
        assert_eq!(table.len(), 2);
    }
}
