//! Joins.

use headwater::Span;

use super::{CheckedRelation, EventTime, TimeColumn};
use crate::declared::DeclaredJoinType;
use crate::expression::Expression;

/// Pairs of rows of two streams.
#[derive(Debug, Clone)]
pub struct CheckedJoin {
    /// Which rows come out.
    pub join_type: DeclaredJoinType,
    /// The left side.
    pub left: Box<CheckedRelation>,
    /// The right side.
    pub right: Box<CheckedRelation>,
    /// The columns that are equal.
    pub keys: JoinKeys,
    /// The event time that rows of the left side are late by.
    pub left_event_time: Option<EventTime>,
    /// The event time that rows of the right side are late by.
    pub right_event_time: Option<EventTime>,
    /// How far apart in time rows may be.
    pub time_range: Option<CheckedTimeRange>,
    /// What a pair must meet besides, over the columns of the left side and then of the right.
    pub condition: Option<Expression>,
}

/// The columns of a join that are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinKeys {
    /// Those of the left side.
    pub left: Vec<usize>,
    /// Those of the right side, in the same order.
    pub right: Vec<usize>,
    /// Whether null equals null.
    pub nulls_match: bool,
}

/// `right` less `left` lies between two bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedTimeRange {
    /// The time of the left side.
    pub left: TimeColumn,
    /// The time of the right side.
    pub right: TimeColumn,
    /// The least difference in microseconds.
    pub lower_micros: i64,
    /// The greatest difference in microseconds.
    pub upper_micros: i64,
}

/// Pairs of rows of a stream and of a table.
#[derive(Debug, Clone)]
pub struct CheckedTableJoin {
    /// Which rows come out: inner, left or left semi.
    pub join_type: DeclaredJoinType,
    /// The stream.
    pub left: Box<CheckedRelation>,
    /// The table, by its number in [`CheckedQuery::tables`](super::CheckedQuery::tables).
    pub table: usize,
    /// The columns that are equal.
    pub keys: JoinKeys,
    /// What a pair must meet besides, over the columns of the stream and then of the table.
    pub condition: Option<Expression>,
}

/// Rows, each with the nearest earlier one of another stream.
#[derive(Debug, Clone)]
pub struct CheckedAsOfJoin {
    /// The stream whose rows come out.
    pub left: Box<CheckedRelation>,
    /// The stream that is looked up.
    pub right: Box<CheckedRelation>,
    /// The columns that are equal.
    pub keys: JoinKeys,
    /// The event time of the left side.
    pub left_event_time: EventTime,
    /// The event time of the right side.
    pub right_event_time: EventTime,
    /// How much earlier the row of the right side may be.
    pub tolerance: Span,
}
