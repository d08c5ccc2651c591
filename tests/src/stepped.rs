//! Plans over the rows of the models, run epoch by epoch as the models run: straight, with restarts from the log, and with sinks that
//! refuse. What holds of every operator that a [`Stage`] models is checked in one place, [`holds`].

use core::fmt::Debug;
use std::collections::BTreeSet;

use headwater::checkpoint::Log;
use headwater::operator::{LateRow, NotNow};
use headwater::state::{Shape, SlotIndex, State};
use headwater::{CommitError, Progress, PushError, Query, QueryPlan, Side, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::model::row::{Epoch, Row, same_results};
use crate::model::stage::{Running, Stage, Taken};
use crate::model::watermark::Inputs;
use crate::properties::Random;
use crate::run::{Flash, ROOMY};
use crate::script::BUFFER;

/// Records of a state that is often full.
pub const NARROW: usize = 3;

/// What becomes of one epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended<O> {
    /// Results, in order.
    pub results: Vec<O>,
    /// Late rows.
    pub late: Vec<Row>,
    /// Rows dropped for want of room.
    pub dropped: Vec<Row>,
    /// Rows handed back for want of room.
    pub refused: Vec<Row>,
    /// The watermark at its end, in microseconds.
    pub watermark: Option<i64>,
    /// Records in the state at its end.
    pub state_rows: usize,
}

impl<O> Ended<O> {
    const EMPTY: Self = Self {
        results: Vec::new(),
        late: Vec::new(),
        dropped: Vec::new(),
        refused: Vec::new(),
        watermark: None,
        state_rows: 0,
    };
}

/// What becomes of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome<O> {
    /// Of each epoch.
    pub epochs: Vec<Ended<O>>,
    /// Where the query stands at the end.
    pub progress: Option<Progress>,
}

impl<O> Outcome<O> {
    /// The numbers of the rows that there was no room for.
    #[must_use]
    pub fn without_room(&self) -> BTreeSet<u32> {
        let rows = self.epochs.iter().flat_map(|epoch| epoch.dropped.iter().chain(&epoch.refused));
        rows.map(|row| row.number).collect()
    }
}

/// What comes between a run and its end.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    /// Restarts from the log, drawn from here.
    pub restarts: Option<Random>,
    /// Sinks that do not take a result at once, drawn from here.
    pub refusals: Option<Random>,
}

fn strikes(random: &mut Option<Random>) -> bool {
    random.as_mut().is_some_and(|random| random.below(3) == 0)
}

struct Recorder<'e, O> {
    ended: &'e mut Ended<O>,
    refusals: &'e mut Option<Random>,
    refused: bool,
}

impl<O> Recorder<'_, O> {
    fn take(&mut self, row: O) -> Result<(), NotNow> {
        if strikes(self.refusals) {
            self.refused = true;
            return Err(NotNow);
        }
        self.ended.results.push(row);
        Ok(())
    }
}

impl<O> Side<Row, O> for Recorder<'_, O> {
    fn late(&mut self, row: LateRow<'_, Row>) {
        assert_eq!(Some(row.at.as_micros()), row.row.at);
        assert!(row.dropped && row.late_windows == 1, "no row here is in several windows");
        self.ended.late.push(*row.row);
    }

    fn dropped(&mut self, row: &Row) {
        self.ended.dropped.push(*row);
    }

    fn early(&mut self, row: O) -> Result<(), NotNow> {
        self.take(row)
    }

    fn give(&mut self, row: O) -> Result<(), NotNow> {
        self.take(row)
    }
}

