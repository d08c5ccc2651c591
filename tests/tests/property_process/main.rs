//! Stateful processing by the user: against the model, with restarts, refusing sinks, full state, seeds, and behind windows.

mod chain;
mod machine;
mod rules;
mod seeds;

use core::fmt::Debug;

use headwater::operator::{InEventTime, InProcessingTime};
use headwater::state::Shape;
use headwater::{OnFull, Process, QueryPlan, Span, Stream, Timestamp};
use headwater_tests::model::count_until_silent::CountUntilSilent;
use headwater_tests::model::process::{Clock, Fires, Process as Model};
use headwater_tests::model::row::{Epoch, Row, same_results};
use headwater_tests::model::stage::{Answer, Running, Stage};
use headwater_tests::model::streams::streams;
use headwater_tests::model::watermark::Inputs;
use headwater_tests::properties::check;
use headwater_tests::stepped::{Ended, Outcome, Trouble, run, straight, unmoved_by_trouble};
use machine::{Given, Machine, Silent, TIMERS};
use proptest::prelude::*;

/// More than there are keys.
const ROOMY: usize = 8;

fn at(row: &Row) -> Option<Timestamp> {
    row.at.map(Timestamp::from_micros)
}

fn in_event_time<L>(logic: L, fires: Fires) -> Process<L, InEventTime, TIMERS> {
    let process = Process::in_event_time(logic);
    if fires == Fires::AtWatermark { process } else { process.fires_behind_watermark() }
}

/// The machine in event time.
fn event_plan(fires: Fires, delay: u32) -> impl QueryPlan<Row = Row, Item = Row, Output = Given> {
    full_plan(fires, delay, OnFull::Refuse)
}

fn full_plan(
    fires: Fires,
    delay: u32,
    on_full: OnFull,
) -> impl QueryPlan<Row = Row, Item = Row, Output = Given> {
    Stream::<Row>::new()
        .with_watermark(at, Span::micros(delay))
        .group_by(|row: &Row| row.key)
        .process(in_event_time(Machine::new(Clock::Event), fires))
        .append()
        .on_full(on_full)
}

/// The machine in processing time, without a watermark.
fn processing_plan(time_to_live: Option<u32>) -> impl QueryPlan<Row = Row, Item = Row, Output = Given> {
    let machine = Machine { timers_write: time_to_live.is_none(), ..Machine::new(Clock::Processing) };
    let process: Process<_, InProcessingTime, TIMERS> = Process::in_processing_time(machine);
    let process = match time_to_live {
        Some(span) => process.time_to_live(Span::micros(span)),
        None => process,
    };
    Stream::<Row>::new().with_event_time(at).group_by(|row: &Row| row.key).process(process).update()
}

fn every_fires() -> impl Strategy<Value = Fires> {
    prop::sample::select(vec![Fires::AtWatermark, Fires::BehindWatermark])
}

fn watermark(delay: u32) -> Inputs {
    Inputs::new(&[Some(i64::from(delay))])
}

/// The answers of a model.
fn answers<S: Stage<In = Row>>(inputs: Inputs, model: S, epochs: &[Epoch]) -> Vec<Answer<S::Out>> {
    Running::new(inputs, model).run(epochs)
}

/// Whether epochs answer alike, in whatever order.
fn same<O: PartialEq + Clone + Debug>(
    given: &[Ended<O>],
    expected: &[Answer<O>],
) -> Result<(), TestCaseError> {
    prop_assert_eq!(given.len(), expected.len());
    for (epoch, (given, expected)) in given.iter().zip(expected).enumerate() {
        let alike = same_results(&given.results, &expected.results);
        prop_assert!(alike, "epoch {epoch}: given {:?}, expected {:?}", given.results, expected.results);
        prop_assert_eq!(&given.late, &expected.late, "late in epoch {}", epoch);
        prop_assert_eq!(given.watermark, expected.watermark, "watermark of epoch {}", epoch);
    }
    Ok(())
}

fn emitted<O>(run: &Outcome<O>) -> u64 {
    run.epochs.iter().map(|epoch| epoch.results.len() as u64).sum()
}

#[test]
fn counts_until_silent_as_spark() {
    let inputs = (streams(1, 0..60), 1_i64..20, every_fires(), 0_u32..8);
    check(400, &inputs, |(epochs, timeout, fires, delay)| {
        let plan = Stream::<Row>::new()
            .with_watermark(at, Span::micros(delay))
            .group_by(|row: &Row| row.key)
            .process(in_event_time(Silent { timeout }, fires))
            .update();
        let given = straight(&plan, ROOMY, &epochs);
        let model = Model::new(CountUntilSilent { timeout }, fires);
        same(&given.epochs, &answers(watermark(delay), model, &epochs))?;
        prop_assert_eq!(given.progress.map(|progress| progress.rows.emitted), Some(emitted(&given)));
        Ok(())
    });
}

