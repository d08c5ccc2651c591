//! The keyed table against a model made of standard collections, whatever is done to it.

use core::hash::{Hash, Hasher};
use std::collections::{BTreeMap, BTreeSet};

use headwater::Timestamp;
use headwater::state::{
    Allocated, Inline, Keyed, Record, Schedule, SlotId, SlotIndex, State, Table, TableFull,
};
use headwater_tests::properties::check;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// A key with few different hashes: [`Colliding`] has one for each three keys, so that runs of buckets grow long and wrap around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Colliding(u8);

impl Hash for Colliding {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0 / 3).hash(state);
    }
}

macro_rules! record {
    ($name:ident, $schedule:ident) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        struct $name {
            position: i64,
            deadline: i64,
            content: u32,
        }

        impl Record for $name {
            const SCHEDULE: Schedule = Schedule::$schedule;

            fn position(&self) -> Timestamp {
                Timestamp::from_micros(self.position)
            }

            fn deadline(&self) -> Timestamp {
                Timestamp::from_micros(self.deadline)
            }
        }

        impl Content for $name {
            fn new(position: i64, deadline: i64, content: u32) -> Self {
                Self { position, deadline, content }
            }

            fn parts(&mut self) -> (&mut i64, &mut i64, &mut u32) {
                (&mut self.position, &mut self.deadline, &mut self.content)
            }
        }
    };
}

/// The records here differ in nothing but their schedule.
trait Content: Record + Copy + PartialEq + core::fmt::Debug {
    fn new(position: i64, deadline: i64, content: u32) -> Self;
    fn parts(&mut self) -> (&mut i64, &mut i64, &mut u32);
}

record!(Unscheduled, Never);
record!(Scheduled, Each);
record!(FirstScheduled, FirstOfKey);

/// What is done to a table. Slots are picked among the occupied ones.
#[derive(Debug, Clone, Copy)]
enum Step {
    Insert { key: u8, position: i64, deadline: i64 },
    Edit { pick: usize, content: u32 },
    EditDeadline { pick: usize, deadline: i64 },
    Remove { pick: usize },
    RemoveEarliest,
    PopChanged,
    ClearDirty,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let insert = (0_u8..12, -20_i64..20, -20_i64..20).prop_map(|(key, position, deadline)| Step::Insert {
        key,
        position,
        deadline,
    });
    let step = prop_oneof![
        10 => insert,
        3 => (any::<usize>(), any::<u32>()).prop_map(|(pick, content)| Step::Edit { pick, content }),
        3 => (any::<usize>(), -20_i64..20).prop_map(|(pick, deadline)| Step::EditDeadline { pick, deadline }),
        5 => any::<usize>().prop_map(|pick| Step::Remove { pick }),
        3 => Just(Step::RemoveEarliest),
        3 => Just(Step::PopChanged),
        1 => Just(Step::ClearDirty),
    ];
    // Tables are emptied whole from time to time.
    let runs = prop::collection::vec(prop::collection::vec(step, 1..90), 1..3);
    runs.prop_map(|runs| runs.join(&Step::Clear))
}

/// The table told with standard collections.
struct Model<V> {
    capacity: usize,
    slots: BTreeMap<usize, (Colliding, V)>,
    /// The slots of each key in order of position.
    keys: BTreeMap<Colliding, Vec<usize>>,
    dirty: Vec<usize>,
    changed: Vec<usize>,
    used: usize,
}

impl<V: Content> Model<V> {
    fn new(capacity: usize) -> Self {
        let (slots, keys) = (BTreeMap::new(), BTreeMap::new());
        Self { capacity, slots, keys, dirty: Vec::new(), changed: Vec::new(), used: 0 }
    }

    fn mark(&mut self, slot: usize, result: bool) {
        if !self.dirty.contains(&slot) {
            self.dirty.push(slot);
        }
        if result && !self.changed.contains(&slot) {
            self.changed.push(slot);
        }
    }