fn push<P, I>(query: &mut Query<'_, P, I>, row: Row, ended: &mut Ended<P::Output>, trouble: &mut Trouble)
where
    P: QueryPlan<Row = Row, Item = Row>,
    I: SlotIndex,
{
    loop {
        let state_rows = query.progress().state_rows;
        let mut recorder = Recorder { ended, refusals: &mut trouble.refusals, refused: false };
        let pushed = query.push_with(row, &mut recorder);
        let blocked = recorder.refused;
        match pushed {
            Ok(()) => return,
            Err(PushError::Full(back) | PushError::Blocked(back)) => {
                assert_eq!(back, row, "the row comes back as it was");
                assert_eq!(query.progress().state_rows, state_rows, "a refused row changed the state");
                if !blocked {
                    ended.refused.push(row);
                    return;
                }
            }
            Err(error) => panic!("no trigger is unfinished and no row is several: {error:?}"),
        }
    }
}

fn trigger<P, I>(query: &mut Query<'_, P, I>, now: i64, ended: &mut Ended<P::Output>, trouble: &mut Trouble)
where
    P: QueryPlan<Row = Row, Item = Row>,
    I: SlotIndex,
{
    loop {
        let triggered = query.trigger(Timestamp::from_micros(now), |row| {
            let mut recorder = Recorder { ended, refusals: &mut trouble.refusals, refused: false };
            recorder.take(row)
        });
        match triggered {
            Ok(end) => {
                ended.watermark = end.watermark.map(Timestamp::as_micros);
                ended.state_rows = query.progress().state_rows;
                return;
            }
            Err(_) => assert!(trouble.refusals.is_some(), "a willing sink was said to refuse"),
        }
    }
}

/// Runs a plan over state that `fresh` makes, for each start anew. Gives also the log, which holds a commit after each epoch.
///
/// # Panics
/// If the log or a restart fails, counts do not add up, or a call answers what it must not.
pub fn run<P, S>(
    plan: &P,
    mut fresh: impl FnMut() -> S,
    epochs: &[Epoch],
    mut trouble: Trouble,
) -> (Outcome<P::Output>, Flash)
where
    P: QueryPlan<Row = Row, Item = Row>,
    S: State<Shape = P::Shape>,
{
    let row = |(_, row): &(usize, Row)| Ok(*row);
    let steps: Vec<Result<Row, i64>> =
        epochs.iter().flat_map(|epoch| epoch.rows.iter().map(row).chain([Err(epoch.now)])).collect();
    let mut log = Log::<_, BUFFER>::open(Flash::new()).expect("an erased flash is an empty log");
    let mut outcome = Outcome { epochs: Vec::new(), progress: None };
    let mut ended = Ended::EMPTY;
    let mut rest = steps.iter();
    while rest.len() > 0 {
        let mut state = fresh();
        let mut query = plan.bind(&mut state);
        let position: Option<()> = query.restore(&mut log).expect("the same query");
        if position.is_some() {
            assert_eq!(outcome.progress, Some(query.progress()), "progress after a restart");
        }
        for step in rest.by_ref() {
            match step {
                Ok(row) => push(&mut query, *row, &mut ended, &mut trouble),
                Err(now) => {
                    trigger(&mut query, *now, &mut ended, &mut trouble);
                    outcome.epochs.push(core::mem::replace(&mut ended, Ended::EMPTY));
                }
            }
            let progress = query.progress();
            assert!(progress.rows.balance(), "rows do not add up: {:?}", progress.rows);
            outcome.progress = Some(progress);
            let restart = strikes(&mut trouble.restarts);
            if step.is_err() || restart {
                match query.commit(&mut log, &()) {
                    Ok(_) if restart => break,
                    Ok(_) => {}
                    Err(CommitError::Unfinished) => assert!(step.is_ok(), "the epoch has ended"),
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    }
    (outcome, log.into_storage())
}

/// Runs a plan over state for `capacity` records without trouble.
#[must_use]
pub fn straight<P>(plan: &P, capacity: usize, epochs: &[Epoch]) -> Outcome<P::Output>
where
    P: QueryPlan<Row = Row, Item = Row>,
{
    run(plan, || plan.allocate(capacity), epochs, Trouble::default()).0
}

/// Runs one epoch of a query without trouble.
pub fn run_epoch<P, I>(query: &mut Query<'_, P, I>, epoch: &Epoch) -> Ended<P::Output>
where
    P: QueryPlan<Row = Row, Item = Row>,
    I: SlotIndex,
{
    let (mut ended, mut trouble) = (Ended::EMPTY, Trouble::default());
    for (_, row) in &epoch.rows {
        push(query, *row, &mut ended, &mut trouble);
    }
    trigger(query, epoch.now, &mut ended, &mut trouble);
    ended
}

/// A model of an operator that has no room for some rows: they move the watermark and do nothing else.
#[derive(Debug, Clone)]
pub struct WithoutRoom<S> {
    stage: S,
    rows: BTreeSet<u32>,
}

impl<S: Stage<In = Row>> Stage for WithoutRoom<S> {
    type In = Row;
    type Out = S::Out;

    fn moves_watermark(&self, input: usize, row: &Row) -> Option<i64> {
        self.stage.moves_watermark(input, row)
    }

    fn take(&mut self, input: usize, row: Row, watermark: Option<i64>) -> Taken<S::Out> {
        if self.rows.contains(&row.number) {
            return Taken::Given(Vec::new());
        }
        self.stage.take(input, row, watermark)
    }

    fn end_of_rows(&mut self) -> Vec<S::Out> {
        self.stage.end_of_rows()
    }

    fn close(&mut self, watermark: crate::model::stage::Moved, now: i64) -> Vec<S::Out> {
        self.stage.close(watermark, now)
    }
}

/// Checks a run against a model with a watermark of `delay`. Which rows there was no room for is taken from the run.
///
/// # Errors
/// What differs first.
pub fn same_as_model<O: PartialEq + Clone + Debug, M: Stage<In = Row>>(
    outcome: &Outcome<O>,
    epochs: &[Epoch],
    delay: i64,
    model: M,
    result: impl Fn(&M::Out) -> O,
) -> Result<(), TestCaseError> {
    let model = WithoutRoom { stage: model, rows: outcome.without_room() };
    let mut running = Running::new(Inputs::new(&[Some(delay)]), model);
    for (number, (epoch, ended)) in epochs.iter().zip(&outcome.epochs).enumerate() {
        let answer = running.epoch(epoch);
        let expected: Vec<O> = answer.results.iter().map(&result).collect();
        prop_assert!(
            same_results(&expected, &ended.results),
            "epoch {}: {:?}, not {:?}",
            number,
            ended.results,
            expected
        );
        prop_assert_eq!(&answer.late, &ended.late, "late rows of epoch {}", number);
        prop_assert_eq!(answer.watermark, ended.watermark, "watermark of epoch {}", number);
    }
    Ok(())
}

/// Checks what holds of every operator, over state for `capacity` records: restarts and sinks that refuse change nothing, not even the
/// order of results. Gives the straight run.
///
/// # Errors
/// What differs first.
pub fn unmoved_by_trouble<P>(
    plan: &P,
    capacity: usize,
    epochs: &[Epoch],
    seed: u64,
) -> Result<Outcome<P::Output>, TestCaseError>
where
    P: QueryPlan<Row = Row, Item = Row>,
    P::Output: PartialEq + Clone + Debug,
{
    let with = |trouble: Trouble| run(plan, || plan.allocate(capacity), epochs, trouble).0;
    let straight = with(Trouble::default());
    let restarts = Some(Random(seed));
    let restarted = with(Trouble { restarts: restarts.clone(), refusals: None });
    prop_assert_eq!(&restarted, &straight, "with restarts");
    let refused = with(Trouble { restarts, refusals: Some(Random(!seed)) });
    prop_assert_eq!(&refused.epochs, &straight.epochs, "with restarts and sinks that refuse");
    Ok(straight)
}

/// Checks all of an operator whose plan refuses or drops rows that it has no room for, with a watermark of `delay`: the answers of its
/// model, with room and without, restarts and sinks that refuse, and the same log from inline and allocated state. Gives the runs with
/// room and without.
///
/// # Errors
/// What differs first.
pub fn holds<P, M: Stage<In = Row>>(
    plan: &P,
    delay: i64,
    epochs: &[Epoch],
    seed: u64,
    model: impl Fn() -> M,
    result: impl Fn(&M::Out) -> P::Output,
) -> Result<[Outcome<P::Output>; 2], TestCaseError>
where
    P: QueryPlan<Row = Row, Item = Row>,
    P::Output: PartialEq + Clone + Debug,
{
    let roomy = unmoved_by_trouble(plan, ROOMY, epochs, seed)?;
    prop_assert!(roomy.without_room().is_empty(), "there was room for all");
    same_as_model(&roomy, epochs, delay, model(), &result)?;
    let narrow = unmoved_by_trouble(plan, NARROW, epochs, seed)?;
    same_as_model(&narrow, epochs, delay, model(), &result)?;
    let (allocated, allocated_log) = run(plan, || plan.allocate(NARROW), epochs, Trouble::default());
    let inline = || <P::Shape as Shape>::Inline::<NARROW>::default();
    let (inline, inline_log) = run(plan, inline, epochs, Trouble::default());
    prop_assert_eq!(&inline, &allocated, "inline and allocated state");
    prop_assert!(inline_log.image() == allocated_log.image(), "the logs differ");
    Ok([roomy, narrow])
}
