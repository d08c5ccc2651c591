//! Steps without state: what they make of a row.

use crate::declared::checked::{CheckedRelation, CheckedStep, CheckedTable, CheckedTableJoin};
use crate::declared::lower::table::TableJoin;
use crate::dynamic::Row;
use crate::expression::Expression;

/// Steps without state, in the order rows go through them.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps(Vec<Step>);

/// One step without state.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Keeps rows for which it is true.
    Filter(Expression),
    /// Computes a row from each.
    Select(Vec<Expression>),
    /// Looks rows up in a table.
    TableJoin(TableJoin),
}

impl Steps {
    /// Puts a step in front of all others: queries are walked from their end to their beginning.
    pub(super) fn put_first(&mut self, step: Step) {
        self.0.insert(0, step);
    }

    /// Gives `next` each row that the steps make of `row`.
    pub(super) fn run<E>(&self, row: &Row, next: &mut impl FnMut(&Row) -> Result<(), E>) -> Result<(), E> {
        run(&self.0, row, next)
    }

    /// The rows that the steps make of `row`.
    pub(super) fn rows_of(&self, row: Row) -> Vec<Row> {
        if self.0.is_empty() {
            return vec![row];
        }
        let mut rows = Vec::new();
        let Ok(()) = self.run(&row, &mut |row| {
            rows.push(row.clone());
            Ok::<(), core::convert::Infallible>(())
        });
        rows
    }
}

/// As deep as there are steps, which the check bounds.
fn run<E>(steps: &[Step], row: &Row, next: &mut impl FnMut(&Row) -> Result<(), E>) -> Result<(), E> {
    let Some((step, later)) = steps.split_first() else { return next(row) };
    match step {
        Step::Filter(predicate) if predicate.evaluate_predicate(row) => run(later, row, next),
        Step::Filter(_) => Ok(()),
        Step::Select(columns) => {
            run(later, &columns.iter().map(|column| column.evaluate(row)).collect(), next)
        }
        Step::TableJoin(join) => join.each(row, &mut |joined| run(later, joined, next)),
    }
}

/// What a relation does, as far as steps without state go.
pub(super) enum Stateless<'q> {
    /// One such step over another relation, which stands in this field of it.
    Step(Step, &'q CheckedRelation, &'static str),
    /// Rows of an input.
    Input(usize),
    /// All rows of these.
    Union(&'q [CheckedRelation]),
    /// It keeps state.
    Stateful,
}

impl<'q> Stateless<'q> {
    /// What `relation` does, with the tables of the query.
    pub(super) fn of(relation: &'q CheckedRelation, tables: &[CheckedTable]) -> Self {
        match &relation.step {
            CheckedStep::Input(input) => Self::Input(*input),
            CheckedStep::Union(inputs) => Self::Union(inputs),
            CheckedStep::Filter { input, predicate } => {
                Self::Step(Step::Filter(predicate.clone()), input, "input")
            }
            CheckedStep::Select { input, columns } => {
                Self::Step(Step::Select(columns.clone()), input, "input")
            }
            CheckedStep::TableJoin(join) => {
                Self::Step(Step::TableJoin(table_join(join, tables)), &join.left, "left")
            }
            CheckedStep::Aggregate(_)
            | CheckedStep::Dedup(_)
            | CheckedStep::Join(_)
            | CheckedStep::AsOfJoin(_) => Self::Stateful,
        }
    }
}

fn table_join(join: &CheckedTableJoin, tables: &[CheckedTable]) -> TableJoin {
    let (rows, width) =
        tables.get(join.table).map_or((&[][..], 0), |table| (&table.rows[..], table.schema.len()));
    TableJoin::new(join, rows, width)
}
