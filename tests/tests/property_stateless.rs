//! Stateless steps: queries of nothing else, rows of which stages make several, conditions on results. Whatever a sink refuses or state has
//! no room for, each row counts once.

use std::collections::BTreeMap;

use headwater::aggregate::{count, sum};
use headwater::window::{Session, Sliding, Tumbling};
use headwater::{QueryPlan, Span, Stream, Timestamp, WindowRow};
use headwater_tests::call_lists::{Between, betweens, calls};
use headwater_tests::calls::{Answer, Back, Call, run};
use headwater_tests::model::row::Row;
use headwater_tests::model::streams::streams;
use headwater_tests::properties::{Random, check};
use headwater_tests::run::ROOMY;
use proptest::prelude::*;

/// How many rows a stage makes of one.
fn copies(row: &Row) -> u32 {
    row.number % 4
}

fn has_value(row: &Row) -> bool {
    row.value.is_some()
}

#[test]
fn rows_leave_at_once_and_once() {
    check(400, &(streams(1, 1..40), any::<u64>()), |(epochs, seed)| {
        let plan = Stream::<Row>::new()
            .filter(has_value)
            .flat_map(|row| (0..copies(row)).map(|copy| (row.number, copy)).collect::<Vec<_>>())
            .map(|(number, copy)| number * 10 + copy)
            .append();
        let mut random = Random(seed);
        let (mut calls, mut answers, mut expected, mut restarts) = (vec![], vec![], vec![], vec![]);
        for (_, row) in epochs.iter().flat_map(|epoch| &epoch.rows) {
            let made = if has_value(row) { copies(row) } else { 0 };
            expected.extend((0..made).map(|copy| row.number * 10 + copy));
            let mut taken = 0;
            // Until a sink has room for what is left.
            loop {
                let room = random.below(3) as u32;
                calls.push(Call::Push(*row, Some(room as u8)));
                taken += room.min(made - taken);
                let back = if taken == 0 { Back::Blocked } else { Back::Partly };
                answers.push(if taken == made { Answer::Taken } else { Answer::Back(back) });
                if random.below(2) == 0 {
                    calls.push(Call::Commit);
                    answers.push(Answer::Committed);
                }
                if random.below(3) == 0 {
                    restarts.push(calls.len());
                }
                if taken == made {
                    break;
                }
            }
        }
        for restarts in [&[][..], &restarts] {
            let (trace, _) = run(&plan, || plan.allocate(1), &calls, restarts);
            let found: Vec<Answer> = trace.steps.iter().map(|(answer, ..)| *answer).collect();
            prop_assert_eq!(&found, &answers);
            prop_assert_eq!(&trace.given, &expected);
        }
        let rows: Vec<Row> = epochs.iter().flat_map(|epoch| &epoch.rows).map(|(_, row)| *row).collect();
        prop_assert_eq!(&plan.batch(&rows), &expected);
        Ok(())
    });
}

const SIZE: i64 = 10;

/// Windows side by side in so much memory, over rows of which each is made several with times of their own.
struct Windows {
    capacity: usize,
    open: BTreeMap<(i64, Option<u8>), (u64, f64)>,
    highest: Option<i64>,
    watermark: Option<i64>,
    /// Of the row that came back.
    taken: u32,
    used: u64,
    late: u64,
}

/// The rows made of one: the second is in the window after, and so on.
fn times(row: &Row) -> Vec<Option<i64>> {
    (0..copies(row)).map(|copy| row.at.map(|at| at + i64::from(copy) * SIZE)).collect()
}

