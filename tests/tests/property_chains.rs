//! Operators in a row: the answers of the model, whatever restarts, refusing sinks and full state come in between.

use headwater::checkpoint::Log;
use headwater::state::Chained;
use headwater::window::Tumbling;
use headwater::{OnFull, QueryPlan, Span, Stream};
use headwater_tests::call_lists::{Between, betweens, calls};
use headwater_tests::calls::{Answer, Back, Call, Trace, make, run};
use headwater_tests::chains::{
    Level, Shape, Visitor, Windows, half, of_results, of_rows, shapes, time, tumbling,
};
use headwater_tests::model::append_window::{AppendWindows, Filled, Grid, Placed};
use headwater_tests::model::chain::{Chain, Union};
use headwater_tests::model::row::{Epoch, Row, rows_of, same_results};
use headwater_tests::model::stage::Running;
use headwater_tests::model::streams::{IN_TIME, streams};
use headwater_tests::model::watermark::Inputs;
use headwater_tests::model::window_chain::{model, onward, result_of_results, result_of_rows};
use headwater_tests::properties::{Random, check};
use headwater_tests::run::{Flash, ROOMY};
use headwater_tests::script::BUFFER;
use proptest::prelude::*;

/// Compares each epoch's results and watermark with the model's.
fn compare(
    given: &[(&[Level], Option<i64>)],
    expected: &[(Vec<Level>, Option<i64>)],
) -> Result<(), TestCaseError> {
    prop_assert_eq!(given.len(), expected.len());
    for (epoch, ((given, watermark), (expected, reached))) in given.iter().zip(expected).enumerate() {
        prop_assert!(
            same_results(given, expected),
            "epoch {} gave {:?}, the model {:?}",
            epoch,
            given,
            expected
        );
        prop_assert_eq!(watermark, reached, "epoch {}", epoch);
    }
    Ok(())
}

struct Run<'c> {
    calls: &'c [Call<Row>],
    restarts: &'c [usize],
    capacity: usize,
}

impl Visitor for Run<'_> {
    type Answer = Trace<Level>;

    fn visit<P, A, B>(self, plan: &P) -> Trace<Level>
    where
        P: QueryPlan<Row = Row, Output = Level, Shape = Chained<A, B>>,
        A: headwater::state::Shape,
        B: headwater::state::Shape,
    {
        run(plan, || plan.allocate(self.capacity), self.calls, self.restarts).0
    }
}

fn patiently(epochs: &[Epoch]) -> Vec<Call<Row>> {
    calls(epochs, &[Between::Nothing], |_, row| row)
}

#[test]
fn chains_answer_as_the_model_and_drain_to_the_last_level() {
    check(1500, &(shapes(), streams(1, 0..60)), |(shape, epochs)| {
        let mut calls = patiently(&epochs);
        calls.push(Call::Drain);
        let trace = shape.visit(Run { calls: &calls, restarts: &[], capacity: ROOMY });
        let (answers, left) = model(&shape, &epochs);
        let mut given = trace.epochs();
        let (drained, _) = given.pop().expect("the drain");
        compare(&given, &answers)?;
        prop_assert!(same_results(drained, &left), "drained {:?}, the model {:?}", drained, left);
        for operator in trace.operators() {
            prop_assert_eq!(operator.occupancy.records, 0);
            prop_assert_eq!(operator.link.map_or(0, |link| link.late + link.late_windows), 0);
        }
        Ok(())
    });
}

