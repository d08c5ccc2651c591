//! A query cut at its steps with state: what stands before the first, between two, and after the last.

use super::inputs::{INPUTS_MAX, InputStages, Inputs};
use super::steps::{Stateless, Steps};
use crate::declared::check::{DeclarationError, DeclarationReason};
use crate::declared::checked::{
    CheckedAggregation, CheckedAsOfJoin, CheckedDedup, CheckedJoin, CheckedQuery, CheckedRelation,
    CheckedStep, Grouping, TimeColumn,
};

/// The most steps with state, one behind the other.
const STATEFUL_MAX: usize = 2;

/// A step with state and one stream before it.
#[derive(Clone, Copy)]
pub(super) enum Single<'q> {
    Aggregate(&'q CheckedAggregation),
    Dedup(&'q CheckedDedup),
}

impl<'q> Single<'q> {
    fn input(self) -> &'q CheckedRelation {
        match self {
            Self::Aggregate(aggregation) => &aggregation.input,
            Self::Dedup(dedup) => &dedup.input,
        }
    }

    /// Where the time is that the step goes by, in the rows it is given.
    pub(super) fn time(self) -> Option<TimeColumn> {
        match self {
            Self::Aggregate(CheckedAggregation { grouping, .. }) => match grouping {
                Grouping::Keys { event_time } => event_time.map(|at| at.time),
                Grouping::Windows { time, .. } => Some(*time),
                Grouping::CountWindows { .. } => None,
            },
            Self::Dedup(dedup) => dedup.event_time.map(|at| at.time),
        }
    }
}

/// What rows come from.
enum Origin<'q> {
    /// Inputs, by steps without state.
    Inputs(&'q CheckedRelation),
    Single(Single<'q>),
    Join(&'q CheckedJoin),
    AsOfJoin(&'q CheckedAsOfJoin),
}

/// Steps without state and what they start from.
struct Segment<'q> {
    origin: Origin<'q>,
    /// Where the origin stands in the declaration.
    field: String,
    steps: Steps,
}

impl<'q> Segment<'q> {
    /// The end of `relation`, back to its last step with state, if it has one.
    fn of(
        query: &'q CheckedQuery,
        mut relation: &'q CheckedRelation,
        mut field: String,
    ) -> Result<Self, DeclarationError> {
        let mut steps = Steps::default();
        if !is_stateful(relation) {
            return Ok(Self { origin: Origin::Inputs(relation), field, steps });
        }
        // The check bounds how deep steps nest.
        loop {
            let origin = match &relation.step {
                CheckedStep::Aggregate(aggregation) => Origin::Single(Single::Aggregate(aggregation)),
                CheckedStep::Dedup(dedup) => Origin::Single(Single::Dedup(dedup)),
                CheckedStep::Join(join) => Origin::Join(join),
                CheckedStep::AsOfJoin(join) => Origin::AsOfJoin(join),
                CheckedStep::Input(_) => Origin::Inputs(relation),
                CheckedStep::Union(_) => return Err(DeclarationReason::UnionOfResults.at(field)),
                CheckedStep::Filter { .. } | CheckedStep::Select { .. } | CheckedStep::TableJoin(_) => {
                    if let Stateless::Step(step, before, name) = Stateless::of(relation, &query.tables) {
                        steps.put_first(step);
                        relation = before;
                        field = format!("{field}.{name}");
                    }
                    continue;
                }
            };
            return Ok(Self { origin, field, steps });
        }
    }
}

/// A query, cut.
pub(super) struct Segments<'q> {
    pub(super) first: First<'q>,
    pub(super) second: Option<Second<'q>>,
    /// The steps behind the last one with state.
    pub(super) last: Steps,
}

/// What rows come to first, and through what.
pub(super) enum First<'q> {
    /// No state.
    Stateless(Inputs),
    Single(Inputs, Single<'q>),
    Join(Inputs, Inputs, &'q CheckedJoin),
    AsOfJoin(Inputs, Inputs, &'q CheckedAsOfJoin),
}

/// What the results of the first step with state come to.
pub(super) struct Second<'q> {
    /// The steps without state in between.
    pub(super) between: Steps,
    pub(super) step: Single<'q>,
}

impl<'q> Segments<'q> {
    /// Cuts a query.
    pub(super) fn of(query: &'q CheckedQuery) -> Result<Self, DeclarationError> {
        let end = Segment::of(query, &query.query, "query".to_owned())?;
        let (first, second) = match end.origin {
            Origin::Single(single) => {
                let field = format!("{}.input", end.field);
                let start = Segment::of(query, single.input(), field)?;
                match start.origin {
                    Origin::Inputs(input) => {
                        (First::Single(inputs(query, input, single.time())?, single), None)
                    }
                    origin => {
                        let second = Second { between: start.steps, step: single };
                        (first(query, origin, &start.field)?, Some(second))
                    }
                }
            }
            origin => (first(query, origin, &end.field)?, None),
        };
        Ok(Self { first, second, last: end.steps })
    }
}

/// The first step with state and the inputs before it.
fn first<'q>(
    query: &'q CheckedQuery,
    origin: Origin<'q>,
    field: &str,
) -> Result<First<'q>, DeclarationError> {
    let side = |relation: &CheckedRelation, time, name| {
        if is_stateful(relation) {
            return Err(DeclarationReason::JoinOfResults.at(format!("{field}.{name}")));
        }
        inputs(query, relation, time)
    };
    Ok(match origin {
        Origin::Inputs(relation) => First::Stateless(inputs(query, relation, None)?),
        Origin::Single(single) if is_stateful(single.input()) => {
            let reason = DeclarationReason::TooManyStateful { most: STATEFUL_MAX };
            return Err(reason.at(format!("{field}.input")));
        }
        Origin::Single(single) => First::Single(inputs(query, single.input(), single.time())?, single),
        Origin::Join(join) => {
            let (left, right) = times(join);
            First::Join(side(&join.left, left, "left")?, side(&join.right, right, "right")?, join)
        }
        Origin::AsOfJoin(join) => First::AsOfJoin(
            side(&join.left, Some(join.left_event_time.time), "left")?,
            side(&join.right, Some(join.right_event_time.time), "right")?,
            join,
        ),
    })
}