#[test]
fn several_timers_fire_as_in_the_model() {
    check(600, &(streams(1, 0..60), every_fires(), 0_u32..8), |(epochs, fires, delay)| {
        let given = straight(&event_plan(fires, delay), ROOMY, &epochs);
        let mut model = Running::new(watermark(delay), Model::new(Machine::new(Clock::Event), fires));
        same(&given.epochs, &model.run(&epochs))?;
        prop_assert_eq!(given.progress.map(|progress| progress.state_rows), Some(model.stage.held()));
        Ok(())
    });
}

/// Epochs behind an empty one: before the first trigger the engine knows no processing time.
fn begun(mut epochs: Vec<Epoch>) -> Vec<Epoch> {
    epochs.insert(0, Epoch { rows: Vec::new(), now: 990 });
    epochs
}

#[test]
fn processing_time_fires_and_expires_as_in_the_model() {
    check(600, &(streams(1, 0..60), prop::option::of(1_u32..30)), |(epochs, time_to_live)| {
        let epochs = begun(epochs);
        let given = straight(&processing_plan(time_to_live), ROOMY, &epochs);
        let machine = Machine { timers_write: time_to_live.is_none(), ..Machine::new(Clock::Processing) };
        let model = Model::new(machine, Fires::AtWatermark);
        let model = match time_to_live {
            Some(span) => model.with_time_to_live(i64::from(span)),
            None => model,
        };
        let mut model = Running::new(Inputs::new(&[None]), model);
        same(&given.epochs, &model.run(&epochs))?;
        prop_assert_eq!(given.progress.map(|progress| progress.state_rows), Some(model.stage.held()));
        Ok(())
    });
}

#[test]
fn restarts_and_refusing_sinks_change_nothing() {
    let inputs = (streams(1, 0..60), every_fires(), 0_u32..8, 1_usize..ROOMY, any::<u64>());
    check(300, &inputs, |(epochs, fires, delay, capacity, seed)| {
        for on_full in [OnFull::Refuse, OnFull::Drop] {
            unmoved_by_trouble(&full_plan(fires, delay, on_full), capacity, &epochs, seed)?;
        }
        Ok(())
    });
    let inputs = (streams(1, 0..60), prop::option::of(1_u32..30), any::<u64>());
    check(300, &inputs, |(epochs, time_to_live, seed)| {
        unmoved_by_trouble(&processing_plan(time_to_live), ROOMY, &epochs, seed).map(|_| ())
    });
}

#[test]
fn rows_without_room_change_nothing_and_are_counted() {
    let policies = prop::sample::select(vec![OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest]);
    let inputs = (streams(1, 0..60), every_fires(), 0_u32..8, 1_usize..4, policies);
    check(400, &inputs, |(epochs, fires, delay, capacity, on_full)| {
        let given = straight(&full_plan(fires, delay, on_full), capacity, &epochs);
        let machine = Machine { without_room: given.without_room(), ..Machine::new(Clock::Event) };
        same(&given.epochs, &answers(watermark(delay), Model::new(machine, fires), &epochs))?;
        let rows = given.progress.expect("epochs were run").rows;
        let without_room = given.without_room().len() as u64;
        let counted = if on_full == OnFull::Drop { (without_room, 0) } else { (0, without_room) };
        prop_assert_eq!((rows.dropped, rows.refused), counted);
        Ok(())
    });
}

/// Streams must hold what these properties are about.
#[test]
fn machines_do_what_the_properties_need() {
    let seen = core::cell::Cell::new([0_usize; 4]);
    check(60, &streams(1, 30..60), |epochs| {
        let given = straight(&event_plan(Fires::AtWatermark, 3), 2, &epochs);
        let results = given.epochs.iter().flat_map(|epoch| &epoch.results);
        let (fired, ended): (Vec<&Given>, Vec<&Given>) = results.partition(|given| given.timer.is_some());
        let late = given.epochs.iter().map(|epoch| epoch.late.len()).sum();
        let found = [fired.len(), ended.len(), late, given.without_room().len()];
        let mut counts = seen.get();
        counts.iter_mut().zip(found).for_each(|(count, found)| *count += found);
        seen.set(counts);
        Ok(())
    });
    assert!(seen.get().iter().all(|count| *count > 100), "{:?}", seen.get());
}

#[test]
fn inline_and_allocated_state_give_the_same_results_and_bytes() {
    fn inline<P: QueryPlan>(_: &P) -> <P::Shape as Shape>::Inline<3> {
        Default::default()
    }
    check(200, &(streams(1, 0..60), every_fires()), |(epochs, fires)| {
        let plan = Stream::<Row>::new()
            .with_watermark(at, Span::micros(2))
            .group_by(|row: &Row| row.key)
            .process(in_event_time(Machine::new(Clock::Event), fires))
            .append();
        let (inline, inline_log) = run(&plan, || inline(&plan), &epochs, Trouble::default());
        let (allocated, allocated_log) = run(&plan, || plan.allocate(3), &epochs, Trouble::default());
        prop_assert_eq!(inline, allocated);
        prop_assert!(inline_log.image() == allocated_log.image(), "the logs differ");
        Ok(())
    });
}