impl Windows {
    fn push(&mut self, row: &Row) -> Answer {
        self.highest = self.highest.max(row.at);
        for at in times(row).into_iter().skip(self.taken as usize) {
            if let Some(at) = at {
                let start = at.div_euclid(SIZE) * SIZE;
                let full = self.open.len() == self.capacity && !self.open.contains_key(&(start, row.key));
                if self.watermark.is_some_and(|watermark| start + SIZE <= watermark) {
                    self.late += 1;
                } else if full {
                    return Answer::Back(if self.taken == 0 { Back::Full } else { Back::Partly });
                } else {
                    let window = self.open.entry((start, row.key)).or_default();
                    *window = (window.0 + 1, window.1 + row.value.unwrap_or(0.0));
                    self.used += 1;
                }
            }
            self.taken += 1;
        }
        self.taken = 0;
        Answer::Taken
    }

    fn trigger(&mut self, delay: i64) -> Vec<(i64, Option<u8>, u64, f64)> {
        self.watermark = self.watermark.max(self.highest.map(|at| at - delay));
        let closed = |start: i64| self.watermark.is_some_and(|watermark| start + SIZE <= watermark);
        let results = self.open.iter().filter(|((start, _), _)| closed(*start));
        let results = results.map(|((start, key), (rows, sum))| (*start, *key, *rows, *sum)).collect();
        let watermark = self.watermark;
        self.open.retain(|(start, _), _| watermark.is_none_or(|watermark| start + SIZE > watermark));
        results
    }
}

#[test]
fn rows_taken_in_part_are_pushed_again() {
    let partly = core::cell::Cell::new(0);
    check(600, &(streams(1, 1..50), 1_usize..6, 0_u32..12, any::<u64>()), |drawn| {
        let (epochs, capacity, delay, seed) = drawn;
        let plan = Stream::<Row>::new()
            .with_watermark(|row: &Row| row.at.map(Timestamp::from_micros), Span::micros(delay))
            .flat_map(|row| times(row).into_iter().map(|at| Row { at, ..*row }).collect::<Vec<_>>())
            .with_event_time_of(|row: &Row| row.at.map(Timestamp::from_micros))
            .group_by(|row| row.key)
            .window(Tumbling::of(Span::micros(SIZE as u32)))
            .aggregate((count(), sum(|row: &Row| row.value)))
            .append();
        let mut random = Random(seed);
        let mut model = Windows {
            capacity,
            open: BTreeMap::new(),
            highest: None,
            watermark: None,
            taken: 0,
            used: 0,
            late: 0,
        };
        let (mut calls, mut answers, mut expected) = (vec![], vec![], vec![]);
        let (mut restarts, mut capacities) = (vec![], vec![capacity]);
        let mut end_epoch = |model: &mut Windows, calls: &mut Vec<Call<Row>>, answers: &mut Vec<Answer>| {
            calls.push(Call::Patiently(0));
            expected.extend(model.trigger(delay.into()));
            answers.push(Answer::Taken);
        };
        for epoch in &epochs {
            for (_, row) in &epoch.rows {
                for attempt in 0.. {
                    let answer = model.push(row);
                    calls.push(Call::Push(*row, None));
                    answers.push(answer);
                    if answer == Answer::Taken {
                        break;
                    }
                    partly.set(partly.get() + u32::from(answer == Answer::Back(Back::Partly)));
                    if attempt == 0 {
                        end_epoch(&mut model, &mut calls, &mut answers);
                    } else {
                        // What is open does not close before the row is taken: the state has to grow.
                        calls.push(Call::Commit);
                        answers.push(Answer::Committed);
                        restarts.push(calls.len());
                        model.capacity += random.below(2) as usize;
                        capacities.push(model.capacity);
                    }
                }
            }
            end_epoch(&mut model, &mut calls, &mut answers);
        }
        let mut capacities = capacities.into_iter();
        let state = || plan.allocate(capacities.next().expect("one for each start"));
        let (trace, _) = run(&plan, state, &calls, &restarts);
        for (number, ((found, ..), answer)) in trace.steps.iter().zip(&answers).enumerate() {
            let found = if matches!(found, Answer::Ended(_)) { Answer::Taken } else { *found };
            prop_assert_eq!(found, *answer, "call {} of {:?}", number, calls);
        }
        let mut given: Vec<_> = trace
            .given
            .iter()
            .map(|row| (row.window.start.as_micros(), row.key, row.value.0, row.value.1.unwrap_or(0.0)))
            .collect();
        let order = |one: &(i64, Option<u8>, u64, f64), other: &(i64, Option<u8>, u64, f64)| {
            (one.0, one.1).cmp(&(other.0, other.1))
        };
        given.sort_by(order);
        expected.sort_by(order);
        prop_assert_eq!(given, expected);
        let rows = trace.steps.last().expect("a trigger").1.rows;
        prop_assert_eq!(rows.late_windows, model.late);
        Ok(())
    });
    assert!(partly.get() > 100, "{}", partly.get());
}

