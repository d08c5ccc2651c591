//! Windows that slide merge each pane twice, whatever their shape: no pane is lost or doubled, and floats have the same bits however the query was run.

use std::collections::{BTreeMap, BTreeSet};

use headwater::aggregate::{Collected, collect, count, sum};
use headwater::checkpoint::{Log, RamFlash};
use headwater::operator::{LateRow, NotNow};
use headwater::state::{Shape, State};
use headwater::window::Sliding;
use headwater::{OnFull, PushError, QueryPlan, Side, Span, Stream, Timestamp, WindowRow};
use headwater_tests::properties::{Random, check};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// A row: `number` counts them.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    key: u8,
    at: i64,
    number: u32,
}

impl Row {
    /// The sum of a set of these says which they are.
    fn weight(&self) -> i64 {
        (Random(u64::from(self.number)).draw() >> 16) as i64
    }

    /// No two orders of summing these need give the same bits.
    fn tenths(&self) -> f64 {
        f64::from(self.number % 97) * 0.1 + 1e7 * f64::from(self.number % 3)
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Push(Row),
    Trigger,
}

/// Windows in units that are as long as a pane, or several of which make one.
#[derive(Debug, Clone, Copy)]
struct Windows {
    size: i64,
    slide: i64,
    offset: i64,
}

impl Windows {
    fn sliding(self) -> Sliding {
        let span = |micros| Span::from_micros(micros).expect("not negative");
        let windows = Sliding::of(span(self.size), span(self.slide)).expect("the slide fits");
        windows.with_offset(span(self.offset))
    }

    fn last_end(self, at: i64) -> i64 {
        at - (at - self.offset).rem_euclid(self.slide) + self.size
    }

    /// Of a window that ends after `after` and holds `at`, the first end; `None` if there is none.
    fn next_end(self, at: i64, after: Option<i64>) -> Option<i64> {
        let last = self.last_end(at);
        let holding = last - (last - at - 1) / self.slide * self.slide;
        let end = after
            .filter(|after| *after >= holding)
            .map_or(holding, |after| holding + ((after - holding) / self.slide + 1) * self.slide);
        (end <= last).then_some(end)
    }

    fn pane_of(self, at: i64) -> i64 {
        let (mut pane, mut rest) = (self.size, self.slide);
        while rest > 0 {
            (pane, rest) = (rest, pane % rest);
        }
        at - (at - self.offset).rem_euclid(pane)
    }
}

fn windows() -> impl Strategy<Value = Windows> {
    let panes = prop_oneof![3 => 1_i64..=40, 1 => 1_i64..=4];
    (panes, 1_i64..=40, 1_i64..4, 0_i64..50).prop_map(|(size, slide, unit, offset)| {
        let slide = (slide - 1) % size + 1;
        Windows { size: size * unit, slide: slide * unit, offset: offset % (slide * unit) }
    })
}

/// A clock that goes on by `advance`, and by a gap of several windows now and then; rows are `lag` behind it.
fn steps(keys: u8, lags: i64) -> impl Strategy<Value = Vec<Step>> {
    let advance = prop_oneof![8 => 0_i64..5, 2 => 5_i64..40, 1 => 40_i64..400];
    let row = (0..keys, advance, 0..lags, 0_u8..4);
    // Many rows between triggers, and so many slides at one of them, or few.
    (prop::collection::vec(row, 1..120), 1_u8..5).prop_map(|(rows, often)| {
        let (mut clock, mut steps) = (1_000, Vec::new());
        for (number, (key, advance, lag, trigger)) in rows.into_iter().enumerate() {
            clock += advance;
            steps.push(Step::Push(Row { key, at: clock - lag, number: number as u32 }));
            if trigger < often {
                steps.push(Step::Trigger);
            }
        }
        steps
    })
}

/// One result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Given {
    end: i64,
    key: u8,
    early: bool,
    rows: u64,
    weight: i64,
    /// The first few rows in order of arrival, and how many were left out.
    first: (Vec<u32>, u64),
    /// Not known to the model.
    bits: Option<u64>,
}

