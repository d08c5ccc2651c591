//! Why a text is no expression, or no interval.

use thiserror::Error;

/// Why a text is no expression over a schema.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExpressionError {
    /// It is not SQL.
    #[error("`{text}` is no expression: {reason}")]
    Syntax {
        /// The text.
        text: String,
        /// What the parser says.
        reason: String,
    },
    /// It is too long.
    #[error(
        "the expression has {found} {unit}, the most is {most}; split it, or compute part of it in a projection before"
    )]
    TooLong {
        /// What was counted.
        unit: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// It nests too deep.
    #[error(
        "the expression nests more than {most} deep; use IN for long chains of OR, or compute part of it in a projection before"
    )]
    TooDeep {
        /// How deep it may nest.
        most: usize,
    },
    /// There is no such column.
    #[error("no column `{name}` (line {line}, column {column}); the columns are: {columns}")]
    UnknownColumn {
        /// The name in the text.
        name: String,
        /// The line of the text it stands on, counted from 1.
        line: u64,
        /// The character of the line it begins at, counted from 1.
        column: u64,
        /// The columns there are.
        columns: String,
    },
    /// Several columns differ from the name only by case.
    #[error("`{name}` could be any of the columns {candidates}; write it as the column is written")]
    AmbiguousColumn {
        /// The name in the text.
        name: String,
        /// The columns it could be.
        candidates: String,
    },
    /// There is no such function.
    #[error("no function `{name}`; the functions are: {functions}")]
    UnknownFunction {
        /// The name in the text.
        name: String,
        /// The functions there are.
        functions: String,
    },
    /// A function has too few or too many arguments.
    #[error("`{name}` takes {expected}, not {found}")]
    ArgumentCount {
        /// The function.
        name: String,
        /// How many it takes.
        expected: String,
        /// How many there are.
        found: usize,
    },
    /// An operand has a type that does not fit.
    #[error("`{part}`: {reason}")]
    Type {
        /// The part of the expression.
        part: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A literal that cannot be read.
    #[error("`{part}`: {reason}")]
    Literal {
        /// The literal.
        part: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// SQL that is not supported here.
    #[error("`{part}` is not supported: {reason}")]
    Unsupported {
        /// The part of the expression.
        part: String,
        /// What could be written instead.
        reason: String,
    },
    /// It is always null, of no type.
    #[error("`{text}` is null of no type; say which, for instance CAST(NULL AS double)")]
    NoType {
        /// The text.
        text: String,
    },
    /// Its answers are intervals, which no column can hold.
    #[error("`{text}` is an interval, which no column can hold; compare it, or add it to a timestamp")]
    Interval {
        /// The text.
        text: String,
    },
    /// It should answer intervals and does not.
    #[error("`{text}` answers {found}; a length of time is an interval, or text such as '10 seconds'")]
    NotAnInterval {
        /// The text.
        text: String,
        /// The type of its answers.
        found: String,
    },
    /// An interval literal that cannot be read.
    #[error(transparent)]
    BadInterval(#[from] IntervalError),
}

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no interval: {reason}")]
pub struct IntervalError {
    /// The text.
    pub text: String,
    /// What is wrong and what would be right.
    pub reason: String,
}