#[test]
fn restarts_change_nothing() {
    let inputs = (shapes(), streams(1, 1..50), betweens(), any::<u64>());
    check(500, &inputs, |(shape, epochs, betweens, seed)| {
        let mut calls = calls(&epochs, &betweens, |_, row| row);
        calls.extend([Call::Drain, Call::Commit]);
        let run = |restarts: &[usize]| shape.visit(Run { calls: &calls, restarts, capacity: ROOMY });
        let straight = run(&[]);
        let mut random = Random(seed);
        for _ in 0..3 {
            let before = random.below(calls.len() as u64 + 1) as usize;
            prop_assert_eq!(&run(&[before]), &straight, "restarted before call {}", before);
        }
        let often: Vec<usize> = (0..calls.len()).filter(|_| random.below(3) == 0).collect();
        prop_assert_eq!(&run(&often), &straight, "restarted before calls {:?}", often);
        Ok(())
    });
}

/// Also with little state: rows that come back, results that cannot go on, windows that leave early.
#[test]
fn restarts_change_nothing_when_state_is_full() {
    let policies = prop::sample::select(vec![OnFull::Refuse, OnFull::Drop, OnFull::EvictOldest]);
    let inputs = (shapes(), policies, streams(1, 1..50), betweens(), 1_usize..8, any::<u64>());
    check(500, &inputs, |(shape, on_full, epochs, betweens, capacity, seed)| {
        let shape = Shape { on_full, ..shape };
        let mut random = Random(seed);
        let mut calls = calls(&epochs, &betweens, |_, row| row);
        for call in &mut calls {
            // A sink that refuses windows given early. The row that is handed back is given up.
            if let Call::Push(_, room) = call {
                *room = (random.below(3) == 0 && !shape.multiplies).then(|| random.below(2) as u8);
            }
        }
        // A row handed back in part must come again before any other, so here is no flat map in front of a policy that makes room.
        let shape = Shape { multiplies: shape.multiplies && on_full != OnFull::EvictOldest, ..shape };
        let run = |restarts: &[usize]| shape.visit(Run { calls: &calls, restarts, capacity });
        let straight = run(&[]);
        let often: Vec<usize> = (0..calls.len()).filter(|_| random.below(3) == 0).collect();
        prop_assert_eq!(&run(&often), &straight, "restarted before calls {:?}", often);
        Ok(())
    });
}

struct Twice<'c>(&'c [Call<Row>]);

impl Visitor for Twice<'_> {
    type Answer = bool;

    fn visit<P, A, B>(self, plan: &P) -> bool
    where
        P: QueryPlan<Row = Row, Output = Level, Shape = Chained<A, B>>,
        A: headwater::state::Shape,
        B: headwater::state::Shape,
    {
        const CAPACITY: usize = 6;
        let (inline, inline_log) =
            run(plan, <P::Shape as headwater::state::Shape>::Inline::<CAPACITY>::default, self.0, &[]);
        let (allocated, allocated_log) = run(plan, || plan.allocate(CAPACITY), self.0, &[]);
        inline == allocated && inline_log.image() == allocated_log.image()
    }
}

#[test]
fn inline_and_allocated_state_give_the_same_results_and_bytes() {
    check(300, &(shapes(), streams(1, 1..50), betweens()), |(shape, epochs, betweens)| {
        prop_assert!(shape.visit(Twice(&calls(&epochs, &betweens, |_, row| row))));
        Ok(())
    });
}

struct Batch<'r>(&'r [Row]);

impl Visitor for Batch<'_> {
    type Answer = Vec<Level>;

    fn visit<P, A, B>(self, plan: &P) -> Vec<Level>
    where
        P: QueryPlan<Row = Row, Output = Level, Shape = Chained<A, B>>,
        A: headwater::state::Shape,
        B: headwater::state::Shape,
    {
        plan.batch(self.0)
    }
}

#[test]
fn a_stream_in_time_gives_the_batch() {
    check(800, &(shapes(), streams(1, 0..60)), |(shape, epochs)| {
        let shape = Shape { delay: IN_TIME as u32, initial: None, ..shape };
        let mut calls = patiently(&epochs);
        calls.push(Call::Drain);
        let trace = shape.visit(Run { calls: &calls, restarts: &[], capacity: ROOMY * 20 });
        let batch = shape.visit(Batch(&rows_of(&epochs, 0)));
        prop_assert!(same_results(&trace.given, &batch), "{:?}, in a batch {:?}", trace.given, batch);
        Ok(())
    });
}

