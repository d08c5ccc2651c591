//! Runs a scenario on an engine and compares its answers with Spark's.

use core::fmt;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use headwater::Timestamp;
use headwater_std::dynamic::{Row, Schema};

use super::compare::{Difference, shown};
use super::declare::{Declaration, declare};
use super::engine::{Engine, EngineError, EpochAnswer, StartError};
use super::late::spark_count;
use super::read::{Outcome, Scenario, Step};

/// A difference from Spark, on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which scenario.
    pub scenario: String,
    /// Which step, counted from 0, unless it is about the query as a whole.
    pub step: Option<usize>,
    /// What is different.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.scenario)?;
        if let Some(step) = self.step {
            write!(f, " step {step}")?;
        }
        // What an engine says of itself may have lines of its own.
        write!(f, ": {}", self.what.replace('\n', " "))
    }
}

/// What a scenario's run came to: nothing if every answer is Spark's, else a failure for each step that differs. It ends with the
/// first step that the engine refuses.
///
/// With `restart` the state goes through the log between every two steps. A panic of the engine is a failure.
pub fn run<S>(scenario: &Scenario, restart: bool, start: S) -> Vec<Failure>
where
    S: FnOnce(&Declaration) -> Result<Box<dyn Engine>, StartError>,
{
    let declaration = match declare(scenario) {
        Ok(declaration) => declaration,
        Err(error) => return vec![failure(scenario, None, error)],
    };
    // What a panic leaves behind is not looked at again.
    catch_unwind(AssertUnwindSafe(|| match (start(&declaration), &scenario.outcome) {
        (Err(StartError::Rejected(_)), Outcome::Rejected { .. }) => Vec::new(),
        (Ok(_), Outcome::Rejected { class, message }) => {
            vec![failure(scenario, None, format!("accepted, where Spark refuses it: {class}: {message}"))]
        }
        (Err(error), _) => vec![failure(scenario, None, error)],
        (Ok(engine), Outcome::Answers { schema, steps }) => {
            Run { scenario, schema, engine, restart }.steps(steps)
        }
    }))
    .unwrap_or_else(|panic| vec![failure(scenario, None, format!("panic: {}", message_of(&*panic)))])
}

fn failure(scenario: &Scenario, step: Option<usize>, what: impl ToString) -> Failure {
    Failure { scenario: scenario.name.clone(), step, what: what.to_string() }
}

fn message_of(panic: &(dyn core::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

struct Run<'a> {
    scenario: &'a Scenario,
    schema: &'a Schema,
    engine: Box<dyn Engine>,
    restart: bool,
}

impl Run<'_> {
    fn steps(mut self, steps: &[Step]) -> Vec<Failure> {
        let Some(columns) = places(self.schema, self.engine.columns()) else {
            let what = format!("columns ({}), not ({})", self.engine.columns(), self.schema);
            return vec![failure(self.scenario, None, what)];
        };
        let mut failures = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            match self.epoch(number, step) {
                Ok(answer) => failures.extend(self.compare(number, step, &answer, &columns)),
                Err(error) => {
                    failures.push(failure(self.scenario, Some(number), error));
                    break;
                }
            }
        }
        failures
    }

    fn epoch(&mut self, number: usize, step: &Step) -> Result<EpochAnswer, EngineError> {
        if self.restart && number > 0 {
            self.engine.restart()?;
        }
        self.engine.step(&step.add)
    }

    fn compare(
        &self,
        number: usize,
        step: &Step,
        answer: &EpochAnswer,
        columns: &[usize],
    ) -> Option<Failure> {
        let mut what = Vec::new();
        let rows: Vec<Row> = answer.rows.iter().map(|row| row.project(columns)).collect();
        let difference = Difference::between(&step.expect, &rows);
        if !difference.missing.is_empty() {
            what.push(format!("missing {}", shown(&difference.missing, self.schema)));
        }
        if !difference.extra.is_empty() {
            what.push(format!("extra {}", shown(&difference.extra, self.schema)));
        }
        let watermark = answer.watermark.unwrap_or(Timestamp::EPOCH);
        if watermark != Timestamp::from_millis(step.watermark_ms) {
            let expected = step.watermark_ms;
            what.push(format!("watermark {} ms, not {expected} ms", watermark.as_micros() as f64 / 1_000.0));
        }
        let late = spark_count(&answer.late);
        if late != step.dropped_late {
            what.push(format!("late {late}, not {}", step.dropped_late));
        }
        (!what.is_empty()).then(|| failure(self.scenario, Some(number), what.join("; ")))
    }
}

/// Where the columns of Spark stand among those of the engine, if they are the same but for their order.
fn places(expected: &Schema, actual: &Schema) -> Option<Vec<usize>> {
    let place = |column| actual.columns().iter().position(|other| other == column);
    let places: Option<Vec<usize>> = expected.columns().iter().map(place).collect();
    places.filter(|places| places.len() == actual.len())
}
