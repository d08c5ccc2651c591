//! Processes written once for the model and once for the engine.

use std::collections::BTreeSet;

use headwater::{Context, KeyedProcess, Timestamp};
use headwater_tests::model::count_until_silent::{Count, Counted};
use headwater_tests::model::process::{Clock, Keyed, Logic, Timer};
use headwater_tests::model::row::Row;
use serde::{Deserialize, Serialize};

/// More timers than a key sets in these tests.
pub const TIMERS: usize = 128;

/// Sets, takes back and forgets in every way, as numbers of rows and times of timers say.
#[derive(Debug, Clone)]
pub struct Machine {
    pub clock: Clock,
    /// Whether timers change the state. In the model that makes it live longer.
    pub timers_write: bool,
    /// Rows that the engine had no room for.
    pub without_room: BTreeSet<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Held {
    rows: u32,
    quarters: i64,
    fired: u32,
}

/// What comes out: of a timer or of the end of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Given {
    pub key: Option<u8>,
    pub timer: Option<i64>,
    pub held: Held,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Set(i64),
    Cancel(i64),
    CancelAll,
    Forget,
}

impl Machine {
    pub fn new(clock: Clock) -> Self {
        Self { clock, timers_write: true, without_room: BTreeSet::new() }
    }

    pub fn initial(key: Option<u8>) -> Held {
        Held { rows: u32::from(key.unwrap_or(9)) * 100, quarters: 0, fired: 0 }
    }

    fn fold(held: &mut Held, row: &Row) {
        held.rows += 1;
        held.quarters += row.value.map_or(0, |value| (value * 4.0) as i64);
    }

    fn on_row(row: &Row, base: i64) -> Vec<Act> {
        // Now and then in the past.
        let at = base + i64::from(row.number * 13 % 31) - 6;
        match row.number % 13 {
            0 => vec![Act::CancelAll, Act::Set(at)],
            1 => vec![Act::Forget],
            2 => vec![Act::Set(at), Act::Set(at + 1)],
            3 => vec![Act::Cancel(at), Act::Cancel(base)],
            4..=8 => vec![Act::Set(at)],
            _ => vec![],
        }
    }

    fn on_epoch(held: &Held, base: i64) -> (Vec<Act>, bool) {
        match held.rows % 7 {
            0 => (vec![Act::Forget], true),
            1 => (vec![Act::Set(base - 3)], false),
            2 => (vec![Act::Set(base + 4)], true),
            _ => (vec![], held.rows.is_multiple_of(2)),
        }
    }

    fn on_timer(key: Option<u8>, timer: i64) -> (Vec<Act>, bool) {
        let acts = match timer.rem_euclid(5) {
            0 if key == Some(0) => vec![Act::Set(timer + 10)],
            0 => vec![Act::Forget],
            1 => vec![Act::Set(timer + 7), Act::Set(timer - 3)],
            2 => vec![Act::Set(timer - 3)],
            3 => vec![Act::Cancel(timer + 2)],
            _ => vec![],
        };
        (acts, timer.rem_euclid(11) != 0)
    }
}

fn act_in_model(acts: Vec<Act>, clock: Clock, key: &mut Keyed<'_, Held, Given>) {
    for act in acts {
        match act {
            Act::Set(at) => key.set((clock, at)),
            Act::Cancel(at) => key.cancel((clock, at)),
            Act::CancelAll => key.cancel_all(),
            Act::Forget => {
                key.clear();
                key.cancel_all();
            }
        }
    }
}

impl Logic for Machine {
    type State = Held;
    type Out = Given;

    fn rows(&self, rows: &[Row], key: &mut Keyed<'_, Held, Given>) {
        let rows: Vec<&Row> = rows.iter().filter(|row| !self.without_room.contains(&row.number)).collect();
        for row in &rows {
            let mut held = key.state().copied().unwrap_or_else(|| Self::initial(key.key()));
            Self::fold(&mut held, row);
            key.put(held);
            let base = if self.clock == Clock::Event { row.at.unwrap_or(0) } else { key.now };
            act_in_model(Self::on_row(row, base), self.clock, key);
        }
        if let (Some(held), false) = (key.state().copied(), rows.is_empty()) {
            // The engine's base is the latest of the rows since the key was last forgotten.
            let kept = rows.iter().rposition(|row| Self::on_row(row, 0) == [Act::Forget]);
            let since = &rows[kept.map_or(0, |place| place + 1)..];
            let base = since.iter().filter_map(|row| row.at).max().unwrap_or(0);
            let (acts, gives) = Self::on_epoch(&held, base);
            act_in_model(acts, self.clock, key);
            if gives {
                key.give(Given { key: key.key(), timer: None, held });
            }
        }
    }

