//! The inputs of a query as the stages that its rows go through first: filter, event time and watermark of each input, then the
//! steps without state, up to the first operator.

use headwater::operator::Stages;
use headwater::watermark::{LastActive, Marks, MultipleWatermarks, Reached, WatermarkPolicy as Policy};
use headwater::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::steps::Steps;
use crate::declared::WatermarkPolicy;
use crate::declared::checked::{CheckedInput, CheckedWatermark, TimeColumn};
use crate::dynamic::Row;
use crate::expression::Expression;

/// The most inputs that a query can have: what is remembered of each is of a fixed size in the checkpoint.
pub const INPUTS_MAX: usize = 8;

/// A row and the input that it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct InputRow {
    /// The input, by its number in [`CheckedQuery::inputs`](crate::declared::CheckedQuery::inputs).
    pub input: usize,
    /// The row, of that input's columns.
    pub row: Row,
}

/// The inputs of a query, or of one side of a join. Rows of an input that is not among them are passed over.
#[derive(Debug)]
pub struct Inputs {
    pub(super) inputs: [Option<InputStages>; INPUTS_MAX],
    /// Where the event time is in the rows that come out.
    pub(super) time: Option<TimeColumn>,
    pub(super) policy: MultipleWatermarks,
}

/// What rows of one input go through.
#[derive(Debug)]
pub(super) struct InputStages {
    filter: Option<Expression>,
    watermark: Option<CheckedWatermark>,
    idle_after: Option<Span>,
    steps: Steps,
}

impl InputStages {
    pub(super) fn new(input: &CheckedInput, steps: Steps) -> Self {
        Self { filter: input.filter.clone(), watermark: input.watermark, idle_after: input.idle_after, steps }
    }

    fn lets_in(&self, row: &Row) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.evaluate_predicate(row))
    }

    fn note(&self, row: &Row, mark: &mut InputMark) {
        if let Some(watermark) = self.watermark {
            mark.highest = mark.highest.max(event_time(row, TimeColumn::At(watermark.column)));
        }
    }

    fn reached(&self, mark: &InputMark) -> Reached {
        match self.watermark {
            Some(CheckedWatermark { delay, initial, .. }) if !mark.last.idle => {
                Policy { delay, initial }.reached(mark.highest)
            }
            _ => Reached::Free,
        }
    }

    fn tick(&self, last: &mut LastActive, now: Timestamp) {
        if let Some(idle_after) = self.idle_after {
            last.tick(now, idle_after);
        }
    }
}

/// The time of a row in this column, if it is one that event time can be.
fn event_time(row: &Row, column: TimeColumn) -> Option<Timestamp> {
    column.of(row).filter(|at| at.is_event_time())
}

/// What is remembered of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct InputMark {
    highest: Option<Timestamp>,
    last: LastActive,
}

/// What is remembered of all inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InputMarks([InputMark; INPUTS_MAX]);

impl Marks for InputMarks {
    fn highest(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|mark| mark.highest).max()
    }
}

impl Stages<InputRow> for Inputs {
    type Out = Row;
    type Marks = InputMarks;
    const MULTIPLIES: bool = true;

    fn run<E>(
        &self,
        row: &InputRow,
        _at: Option<Timestamp>,
        marks: &mut InputMarks,
        next: &mut impl FnMut(&Row, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let stages = self.inputs.get(row.input).and_then(Option::as_ref);
        let (Some(stages), Some(mark)) = (stages, marks.0.get_mut(row.input)) else { return Ok(()) };
        mark.last.active = stages.idle_after.is_some();
        if !stages.lets_in(&row.row) {
            return Ok(());
        }
        stages.note(&row.row, mark);
        stages.steps.run(&row.row, &mut |row| next(row, self.time.and_then(|time| event_time(row, time))))
    }

    fn reached(&self, marks: &InputMarks) -> Reached {
        let inputs = self.inputs.iter().zip(&marks.0);
        inputs
            .filter_map(|(stages, mark)| Some(stages.as_ref()?.reached(mark)))
            .fold(Reached::Free, |all, one| all.combine(one, self.policy))
    }

    fn delay(&self) -> Option<Span> {
        self.inputs.iter().flatten().filter_map(|stages| Some(stages.watermark?.delay)).min()
    }

    fn tick(&self, marks: &mut InputMarks, now: Timestamp) {
        for (stages, mark) in self.inputs.iter().zip(&mut marks.0) {
            if let Some(stages) = stages {
                stages.tick(&mut mark.last, now);
            }
        }
    }
}

impl From<WatermarkPolicy> for MultipleWatermarks {
    fn from(policy: WatermarkPolicy) -> Self {
        match policy {
            WatermarkPolicy::Min => Self::Min,
            WatermarkPolicy::Max => Self::Max,
        }
    }
}
