//! Operators over bound operands: which types they take, and what they give.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};

use super::bind::not;
use super::error::ExpressionError;
use super::function::Function;
use super::tree::{Arithmetic, Comparison, Kind, Node};
use super::types::Type;

pub(super) fn binary(
    operator: &BinaryOperator,
    whole: &Expr,
    left: Node,
    right: Node,
) -> Result<Node, ExpressionError> {
    match operator {
        BinaryOperator::And => conditions(whole, left, right, Kind::And),
        BinaryOperator::Or => conditions(whole, left, right, Kind::Or),
        BinaryOperator::Eq => compare(whole, Comparison::Equal, left, right),
        BinaryOperator::NotEq => compare(whole, Comparison::NotEqual, left, right),
        BinaryOperator::Lt => compare(whole, Comparison::Less, left, right),
        BinaryOperator::LtEq => compare(whole, Comparison::LessOrEqual, left, right),
        BinaryOperator::Gt => compare(whole, Comparison::Greater, left, right),
        BinaryOperator::GtEq => compare(whole, Comparison::GreaterOrEqual, left, right),
        BinaryOperator::Spaceship => same_as(whole, left, right),
        BinaryOperator::Plus => arithmetic(whole, Arithmetic::Add, left, right),
        BinaryOperator::Minus => arithmetic(whole, Arithmetic::Subtract, left, right),
        BinaryOperator::Multiply => arithmetic(whole, Arithmetic::Multiply, left, right),
        BinaryOperator::Divide => arithmetic(whole, Arithmetic::Divide, left, right),
        BinaryOperator::Modulo => arithmetic(whole, Arithmetic::Remainder, left, right),
        BinaryOperator::StringConcat => {
            let arguments = vec![text(whole, left)?, text(whole, right)?];
            Ok(Node::new(Type::STRING, Kind::Call(Function::Concat, arguments)))
        }
        other => Err(ExpressionError::Unsupported {
            part: whole.to_string(),
            reason: format!(
                "no operator {other}; there are + - * / % || = == != <> < <= > >= <=> AND OR NOT"
            ),
        }),
    }
}

pub(super) fn unary(operator: UnaryOperator, whole: &Expr, operand: Node) -> Result<Node, ExpressionError> {
    match operator {
        UnaryOperator::Not | UnaryOperator::BangNot => condition(whole, operand).map(not),
        UnaryOperator::Plus => signed(whole, operand),
        other => Err(ExpressionError::Unsupported {
            part: whole.to_string(),
            reason: format!("no operator {other}; before an operand there are - + NOT !"),
        }),
    }
}

pub(super) fn negate(inner: &Expr, operand: Node) -> Result<Node, ExpressionError> {
    let operand = signed(inner, operand)?;
    Ok(Node::new(operand.result_type, Kind::Negate(Box::new(operand))))
}

/// A number or an interval.
fn signed(whole: &Expr, operand: Node) -> Result<Node, ExpressionError> {
    if operand.result_type == Type::Interval { Ok(operand) } else { number(whole, operand) }
}

/// A number; text becomes a double, as in Spark.
pub(super) fn number(whole: &Expr, operand: Node) -> Result<Node, ExpressionError> {
    match operand.result_type {
        found if found.is_numeric() => Ok(operand),
        Type::STRING | Type::Null => Ok(operand.into_type(Type::DOUBLE)),
        found => Err(type_error(whole, format!("{found} where a number is needed"))),
    }
}

/// Text; whatever a column can hold becomes it.
pub(super) fn text(whole: &Expr, operand: Node) -> Result<Node, ExpressionError> {
    wanted(whole, operand, Type::STRING)
}

/// `operand` as type `to`, if it becomes that without being asked.
pub(super) fn wanted(whole: &Expr, operand: Node, to: Type) -> Result<Node, ExpressionError> {
    if operand.result_type.becomes(to) {
        return Ok(operand.into_type(to));
    }
    let found = operand.result_type;
    Err(type_error(whole, format!("{found} where {to} is needed; write CAST(... AS {to}) if it is meant")))
}

/// A truth value.
pub(super) fn condition(whole: &Expr, operand: Node) -> Result<Node, ExpressionError> {
    match operand.result_type {
        Type::BOOL | Type::Null => Ok(operand.into_type(Type::BOOL)),
        found => {
            Err(type_error(whole, format!("{found} where a condition is needed; compare it with something")))
        }
    }
}