/// Runs calls with little room for the second operator only, until a trigger finds it full; then goes on with enough from the last commit.
struct SecondFull<'c> {
    calls: &'c [Call<Row>],
    capacity: usize,
}

impl Visitor for SecondFull<'_> {
    /// With little room, and with more later, if it was too little.
    type Answer = (Trace<Level>, Option<Trace<Level>>);

    fn visit<P, A, B>(self, plan: &P) -> Self::Answer
    where
        P: QueryPlan<Row = Row, Output = Level, Shape = Chained<A, B>>,
        A: headwater::state::Shape,
        B: headwater::state::Shape,
    {
        let state = |capacity| Chained::of(A::allocate(ROOMY), B::allocate(capacity));
        let (little, _) = run(plan, || state(self.capacity), self.calls, &[]);
        let full = little.steps.iter().position(|(answer, ..)| *answer == Answer::Full);
        let more = full.map(|full| {
            let mut capacities = [self.capacity].into_iter();
            run(plan, || state(capacities.next().unwrap_or(ROOMY)), self.calls, &[full + 1]).0
        });
        (little, more)
    }
}

#[test]
fn a_full_second_operator_loses_nothing() {
    let full = core::cell::Cell::new(0);
    check(600, &(shapes(), streams(1, 1..60), betweens(), 1_usize..5), |drawn| {
        let (shape, epochs, betweens, capacity) = drawn;
        let mut calls = calls(&epochs, &betweens, |_, row| row);
        calls.push(Call::Drain);
        let roomy = shape.visit(Run { calls: &calls, restarts: &[], capacity: ROOMY });
        let (little, more) = shape.visit(SecondFull { calls: &calls, capacity });
        let Some(more) = more else {
            prop_assert_eq!(&little.given, &roomy.given);
            return Ok(());
        };
        full.set(full.get() + 1);
        // It stays full, whatever is called, and gives nothing twice.
        let first =
            little.steps.iter().position(|(answer, ..)| *answer == Answer::Full).expect("it was full");
        for (answer, ..) in &little.steps[first..] {
            let still = [Answer::Full, Answer::Back(Back::Unfinished), Answer::CommitRefused];
            prop_assert!(still.contains(answer), "{:?}", answer);
        }
        prop_assert_eq!(&little.given[..], &roomy.given[..little.given.len()]);
        prop_assert_eq!(&more.given, &roomy.given);
        let links = |trace: &Trace<Level>| trace.operators()[1].link;
        prop_assert_eq!(links(&more), links(&roomy));
        Ok(())
    });
    assert!(full.get() > 50, "{}", full.get());
}

#[test]
fn what_a_full_second_operator_drops_is_counted() {
    let dropped = core::cell::Cell::new(0);
    check(400, &(shapes(), streams(1, 1..60), 1_usize..5), |(shape, epochs, capacity)| {
        if matches!(shape.second, Windows::Sliding { .. }) {
            return Ok(());
        }
        let shape = Shape { on_full: OnFull::Drop, ..shape };
        let mut calls = patiently(&epochs);
        calls.push(Call::Drain);
        let roomy = shape.visit(Run { calls: &calls, restarts: &[], capacity: ROOMY });
        let (little, more) = shape.visit(SecondFull { calls: &calls, capacity });
        prop_assert!(more.is_none(), "nothing is refused");
        let (little_link, roomy_link) =
            (little.operators()[1].link.unwrap(), roomy.operators()[1].link.unwrap());
        let used: u64 = little.given.iter().map(|row| row.value.0).sum();
        prop_assert_eq!(little_link.used, used);
        prop_assert_eq!(little_link.rows_in, roomy_link.rows_in);
        prop_assert_eq!(little_link.used + little_link.dropped, roomy_link.used);
        dropped.set(dropped.get() + little_link.dropped);
        Ok(())
    });
    assert!(dropped.get() > 50, "{}", dropped.get());
}