/// Of a row taken in part, what became of the part counts.
#[test]
fn a_row_whose_rest_is_late_was_used() {
    let plan = Stream::<(i64, [i64; 2])>::new()
        .with_watermark(|row| Timestamp::from_micros(row.0), Span::ZERO)
        .flat_map(|row| row.1)
        .with_event_time_of(|at| Timestamp::from_micros(*at))
        .window(Tumbling::of(Span::micros(10)))
        .aggregate(count())
        .append();
    let calls = [
        Call::Push((20, [25, 35]), None),
        Call::Trigger(0, None),
        Call::Push((40, [35, 45]), None),
        Call::Commit,
        Call::Trigger(0, None),
        Call::Push((40, [35, 45]), None),
        Call::Drain,
    ];
    for restarts in [&[][..], &[4]] {
        let (trace, _) = run(&plan, || plan.allocate(2), &calls, restarts);
        let answers: Vec<Answer> = trace.steps.iter().map(|(answer, ..)| *answer).collect();
        assert_eq!(answers[2], Answer::Back(Back::Partly));
        assert_eq!(answers[5], Answer::Taken);
        let rows = trace.steps[6].1.rows;
        assert_eq!((rows.used, rows.late, rows.refused), (2, 0, 1));
        assert_eq!(trace.given.iter().map(|row| row.value).collect::<Vec<_>>(), [1, 2, 1]);
    }
}

/// Rows made of one row arrive one after the other, also for panes that are merged later.
#[test]
fn rows_made_of_one_arrive_in_order() {
    use headwater::aggregate::{first, last};
    let plan = Stream::<[i64; 3]>::new()
        .flat_map(|times| *times)
        .with_watermark(|at| Timestamp::from_micros(*at), Span::micros(100))
        .window(Sliding::of(Span::micros(40), Span::micros(10)).expect("a slide below the size"))
        .aggregate((first(|at: &i64| *at), last(|at: &i64| *at)))
        .append();
    let given = plan.batch(&[[25, 2, 13]]);
    let whole = given.iter().find(|row| row.window.start == Timestamp::EPOCH).expect("a window of all three");
    assert_eq!(whole.value, (Some(25), Some(13)));
}

/// A batch has room for all rows that stages make, and for all that the first operator gives.
#[test]
fn a_batch_has_room_for_all() {
    let plan = Stream::<i64>::new()
        .with_watermark(|at| Timestamp::from_micros(*at), Span::ZERO)
        .flat_map(|at| [*at, at + 1000, at + 2000])
        .with_event_time_of(|at| Timestamp::from_micros(*at))
        .window(Sliding::of(Span::micros(40), Span::micros(10)).expect("a slide below the size"))
        .aggregate(count())
        .then()
        .window(Tumbling::of(Span::micros(10)))
        .aggregate(count())
        .append();
    assert_eq!(plan.batch(&[0]).len(), 3 * 4);
}

