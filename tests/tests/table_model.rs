//! The keyed table against a model made of standard collections, whatever is done to it.

use core::hash::{Hash, Hasher};
use std::collections::{BTreeMap, BTreeSet};

use headwater::Timestamp;
use headwater::state::{
    Allocated, ByPosition, InOrder, Inline, Keyed, Lookup, OnePerKey, Record, Schedule, SlotId, SlotIndex,
    State, Table, TableFull, Tables,
};
use headwater_tests::properties::{Random, check, long, seed};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// A key with few different hashes: [`Colliding`] has one for each three keys, so that runs of buckets grow long and wrap around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Colliding(u16);

impl Hash for Colliding {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0 / 3).hash(state);
    }
}

macro_rules! record {
    ($name:ident, $lookup:ident, $schedule:ident) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        struct $name {
            position: i64,
            deadline: i64,
            content: u32,
        }

        impl Record for $name {
            type Lookup = $lookup;
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

/// The records here differ in nothing but their lookup and schedule.
trait Content: Record<Lookup: Looked> + Copy + PartialEq + core::fmt::Debug {
    fn new(position: i64, deadline: i64, content: u32) -> Self;
    fn parts(&mut self) -> (&mut i64, &mut i64, &mut u32);
}

record!(Unscheduled, InOrder, Never);
record!(Scheduled, InOrder, Each);
record!(UnsortedScheduled, InOrder, InNoOrder);
record!(DueTogether, InOrder, Together);
record!(FirstScheduled, InOrder, FirstOfKey);
record!(OneUnscheduled, OnePerKey, Never);
record!(OneScheduled, OnePerKey, Each);
record!(OneUnsorted, OnePerKey, InNoOrder);
record!(OneDueTogether, OnePerKey, Together);
record!(PlacedUnscheduled, ByPosition, Never);
record!(PlacedScheduled, ByPosition, Each);
record!(PlacedDueTogether, ByPosition, Together);

/// What a lookup offers beside `find`, `None` where it does not.
trait Looked: Lookup {
    fn last_of<V: Record<Lookup = Self>, I: SlotIndex>(
        _table: &Table<'_, Colliding, V, I>,
        _key: Colliding,
    ) -> Option<Option<usize>> {
        None
    }

    fn neighbours<V: Record<Lookup = Self>, I: SlotIndex>(
        _table: &Table<'_, Colliding, V, I>,
        _slot: SlotId,
    ) -> Option<(Option<usize>, Option<usize>)> {
        None
    }
}

impl Looked for ByPosition {}

impl Looked for OnePerKey {
    fn last_of<V: Record<Lookup = Self>, I: SlotIndex>(
        table: &Table<'_, Colliding, V, I>,
        key: Colliding,
    ) -> Option<Option<usize>> {
        Some(number(table.last_of(&key)))
    }
}

impl Looked for InOrder {
    fn last_of<V: Record<Lookup = Self>, I: SlotIndex>(
        table: &Table<'_, Colliding, V, I>,
        key: Colliding,
    ) -> Option<Option<usize>> {
        Some(number(table.last_of(&key)))
    }

    fn neighbours<V: Record<Lookup = Self>, I: SlotIndex>(
        table: &Table<'_, Colliding, V, I>,
        slot: SlotId,
    ) -> Option<(Option<usize>, Option<usize>)> {
        Some((number(table.before(slot)), number(table.after(slot))))
    }
}

/// What is done to a table. Slots are picked among the occupied ones.
#[derive(Debug, Clone, Copy)]
enum Step {
    Insert {
        key: u16,
        position: i64,
        deadline: i64,
    },
    Edit {
        pick: usize,
        content: u32,
    },
    /// Where there may be no record, or no slot.
    EditAt {
        slot: usize,
        content: u32,
    },
    EditDeadline {
        pick: usize,
        deadline: i64,
    },
    Remove {
        pick: usize,
    },
    Discard {
        pick: usize,
    },
    RemoveEarliest,
    PopChanged,
    ClearDirty,
    Rebuild,
    Clear,
}

/// How many deadlines there are: as many as cohorts or fewer, a few more, so that a cohort and the heap come to hold the same one, and many.
const DEADLINES: [i64; 3] = [3, 9, 40];

/// Keys of short runs: records of one key, or more keys than slots.
const KEYS_MAX: u16 = 75;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let limits = (prop::sample::select(&DEADLINES[..]), prop::sample::select(&[12, KEYS_MAX][..]));
    limits.prop_flat_map(|(deadlines, keys)| steps_of(deadlines, keys))
}

fn steps_of(deadlines: i64, keys: u16) -> impl Strategy<Value = Vec<Step>> {
    let insert = (0..keys, -20_i64..20, 0..deadlines).prop_map(|(key, position, deadline)| Step::Insert {
        key,
        position,
        deadline,
    });
    let step = prop_oneof![
        10 => insert,
        3 => (any::<usize>(), any::<u32>()).prop_map(|(pick, content)| Step::Edit { pick, content }),
        1 => (0_usize..150, any::<u32>()).prop_map(|(slot, content)| Step::EditAt { slot, content }),
        3 => (any::<usize>(), 0..deadlines).prop_map(|(pick, deadline)| Step::EditDeadline { pick, deadline }),
        3 => any::<usize>().prop_map(|pick| Step::Remove { pick }),
        2 => any::<usize>().prop_map(|pick| Step::Discard { pick }),
        3 => Just(Step::RemoveEarliest),
        3 => Just(Step::PopChanged),
        1 => Just(Step::ClearDirty),
        1 => Just(Step::Rebuild),
    ];
    // Tables are emptied whole from time to time.
    let runs = prop::collection::vec(prop::collection::vec(step, 1..90), 1..3);
    runs.prop_map(|runs| runs.join(&Step::Clear))
}

/// Steps that fill a table of that capacity, keep it about full, and nearly empty it, again and again.
fn long_steps(random: &mut Random, capacity: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    for deadlines in DEADLINES {
        // Of 16 steps so many insert; emptying takes longer.
        for (inserts, times) in [(14, 1), (8, 1), (1, 3)] {
            for _ in 0..times * capacity {
                steps.push(long_step(random, capacity, deadlines, inserts));
            }
        }
        if random.below(2) == 0 {
            steps.push(Step::Clear);
        }
    }
    steps
}

fn long_step(random: &mut Random, capacity: usize, deadlines: i64, inserts: u64) -> Step {
    let deadline = random.below(deadlines as u64) as i64;
    let pick = random.draw() as usize;
    if random.below(16) < inserts {
        let key = random.below(capacity as u64 * 2) as u16;
        return Step::Insert { key, position: random.below(40) as i64 - 20, deadline };
    }
    match random.below(200) {
        0..30 => Step::Edit { pick, content: random.draw() as u32 },
        30..60 => Step::EditDeadline { pick, deadline },
        60..100 => Step::Remove { pick },
        100..130 => Step::Discard { pick },
        130..170 => Step::RemoveEarliest,
        170..196 => Step::PopChanged,
        196..198 => Step::ClearDirty,
        _ => Step::Rebuild,
    }
}

/// The table told with standard collections.
struct Model<V> {
    capacity: usize,
    slots: BTreeMap<usize, (Colliding, V)>,
    free: BTreeSet<usize>,
    /// The slots of each key in order of position.
    keys: BTreeMap<Colliding, Vec<usize>>,
    dirty: BTreeSet<usize>,
    changed: BTreeSet<usize>,
    used: usize,
}

impl<V: Content> Model<V> {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            slots: BTreeMap::new(),
            free: (0..capacity).collect(),
            keys: BTreeMap::new(),
            dirty: BTreeSet::new(),
            changed: BTreeSet::new(),
            used: 0,
        }
    }

    fn mark(&mut self, slot: usize, result: bool) {
        self.dirty.insert(slot);
        if result {
            self.changed.insert(slot);
        }
    }

    /// The slot at exactly that position; where records are one per key, at any.
    fn find(&self, key: Colliding, position: i64) -> Option<usize> {
        let position = Timestamp::from_micros(position);
        let is_one_per_key = !V::Lookup::IN_ORDER && !V::Lookup::BY_POSITION;
        let of_key = self.keys.get(&key)?.iter().rev();
        of_key.copied().find(|slot| is_one_per_key || self.slots[slot].1.position() == position)
    }

    fn insert(&mut self, key: Colliding, value: V) -> Result<usize, TableFull> {
        let slot = self.free.pop_first().ok_or(TableFull)?;
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
        self.free.insert(slot);
        self.mark(slot, false);
        Some((key, value))
    }

    fn neighbours(&self, slot: usize) -> (Option<usize>, Option<usize>) {
        let of_key = &self.keys[&self.slots[&slot].0];
        let place = of_key.iter().position(|other| *other == slot).expect("a slot of its key");
        (place.checked_sub(1).map(|before| of_key[before]), of_key.get(place + 1).copied())
    }

    fn earliest(&self) -> Option<usize> {
        let scheduled = self.slots.iter().filter(|(slot, (key, _))| match V::SCHEDULE {
            Schedule::Never => false,
            Schedule::Each | Schedule::InNoOrder | Schedule::Together => true,
            Schedule::FirstOfKey => self.keys[key].first() == Some(slot),
        });
        scheduled.map(|(slot, (_, value))| (value.deadline(), *slot)).min().map(|(_, slot)| slot)
    }

    fn pick(&self, pick: usize) -> Option<usize> {
        self.slots.keys().nth(pick % self.slots.len().max(1)).copied()
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
            // Whoever inserts has looked first.
            if !V::Lookup::IN_ORDER && model.find(Colliding(key), position).is_some() {
                return Ok(());
            }
            let inserted = table.insert(Colliding(key), value).map(SlotId::number);
            prop_assert_eq!(inserted, model.insert(Colliding(key), value));
        }
        Step::Edit { pick, content } => {
            let Some(slot) = model.pick(pick) else { return Ok(()) };
            *table.edit(id(slot)).expect("an occupied slot").parts().2 = content;
            *model.slots.get_mut(&slot).expect("an occupied slot").1.parts().2 = content;
            model.mark(slot, true);
        }
        Step::EditAt { slot, content } => {
            let expected = model.slots.get_mut(&slot).map(|(_, value)| value);
            let is_there = expected.is_some();
            expected.into_iter().for_each(|value| *value.parts().2 = content);
            prop_assert_eq!(table.edit(id(slot)).map(|value| *value.parts().2 = content).is_some(), is_there);
            table.edit_deadline(id(slot), |value| *value.parts().2 = content);
            if is_there {
                model.mark(slot, true);
            }
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
        Step::Discard { pick } => {
            let Some(slot) = model.pick(pick) else { return Ok(()) };
            table.discard(id(slot));
            model.remove(slot);
        }
        Step::RemoveEarliest => {
            let Some(slot) = model.earliest() else { return Ok(()) };
            prop_assert_eq!(number(table.earliest()), Some(slot));
            prop_assert_eq!(table.remove(id(slot)), model.remove(slot));
        }
        Step::PopChanged => {
            prop_assert_eq!(number(table.first_changed()), model.changed.first().copied());
            table.pop_changed();
            model.changed.pop_first();
        }
        Step::ClearDirty => {
            table.clear_dirty();
            model.dirty.clear();
        }
        Step::Rebuild => {
            table.rebuild();
            // As after a restart: all is committed, and all results are given.
            model.dirty.clear();
            model.changed.clear();
        }
        Step::Clear => {
            table.clear();
            *model = Model::new(model.capacity);
        }
    }
    Ok(())
}