const COLLECTED: usize = 16;

type Output = WindowRow<u8, (u64, Option<i64>, Collected<u32, COLLECTED>, Option<f64>)>;

impl From<Output> for Given {
    fn from(row: Output) -> Self {
        let (rows, weight, first, tenths) = row.value;
        Self {
            end: row.window.end.as_micros(),
            key: row.key,
            early: row.early,
            rows,
            weight: weight.expect("no window is without rows"),
            first: (first.values.to_vec(), first.left_out),
            bits: Some(tenths.expect("no window is without rows").to_bits()),
        }
    }
}

impl Given {
    fn without_bits(&self) -> Self {
        Self { bits: None, ..self.clone() }
    }
}

/// What the windows hold by definition: the rows that were there when each was given.
struct Model {
    windows: Windows,
    delay: i64,
    /// More panes than that make a key give its windows early; for one key.
    panes_max: usize,
    highest: i64,
    watermark: Option<i64>,
    early: Option<i64>,
    /// Of each key, the rows that were in time for one of their windows, in order of arrival.
    rows: BTreeMap<u8, Vec<Row>>,
    given: Vec<Given>,
    /// Rows that were late for a window, and in time for another.
    partly_late: usize,
}

impl Model {
    fn new(windows: Windows, delay: i64, panes_max: usize) -> Self {
        Self {
            windows,
            delay,
            panes_max,
            highest: i64::MIN,
            watermark: None,
            early: None,
            rows: BTreeMap::new(),
            given: Vec::new(),
            partly_late: 0,
        }
    }

    fn push(&mut self, row: Row) {
        self.highest = self.highest.max(row.at);
        let is_late = |given: Option<i64>| given.is_some_and(|given| self.windows.last_end(row.at) <= given);
        if is_late(self.watermark.max(self.early)) {
            return;
        }
        let panes: BTreeSet<i64> =
            self.rows.values().flatten().map(|other| self.windows.pane_of(other.at)).collect();
        let pane = self.windows.pane_of(row.at);
        if panes.len() >= self.panes_max && !panes.contains(&pane) {
            self.evict(row.key);
        }
        let given = self.watermark.max(self.early);
        if given.is_some_and(|given| self.windows.last_end(row.at) <= given) {
            return;
        }
        let all = self.windows.next_end(row.at, None);
        self.partly_late += usize::from(self.windows.next_end(row.at, given) != all);
        self.rows.entry(row.key).or_default().push(row);
    }

    /// Gives windows early until the first pane is in none of the later ones.
    fn evict(&mut self, key: u8) {
        let of_key = self.rows.get(&key).expect("the one key has all panes");
        let first = of_key.iter().map(|row| row.at).min().expect("a pane has rows");
        while let Some(end) = self.windows.next_end(first, self.watermark.max(self.early)) {
            self.give(key, end, true);
            self.early = Some(end);
        }
        self.prune();
    }

    /// Closes what ends until then.
    fn close(&mut self, watermark: i64) {
        let before = self.watermark.max(self.early);
        self.watermark = self.watermark.max(Some(watermark));
        let mut due = BTreeSet::new();
        for row in self.rows.values().flatten() {
            let mut after = before;
            while let Some(end) = self.windows.next_end(row.at, after).filter(|end| *end <= watermark) {
                due.insert((end, row.key));
                after = Some(end);
            }
        }
        due.into_iter().for_each(|(end, key)| self.give(key, end, false));
        self.prune();
    }

    fn trigger(&mut self) {
        self.close(self.highest.saturating_sub(self.delay));
    }

    fn drain(&mut self) {
        let last = self.rows.values().flatten().map(|row| self.windows.last_end(row.at)).max();
        self.close(self.highest.saturating_sub(self.delay).max(last.unwrap_or(i64::MIN)));
    }

