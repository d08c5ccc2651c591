//! SQL expressions over rows whose types are known at run time, with Spark's answers.
//!
//! [`Expression::parse`] binds the text to a schema: names become numbers of columns, types are checked, conversions are
//! put in. [`Expression::evaluate`] then answers for a row, without looking at names or types again.
//!
//! ```
//! use headwater_std::dynamic::{Column, DataType, Row, Schema, Value};
//! use headwater_std::expression::Expression;
//!
//! let schema = Schema::new([Column::new("id", DataType::Int), Column::new("celsius", DataType::Double)])?;
//! let hot = Expression::parse("celsius * 1.8 + 32 > 100 AND id IN (1, 2)", &schema)?;
//! assert_eq!(hot.data_type(), DataType::Bool);
//! assert!(hot.evaluate_predicate(&Row::new([Value::Int(1), Value::Double(40.0)])));
//! // Null is not true.
//! assert!(!hot.evaluate_predicate(&Row::new([Value::Int(1), Value::Null])));
//!
//! let error = Expression::parse("celcius > 1", &schema).unwrap_err();
//! assert_eq!(error.to_string(), "no column `celcius` (line 1, column 1); the columns are: id, celsius");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What there is
//! - Literals: integers (`int`, or `long` where they need it or end in `L`), decimals (`double`), `'text'` and `"text"`, `TRUE`,
//!   `FALSE`, `NULL`, `TIMESTAMP '2024-01-31 12:00:00'` (UTC), `INTERVAL 5 SECONDS`, `INTERVAL '1 minute 30 seconds'`.
//! - Columns, `plain` or in backquotes. A name is found as it is written, else without regard to case.
//!   A few words of SQL need the backquotes to be names, among them `interval`, `trim`, `case` and `current_time`.
//! - `+ - * / %`, `||`, `= == != <> < <= > >= <=>`, `AND OR NOT`, `IS [NOT] NULL`, `IS [NOT] TRUE`, `IS [NOT] FALSE`,
//!   `IS [NOT] DISTINCT FROM`, `[NOT] IN (...)`, `[NOT] BETWEEN`, `[NOT] LIKE`, `[NOT] ILIKE`, `CASE`, `CAST`, `TRY_CAST`, `::`.
//! - Functions: `abs` `round` `floor` `ceil` `sqrt` `least` `greatest` `coalesce` `nvl` `ifnull` `nullif` `if` `isnull` `isnotnull`
//!   `isnan` `upper` `lower` `length` `trim` `ltrim` `rtrim` `substring` `concat` `unix_seconds` `unix_millis` `unix_micros`
//!   `timestamp_seconds` `timestamp_millis` `timestamp_micros`, and the other names Spark has for these.
//! - A timestamp plus or minus an interval, the interval between two timestamps, and intervals compared.
//!
//! # Answers
//! Those of Spark 4 (null, NaN, types of results, conversions), but for these:
//!
//! - Where Spark's ANSI mode stops the query (overflow, division by zero, text that is no number, a cast that does not fit),
//!   the answer is null: one bad row must not stop a stream.
//! - A decimal literal is a `double`, because there is no decimal type.
//! - The time zone is UTC.
//!
//! # Bounds
//! A text has at most 16 KiB and 1,000 tokens and nests at most 100 deep; what is beyond is refused when it is parsed. To evaluate
//! takes a step per operator, `LIKE` at most text times pattern.

mod bind;
mod cast;
mod error;
mod evaluate;
mod function;
mod function_call;
mod interval;
mod interval_expression;
mod like;
mod literal;
mod number;
mod operator;
mod parse;
mod tree;
mod types;

use core::fmt;

use crate::dynamic::{DataType, Row, Schema, Value};

pub use error::{ExpressionError, IntervalError};
pub use interval::parse_interval;
pub use interval_expression::IntervalExpression;

use tree::Node;
use types::Type;

/// A SQL expression, bound to the columns of a schema.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    root: Node,
    data_type: DataType,
    columns: Vec<usize>,
}

impl Expression {
    /// The expression that `text` says over rows of `schema`.
    ///
    /// # Errors
    /// [`ExpressionError`] if the text is no expression, names what is not there, puts types together that do not fit, or is
    /// beyond the [bounds](self#bounds).
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, ExpressionError> {
        let root = bind::bind(&parse::parse(text)?, schema)?;
        match root.result_type {
            Type::Data(data_type) => {
                Ok(Self { text: text.to_owned(), columns: root.columns(), root, data_type })
            }
            Type::Null => Err(ExpressionError::NoType { text: text.to_owned() }),
            Type::Interval => Err(ExpressionError::Interval { text: text.to_owned() }),
        }
    }

    /// The type of the answers.
    #[must_use]
    pub const fn data_type(&self) -> DataType {
        self.data_type
    }

    /// The numbers of the columns that are read, ascending.
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The text it was parsed from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The answer for `row`, which must be of the schema that the expression was parsed with. A column that the row lacks
    /// is null.
    #[must_use]
    pub fn evaluate(&self, row: &Row) -> Value {
        self.root.evaluate(row)
    }

    /// Whether the answer for `row` is true; null is not.
    #[must_use]
    pub fn evaluate_predicate(&self, row: &Row) -> bool {
        self.evaluate(row).as_bool() == Some(true)
    }
}

/// Shows the text.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