fn check_finds<V: Content, I: SlotIndex>(
    table: &Table<'_, Colliding, V, I>,
    model: &Model<V>,
    key: Colliding,
    position: i64,
) -> Result<(), TestCaseError> {
    let found = number(table.find(&key, Timestamp::from_micros(position)));
    prop_assert_eq!(found, model.find(key, position), "{:?} at {}", key, position);
    if let Some(last) = V::Lookup::last_of(table, key) {
        let expected = model.keys.get(&key).and_then(|of_key| of_key.last()).copied();
        prop_assert_eq!(last, expected, "the last of {:?}", key);
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
        if let Some((key, value)) = record {
            if let Some(neighbours) = V::Lookup::neighbours(table, id(slot)) {
                prop_assert_eq!(neighbours, model.neighbours(slot), "neighbours of slot {}", slot);
            }
            let position = value.position().as_micros();
            check_finds(table, model, *key, position)?;
            check_finds(table, model, *key, position + 1)?;
        }
    }
    for key in (0..KEYS_MAX + 3).map(Colliding) {
        check_finds(table, model, key, 0)?;
    }
    let dirty: Vec<usize> = table.dirty().map(SlotId::number).collect();
    prop_assert!(dirty.iter().eq(&model.dirty), "dirty: {:?}, not {:?}", dirty, model.dirty);
    prop_assert_eq!(table.dirty_count(), model.dirty.len());
    for from in [0, 1, model.used / 2, model.used] {
        let occupied: Vec<usize> = table.occupied_from(from).map(SlotId::number).collect();
        let expected: Vec<usize> = model.slots.range(from..).map(|(slot, _)| *slot).collect();
        prop_assert_eq!(occupied, expected);
    }
    Ok(())
}