    fn prune(&mut self) {
        let (windows, given) = (self.windows, self.watermark.max(self.early));
        for rows in self.rows.values_mut() {
            rows.retain(|row| given.is_none_or(|given| windows.last_end(row.at) > given));
        }
        // What was given early is remembered by the first pane of the key, as long as it has part in it.
        let first = self.rows.values().flatten().map(|row| row.at).min();
        let next = first.and_then(|first| windows.next_end(first, self.watermark));
        self.early = self.early.filter(|early| next.is_some_and(|next| next <= *early));
    }

    fn give(&mut self, key: u8, end: i64, early: bool) {
        let holds = |row: &&Row| (end - self.windows.size..end).contains(&row.at);
        let rows: Vec<Row> = self.rows[&key].iter().filter(holds).copied().collect();
        let first: Vec<u32> = rows.iter().map(|row| row.number).take(COLLECTED).collect();
        self.given.push(Given {
            end,
            key,
            early,
            rows: rows.len() as u64,
            weight: rows.iter().map(Row::weight).sum(),
            first: (first, rows.len().saturating_sub(COLLECTED) as u64),
            bits: None,
        });
    }
}

fn plan(
    windows: Windows,
    delay: i64,
    on_full: OnFull,
) -> impl QueryPlan<Row = Row, Item = Row, Output = Output> {
    Stream::<Row>::new()
        .with_watermark(
            |row| Some(Timestamp::from_micros(row.at)),
            Span::from_micros(delay).expect("not negative"),
        )
        .group_by(|row| row.key)
        .window(windows.sliding())
        .aggregate((
            count(),
            sum(Row::weight),
            collect::<COLLECTED, _, _, _>(|row: &Row| row.number),
            sum(Row::tenths),
        ))
        .append()
        .on_full(on_full)
}

struct Early<'g>(&'g mut Vec<Given>);

impl Side<Row, Output> for Early<'_> {
    fn late(&mut self, _row: LateRow<'_, Row>) {}

    fn dropped(&mut self, _row: &Row) {
        panic!("a pane makes room for another");
    }

    fn early(&mut self, row: Output) -> Result<(), NotNow> {
        self.0.push(row.into());
        Ok(())
    }

    fn give(&mut self, _row: Output) -> Result<(), NotNow> {
        panic!("nothing is given before a trigger but early windows");
    }
}

/// Runs the steps, and drains at the end. With `restarts`, the query goes on in new state from its log after one step in eight.
fn run<P, S>(plan: &P, fresh: impl Fn() -> S, steps: &[Step], mut restarts: Option<Random>) -> Vec<Given>
where
    P: QueryPlan<Row = Row, Item = Row, Output = Output>,
    S: State<Shape = P::Shape>,
{
    let mut log = Log::<_, 512>::open(RamFlash::<262_144, 4, 4096>::new()).expect("an erased flash");
    let mut given = Vec::new();
    let mut rest = steps.iter();
    loop {
        let mut state = fresh();
        let mut query = plan.bind(&mut state);
        query.restore::<(), _, 512>(&mut log).expect("the same query");
        let mut is_restart = false;
        while !is_restart && let Some(step) = rest.next() {
            match step {
                Step::Push(row) => match query.push_with(*row, &mut Early(&mut given)) {
                    Ok(()) => {}
                    Err(PushError::Full(row)) => panic!("{row:?} has room"),
                    Err(_) => panic!("no trigger is unfinished"),
                },
                Step::Trigger => {
                    query.trigger(Timestamp::EPOCH, |row| given.push(row.into())).expect("a willing sink");
                }
            }
            is_restart = restarts.as_mut().is_some_and(|random| random.below(8) == 0);
        }
        if !is_restart {
            query.drain(Timestamp::EPOCH, |row| given.push(row.into())).expect("a willing sink");
            return given;
        }
        query.commit(&mut log, &()).expect("the log has room");
    }
}

const ROOMY: usize = 400;