/// The sums of each window's parts.
fn joined(rows: &[Level]) -> Vec<(Option<u8>, i64, f64)> {
    let mut windows: Vec<(Option<u8>, i64, f64)> = Vec::new();
    for row in rows {
        let (start, sum) = (row.window.start.as_micros(), row.value.1.unwrap_or(0.0));
        match windows.iter_mut().find(|window| (window.0, window.1) == (row.key, start)) {
            Some(window) => window.2 += sum,
            None => windows.push((row.key, start, sum)),
        }
    }
    windows
}

#[test]
fn windows_that_leave_early_go_on_and_lose_nothing() {
    let early = core::cell::Cell::new(0);
    let windows = (tumbling(), tumbling());
    check(500, &(windows, streams(1, 1..60), betweens(), 1_usize..6, any::<u64>()), |drawn| {
        let ((first, second), epochs, betweens, capacity, seed) = drawn;
        let shape = Shape {
            first,
            second,
            delay: IN_TIME as u32,
            initial: None,
            multiplies: false,
            on_full: OnFull::EvictOldest,
        };
        let mut calls = calls(&epochs, &betweens, |_, row| row);
        calls.push(Call::Drain);
        let mut random = Random(seed);
        let restarts: Vec<usize> = (0..calls.len()).filter(|_| random.below(5) == 0).collect();
        let trace = shape.visit(Run { calls: &calls, restarts: &restarts, capacity });
        prop_assert_eq!(trace.count(|answer| matches!(answer, Answer::Back(_) | Answer::Full)), 0);
        let batch = shape.visit(Batch(&rows_of(&epochs, 0)));
        prop_assert!(same_results(&joined(&trace.given), &joined(&batch)));
        early.set(early.get() + trace.operators()[1].link.unwrap().early);
        Ok(())
    });
    assert!(early.get() > 500, "{}", early.get());
}

fn three_levels(sizes: [u32; 3], delay: u32) -> impl QueryPlan<Row = Row, Output = Level> {
    let [first, second, third] = sizes.map(|size| Tumbling::of(Span::micros(size)));
    Stream::<Row>::new()
        .with_watermark(time, Span::micros(delay))
        .group_by(|row| row.key)
        .window(first)
        .aggregate(of_rows())
        .then()
        .group_by(|row: &Level| half(row.key))
        .window(second)
        .aggregate(of_results())
        .then()
        .filter(|row: &Level| row.value.0 != 2)
        .group_by(|row: &Level| half(row.key))
        .window(third)
        .aggregate(of_results())
        .append()
}

#[test]
fn three_levels_answer_as_the_model() {
    let sizes = [1_u32..12, 1_u32..25, 1_u32..50];
    check(500, &(sizes, 0_u32..12, streams(1, 1..60), betweens(), any::<u64>()), |drawn| {
        let (sizes, delay, epochs, betweens, seed) = drawn;
        let plan = three_levels(sizes, delay);
        let mut calls = calls(&epochs, &betweens, |_, row| row);
        calls.push(Call::Drain);
        let mut random = Random(seed);
        let restarts: Vec<usize> = (0..calls.len()).filter(|_| random.below(5) == 0).collect();
        let (straight, _) = run(&plan, || plan.allocate(ROOMY), &calls, &[]);
        let (restarted, _) = run(&plan, || plan.allocate(ROOMY), &calls, &restarts);
        prop_assert_eq!(&restarted, &straight);

        let grid = sizes.map(|size| Grid::tumbling(size.into()));
        let placed = |row: Row| Some(Placed { key: row.key, at: row.at, row });
        let first = Chain::new(Union, placed, AppendWindows::new(grid[0]));
        let every = |filled: Filled<Row>| Some(onward(result_of_rows(&filled)));
        let second = Chain::new(first, every, AppendWindows::new(grid[1]));
        let having = |filled: Filled<Level>| {
            Some(result_of_results(&filled)).filter(|row| row.value.0 != 2).map(onward)
        };
        let chain = Chain::new(second, having, AppendWindows::new(grid[2]));
        let mut running = Running::new(Inputs::new(&[Some(delay.into())]), chain);
        let mut expected: Vec<Level> = Vec::new();
        for answer in running.run(&epochs) {
            expected.extend(answer.results.iter().map(result_of_results));
        }
        expected.extend(running.drain().iter().map(result_of_results));
        prop_assert!(
            same_results(&straight.given, &expected),
            "{:?}, the model {:?}",
            straight.given,
            expected
        );
        prop_assert!(straight.operators().iter().all(|operator| operator.occupancy.records == 0));
        prop_assert_eq!(straight.operators().len(), 3);
        Ok(())
    });
}

