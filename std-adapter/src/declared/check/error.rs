//! Why a declared query cannot run.

use core::fmt;

use headwater::aggregate::QuantileOutOfRange;
use headwater::window::WindowError;
use headwater::{ModeRefused, OutputMode};
use thiserror::Error;

use crate::declared::DeclaredJoinType;
use crate::dynamic::{DataType, JsonError, SchemaError};
use crate::expression::ExpressionError;

/// A query cannot run as it is declared.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{field}: {reason}")]
pub struct DeclarationError {
    /// The field, by its path in the declaration, such as `query.input.window.slide_ms` or `inputs[0].filter`.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub reason: DeclarationReason,
}

/// What is wrong with a declaration, and what would be right.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum DeclarationReason {
    /// A name is empty.
    #[error("the name is empty; give it one")]
    EmptyName,
    /// A list must hold more.
    #[error("{found} given, at least {least} needed")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many are needed.
        least: usize,
    },
    /// Steps nest too deep.
    #[error("steps nest more than {most} deep; write the query with fewer")]
    TooDeep {
        /// How deep they may nest.
        most: usize,
    },
    /// Two inputs or tables have the same name.
    #[error("another input or table is called `{name}` too; give each a name of its own")]
    DuplicateSource {
        /// The name.
        name: String,
    },
    /// There is no such input or table.
    #[error("no input or table is called `{name}`; there are: {known}")]
    UnknownSource {
        /// The name.
        name: String,
        /// The inputs and tables there are.
        known: String,
    },
    /// An input is read in two places.
    #[error("input `{name}` is read in two places; declare it once more under another name")]
    UsedTwice {
        /// The input.
        name: String,
    },
    /// An input or table is not read.
    #[error("`{name}` is read nowhere in the query; remove it or use it")]
    Unused {
        /// The input or table.
        name: String,
    },
    /// A table stands where a stream is needed.
    #[error("`{name}` is a table; a table may only be the right side of a join")]
    TableAsStream {
        /// The table.
        name: String,
    },
    /// There is no such column.
    #[error("no column `{name}`; the columns are: {columns}")]
    UnknownColumn {
        /// The name.
        name: String,
        /// The columns there are.
        columns: String,
    },
    /// Columns of a result have no name, or two the same.
    #[error("the result cannot have these columns: {0}")]
    Columns(SchemaError),
    /// A column has a type that does not fit.
    #[error("column `{name}` is {found}, {expected} is needed")]
    ColumnType {
        /// The column.
        name: String,
        /// Its type.
        found: DataType,
        /// What would fit.
        expected: &'static str,
    },
    /// A row of a table does not fit its columns.
    #[error(transparent)]
    Row(JsonError),
    /// An expression is wrong.
    #[error(transparent)]
    Expression(ExpressionError),
    /// An expression should be true or false.
    #[error("`{text}` answers {found}; a predicate answers true or false, for instance `{text} IS NOT NULL`")]
    NotAPredicate {
        /// The expression.
        text: String,
        /// The type of its answers.
        found: DataType,
    },
    /// A number must be above zero.
    #[error("is 0, must be above 0")]
    Zero,
    /// A time is out of what can be written.
    #[error("{millis} ms is beyond what can be written; the most is {most} ms")]
    OutOfRange {
        /// The time in milliseconds.
        millis: i128,
        /// The longest that can be.
        most: i64,
    },
    /// Windows cannot be as asked.
    #[error(transparent)]
    Window(WindowError),
    /// The step of a count window is longer than the window.
    #[error("a step of {step} passes over rows of windows of {rows}; give a step of at most {rows}")]
    StepOverRows {
        /// The step.
        step: u32,
        /// The rows of a window.
        rows: u32,
    },
    /// A session has no gap, or two.
    #[error("a session has one gap; give either `gap_ms` or `gap_expr`")]
    OneGap,
    /// A session has no key.
    #[error("sessions are kept for each key, and there is none; give `keys`")]
    SessionWithoutKey,
    /// A kind of result that an output mode cannot give.
    #[error("{what} cannot be given in {} mode; use {}", mode_name(.mode), .instead)]
    OutputMode {
        /// What is asked for.
        what: &'static str,
        /// The mode.
        mode: OutputMode,
        /// The modes that can.
        instead: &'static str,
    },
    /// Append mode groups without watermark.
    #[error(
        "in append mode a group is given once no row can come to it, which only a watermark tells; declare `watermark` on the input, or use update mode"
    )]
    AppendWithoutWatermark,
    /// Append mode groups by keys that hold no event time.
    #[error(
        "in append mode a group is given once the watermark passes it, but no key is the event time ({event_times}); add it to the keys, add a window, or use update mode"
    )]
    AppendWithoutEventTime {
        /// The columns of event time.
        event_times: String,
    },
    /// Complete mode has no groups.
    #[error("complete mode gives all groups, but the query has no aggregate; use append mode")]
    CompleteWithoutAggregate,
    /// A stateful step follows an aggregate.
    #[error(
        "in {} mode a group is given more than once, which this step would count more than once; use append mode, or end the query at the aggregate",
        mode_name(.mode)
    )]
    StatefulAfterAggregate {
        /// The mode.
        mode: OutputMode,
    },
    /// There is no event time.
    #[error("there is no event time here; declare `watermark` on the input and keep its column")]
    NoEventTime,
    /// Windows have no column of time to go by.
    #[error("the input has no event time; name the timestamp that windows go by")]
    NoTimeColumn,
    /// There are several event times.
    #[error("there are several event times ({event_times}); {instead}")]
    AmbiguousEventTime {
        /// The columns of event time.
        event_times: String,
        /// How to say which.
        instead: &'static str,
    },
    /// A column is not the event time.
    #[error(
        "`{name}` is not the event time that the watermark follows ({event_times}); use that one, or declare the watermark on `{name}`"
    )]
    NotEventTime {
        /// The column.
        name: String,
        /// The columns of event time.
        event_times: String,
    },
    /// Exactly counting different values takes memory without bound.
    #[error(
        "different values cannot be counted exactly in fixed memory; use approx_count_distinct, or dedup before a count"
    )]
    ExactDistinct,
    /// An aggregate lacks an argument.
    #[error("the function needs it")]
    Missing,
    /// An aggregate has an argument that it does not take.
    #[error("the function does not take it; remove it")]
    NotTaken,
    /// A quantile is not from 0 to 1.
    #[error(transparent)]
    Quantile(QuantileOutOfRange),
    /// Streams of a union have other columns.
    #[error("its columns are {found}, those of the first are {expected}; bring them together with a select")]
    UnionColumns {
        /// The columns.
        found: String,
        /// The columns of the first stream.
        expected: String,
    },
    /// Streams of a union have their event time elsewhere.
    #[error(
        "its event time is {found}, that of the first is {expected}; declare watermarks on the same column, or on none"
    )]
    UnionEventTime {
        /// Its event time.
        found: String,
        /// That of the first stream.
        expected: String,
    },
    /// A join has no equal columns.
    #[error("a join needs a pair of equal columns; without one every row would meet every other")]
    NoKeys,
    /// Equal columns have different types.
    #[error("`{left}` is {left_type} and `{right}` is {right_type}; cast one of them in a select before")]
    KeyTypes {
        /// The left column.
        left: String,
        /// Its type.
        left_type: DataType,
        /// The right column.
        right: String,
        /// Its type.
        right_type: DataType,
    },
    /// A join with a table would have to give rows of the table without a match.
    #[error(
        "a {} join gives rows of the table without a match, but more rows of the stream may always come; use inner, left or left_semi",
        join_name(.join_type)
    )]
    TableKeptWhole {
        /// The join.
        join_type: DeclaredJoinType,
    },
    /// A join with a table has a time range.
    #[error("a table has no event time; say it in `condition` instead")]
    RangeOfTable,
    /// A join that gives rows without a match needs a time range.
    #[error(
        "a {} join of two streams must know when a row can no longer find a match; give `time_range` over the event times of both, and a watermark on each",
        join_name(.join_type)
    )]
    OuterWithoutRange {
        /// The join.
        join_type: DeclaredJoinType,
    },
    /// More steps with state stand in a row than can run.
    #[error(
        "at most {most} steps with state (aggregates, deduplication, joins of streams) can stand in a row; write the rest as a query of its own over the results"
    )]
    TooManyStateful {
        /// How many can.
        most: usize,
    },
    /// Streams of a union come from steps with state.
    #[error(
        "a union can only be of streams without aggregates, deduplication and joins of streams; put the union before them"
    )]
    UnionOfResults,
    /// A side of a join comes from a step with state.
    #[error(
        "a side of a join of streams cannot have aggregates, deduplication or such joins of its own; put the join before them"
    )]
    JoinOfResults,
    /// There are more inputs than a query can have.
    #[error("{found} inputs given, at most {most} can be")]
    TooManyInputs {
        /// How many there are.
        found: usize,
        /// How many there can be.
        most: usize,
    },
    /// The steps cannot run in the output mode.
    #[error(transparent)]
    Mode(ModeRefused),
    /// A time range is empty.
    #[error("is above `upper_ms`, so that no rows would ever match")]
    EmptyRange,
}

const fn mode_name(mode: &OutputMode) -> &'static str {
    match mode {
        OutputMode::Append => "append",
        OutputMode::Update => "update",
        OutputMode::Complete => "complete",
    }
}

const fn join_name(join_type: &DeclaredJoinType) -> &'static str {
    match join_type {
        DeclaredJoinType::Inner => "inner",
        DeclaredJoinType::Left => "left",
        DeclaredJoinType::Right => "right",
        DeclaredJoinType::Full => "full",
        DeclaredJoinType::LeftSemi => "left_semi",
    }
}

impl DeclarationReason {
    /// This reason at a field.
    pub(in crate::declared) fn at(self, field: impl fmt::Display) -> DeclarationError {
        DeclarationError { field: field.to_string(), reason: self }
    }
}