    fn insert(&mut self, key: Colliding, value: V) -> Result<usize, TableFull> {
        let free: BTreeSet<usize> =
            (0..self.capacity).filter(|slot| !self.slots.contains_key(slot)).collect();
        let slot = *free.first().ok_or(TableFull)?;
        let slots = &self.slots;
        let of_key = self.keys.entry(key).or_default();
        let place = of_key
            .iter()
            .filter(|other| (slots[other].1.position(), **other) <= (value.position(), slot))
            .count();
        of_key.insert(place, slot);
        self.slots.insert(slot, (key, value));
        self.used = self.used.max(slot + 1);
        self.mark(slot, true);
        Ok(slot)
    }

    fn remove(&mut self, slot: usize) -> Option<(Colliding, V)> {
        let (key, value) = self.slots.remove(&slot)?;
        let of_key = self.keys.get_mut(&key).expect("the key of a record");
        of_key.retain(|other| *other != slot);
        if of_key.is_empty() {
            self.keys.remove(&key);
        }
        self.mark(slot, false);
        Some((key, value))
    }

    fn neighbours(&self, slot: usize) -> (Option<usize>, Option<usize>) {
        let of_key = &self.keys[&self.slots[&slot].0];
        let place = of_key.iter().position(|other| *other == slot).expect("a slot of its key");
        (place.checked_sub(1).map(|before| of_key[before]), of_key.get(place + 1).copied())
    }

    fn earliest(&self) -> Option<usize> {
        let scheduled = self.slots.iter().filter(|(slot, _)| match V::SCHEDULE {
            Schedule::Never => false,
            Schedule::Each => true,
            Schedule::FirstOfKey => self.neighbours(**slot).0.is_none(),
        });
        scheduled.map(|(slot, (_, value))| (value.deadline(), *slot)).min().map(|(_, slot)| slot)
    }

    fn pick(&self, pick: usize) -> Option<usize> {
        let occupied: Vec<usize> = self.slots.keys().copied().collect();
        occupied.get(pick % occupied.len().max(1)).copied()
    }
}

fn id(slot: usize) -> SlotId {
    SlotId::new(slot).expect("a small number")
}

fn number(slot: Option<SlotId>) -> Option<usize> {
    slot.map(SlotId::number)
}

fn take_step<V: Content, I: SlotIndex>(
    table: &mut Table<'_, Colliding, V, I>,
    model: &mut Model<V>,
    step: Step,
) -> Result<(), TestCaseError> {
    match step {
        Step::Insert { key, position, deadline } => {
            let value = V::new(position, deadline, 0);
            let inserted = table.insert(Colliding(key), value).map(SlotId::number);
            prop_assert_eq!(inserted, model.insert(Colliding(key), value));
        }
        Step::Edit { pick, content } => {
            let Some(slot) = model.pick(pick) else { return Ok(()) };
            *table.edit(id(slot)).expect("an occupied slot").parts().2 = content;
            *model.slots.get_mut(&slot).expect("an occupied slot").1.parts().2 = content;
            model.mark(slot, true);
        }
        Step::EditDeadline { pick, deadline } => {
            let Some(slot) = model.pick(pick) else { return Ok(()) };
            table.edit_deadline(id(slot), |value| *value.parts().1 = deadline);
            *model.slots.get_mut(&slot).expect("an occupied slot").1.parts().1 = deadline;
            model.mark(slot, true);
        }
        Step::Remove { pick } => {
            let Some(slot) = model.pick(pick) else { return Ok(()) };
            prop_assert_eq!(table.remove(id(slot)), model.remove(slot));
        }
        Step::RemoveEarliest => {
            let Some(slot) = model.earliest() else { return Ok(()) };
            prop_assert_eq!(number(table.earliest()), Some(slot));
            prop_assert_eq!(table.remove(id(slot)), model.remove(slot));
        }
        Step::PopChanged => {
            prop_assert_eq!(number(table.first_changed()), model.changed.first().copied());
            table.pop_changed();
            if !model.changed.is_empty() {
                model.changed.remove(0);
            }
        }
        Step::ClearDirty => {
            table.clear_dirty();
            model.dirty.clear();
        }
        Step::Clear => {
            table.clear();
            *model = Model::new(model.capacity);
        }
    }
    Ok(())
}