/// Runs steps, and looks at the whole table after each `check_every`.
fn run<V, S>(state: &mut S, steps: &[Step], check_every: usize) -> Result<(), TestCaseError>
where
    V: Content,
    S: State<Shape = Keyed<Colliding, V>>,
{
    let mut table = state.tables();
    table.track_changed(true);
    let mut model = Model::new(table.capacity());
    check_all(&table, &model)?;
    for (taken, step) in steps.iter().enumerate() {
        take_step(&mut table, &mut model, *step)?;
        prop_assert_eq!(number(table.first_changed()), model.changed.first().copied());
        prop_assert_eq!(table.len(), model.slots.len());
        if taken % check_every == 0 {
            check_all(&table, &model)?;
        }
    }
    check_all(&table, &model)?;
    // The sets that commits and results empty are whole to the end.
    for expected in &model.changed {
        prop_assert_eq!(number(table.first_changed()), Some(*expected));
        table.pop_changed();
    }
    prop_assert_eq!(table.first_changed(), None);
    // So is the order by deadline.
    while let Some(expected) = model.earliest() {
        prop_assert_eq!(number(table.earliest()), Some(expected));
        prop_assert_eq!(table.remove(id(expected)), model.remove(expected));
    }
    prop_assert_eq!(table.earliest(), None);
    Ok(())
}