/// The results of a run, equal to the last bit whatever holds the state and however often it was restarted.
fn results<P>(plan: &P, capacity: usize, steps: &[Step], seed: u64) -> Result<Vec<Given>, TestCaseError>
where
    P: QueryPlan<Row = Row, Item = Row, Output = Output>,
{
    let straight = run(plan, || plan.allocate(capacity), steps, None);
    let restarted = run(plan, || plan.allocate(capacity), steps, Some(Random(seed)));
    prop_assert_eq!(&restarted, &straight, "restarted");
    if capacity == ROOMY {
        let inline = || Box::new(<P::Shape as Shape>::Inline::<ROOMY>::default());
        for restarts in [None, Some(Random(!seed))] {
            let given = run_boxed(plan, inline, steps, restarts);
            prop_assert_eq!(&given, &straight, "inline");
        }
    }
    Ok(straight)
}

/// As [`run`], with state that is too large for the stack.
fn run_boxed<P, S>(
    plan: &P,
    fresh: impl Fn() -> Box<S>,
    steps: &[Step],
    restarts: Option<Random>,
) -> Vec<Given>
where
    P: QueryPlan<Row = Row, Item = Row, Output = Output>,
    S: State<Shape = P::Shape>,
{
    run(plan, || Boxed(fresh()), steps, restarts)
}

struct Boxed<S>(Box<S>);

impl<S: State> State for Boxed<S> {
    type Shape = S::Shape;
    type Index = S::Index;

    fn tables(&mut self) -> <S::Shape as Shape>::Tables<'_, S::Index> {
        self.0.tables()
    }
}

fn same_as_the_model(given: &[Given], model: &Model) -> Result<(), TestCaseError> {
    let mut exact: Vec<Given> = given.iter().map(Given::without_bits).collect();
    exact.sort();
    let mut expected = model.given.clone();
    expected.sort();
    prop_assert_eq!(exact, expected);
    Ok(())
}

fn model_after(mut model: Model, steps: &[Step]) -> Model {
    for step in steps {
        match step {
            Step::Push(row) => model.push(*row),
            Step::Trigger => model.trigger(),
        }
    }
    model.drain();
    model
}

#[test]
fn windows_hold_each_pane_once_whatever_comes_late() {
    let partly_late = core::cell::Cell::new(0);
    let inputs = (windows(), steps(3, 60), 0_i64..40, any::<u64>());
    check(300, &inputs, |(windows, steps, delay, seed)| {
        let model = model_after(Model::new(windows, delay, usize::MAX), &steps);
        let given = results(&plan(windows, delay, OnFull::Refuse), ROOMY, &steps, seed)?;
        partly_late.set(partly_late.get() + model.partly_late);
        same_as_the_model(&given, &model)
    });
    assert!(partly_late.get() > 1_000, "rows late for some of their windows: {}", partly_late.get());
}

#[test]
fn windows_given_early_hold_each_pane_once() {
    let early = core::cell::Cell::new(0);
    let inputs = (windows(), steps(1, 40), 0_i64..200, 1_usize..20, any::<u64>());
    check(300, &inputs, |(windows, steps, delay, panes, seed)| {
        let model = model_after(Model::new(windows, delay, panes), &steps);
        let given = results(&plan(windows, delay, OnFull::EvictOldest), panes, &steps, seed)?;
        early.set(early.get() + given.iter().filter(|given| given.early).count());
        same_as_the_model(&given, &model)
    });
    assert!(early.get() > 1_000, "windows given early: {}", early.get());
}

#[test]
fn sums_of_floats_have_the_bits_of_the_batch() {
    let lags = 12;
    check(300, &(windows(), steps(3, lags), any::<u64>()), |(windows, steps, seed)| {
        // So that no row is late.
        let plan = plan(windows, lags, OnFull::Refuse);
        let rows: Vec<Row> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Push(row) => Some(*row),
                Step::Trigger => None,
            })
            .collect();
        let mut batch: Vec<Given> = plan.batch(&rows).into_iter().map(Given::from).collect();
        batch.sort();
        let mut stream = results(&plan, ROOMY, &steps, seed)?;
        stream.sort();
        prop_assert_eq!(stream, batch);
        Ok(())
    });
}
