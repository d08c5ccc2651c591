//! What every stateful operator does with rows and watermarks, and a run of one over epochs.

use super::row::{Epoch, Row};
use super::watermark::Inputs;

/// What became of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Taken<O> {
    /// It was late: it did nothing.
    Late,
    /// It was used, and these results came at once.
    Given(Vec<O>),
}

/// The watermarks at the end of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The one that the epoch ran with.
    pub from: Option<i64>,
    /// The one that the next epoch runs with.
    pub to: Option<i64>,
}

impl Moved {
    /// Whether the new watermark has reached `at`.
    #[must_use]
    pub fn reached(self, at: i64) -> bool {
        self.to.is_some_and(|watermark| at <= watermark)
    }

    /// Whether the new watermark is beyond `at`.
    #[must_use]
    pub fn passed(self, at: i64) -> bool {
        self.to.is_some_and(|watermark| at < watermark)
    }
}

/// 11: late iff at or before the watermark. 12: without event time never.
#[must_use]
pub fn is_late(at: Option<i64>, watermark: Option<i64>) -> bool {
    matches!((at, watermark), (Some(at), Some(watermark)) if at <= watermark)
}

/// The model of an operator.
pub trait Stage {
    /// What it takes.
    type In: Clone;
    /// What it gives.
    type Out;

    /// The event time by which a row moves the watermark, if it does.
    fn moves_watermark(&self, input: usize, row: &Self::In) -> Option<i64>;

    /// Takes a row; `watermark` is the one that the epoch runs with (3).
    fn take(&mut self, input: usize, row: Self::In, watermark: Option<i64>) -> Taken<Self::Out>;

    /// All rows of the epoch are there.
    fn end_of_rows(&mut self) -> Vec<Self::Out> {
        Vec::new()
    }

    /// The watermark has moved, or not: gives what is due and forgets what is over. `now` is processing time.
    fn close(&mut self, watermark: Moved, now: i64) -> Vec<Self::Out>;

    /// The watermark of what it gives, for the next operator.
    fn watermark_after(&self, watermark: Option<i64>) -> Option<i64> {
        watermark
    }

    /// By which the next operator finds what it gives late (44): nothing that comes after `watermark` may be at or before it.
    fn late_after(&self, watermark: Option<i64>) -> Option<i64> {
        self.watermark_after(watermark)
    }
}

/// What an epoch must give.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<O> {
    /// In no meaningful order.
    pub results: Vec<O>,
    /// Rows that the first operator found late.
    pub late: Vec<Row>,
    /// The watermark after it.
    pub watermark: Option<i64>,
}

/// An operator that runs over inputs with watermarks.
#[derive(Debug, Clone)]
pub struct Running<S> {
    inputs: Inputs,
    /// The operator.
    pub stage: S,
}

/// Farther than any time in a test, and far from overflow.
const END_OF_TIME: i64 = i64::MAX / 4;

impl<S: Stage<In = Row>> Running<S> {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(inputs: Inputs, stage: S) -> Self {
        Self { inputs, stage }
    }

    /// Runs one epoch: its rows, then its trigger.
    #[must_use]
    pub fn epoch(&mut self, epoch: &Epoch) -> Answer<S::Out> {
        let from = self.inputs.watermark();
        let (mut results, mut late) = (Vec::new(), Vec::new());
        for (input, row) in &epoch.rows {
            self.inputs.see(*input, self.stage.moves_watermark(*input, row));
            match self.stage.take(*input, *row, from) {
                Taken::Late => late.push(*row),
                Taken::Given(given) => results.extend(given),
            }
        }
        results.extend(self.stage.end_of_rows());
        let to = self.inputs.end_epoch(epoch.now);
        results.extend(self.stage.close(Moved { from, to }, epoch.now));
        Answer { results, late, watermark: to }
    }

    /// Runs epoch after epoch.
    #[must_use]
    pub fn run(&mut self, epochs: &[Epoch]) -> Vec<Answer<S::Out>> {
        epochs.iter().map(|epoch| self.epoch(epoch)).collect()
    }

    /// What is still to come when no row will.
    #[must_use]
    pub fn drain(&mut self) -> Vec<S::Out> {
        let moved = Moved { from: self.inputs.watermark(), to: Some(END_OF_TIME) };
        self.stage.close(moved, END_OF_TIME)
    }

    /// The results of all epochs and of the drain in one list, if no row was late.
    ///
    /// # Panics
    /// If one was.
    #[must_use]
    pub fn run_to_end(&mut self, epochs: &[Epoch]) -> Vec<S::Out> {
        let mut results = Vec::new();
        for answer in self.run(epochs) {
            assert_eq!(answer.late, [], "rows are late");
            results.extend(answer.results);
        }
        results.extend(self.drain());
        results
    }
}
