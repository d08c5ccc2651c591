//! Joins.

use headwater::Span;

use super::error::DeclarationReason;
use super::{Checked, Checker, column, time};
use crate::declared::checked::{
    CheckedAsOfJoin, CheckedJoin, CheckedRelation, CheckedStep, CheckedTableJoin, CheckedTimeRange,
    EventTime, JoinKeys, TimeColumn,
};
use crate::declared::declaration::{AsOfJoin, DeclaredJoinType, DeclaredTimeRange, Join, Upstream};
use crate::dynamic::Schema;
use crate::expression::Expression;

/// How a side with several event times says which one is meant.
const ONE_SIDE: &str = "drop all but one of them in a select before";

impl Checker {
    pub(super) fn join(&mut self, join: &Join, field: &str) -> Checked<CheckedRelation> {
        let left = self.upstream(&join.left, &format!("{field}.left"))?;
        if let Upstream::Named(name) = &join.right
            && let Some((table, schema)) = self.sources.table(name)
        {
            return table_join(join, left, table, &schema, field);
        }
        let right = self.upstream(&join.right, &format!("{field}.right"))?;
        self.stream_join(join, left, right, field)
    }

    fn stream_join(
        &self,
        join: &Join,
        left: CheckedRelation,
        right: CheckedRelation,
        field: &str,
    ) -> Checked<CheckedRelation> {
        self.stateful_after(&left, field)?;
        self.stateful_after(&right, field)?;
        if join.join_type != DeclaredJoinType::Inner {
            self.append_only("a join that is not inner", &format!("{field}.join_type"))?;
        }
        let range = join.time_range.as_ref();
        let range = range.map(|range| time_range(range, &left, &right, &format!("{field}.time_range")));
        let range = range.transpose()?;
        let left_event_time = event_time_of(&left, range.map(|range| range.left), &format!("{field}.left"))?;
        let right_event_time =
            event_time_of(&right, range.map(|range| range.right), &format!("{field}.right"))?;
        if join.join_type != DeclaredJoinType::Inner {
            bounded(join, &left, &right, range.is_some(), field)?;
        }
        let pairs = column::joined(&left.schema, &right.schema, field)?;
        let (schema, event_times) = match join.join_type {
            DeclaredJoinType::LeftSemi => (left.schema.clone(), left.event_times.clone()),
            _ => (pairs.clone(), both_event_times(&left, &right)),
        };
        Ok(CheckedRelation {
            schema,
            event_times,
            step: CheckedStep::Join(CheckedJoin {
                join_type: join.join_type,
                keys: keys(&join.on, &left.schema, &right.schema, join.null_keys_match, field)?,
                left: Box::new(left),
                right: Box::new(right),
                left_event_time,
                right_event_time,
                time_range: range,
                condition: condition(join, &pairs, field)?,
            }),
        })
    }

    pub(super) fn as_of_join(&mut self, join: &AsOfJoin, field: &str) -> Checked<CheckedRelation> {
        let left = self.upstream(&join.left, &format!("{field}.left"))?;
        let right = self.upstream(&join.right, &format!("{field}.right"))?;
        self.append_only("an as-of join", field)?;
        Ok(CheckedRelation {
            schema: column::joined(&left.schema, &right.schema, field)?,
            event_times: left.event_times.clone(),
            step: CheckedStep::AsOfJoin(CheckedAsOfJoin {
                keys: keys(&join.on, &left.schema, &right.schema, false, field)?,
                left_event_time: time::named_event_time(
                    &left,
                    &join.left_time,
                    &format!("{field}.left_time"),
                )?,
                right_event_time: time::named_event_time(
                    &right,
                    &join.right_time,
                    &format!("{field}.right_time"),
                )?,
                tolerance: time::span(join.tolerance_ms, Span::MAX, &format!("{field}.tolerance_ms"))?,
                left: Box::new(left),
                right: Box::new(right),
            }),
        })
    }
}

