//! The plans: one for each kind of operator, and for each pair of kinds that can stand in a row.

use headwater::operator::{Operator, Stages};
use headwater::state::Shape;
use headwater::window::{CountWindow, Session, SessionGap, Sliding, Tumbling};
use headwater::{After, ModeAtRunTime, ModeRefused, Plan, Results, Span, Stream, Timestamp, WithWatermark};

use super::expiry::WhenForgotten;
use super::inputs::Inputs;
use super::results::{ToRow, Widths};
use super::segments::{First, Second, Segments, Single};
use super::steps::Steps;
use super::{FromInput, PlanVisitor, SeenRow, Sides, identity};
use crate::declared::check::{DeclarationError, DeclarationReason};
use crate::declared::checked::{
    CheckedAggregation, CheckedDedup, CheckedQuery, Grouping, TimeColumn, TimeWindow,
};
use crate::dynamic::Row;

/// What is left to be done once the first operator is known.
pub(super) struct Lowering<'q, V> {
    pub(super) query: &'q CheckedQuery,
    second: Option<Second<'q>>,
    last: Steps,
    pub(super) sides: Sides,
    pub(super) widths: Widths,
    visitor: V,
}

/// What comes of it.
pub(super) type Lowered<V> = Result<<V as PlanVisitor>::Answer, DeclarationError>;

/// Makes the plan of `query`.
pub(super) fn lower<V: PlanVisitor>(query: &CheckedQuery, visitor: V) -> Lowered<V> {
    let Segments { first, second, last } = Segments::of(query)?;
    let lowering =
        Lowering { query, second, last, sides: Sides::default(), widths: Widths::default(), visitor };
    match first {
        First::Stateless(inputs) => lowering.stateless(inputs),
        First::Single(inputs, Single::Aggregate(aggregation)) => lowering.aggregation(inputs, aggregation),
        First::Single(inputs, Single::Dedup(dedup)) => lowering.dedup(inputs, dedup),
        First::Join(left, right, join) => lowering.join(left, right, join),
        First::AsOfJoin(left, right, join) => lowering.join_as_of(left, right, join),
    }
}

