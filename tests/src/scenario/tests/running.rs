use core::cell::Cell;
use std::rc::Rc;

use headwater::Timestamp;
use headwater_std::dynamic::{Column, DataType, Row, Schema, Value};

use super::*;
use crate::scenario::declare::Declaration;
use crate::scenario::deviation::Deviation;
use crate::scenario::engine::{Engine, EngineError, EpochAnswer, StartError};
use crate::scenario::late::LateRow;
use crate::scenario::read::Outcome;
use crate::scenario::report::Report;
use crate::scenario::run::{Failure, run};

/// Repeats the answers of a scenario, one of them changed.
struct Replay {
    columns: Schema,
    answers: std::vec::IntoIter<EpochAnswer>,
    restarts: Rc<Cell<usize>>,
}

impl Replay {
    fn of(scenario: &Scenario) -> Self {
        let Outcome::Answers { schema, steps } = &scenario.outcome else { panic!("refused") };
        let late = LateRow { operator: 0, groups: Vec::new() };
        let answers = steps.iter().map(|step| EpochAnswer {
            rows: step.expect.clone(),
            watermark: Some(Timestamp::from_millis(step.watermark_ms)),
            late: vec![late.clone(); step.dropped_late as usize],
        });
        let answers: Vec<_> = answers.collect();
        Self { columns: schema.clone(), answers: answers.into_iter(), restarts: Rc::default() }
    }
}

impl Engine for Replay {
    fn columns(&self) -> &Schema {
        &self.columns
    }

    fn step(&mut self, rows: &[Vec<Row>]) -> Result<EpochAnswer, EngineError> {
        assert_eq!(rows.len(), 1);
        self.answers.next().ok_or_else(|| EngineError("out of\nanswers".to_owned()))
    }

    fn restart(&mut self) -> Result<(), EngineError> {
        self.restarts.set(self.restarts.get() + 1);
        Ok(())
    }
}

/// The failures with an engine whose answers `change` spoils.
fn failures(change: impl FnOnce(&mut Replay, &mut Vec<EpochAnswer>)) -> Vec<String> {
    let scenario = scenario(&file());
    let mut replay = Replay::of(&scenario);
    let mut answers: Vec<EpochAnswer> = replay.answers.by_ref().collect();
    change(&mut replay, &mut answers);
    replay.answers = answers.into_iter();
    run(&scenario, false, |_| Ok(Box::new(replay))).iter().map(Failure::to_string).collect()
}

#[test]
fn the_recorded_answers_pass() {
    assert_eq!(failures(|_, _| ()), [""; 0]);
}

#[test]
fn the_order_of_columns_means_nothing() {
    let swapped = failures(|replay, answers| {
        let columns = [4, 0, 3, 1, 2];
        let all = columns.map(|column| replay.columns.column(column).unwrap().clone());
        replay.columns = Schema::new(all).unwrap();
        for row in answers.iter_mut().flat_map(|answer| &mut answer.rows) {
            *row = row.project(&columns);
        }
    });
    assert_eq!(swapped, [""; 0]);
}

#[test]
fn wrong_answers_are_told() {
    let row = r#"{window_start: 0, window_end: 10000, key: "a", n: 1, total: 1.5}"#;
    assert_eq!(failures(|_, answers| answers[0].rows.clear()), [format!("small step 0: missing [{row}]")]);
    let twice = failures(|_, answers| {
        let row = answers[0].rows[0].clone();
        answers[0].rows.push(row.clone());
        answers[1].rows.push(row);
    });
    assert_eq!(twice, [format!("small step 0: extra [{row}]"), format!("small step 1: extra [{row}]")]);
    let others = failures(|_, answers| {
        answers[1].watermark = Some(Timestamp::from_micros(11_000_001));
        answers[1].late.clear();
    });
    assert_eq!(others, ["small step 1: watermark 11000.001 ms, not 11000 ms; late 0, not 1"]);
    assert_eq!(failures(|_, answers| answers[0].watermark = None).len(), 1);
    let ended = failures(|_, answers| answers.truncate(1));
    assert_eq!(ended, ["small step 1: out of answers"]);
    let named = failures(|replay, _| {
        replay.columns = Schema::new([Column::new("n", DataType::Long)]).unwrap();
    });
    assert!(named[0].starts_with("small: columns (n long), not (window_start timestamp, "), "{named:?}");
}

#[test]
fn a_wrong_value_is_missing_and_extra() {
    let wrong = failures(|_, answers| {
        let values = answers[0].rows[0].values().iter().cloned();
        answers[0].rows[0] =
            values.map(|value| if value == Value::Double(1.5) { 2.5.into() } else { value }).collect();
    });
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].contains("missing [{") && wrong[0].contains("; extra [{"), "{wrong:?}");
}

#[test]
fn restarts_are_between_the_steps() {
    let scenario = scenario(&file());
    for (restart, expected) in [(false, 0), (true, 1)] {
        let replay = Replay::of(&scenario);
        let restarts = Rc::clone(&replay.restarts);
        assert_eq!(run(&scenario, restart, |_| Ok(Box::new(replay))), []);
        assert_eq!(restarts.get(), expected);
    }
}

#[test]
fn refusals_pass_only_if_the_engine_refuses() {
    let refused = scenario(&refused());
    let answered = scenario(&file());
    let rejected = |_: &Declaration| Err(StartError::Rejected("no".to_owned()));
    assert_eq!(run(&refused, false, rejected), []);
    assert_eq!(run(&answered, false, rejected)[0].to_string(), "small: refused: no");
    let broken = run(&refused, false, |_| Err(StartError::Failed("no room".to_owned())));
    assert_eq!(broken[0].to_string(), "small: not started: no room");
    let accepted = run(&refused, false, |_| Ok(Box::new(Replay::of(&answered))));
    assert_eq!(accepted[0].to_string(), "small: accepted, where Spark refuses it: UNSUPPORTED: No.");
}

#[test]
fn a_panic_is_a_failure() {
    let failed = run(&scenario(&file()), false, |_| panic!("engine on fire"));
    assert_eq!(failed[0].to_string(), "small: panic: engine on fire");
}

#[test]
fn deviations_count_neither_as_passed_nor_as_failed() {
    let deviations = [Deviation {
        name: "small things",
        reason: "are ignored",
        concerns: |scenario| scenario.name == "small",
    }];
    let small = scenario(&file());
    let other = Scenario { name: "other".to_owned(), ..small.clone() };
    let failure = |scenario: &Scenario| {
        [Failure { scenario: scenario.name.clone(), step: Some(3), what: "wrong".to_owned() }]
    };
    let mut out = Vec::new();
    let mut report = Report::new(&deviations);
    report.ran(&other, &[], &mut out).unwrap();
    report.ran(&small, &failure(&small), &mut out).unwrap();
    report.ran(&other, &failure(&other), &mut out).unwrap();
    report.unreadable(&EngineError("gone".to_owned()), &mut out).unwrap();
    report.finish(&mut out).unwrap();
    let expected =
        "other step 3: wrong\ngone\ndeviation small things: are ignored (small)\n1 passed, 2 failed\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