fn conditions(
    whole: &Expr,
    left: Node,
    right: Node,
    kind: fn(Box<[Node; 2]>) -> Kind,
) -> Result<Node, ExpressionError> {
    Ok(Node::predicate(kind(Box::new([condition(whole, left)?, condition(whole, right)?]))))
}

fn compare(whole: &Expr, comparison: Comparison, left: Node, right: Node) -> Result<Node, ExpressionError> {
    Ok(Node::predicate(Kind::Compare(comparison, Box::new(pair(whole, left, right)?))))
}

pub(super) fn same_as(whole: &Expr, left: Node, right: Node) -> Result<Node, ExpressionError> {
    Ok(Node::predicate(Kind::SameAs(Box::new(pair(whole, left, right)?))))
}

/// The operands of `BETWEEN`: value, low, high.
pub(super) fn between(whole: &Expr, operands: Vec<Node>) -> Result<Node, ExpressionError> {
    match <[Node; 3]>::try_from(same_type(whole, operands)?) {
        Ok(three) => Ok(Node::predicate(Kind::Between(Box::new(three)))),
        Err(_) => Err(type_error(whole, "BETWEEN needs two bounds".to_owned())),
    }
}

pub(super) fn in_list(whole: &Expr, value: Node, mut list: Vec<Node>) -> Result<Node, ExpressionError> {
    list.push(value);
    let mut list = same_type(whole, list)?;
    let value = list.pop().unwrap_or_else(Node::null);
    Ok(Node::predicate(Kind::In(Box::new(value), list)))
}

/// The parts turned into the type they have in common.
pub(super) fn same_type(whole: &Expr, parts: Vec<Node>) -> Result<Vec<Node>, ExpressionError> {
    let mut common = Type::Null;
    for part in &parts {
        let found = part.result_type;
        common = common.common(found).ok_or_else(|| {
            type_error(whole, format!("{common} and {found} do not come together; write a CAST around one"))
        })?;
    }
    Ok(parts.into_iter().map(|part| part.into_type(common)).collect())
}

fn pair(whole: &Expr, left: Node, right: Node) -> Result<[Node; 2], ExpressionError> {
    let (left_type, right_type) = (left.result_type, right.result_type);
    let common = left_type.common(right_type).ok_or_else(|| {
        type_error(
            whole,
            format!("{left_type} does not compare with {right_type}; write a CAST around one side"),
        )
    })?;
    Ok([left.into_type(common), right.into_type(common)])
}

fn arithmetic(whole: &Expr, operator: Arithmetic, left: Node, right: Node) -> Result<Node, ExpressionError> {
    if let Some(result_type) = time_arithmetic(operator, left.result_type, right.result_type) {
        // Moments come first: what is evaluated adds an interval to a moment.
        let swapped = left.result_type == Type::Interval && right.result_type == Type::TIMESTAMP;
        let operands = if swapped { [right, left] } else { [left, right] };
        return Ok(Node::new(result_type, Kind::Arithmetic(operator, Box::new(operands))));
    }
    let numeric = |found: Type| found.is_numeric() || matches!(found, Type::STRING | Type::Null);
    let (left_type, right_type) = (left.result_type, right.result_type);
    if !numeric(left_type) || !numeric(right_type) {
        return Err(type_error(
            whole,
            format!("{left_type} and {right_type} where numbers, or a timestamp and an interval, are needed"),
        ));
    }
    let operand_type = match operator {
        Arithmetic::Divide => Type::DOUBLE,
        _ => match left_type.common(right_type) {
            Some(common) if common.is_numeric() => common,
            _ => Type::DOUBLE,
        },
    };
    let operands = [wanted(whole, left, operand_type)?, wanted(whole, right, operand_type)?];
    Ok(Node::new(operand_type, Kind::Arithmetic(operator, Box::new(operands))))
}

/// What comes of adding and subtracting moments and intervals.
fn time_arithmetic(operator: Arithmetic, left: Type, right: Type) -> Option<Type> {
    match (operator, left, right) {
        (Arithmetic::Add | Arithmetic::Subtract, Type::TIMESTAMP, Type::Interval)
        | (Arithmetic::Add, Type::Interval, Type::TIMESTAMP) => Some(Type::TIMESTAMP),
        (Arithmetic::Subtract, Type::TIMESTAMP, Type::TIMESTAMP)
        | (Arithmetic::Add | Arithmetic::Subtract, Type::Interval, Type::Interval) => Some(Type::Interval),
        _ => None,
    }
}

pub(super) fn type_error(part: &Expr, reason: String) -> ExpressionError {
    ExpressionError::Type { part: part.to_string(), reason }
}
