//! Expressions whose answers are lengths of time.

use headwater::Span;

use super::error::{ExpressionError, IntervalError};
use super::interval::parse_interval;
use super::tree::{Kind, Node};
use super::types::Type;
use super::{bind, parse};
use crate::dynamic::{Row, Schema, Value};

/// A SQL expression that says a length of time for each row, as the gap of a session does in Spark: an interval, or text
/// such as `'10 seconds'`.
///
/// ```
/// use headwater::Span;
/// use headwater_std::dynamic::{Column, DataType, Row, Schema, Value};
/// use headwater_std::expression::IntervalExpression;
///
/// let schema = Schema::new([Column::new("device", DataType::String)])?;
/// let text = "CASE WHEN device = 'pump' THEN '10 seconds' ELSE '2 seconds' END";
/// let gap = IntervalExpression::parse(text, &schema)?;
/// assert_eq!(gap.evaluate(&Row::new([Value::from("pump")])), Some(Span::secs(10)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct IntervalExpression {
    root: Node,
    columns: Vec<usize>,
}

impl IntervalExpression {
    /// The expression that `text` says over rows of `schema`.
    ///
    /// # Errors
    /// [`ExpressionError`] as for [`Expression::parse`](super::Expression::parse), if the answers are neither intervals nor text,
    /// and if a text that stands alone is no interval.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, ExpressionError> {
        let root = bind::bind(&parse::parse(text)?, schema)?;
        match (root.result_type, &root.kind) {
            (Type::STRING, Kind::Literal(value)) => {
                span_of(value, Type::STRING).transpose()?;
            }
            (Type::Interval | Type::STRING, _) => {}
            (other, _) => {
                return Err(ExpressionError::NotAnInterval {
                    text: text.to_owned(),
                    found: other.to_string(),
                });
            }
        }
        Ok(Self { columns: root.columns(), root })
    }

    /// The numbers of the columns that are read, ascending.
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The length of time for `row`; `None` where it is null, negative, or text that is no interval.
    #[must_use]
    pub fn evaluate(&self, row: &Row) -> Option<Span> {
        span_of(&self.root.evaluate(row), self.root.result_type)?.ok()
    }
}

fn span_of(value: &Value, result_type: Type) -> Option<Result<Span, IntervalError>> {
    match result_type {
        Type::Interval => Span::from_micros(value.as_i64()?).map(Ok),
        _ => Some(parse_interval(value.as_str()?)),
    }
}