/// A condition on results and a projection: with it the results are those that it lets through of those without.
macro_rules! having {
    ($name:ident, $rows:ident => $results:expr, $mode:ident) => {
        #[test]
        fn $name() {
            check(150, &(streams(1, 1..50), betweens(), any::<u64>()), |(epochs, betweens, seed)| {
                let time = |row: &Row| row.at.map(Timestamp::from_micros);
                let stream = || {
                    let $rows =
                        Stream::<Row>::new().with_watermark(time, Span::micros(5)).group_by(|row| row.key);
                    $results.aggregate((count(), sum(|row: &Row| row.value)))
                };
                let plain = stream().$mode();
                let having =
                    stream().then().filter(|row| row.value.0 != 2).map(|row| (row.key, row.value)).$mode();
                let mut betweens = betweens;
                // A trigger that is interrupted here might end there, so all are patient.
                betweens.retain(|between| !matches!(between, Between::Interrupted(_)));
                betweens.push(Between::Nothing);
                let calls = calls(&epochs, &betweens, |_, row| row);
                let mut random = Random(seed);
                let restarts: Vec<usize> = (0..calls.len()).filter(|_| random.below(4) == 0).collect();
                let (all, _) = run(&plain, || plain.allocate(ROOMY), &calls, &[]);
                let (some, _) = run(&having, || having.allocate(ROOMY), &calls, &restarts);
                let left = all.given.iter().filter(|row| row.value.0 != 2).map(|row| (row.key, row.value));
                prop_assert_eq!(left.collect::<Vec<_>>(), some.given.clone());
                prop_assert!(
                    some.operators().iter().all(|operator| operator.link.is_none_or(|link| link.balance()))
                );
                Ok(())
            });
        }
    };
}

fn side_by_side() -> Tumbling {
    Tumbling::of(Span::micros(7))
}

fn overlapping() -> Sliding {
    Sliding::of(Span::micros(12), Span::micros(5)).expect("a slide below the size")
}

having!(having_tumbling_append, rows => rows.window(side_by_side()), append);
having!(having_tumbling_update, rows => rows.window(side_by_side()), update);
having!(having_tumbling_complete, rows => rows.window(side_by_side()), complete);
having!(having_sliding_append, rows => rows.window(overlapping()), append);
having!(having_sliding_update, rows => rows.window(overlapping()), update);
having!(having_sliding_complete, rows => rows.window(overlapping()), complete);
having!(having_sessions_append, rows => rows.window(Session::with_gap(Span::micros(6))), append);
having!(having_sessions_complete, rows => rows.window(Session::with_gap(Span::micros(6))), complete);
having!(having_groups_update, rows => rows, update);
having!(having_groups_complete, rows => rows, complete);

/// A window that leaves early and is only passed on leaves as one: by [`headwater::Side::early`].
#[test]
fn early_windows_stay_early_behind_a_condition() {
    use headwater::operator::NotNow;
    use headwater::{OnFull, Side};
    struct Early(Vec<WindowRow<(), u64>>);
    impl Side<i64, WindowRow<(), u64>> for Early {
        fn early(&mut self, row: WindowRow<(), u64>) -> Result<(), NotNow> {
            self.0.push(row);
            Ok(())
        }
    }
    let plan = Stream::<i64>::new()
        .with_watermark(|at| Timestamp::from_micros(*at), Span::micros(100))
        .window(side_by_side())
        .aggregate(count())
        .then()
        .filter(|row| row.value < 3)
        .append()
        .on_full(OnFull::EvictOldest);
    let mut state = plan.allocate(1);
    let mut query = plan.bind(&mut state);
    let mut side = Early(Vec::new());
    for at in [0, 1, 7, 14, 15, 16, 21] {
        query.push_with(at, &mut side).expect("room is made");
    }
    assert_eq!(side.0.iter().map(|row| (row.value, row.early)).collect::<Vec<_>>(), [(2, true), (1, true)]);
    assert_eq!(query.progress().rows.emitted_early, 2);
    assert!(query.push(28).is_err(), "no place for an early window");
}