impl<V: PlanVisitor> Lowering<'_, V> {
    fn stateless(self, inputs: Inputs) -> Lowered<V> {
        Ok(self.visit(Stream::from_stages(inputs).append()))
    }

    fn aggregation(self, inputs: Inputs, aggregation: &CheckedAggregation) -> Lowered<V> {
        let rows = Stream::from_stages(inputs);
        let CheckedAggregation { keys, grouping, aggregates, .. } = aggregation;
        let (key, functions) = (key(keys), aggregates.clone());
        match grouping {
            Grouping::Keys { event_time: None } if keys.is_empty() => self.last(rows.aggregate(functions)),
            Grouping::Keys { event_time: None } => self.last(rows.group_by(key).aggregate(functions)),
            Grouping::Keys { event_time: Some(_) } => {
                self.behind_groups(rows.group_by(key).by_event_time().aggregate(functions))
            }
            Grouping::CountWindows { rows: size, step } => {
                let window = CountWindow::of(*size).every(*step);
                self.behind_groups(rows.group_by(key).window_rows(window).aggregate(functions))
            }
            Grouping::Windows { window, .. } => match window.clone() {
                TimeWindow::Tumbling(window) => {
                    self.behind_groups(rows.group_by(key).window(window).aggregate(functions))
                }
                TimeWindow::Sliding(window) => {
                    self.behind_groups(rows.group_by(key).window(window).aggregate(functions))
                }
                TimeWindow::Session(_) | TimeWindow::SessionBy(_) => {
                    let window = Session::with_gap_by(gap(window.clone()));
                    self.behind_groups(rows.group_by(key).window(window).aggregate(functions))
                }
            },
        }
    }

    fn dedup(self, inputs: Inputs, dedup: &CheckedDedup) -> Lowered<V> {
        let rows = Stream::from_stages(inputs);
        self.behind_rows(rows.drop_duplicates_until(key(&dedup.columns), WhenForgotten::of(dedup)))
    }

    /// What comes behind results that come once whatever the output mode.
    pub(super) fn behind_rows<R, S, O, W>(mut self, first: Results<R, S, WithWatermark, O, W>) -> Lowered<V>
    where
        R: FromInput,
        S: Stages<R, Out: SeenRow> + Send + 'static,
        O: Operator<S::Out, Output: ToRow, Shape: Shape<Allocated: Send>> + Send + 'static,
    {
        let Some(Second { between, step }) = self.second.take() else { return self.last(first) };
        let rows = first.then().flat_map(made(between, self.widths)).with_event_time_of(time_of(step.time()));
        match step {
            Single::Aggregate(CheckedAggregation {
                keys,
                grouping: Grouping::Keys { event_time: None },
                aggregates,
                ..
            }) => {
                if keys.is_empty() {
                    self.last(rows.aggregate(aggregates.clone()))
                } else {
                    self.last(rows.group_by(key(keys)).aggregate(aggregates.clone()))
                }
            }
            step => self.second(rows, step),
        }
    }

    /// What comes behind groups, which in append mode alone come once.
    pub(super) fn behind_groups<R, S, O, W>(mut self, first: Results<R, S, WithWatermark, O, W>) -> Lowered<V>
    where
        R: FromInput,
        S: Stages<R, Out: SeenRow> + Send + 'static,
        O: Operator<S::Out, Output: ToRow, Shape: Shape<Allocated: Send>> + Send + 'static,
    {
        let Some(Second { between, step }) = self.second.take() else { return self.last(first) };
        let rows = first.then().flat_map(made(between, self.widths)).with_event_time_of(time_of(step.time()));
        self.second(rows, step)
    }

    /// A second operator whose results come once.
    fn second<X, S, R, S0, A, W>(
        self,
        rows: Stream<X, S, WithWatermark, After<R, S0, A, W>>,
        step: Single<'_>,
    ) -> Lowered<V>
    where
        X: 'static,
        S: Stages<X, Out = Row, Marks = ()> + Send + 'static,
        R: FromInput,
        S0: Stages<R, Out: SeenRow> + Send + 'static,
        A: Operator<S0::Out, Output = X, Shape: Shape<Allocated: Send>> + Send + 'static,
    {
        match step {
            Single::Aggregate(CheckedAggregation { keys, grouping, aggregates, .. }) => {
                let (key, functions) = (key(keys), aggregates.clone());
                match grouping {
                    Grouping::Windows { window, .. } => match window.clone() {
                        TimeWindow::Tumbling(window) => {
                            let window = side_by_side(window)?;
                            self.last(rows.group_by(key).window(window).aggregate(functions))
                        }
                        TimeWindow::Sliding(window) => {
                            self.last(rows.group_by(key).window(window).aggregate(functions))
                        }
                        TimeWindow::Session(_) | TimeWindow::SessionBy(_) => {
                            let window = Session::with_gap_by(gap(window.clone()));
                            self.last(rows.group_by(key).window(window).aggregate(functions))
                        }
                    },
                    Grouping::Keys { event_time: Some(_) } => {
                        self.last(rows.group_by(key).by_event_time().aggregate(functions))
                    }
                    Grouping::CountWindows { rows: size, step } => {
                        let window = CountWindow::of(*size).every(*step);
                        self.last(rows.group_by(key).window_rows(window).aggregate(functions))
                    }
                    // Groups that are never final have no append output, and others none behind groups.
                    Grouping::Keys { event_time: None } => Err(refused(ModeRefused(self.query.output_mode))),
                }
            }
            Single::Dedup(dedup) => {
                self.last(rows.drop_duplicates_until(key(&dedup.columns), WhenForgotten::of(dedup)))
            }
        }
    }

    /// The end of a query.
    fn last<R, S, T, O, W>(self, results: Results<R, S, T, O, W>) -> Lowered<V>
    where
        T: ModeAtRunTime,
        R: FromInput,
        S: Stages<R, Out: SeenRow> + Send + 'static,
        O: Operator<S::Out, Output: ToRow, Shape: Shape<Allocated: Send>> + Send + 'static,
    {
        let rows = results.then().flat_map(made(self.last.clone(), self.widths));
        let plan = rows.output_mode(self.query.output_mode).map_err(refused)?;
        Ok(self.visit(plan))
    }

    fn visit<R, S, O>(self, plan: Plan<R, S, O>) -> V::Answer
    where
        R: FromInput,
        S: Stages<R, Out: SeenRow> + Send + 'static,
        O: Operator<S::Out, Output = Row, Shape: Shape<Allocated: Send>> + Send + 'static,
    {
        let plan = plan.named(identity::name(self.query), self.query.version).on_full(self.query.on_full);
        self.visitor.visit(plan, self.sides)
    }
}

fn refused(refused: ModeRefused) -> DeclarationError {
    DeclarationReason::Mode(refused).at("output_mode")
}

/// Reads the columns that rows are grouped by.
fn key(columns: &[usize]) -> impl Fn(&Row) -> Row + Send + 'static {
    let columns: Box<[usize]> = columns.into();
    move |row| row.key(&columns)
}

/// Makes rows of a result.
fn made<X: ToRow>(steps: Steps, widths: Widths) -> impl Fn(&X) -> Vec<Row> + Send + 'static {
    move |result| steps.rows_of(result.to_row(widths))
}

fn time_of(column: Option<TimeColumn>) -> impl Fn(&Row) -> Option<Timestamp> + Send + 'static {
    move |row| column?.of(row)
}

/// Windows side by side slide by their size. So as a second operator both kinds of windows are one type.
fn side_by_side(window: Tumbling) -> Result<Sliding, DeclarationError> {
    let sliding = Sliding::of(window.size(), window.size());
    let sliding = sliding.map_err(|error| DeclarationReason::Window(error).at("query"))?;
    Ok(sliding.with_offset(window.offset()))
}

/// The gap of a session after a row; zero, which is no session, where the row gives none.
fn gap(window: TimeWindow) -> impl Fn(&Row) -> Span + Send + 'static {
    move |row| match &window {
        TimeWindow::Session(session) => session.gap(row),
        TimeWindow::SessionBy(expression) => expression.evaluate(row).unwrap_or(Span::ZERO),
        TimeWindow::Tumbling(_) | TimeWindow::Sliding(_) => Span::ZERO,
    }
}
