//! Lengths of time, and which column is the event time.

use headwater::Span;

use super::Checked;
use super::error::DeclarationReason;
use crate::declared::checked::{CheckedRelation, EventTime, TimeColumn};

const MICROS_PER_MILLI: i64 = 1_000;

/// A length of time of at most `most`.
pub(super) fn span(millis: u64, most: Span, field: &str) -> Checked<Span> {
    let micros = i64::try_from(millis).ok().and_then(|millis| millis.checked_mul(MICROS_PER_MILLI));
    let span = micros.and_then(Span::from_micros).filter(|span| *span <= most);
    span.ok_or_else(|| out_of_range(millis.into(), most, field))
}

/// A length of time above zero.
pub(super) fn positive_span(millis: u64, most: Span, field: &str) -> Checked<Span> {
    if millis == 0 { Err(DeclarationReason::Zero.at(field)) } else { span(millis, most, field) }
}

/// A length of time in microseconds that may be negative.
pub(super) fn signed_micros(millis: i64, field: &str) -> Checked<i64> {
    let micros = millis.checked_mul(MICROS_PER_MILLI);
    micros.ok_or_else(|| out_of_range(millis.into(), Span::MAX, field))
}

fn out_of_range(millis: i128, most: Span, field: &str) -> super::DeclarationError {
    DeclarationReason::OutOfRange { millis, most: most.as_millis() }.at(field)
}

/// The names of the columns of event time.
pub(super) fn names(relation: &CheckedRelation) -> String {
    let columns = relation.event_times.iter().filter_map(|at| relation.schema.column(at.time.column()));
    let names: Vec<_> = columns.map(|column| column.name.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The event time in this column.
pub(super) fn event_time_in(relation: &CheckedRelation, column: usize) -> Option<EventTime> {
    relation.event_times.iter().find(|at| at.time.column() == column).copied()
}

/// The event time, if there is one; more than one is an error that says `instead`.
pub(super) fn the_event_time(
    relation: &CheckedRelation,
    field: &str,
    instead: &'static str,
) -> Checked<Option<EventTime>> {
    match relation.event_times[..] {
        [] => Ok(None),
        [at] => Ok(Some(at)),
        _ => Err(DeclarationReason::AmbiguousEventTime { event_times: names(relation), instead }.at(field)),
    }
}

/// The event time in the column called `name`.
pub(super) fn named_event_time(relation: &CheckedRelation, name: &str, field: &str) -> Checked<EventTime> {
    let column = super::column::timestamp(&relation.schema, name, field)?;
    event_time_in(relation, column).ok_or_else(|| not_event_time(relation, name, field))
}

/// A column of time called `name`: an event time, or where there is none any timestamp.
pub(super) fn named_time(relation: &CheckedRelation, name: &str, field: &str) -> Checked<TimeColumn> {
    let column = super::column::timestamp(&relation.schema, name, field)?;
    match event_time_in(relation, column) {
        Some(at) => Ok(at.time),
        None if relation.event_times.is_empty() => Ok(TimeColumn::At(column)),
        None => Err(not_event_time(relation, name, field)),
    }
}

fn not_event_time(relation: &CheckedRelation, name: &str, field: &str) -> super::DeclarationError {
    DeclarationReason::NotEventTime { name: name.to_owned(), event_times: names(relation) }.at(field)
}
