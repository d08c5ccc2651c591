//! Several inputs with a watermark each: the answers of the model, idle inputs, restarts (rule 7).

use headwater::aggregate::{count, max, sum};
use headwater::operator::{Input, Stages, Watermarked};
use headwater::watermark::MultipleWatermarks;
use headwater::window::Tumbling;
use headwater::{Either, QueryPlan, Span, Stream, Timestamp, WindowRow, WithWatermark};
use headwater_tests::call_lists::{Between, betweens, calls};
use headwater_tests::calls::{Call, run};
use headwater_tests::model::append_window::{AppendWindows, Filled, Grid, Placed};
use headwater_tests::model::chain::{Chain, Union};
use headwater_tests::model::row::{Epoch, Row, rows_of, same_results};
use headwater_tests::model::stage::Running;
use headwater_tests::model::streams::{IN_TIME, streams};
use headwater_tests::model::watermark::{Inputs, Policy};
use headwater_tests::properties::{Random, check};
use headwater_tests::run::ROOMY;
use proptest::prelude::*;

/// Rows, the sum of their values, the highest number.
type Minute = WindowRow<Option<u8>, (u64, Option<f64>, Option<u32>)>;

#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Of the inputs, 2 or 3 of them.
    delays: [u32; 3],
    three: bool,
    /// 1: in Spark that of every input.
    initial: Option<i64>,
    policy: Policy,
    idle_after: Option<u32>,
    size: u32,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let delay = || prop_oneof![2 => 0_u32..4, 1 => 0_u32..25];
    let initial = prop_oneof![3 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(-20))];
    let policy = prop::sample::select(vec![Policy::Min, Policy::Max]);
    let idle_after = prop_oneof![1 => Just(None), 2 => (0_u32..40).prop_map(Some)];
    ([delay(), delay(), delay()], any::<bool>(), initial, policy, idle_after, 1_u32..20).prop_map(
        |(delays, three, initial, policy, idle_after, size)| Shape {
            delays,
            three,
            initial,
            policy,
            idle_after,
            size,
        },
    )
}

/// What is done with the plan of a [`Shape`]. `R` is what is pushed.
trait Visitor {
    type Answer;
    fn visit<R, P>(self, plan: &P, row: fn(usize, Row) -> R) -> Self::Answer
    where
        R: Copy + PartialEq + core::fmt::Debug,
        P: QueryPlan<Row = R, Output = Minute>;
}

/// The event time of a row of each input, as a type of its own: they are different functions.
fn time(row: &Row) -> Option<Timestamp> {
    row.at.map(Timestamp::from_micros)
}

type Watched = Watermarked<Input<Row>, fn(&Row) -> Option<Timestamp>>;

fn two(input: usize, row: Row) -> Either<Row, Row> {
    if input == 0 { Either::Left(row) } else { Either::Right(row) }
}

fn three(input: usize, row: Row) -> Either<Either<Row, Row>, Row> {
    if input == 2 { Either::Right(row) } else { Either::Left(two(input, row)) }
}

impl Shape {
    fn inputs(&self) -> usize {
        if self.three { 3 } else { 2 }
    }

    fn visit<V: Visitor>(&self, visitor: V) -> V::Answer {
        let policy = match self.policy {
            Policy::Min => MultipleWatermarks::Min,
            Policy::Max => MultipleWatermarks::Max,
        };
        let input = |delay: u32| -> Stream<Row, Watched, WithWatermark> {
            let (rows, time) = (Stream::<Row>::new(), time as fn(&Row) -> Option<Timestamp>);
            match self.initial {
                None => rows.with_watermark(time, Span::micros(delay)),
                Some(at) => rows.with_watermark_from(time, Span::micros(delay), Timestamp::from_micros(at)),
            }
        };
        let [one, other, third] = self.delays.map(input);
        macro_rules! visit {
            ($rows:expr, $row:ident) => {
                visitor.visit(&windows($rows, self.size), $row)
            };
        }
        match (self.three, self.idle_after.map(Span::micros)) {
            (false, None) => visit!(one.union(other).watermarks(policy), two),
            (true, None) => {
                visit!(one.union(other).watermarks(policy).union(third).watermarks(policy), three)
            }
            (false, Some(after)) => {
                visit!(one.idle_after(after).union(other.idle_after(after)).watermarks(policy), two)
            }
            (true, Some(after)) => {
                let both = one.idle_after(after).union(other.idle_after(after)).watermarks(policy);
                visit!(both.union(third.idle_after(after)).watermarks(policy), three)
            }
        }
    }

