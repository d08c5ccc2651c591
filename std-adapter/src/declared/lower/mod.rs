//! From a checked query to a plan that the engine runs.
//!
//! A plan is its type, so it is made here and handed to a [`PlanVisitor`]. Rows, keys, aggregates and conditions are data, the
//! operators are types: there is one plan for each kind of operator and each pair of kinds, about seventy in all, and each is compiled
//! for each visitor there is: a program is best with one.

mod expiry;
mod identity;
mod inputs;
mod joins;
mod plans;
mod results;
mod segments;
mod steps;
mod table;
#[cfg(test)]
mod tests;

use headwater::state::Shape;
use headwater::{Either, QueryPlan};

pub use inputs::{INPUTS_MAX, InputMarks, InputRow, Inputs};

use super::check::DeclarationError;
use super::checked::CheckedQuery;
use crate::dynamic::Row;

/// Takes the plan of a query, whose type depends on the query.
pub trait PlanVisitor {
    /// What comes of it.
    type Answer;

    /// Takes the plan. Rows that are pushed are made by `sides`; results have the columns of the query's schema.
    fn visit<P>(self, plan: P, sides: Sides) -> Self::Answer
    where
        P: QueryPlan<Row: FromInput, Item: SeenRow, Output = Row, Shape: Shape<Allocated: Send>>
            + Send
            + 'static;
}

/// Which inputs are on the right side of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sides {
    right: [bool; INPUTS_MAX],
}

impl Sides {
    /// The row `row` of input number `input`, as a plan takes it.
    #[must_use]
    pub fn row<R: FromInput>(&self, input: usize, row: Row) -> R {
        R::from_input(InputRow { input, row }, self.right.get(input) == Some(&true))
    }
}

/// What is pushed to a plan: a row of an input, or for a join that on its side.
pub trait FromInput: Send + 'static {
    /// The row on its side.
    fn from_input(row: InputRow, on_right: bool) -> Self;
}

impl FromInput for InputRow {
    fn from_input(row: InputRow, _on_right: bool) -> Self {
        row
    }
}

impl FromInput for Either<InputRow, InputRow> {
    fn from_input(row: InputRow, on_right: bool) -> Self {
        if on_right { Self::Right(row) } else { Self::Left(row) }
    }
}

/// A row as the first operator sees it, for those who look at late rows.
pub trait SeenRow {
    /// The row, of the columns of the operator's input, for a join those of its side.
    fn row(&self) -> &Row;
}

impl SeenRow for Row {
    fn row(&self) -> &Row {
        self
    }
}

impl SeenRow for Either<Row, Row> {
    fn row(&self) -> &Row {
        match self {
            Self::Left(row) | Self::Right(row) => row,
        }
    }
}

impl CheckedQuery {
    /// Makes the plan of this query and hands it to `visitor`. Its state is [`CheckedQuery::capacity`] records for each table.
    ///
    /// The plan is named after the query and what it keeps: its steps with state, the columns they read, keys and functions. So a checkpoint
    /// of a query that keeps other things is refused. Filters, computed columns and the watermark's delay are not part of it.
    /// The name lives as long as the program: some bytes for each call.
    ///
    /// # Errors
    /// [`DeclarationError`] where the query needs more than there is: more than two steps with state in a row, a union or a join of
    /// results of such steps, more than 8 inputs.
    pub fn lower<V: PlanVisitor>(&self, visitor: V) -> Result<V::Answer, DeclarationError> {
        plans::lower(self, visitor)
    }
}
