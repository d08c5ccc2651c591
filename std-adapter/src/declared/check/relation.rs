//! Filter, select, union and deduplication.

use super::error::DeclarationReason;
use super::{Checked, Checker, column, time};
use crate::declared::checked::{CheckedDedup, CheckedRelation, CheckedStep, EventTime, Forgotten};
use crate::declared::declaration::{Dedup, Filter, Select, Union};
use crate::dynamic::{Column, DataType, Schema};
use crate::expression::Expression;

impl Checker {
    pub(super) fn filter(&mut self, filter: &Filter, field: &str) -> Checked<CheckedRelation> {
        let input = self.upstream(&filter.input, &format!("{field}.input"))?;
        let predicate = column::predicate(&filter.expr, &input.schema, &format!("{field}.expr"))?;
        Ok(CheckedRelation {
            schema: input.schema.clone(),
            event_times: input.event_times.clone(),
            step: CheckedStep::Filter { input: Box::new(input), predicate },
        })
    }

    pub(super) fn select(&mut self, select: &Select, field: &str) -> Checked<CheckedRelation> {
        let input = self.upstream(&select.input, &format!("{field}.input"))?;
        let field = format!("{field}.columns");
        if select.columns.is_empty() {
            return Err(DeclarationReason::TooFew { found: 0, least: 1 }.at(field));
        }
        let selected = select.columns.iter().enumerate();
        let expressions: Vec<Expression> = selected
            .map(|(index, selected)| {
                column::expression(&selected.expr, &input.schema, &format!("{field}[{index}].expr"))
            })
            .collect::<Checked<_>>()?;
        let columns = select.columns.iter().zip(&expressions);
        let columns =
            columns.map(|(selected, expression)| Column::new(&selected.name, expression.data_type()));
        Ok(CheckedRelation {
            schema: column::schema(columns, &field)?,
            event_times: kept_event_times(&input, &expressions),
            step: CheckedStep::Select { input: Box::new(input), columns: expressions },
        })
    }

    pub(super) fn union(&mut self, union: &Union, field: &str) -> Checked<CheckedRelation> {
        let field = format!("{field}.inputs");
        let inputs = union.inputs.iter().enumerate();
        let inputs: Vec<_> = inputs
            .map(|(index, upstream)| self.upstream(upstream, &format!("{field}[{index}]")))
            .collect::<Checked<_>>()?;
        let (Some(first), true) = (inputs.first(), inputs.len() > 1) else {
            return Err(DeclarationReason::TooFew { found: inputs.len(), least: 2 }.at(field));
        };
        for (index, input) in inputs.iter().enumerate() {
            alike(first, input, &format!("{field}[{index}]"))?;
        }
        Ok(CheckedRelation {
            schema: first.schema.clone(),
            event_times: first.event_times.clone(),
            step: CheckedStep::Union(inputs),
        })
    }

    pub(super) fn dedup(&mut self, dedup: &Dedup, field: &str) -> Checked<CheckedRelation> {
        let input = self.upstream(&dedup.input, &format!("{field}.input"))?;
        self.stateful_after(&input, field)?;
        let columns = match dedup.columns[..] {
            [] => (0..input.schema.len()).collect(),
            _ => column::columns(&input.schema, &dedup.columns, &format!("{field}.columns"))?,
        };
        let among: Vec<EventTime> =
            columns.iter().filter_map(|column| time::event_time_in(&input, *column)).collect();
        let event_time = match among[..] {
            [only] => Some(only),
            _ => time::the_event_time(&input, field, "drop all but one of them in a select before")?,
        };
        let forgotten = match event_time {
            None if dedup.within_watermark => {
                return Err(DeclarationReason::NoEventTime.at(format!("{field}.within_watermark")));
            }
            Some(_) if dedup.within_watermark => Forgotten::AfterDelay,
            Some(at) if columns.contains(&at.time.column()) => Forgotten::AtEventTime,
            _ => Forgotten::Never,
        };
        Ok(CheckedRelation {
            schema: input.schema.clone(),
            event_times: input.event_times.clone(),
            step: CheckedStep::Dedup(CheckedDedup { input: Box::new(input), columns, event_time, forgotten }),
        })
    }
}

/// The event times whose columns are handed on as they are, where they come to stand.
fn kept_event_times(input: &CheckedRelation, expressions: &[Expression]) -> Vec<EventTime> {
    let sources: Vec<_> =
        expressions.iter().map(|expression| column::column_alone(expression, &input.schema)).collect();
    let kept = |at: &EventTime| {
        let place = sources.iter().position(|source| *source == Some(at.time.column()))?;
        Some(EventTime { time: at.time.moved_to(place), ..*at })
    };
    input.event_times.iter().filter_map(kept).collect()
}

/// Whether a stream can stand in a union with the first one.
fn alike(first: &CheckedRelation, other: &CheckedRelation, field: &str) -> Checked<()> {
    let types = |schema: &Schema| -> Vec<DataType> {
        schema.columns().iter().map(|column| column.data_type).collect()
    };
    if types(&first.schema) != types(&other.schema) {
        let (found, expected) = (other.schema.to_string(), first.schema.to_string());
        return Err(DeclarationReason::UnionColumns { found, expected }.at(field));
    }
    let times =
        |relation: &CheckedRelation| -> Vec<_> { relation.event_times.iter().map(|at| at.time).collect() };
    if times(first) != times(other) {
        let (found, expected) = (time::names(other), time::names(first));
        return Err(DeclarationReason::UnionEventTime { found, expected }.at(field));
    }
    Ok(())
}