    fn model(&self) -> Inputs {
        let delays = self.delays.map(|delay| Some(i64::from(delay)));
        let mut inputs = Inputs::new(&delays[..self.inputs()]).with_policy(self.policy);
        if let Some(initial) = self.initial {
            inputs = inputs.starting_at(initial);
        }
        if let Some(idle_after) = self.idle_after {
            inputs = inputs.with_idle_after(idle_after.into());
        }
        inputs
    }
}

fn windows<R, S: Stages<R, Out = Row>>(
    rows: Stream<R, S, WithWatermark>,
    size: u32,
) -> impl QueryPlan<Row = R, Output = Minute> {
    rows.group_by(|row: &Row| row.key)
        .window(Tumbling::of(Span::micros(size)))
        .aggregate((count(), sum(|row: &Row| row.value), max(|row: &Row| Some(row.number))))
        .append()
}

fn minute(filled: &Filled<Row>) -> Minute {
    let time = Timestamp::from_micros;
    let values = filled.rows.iter().filter_map(|row| row.value);
    WindowRow {
        window: headwater::window::Window { start: time(filled.window.0), end: time(filled.window.1) },
        key: filled.key,
        value: (
            filled.rows.len() as u64,
            values.reduce(|sum, value| sum + value),
            filled.rows.iter().map(|row| row.number).max(),
        ),
        early: false,
    }
}

struct Run<'c> {
    epochs: &'c [Epoch],
    betweens: &'c [Between],
    /// One in so many calls has a restart before it; 0 for none.
    restarts: u64,
    seed: u64,
}

/// The results of each epoch, the watermark after it, how many rows were late, and the whole trace as text.
type Answers = (Vec<(Vec<Minute>, Option<i64>)>, u64, String);

impl Visitor for Run<'_> {
    type Answer = Answers;

    fn visit<R, P>(self, plan: &P, row: fn(usize, Row) -> R) -> Answers
    where
        R: Copy + PartialEq + core::fmt::Debug,
        P: QueryPlan<Row = R, Output = Minute>,
    {
        let calls: Vec<Call<R>> = calls(self.epochs, self.betweens, row);
        let mut random = Random(self.seed);
        let restart = |_: &usize| self.restarts > 0 && random.below(self.restarts) == 0;
        let restarts: Vec<usize> = (0..calls.len()).filter(restart).collect();
        let (trace, _) = run(plan, || plan.allocate(ROOMY), &calls, &restarts);
        let late = trace.steps.last().map_or(0, |(_, progress, _)| progress.rows.late);
        let epochs = trace.epochs().into_iter().map(|(given, reached)| (given.to_vec(), reached)).collect();
        (epochs, late, format!("{trace:?}"))
    }
}

#[test]
fn unions_answer_as_the_model() {
    let inputs = (shapes(), streams(3, 0..70));
    check(1500, &inputs, |(shape, mut epochs)| {
        within(shape.inputs(), &mut epochs);
        let run = Run { epochs: &epochs, betweens: &[Between::Nothing], restarts: 0, seed: 0 };
        let (given, late, _) = shape.visit(run);
        let placed = |row: Row| Some(Placed { key: row.key, at: row.at, row });
        let windows = AppendWindows::new(Grid::tumbling(shape.size.into()));
        let mut running = Running::new(shape.model(), Chain::new(Union, placed, windows));
        let answers = running.run(&epochs);
        prop_assert_eq!(given.len(), answers.len());
        for (epoch, ((given, reached), answer)) in given.iter().zip(&answers).enumerate() {
            let expected: Vec<Minute> = answer.results.iter().map(minute).collect();
            prop_assert_eq!(*reached, answer.watermark, "epoch {}", epoch);
            prop_assert!(
                same_results(given, &expected),
                "epoch {} gave {:?}, the model {:?}",
                epoch,
                given,
                expected
            );
        }
        prop_assert_eq!(late, running.stage.late_downstream.len() as u64);
        Ok(())
    });
}

