//! Literals.

use sqlparser::ast::{Expr, Interval, TypedString, UnaryOperator, Value as Literal};

use super::error::ExpressionError;
use super::interval::micros_of;
use super::tree::{Kind, Node};
use super::types::Type;
use crate::dynamic::{DataType, Value};
use crate::rfc3339::from_rfc3339;

/// A number, text, truth value or null.
pub(super) fn literal(value: &Literal) -> Result<Node, ExpressionError> {
    match value {
        Literal::Number(digits, is_long) => number(digits, *is_long),
        Literal::SingleQuotedString(text) | Literal::DoubleQuotedString(text) => {
            Ok(constant(text.as_str().into(), Type::STRING))
        }
        Literal::Boolean(truth) => Ok(constant(Value::Bool(*truth), Type::BOOL)),
        Literal::Null => Ok(Node::null()),
        other => Err(ExpressionError::Unsupported {
            part: other.to_string(),
            reason: "literals are numbers, 'text', TRUE, FALSE, NULL, TIMESTAMP '...' and INTERVAL '...'"
                .to_owned(),
        }),
    }
}

/// A number; a minus sign before it is part of it, so that the least integers can be written.
pub(super) fn number(digits: &str, is_long: bool) -> Result<Node, ExpressionError> {
    if let Ok(value) = digits.parse::<i32>()
        && !is_long
    {
        return Ok(constant(Value::Int(value), Type::INT));
    }
    if let Ok(value) = digits.parse::<i64>() {
        return Ok(constant(Value::Long(value), Type::LONG));
    }
    let invalid =
        |reason: &str| ExpressionError::Literal { part: digits.to_owned(), reason: reason.to_owned() };
    if is_long {
        return Err(invalid("it does not fit a long, from -9223372036854775808 to 9223372036854775807"));
    }
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(constant(Value::Double(value), Type::DOUBLE)),
        _ => Err(invalid("it does not fit a double")),
    }
}

/// `TIMESTAMP '...'`.
pub(super) fn typed_string(typed: &TypedString) -> Result<Node, ExpressionError> {
    let text = typed.value.value.clone().into_string().unwrap_or_default();
    if super::cast::data_type(&typed.data_type) != Some(DataType::Timestamp) {
        return Err(ExpressionError::Unsupported {
            part: typed.to_string(),
            reason: "of the literals with a type there are TIMESTAMP '...' and INTERVAL '...'".to_owned(),
        });
    }
    let at = from_rfc3339(&text).ok_or_else(|| ExpressionError::Literal {
        part: typed.to_string(),
        reason: "it is no time such as '2024-01-31 12:00:00' or '2024-01-31T12:00:00.123456+01:00'"
            .to_owned(),
    })?;
    Ok(constant(Value::Timestamp(at), Type::TIMESTAMP))
}

/// `INTERVAL 5 SECONDS`, `INTERVAL '5' SECOND`, `INTERVAL '1 minute 30 seconds'`.
pub(super) fn interval(interval: &Interval) -> Result<Node, ExpressionError> {
    let unsupported = || ExpressionError::Unsupported {
        part: interval.to_string(),
        reason: "write INTERVAL '1 minute 30 seconds', or INTERVAL 5 SECONDS".to_owned(),
    };
    if interval.last_field.is_some() || interval.leading_precision.is_some() {
        return Err(unsupported());
    }
    let (sign, value) = match &*interval.value {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => ("- ", &**expr),
        other => ("", other),
    };
    let Expr::Value(value) = value else { return Err(unsupported()) };
    let quantity = match &value.value {
        Literal::Number(digits, false) => digits.clone(),
        other => other.clone().into_string().ok_or_else(unsupported)?,
    };
    let unit = interval.leading_field.as_ref().map(ToString::to_string).unwrap_or_default();
    let micros = micros_of(&format!("{sign}{quantity} {unit}"))?;
    Ok(Node::new(Type::Interval, Kind::Literal(Value::Long(micros))))
}

fn constant(value: Value, result_type: Type) -> Node {
    Node::new(result_type, Kind::Literal(value))
}