/// Pushes each row again until it is taken, to sinks that take little at a time, with commits and restarts in between.
struct Insistent<'r> {
    rows: &'r [Row],
    capacity: usize,
    random: Random,
}

impl Visitor for Insistent<'_> {
    /// The results, and how many rows came back in part.
    type Answer = (Vec<Level>, u32);

    fn visit<P, A, B>(mut self, plan: &P) -> Self::Answer
    where
        P: QueryPlan<Row = Row, Output = Level, Shape = Chained<A, B>>,
        A: headwater::state::Shape,
        B: headwater::state::Shape,
    {
        let (mut storage, mut trace, mut partly) = (Flash::new(), Trace::default(), 0);
        let mut rows = self.rows.iter().peekable();
        while rows.peek().is_some() {
            let mut state = plan.allocate(self.capacity);
            let mut query = plan.bind(&mut state);
            let mut log = Log::<_, BUFFER>::open(storage).expect("a log that was written whole");
            let _: Option<(u32, u32)> = query.restore(&mut log).expect("the same query");
            while let Some(row) = rows.peek() {
                make(&mut query, &mut log, &Call::Push(**row, Some(self.random.below(2) as u8)), &mut trace);
                match trace.steps.last().expect("a call").0 {
                    Answer::Taken => drop(rows.next()),
                    answer => partly += u32::from(answer == Answer::Back(Back::Partly)),
                }
                if self.random.below(3) == 0 {
                    make(&mut query, &mut log, &Call::Commit, &mut trace);
                    break;
                }
            }
            if rows.peek().is_none() {
                make(&mut query, &mut log, &Call::Drain, &mut trace);
            }
            storage = log.into_storage();
        }
        (trace.given, partly)
    }
}

#[test]
fn windows_that_leave_early_go_on_in_parts() {
    let all_partly = core::cell::Cell::new(0);
    check(500, &(shapes(), streams(1, 1..60), 1_usize..4, any::<u64>()), |drawn| {
        let (shape, epochs, capacity, seed) = drawn;
        let shape = Shape { multiplies: true, on_full: OnFull::EvictOldest, ..shape };
        let rows = rows_of(&epochs, 0);
        let mut calls: Vec<Call<Row>> = rows.iter().map(|row| Call::Push(*row, None)).collect();
        calls.push(Call::Drain);
        let willing = shape.visit(Run { calls: &calls, restarts: &[], capacity });
        if [shape.first, shape.second].iter().any(|windows| matches!(windows, Windows::Sliding { .. })) {
            // One row makes room by several windows there; a row that comes again in the middle of that is late for those given.
            return Ok(());
        }
        let (given, partly) = shape.visit(Insistent { rows: &rows, capacity, random: Random(seed) });
        prop_assert_eq!(given, willing.given);
        all_partly.set(all_partly.get() + partly);
        Ok(())
    });
    assert!(all_partly.get() > 50, "{}", all_partly.get());
}