fn table_join(
    join: &Join,
    left: CheckedRelation,
    table: usize,
    table_schema: &Schema,
    field: &str,
) -> Checked<CheckedRelation> {
    if matches!(join.join_type, DeclaredJoinType::Right | DeclaredJoinType::Full) {
        let join_type = join.join_type;
        return Err(DeclarationReason::TableKeptWhole { join_type }.at(format!("{field}.join_type")));
    }
    if join.time_range.is_some() {
        return Err(DeclarationReason::RangeOfTable.at(format!("{field}.time_range")));
    }
    let pairs = column::joined(&left.schema, table_schema, field)?;
    let schema =
        if join.join_type == DeclaredJoinType::LeftSemi { left.schema.clone() } else { pairs.clone() };
    Ok(CheckedRelation {
        schema,
        event_times: left.event_times.clone(),
        step: CheckedStep::TableJoin(CheckedTableJoin {
            join_type: join.join_type,
            keys: keys(&join.on, &left.schema, table_schema, join.null_keys_match, field)?,
            left: Box::new(left),
            table,
            condition: condition(join, &pairs, field)?,
        }),
    })
}

fn keys(
    on: &[(String, String)],
    left: &Schema,
    right: &Schema,
    nulls_match: bool,
    field: &str,
) -> Checked<JoinKeys> {
    let field = format!("{field}.on");
    if on.is_empty() {
        return Err(DeclarationReason::NoKeys.at(field));
    }
    let mut keys = JoinKeys { left: Vec::new(), right: Vec::new(), nulls_match };
    for (index, (left_name, right_name)) in on.iter().enumerate() {
        let (left_column, left_type) = column::column(left, left_name, &format!("{field}[{index}][0]"))?;
        let (right_column, right_type) = column::column(right, right_name, &format!("{field}[{index}][1]"))?;
        if left_type != right_type {
            let (left, right) = (left_name.clone(), right_name.clone());
            let reason = DeclarationReason::KeyTypes { left, left_type, right, right_type };
            return Err(reason.at(format!("{field}[{index}]")));
        }
        keys.left.push(left_column);
        keys.right.push(right_column);
    }
    Ok(keys)
}

fn condition(join: &Join, pairs: &Schema, field: &str) -> Checked<Option<Expression>> {
    let condition = join.condition.as_ref();
    condition.map(|text| column::predicate(text, pairs, &format!("{field}.condition"))).transpose()
}

fn time_range(
    range: &DeclaredTimeRange,
    left: &CheckedRelation,
    right: &CheckedRelation,
    field: &str,
) -> Checked<CheckedTimeRange> {
    if range.lower_ms > range.upper_ms {
        return Err(DeclarationReason::EmptyRange.at(format!("{field}.lower_ms")));
    }
    Ok(CheckedTimeRange {
        left: time::named_time(left, &range.left, &format!("{field}.left"))?,
        right: time::named_time(right, &range.right, &format!("{field}.right"))?,
        lower_micros: time::signed_micros(range.lower_ms, &format!("{field}.lower_ms"))?,
        upper_micros: time::signed_micros(range.upper_ms, &format!("{field}.upper_ms"))?,
    })
}

/// What rows of a side are late by: the time of the range where that is an event time, else the only event time.
fn event_time_of(
    side: &CheckedRelation,
    of_range: Option<TimeColumn>,
    field: &str,
) -> Checked<Option<EventTime>> {
    match of_range.and_then(|time| time::event_time_in(side, time.column())) {
        Some(at) => Ok(Some(at)),
        None => time::the_event_time(side, field, ONE_SIDE),
    }
}

/// Refuses a join that gives rows without a match but could never tell that a row has none.
fn bounded(
    join: &Join,
    left: &CheckedRelation,
    right: &CheckedRelation,
    has_range: bool,
    field: &str,
) -> Checked<()> {
    if has_range && !left.event_times.is_empty() && !right.event_times.is_empty() {
        return Ok(());
    }
    let field = format!("{field}.time_range");
    Err(DeclarationReason::OuterWithoutRange { join_type: join.join_type }.at(field))
}

/// The event times of both sides in the row of a pair.
fn both_event_times(left: &CheckedRelation, right: &CheckedRelation) -> Vec<EventTime> {
    let moved = |at: &EventTime| EventTime {
        time: at.time.moved_to(at.time.column() + left.schema.len()),
        delay: at.delay,
    };
    left.event_times.iter().copied().chain(right.event_times.iter().map(moved)).collect()
}