fn check_all<V: Content, I: SlotIndex>(
    table: &Table<'_, Colliding, V, I>,
    model: &Model<V>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!((table.len(), table.capacity()), (model.slots.len(), model.capacity));
    prop_assert_eq!(table.is_empty(), model.slots.is_empty());
    prop_assert_eq!(table.slots_used(), model.used);
    prop_assert_eq!(number(table.earliest()), model.earliest());
    for slot in 0..model.capacity + 1 {
        let record = model.slots.get(&slot).map(|(key, value)| (key, value));
        prop_assert_eq!(table.record(id(slot)), record, "slot {}", slot);
        prop_assert_eq!(table.is_changed(id(slot)), model.changed.contains(&slot), "slot {}", slot);
        if record.is_some() {
            let neighbours = (number(table.before(id(slot))), number(table.after(id(slot))));
            prop_assert_eq!(neighbours, model.neighbours(slot), "neighbours of slot {}", slot);
        }
    }
    for key in (0..15).map(Colliding) {
        let last = model.keys.get(&key).and_then(|of_key| of_key.last()).copied();
        prop_assert_eq!(number(table.last_of(&key)), last, "the last of {:?}", key);
    }
    let dirty: Vec<usize> = table.dirty().map(SlotId::number).collect();
    prop_assert_eq!((&dirty, table.dirty_count()), (&model.dirty, model.dirty.len()));
    for from in [0, 1, model.used / 2, model.used] {
        let occupied: Vec<usize> = table.occupied_from(from).map(SlotId::number).collect();
        let expected: Vec<usize> = model.slots.range(from..).map(|(slot, _)| *slot).collect();
        prop_assert_eq!(occupied, expected);
    }
    Ok(())
}

fn run<V, S>(state: &mut S, steps: &[Step]) -> Result<(), TestCaseError>
where
    V: Content + Record,
    S: State<Shape = Keyed<Colliding, V>>,
{
    let mut table = state.tables();
    table.track_changed(true);
    let mut model = Model::new(table.capacity());
    check_all(&table, &model)?;
    for step in steps {
        take_step(&mut table, &mut model, *step)?;
        check_all(&table, &model)?;
    }
    // The lists that commits and results empty are whole to the end.
    for expected in model.changed {
        prop_assert_eq!(number(table.first_changed()), Some(expected));
        table.pop_changed();
    }
    prop_assert_eq!(table.first_changed(), None);
    Ok(())
}

fn agrees_with_the_model<V: Content>() {
    check(600, &(steps(), 1_usize..65), |(steps, capacity)| {
        run(&mut Allocated::<Colliding, V>::with_capacity(capacity), &steps)?;
        run(&mut Inline::<Colliding, V, 1>::new(), &steps)?;
        run(&mut Inline::<Colliding, V, 7>::new(), &steps)?;
        run(&mut Inline::<Colliding, V, 64>::new(), &steps)
    });
}

#[test]
fn unscheduled_records() {
    agrees_with_the_model::<Unscheduled>();
}

#[test]
fn scheduled_records() {
    agrees_with_the_model::<Scheduled>();
}

#[test]
fn records_scheduled_by_the_first_of_their_key() {
    agrees_with_the_model::<FirstScheduled>();
}

#[test]
fn changes_are_listed_only_where_asked_for() {
    let mut state = Inline::<Colliding, Scheduled, 4>::EMPTY;
    let mut table = state.tables();
    table.insert(Colliding(1), Scheduled::new(0, 0, 0)).expect("room");
    assert_eq!(table.first_changed(), None);
    assert_eq!(table.dirty_count(), 1);
    table.clear();
    table.track_changed(true);
    let slot = table.insert(Colliding(1), Scheduled::new(0, 0, 0)).expect("room");
    assert_eq!(table.first_changed(), Some(slot));
}

#[test]
fn a_full_table_refuses_and_stays_as_it_is() {
    let mut state = Inline::<Colliding, Scheduled, 2>::EMPTY;
    let mut table = state.tables();
    for key in 0..2 {
        table.insert(Colliding(key), Scheduled::new(0, 5, 0)).expect("room");
    }
    table.clear_dirty();
    assert_eq!(table.insert(Colliding(7), Scheduled::new(0, 1, 0)), Err(TableFull));
    assert_eq!((table.len(), table.dirty_count(), table.last_of(&Colliding(7))), (2, 0, None));
    assert_eq!(table.earliest(), Some(id(0)));
}