/// The times that the sides of a join go by: those of the range, else those of the watermarks.
fn times(join: &CheckedJoin) -> (Option<TimeColumn>, Option<TimeColumn>) {
    match join.time_range {
        Some(range) => (Some(range.left), Some(range.right)),
        None => (join.left_event_time.map(|at| at.time), join.right_event_time.map(|at| at.time)),
    }
}

/// The inputs of a relation without state.
fn inputs(
    query: &CheckedQuery,
    relation: &CheckedRelation,
    time: Option<TimeColumn>,
) -> Result<Inputs, DeclarationError> {
    if query.inputs.len() > INPUTS_MAX {
        let reason = DeclarationReason::TooManyInputs { found: query.inputs.len(), most: INPUTS_MAX };
        return Err(reason.at("inputs"));
    }
    let mut inputs =
        Inputs { inputs: [const { None }; INPUTS_MAX], time, policy: query.watermark_policy.into() };
    collect(query, relation, Steps::default(), &mut inputs);
    Ok(inputs)
}

/// Walks from a relation to its inputs. As deep as the check lets steps nest.
fn collect(query: &CheckedQuery, relation: &CheckedRelation, mut steps: Steps, inputs: &mut Inputs) {
    match Stateless::of(relation, &query.tables) {
        Stateless::Step(step, before, _) => {
            steps.put_first(step);
            collect(query, before, steps, inputs);
        }
        Stateless::Union(relations) => {
            relations.iter().for_each(|relation| collect(query, relation, steps.clone(), inputs));
        }
        Stateless::Input(number) => {
            if let (Some(input), Some(place)) = (query.inputs.get(number), inputs.inputs.get_mut(number)) {
                *place = Some(InputStages::new(input, steps));
            }
        }
        Stateless::Stateful => {}
    }
}

/// Whether a step on the way here keeps state. As deep as the check lets steps nest.
fn is_stateful(relation: &CheckedRelation) -> bool {
    match &relation.step {
        CheckedStep::Input(_) => false,
        CheckedStep::Filter { input, .. } | CheckedStep::Select { input, .. } => is_stateful(input),
        CheckedStep::TableJoin(join) => is_stateful(&join.left),
        CheckedStep::Union(relations) => relations.iter().any(is_stateful),
        CheckedStep::Aggregate(_)
        | CheckedStep::Dedup(_)
        | CheckedStep::Join(_)
        | CheckedStep::AsOfJoin(_) => true,
    }
}