/// Leaves out what is of no input of the shape.
fn within(inputs: usize, epochs: &mut [Epoch]) {
    for epoch in epochs {
        epoch.rows.retain(|(input, _)| *input < inputs);
    }
}

#[test]
fn restarts_change_nothing() {
    check(400, &(shapes(), streams(3, 1..50), betweens(), any::<u64>()), |drawn| {
        let (shape, mut epochs, betweens, seed) = drawn;
        within(shape.inputs(), &mut epochs);
        let run = |restarts: u64| shape.visit(Run { epochs: &epochs, betweens: &betweens, restarts, seed });
        let straight = run(0);
        prop_assert_eq!(&run(20), &straight);
        prop_assert_eq!(&run(3), &straight);
        Ok(())
    });
}

struct Batch<'r>(&'r [Epoch]);

impl Visitor for Batch<'_> {
    type Answer = [Vec<Minute>; 2];

    fn visit<R, P>(self, plan: &P, row: fn(usize, Row) -> R) -> Self::Answer
    where
        R: Copy + PartialEq + core::fmt::Debug,
        P: QueryPlan<Row = R, Output = Minute>,
    {
        let mut calls: Vec<Call<R>> = calls(self.0, &[Between::Nothing], row);
        calls.push(Call::Drain);
        let (trace, _) = run(plan, || plan.allocate(ROOMY), &calls, &[]);
        let rows: Vec<R> =
            self.0.iter().flat_map(|epoch| &epoch.rows).map(|(input, pushed)| row(*input, *pushed)).collect();
        [trace.given, plan.batch(&rows)]
    }
}

#[test]
fn a_stream_in_time_gives_the_batch() {
    check(400, &(shapes(), streams(3, 0..60)), |(shape, mut epochs)| {
        let shape = Shape { delays: [IN_TIME as u32; 3], initial: None, ..shape };
        within(shape.inputs(), &mut epochs);
        let [stream, batch] = shape.visit(Batch(&epochs));
        prop_assert!(same_results(&stream, &batch), "{:?}, in a batch {:?}", stream, batch);
        let placed = |row: Row| Placed { key: row.key, at: row.at, row };
        let rows: Vec<Placed<Row>> =
            (0..shape.inputs()).flat_map(|input| rows_of(&epochs, input)).map(placed).collect();
        let model = headwater_tests::model::append_window::batch(Grid::tumbling(shape.size.into()), &rows);
        prop_assert!(same_results(&batch, &model.iter().map(minute).collect::<Vec<_>>()));
        Ok(())
    });
}

/// The watermark of the rows of a union, by one rule for both inputs.
#[test]
fn a_union_without_watermarks_can_have_one() {
    let rows = || Stream::<Row>::new().filter(|row: &Row| row.value.is_some());
    let plan = windows(rows().union(rows()).with_watermark(time, Span::micros(5)), 10);
    let mut state = plan.allocate(4);
    let mut query = plan.bind(&mut state);
    let row = |number, at| Row { number, key: None, at: Some(at), value: Some(1.0) };
    query.push(Either::Left(row(1, 3))).expect("there is room");
    query.push(Either::Right(row(2, 4))).expect("there is room");
    query.push(Either::Right(row(3, 15))).expect("there is room");
    let mut given = Vec::new();
    let end = query.trigger(Timestamp::EPOCH, |row| given.push(row)).expect("a willing sink");
    assert_eq!(end.watermark, Some(Timestamp::from_micros(10)), "although the left input is at 3");
    assert_eq!(given.iter().map(|row| row.value).collect::<Vec<_>>(), [(2, Some(2.0), Some(2))]);
}