    fn timer(&self, (_, timer): Timer, key: &mut Keyed<'_, Held, Given>) {
        let mut held = key.state().copied().unwrap_or_else(|| Self::initial(key.key()));
        held.fired += 1;
        if self.timers_write {
            key.put(held);
        }
        let (acts, gives) = Self::on_timer(key.key(), timer);
        act_in_model(acts, self.clock, key);
        if gives {
            key.give(Given { key: key.key(), timer: Some(timer), held });
        }
    }
}

fn act(acts: Vec<Act>, context: &mut Context<'_>) {
    for act in acts {
        match act {
            Act::Set(at) => context.set_timer(Timestamp::from_micros(at)).expect("room for many timers"),
            Act::Cancel(at) => drop(context.clear_timer(Timestamp::from_micros(at))),
            Act::CancelAll => context.clear_timers(),
            Act::Forget => context.forget(),
        }
    }
}

impl KeyedProcess<Row> for Machine {
    type Key = Option<u8>;
    type State = Held;
    type Output = Given;

    fn initial(&self, key: &Option<u8>) -> Held {
        Self::initial(*key)
    }

    fn on_row(&self, context: &mut Context<'_>, held: &mut Held, row: &Row) {
        assert_eq!(context.event_time().map(Timestamp::as_micros), row.at);
        Self::fold(held, row);
        let base = if self.clock == Clock::Event { context.event_time() } else { context.now() };
        act(Self::on_row(row, base.map_or(0, Timestamp::as_micros)), context);
    }

    fn on_epoch(&self, context: &mut Context<'_>, key: &Option<u8>, held: &mut Held) -> Option<Given> {
        let (acts, gives) = Self::on_epoch(held, context.event_time().map_or(0, Timestamp::as_micros));
        act(acts, context);
        gives.then_some(Given { key: *key, timer: None, held: *held })
    }

    fn on_timer(
        &self,
        context: &mut Context<'_>,
        key: &Option<u8>,
        held: &mut Held,
        timer: Timestamp,
    ) -> Option<Given> {
        let timer = timer.as_micros();
        let mut given = *held;
        given.fired += 1;
        if self.timers_write {
            *held = given;
        }
        let (acts, gives) = Self::on_timer(*key, timer);
        act(acts, context);
        gives.then_some(Given { key: *key, timer: Some(timer), held: given })
    }
}

/// The engine's count until a key is silent.
#[derive(Debug, Clone, Copy)]
pub struct Silent {
    pub timeout: i64,
}

impl Silent {
    fn counted(key: Option<u8>, &(rows, total, last): &(u64, f64, Option<i64>), expired: bool) -> Counted {
        Counted { key, count: Count { rows, total, last }, expired }
    }
}

impl KeyedProcess<Row> for Silent {
    type Key = Option<u8>;
    type State = (u64, f64, Option<i64>);
    type Output = Counted;

    fn initial(&self, _key: &Option<u8>) -> Self::State {
        (0, 0.0, None)
    }

    fn on_row(&self, context: &mut Context<'_>, (rows, total, last): &mut Self::State, row: &Row) {
        *rows += 1;
        *total += row.value.unwrap_or(0.0);
        *last = (*last).max(row.at);
        context.clear_timers();
        if let Some(last) = *last {
            context.set_timer(Timestamp::from_micros(last + self.timeout)).expect("the only one");
        }
    }

    fn on_epoch(
        &self,
        _context: &mut Context<'_>,
        key: &Option<u8>,
        state: &mut Self::State,
    ) -> Option<Counted> {
        Some(Self::counted(*key, state, false))
    }

    fn on_timer(
        &self,
        context: &mut Context<'_>,
        key: &Option<u8>,
        state: &mut Self::State,
        _timer: Timestamp,
    ) -> Option<Counted> {
        context.forget();
        Some(Self::counted(*key, state, true))
    }
}