fn agrees_with_the_model<V: Content>() {
    check(300, &(steps(), 1_usize..65), |(steps, capacity)| {
        run(&mut Allocated::<Colliding, V>::with_capacity(capacity), &steps, 1)?;
        run(&mut Inline::<Colliding, V, 1>::new(), &steps, 1)?;
        run(&mut Inline::<Colliding, V, 7>::new(), &steps, 1)?;
        run(&mut Inline::<Colliding, V, 64>::new(), &steps, 1)
    });
    let mut random = Random(seed());
    for _ in 0..if long() { 20 } else { 1 } {
        large_tables_agree::<V>(&mut random).unwrap_or_else(|failure| panic!("{failure}, seed {}", seed()));
    }
}

/// Tables whose sets have one level below the root, and two.
fn large_tables_agree<V: Content>(random: &mut Random) -> Result<(), TestCaseError> {
    // As many looks at the whole table for each capacity.
    let looks = |steps: &[Step]| steps.len() / 60;
    for capacity in [65, 100, 1_025, 2_100] {
        let steps = long_steps(random, capacity);
        run(&mut Allocated::<Colliding, V>::with_capacity(capacity), &steps, looks(&steps))?;
    }
    let steps = long_steps(random, 100);
    run(&mut Inline::<Colliding, V, 100>::new(), &steps, looks(&steps))?;
    let steps = long_steps(random, 1_100);
    run(&mut Inline::<Colliding, V, 1_100>::new(), &steps, looks(&steps))
}

macro_rules! agree {
    ($($test:ident: $record:ty,)*) => {
        $(#[test]
        fn $test() {
            agrees_with_the_model::<$record>();
        })*
    };
}

agree! {
    in_order_unscheduled: Unscheduled,
    in_order_scheduled: Scheduled,
    in_order_scheduled_in_no_order: UnsortedScheduled,
    in_order_due_together: DueTogether,
    in_order_scheduled_by_the_first_of_their_key: FirstScheduled,
    one_per_key_unscheduled: OneUnscheduled,
    one_per_key_scheduled: OneScheduled,
    one_per_key_scheduled_in_no_order: OneUnsorted,
    one_per_key_due_together: OneDueTogether,
    by_position_unscheduled: PlacedUnscheduled,
    by_position_scheduled: PlacedScheduled,
    by_position_due_together: PlacedDueTogether,
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
