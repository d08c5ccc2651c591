//! Functions: their names, what they take, what they give.

use sqlparser::ast::{
    self, CeilFloorKind, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, TrimWhereField,
};

use super::bind::{Binder, not};
use super::error::ExpressionError;
use super::operator::{condition, number, same_type, type_error, wanted};
use super::tree::{Case, Kind, Node};
use super::types::Type;
use crate::dynamic::{DataType, Value};

/// A function that is called with the values of its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Round,
    Floor,
    Ceil,
    Sqrt,
    Least,
    Greatest,
    Coalesce,
    NullIf,
    IsNan,
    Upper,
    Lower,
    Length,
    Trim(Side),
    Substring,
    Concat,
    UnixMillis,
    UnixMicros,
    TimestampMillis,
    TimestampMicros,
}

/// Where `trim` takes characters away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Both,
    Start,
    End,
}

/// What a name stands for.
#[derive(Clone, Copy)]
enum Named {
    Function(Function),
    If,
    IsNull,
    IsNotNull,
    UnixSeconds,
    TimestampSeconds,
}

/// Names, meanings, and the least and the most arguments.
const NAMES: [(&[&str], Named, usize, usize); 28] = {
    use Function as F;
    use Named::Function as Call;
    [
        (&["abs"], Call(F::Abs), 1, 1),
        (&["round"], Call(F::Round), 1, 2),
        (&["floor"], Call(F::Floor), 1, 1),
        (&["ceil", "ceiling"], Call(F::Ceil), 1, 1),
        (&["sqrt"], Call(F::Sqrt), 1, 1),
        (&["least"], Call(F::Least), 2, usize::MAX),
        (&["greatest"], Call(F::Greatest), 2, usize::MAX),
        (&["coalesce"], Call(F::Coalesce), 1, usize::MAX),
        (&["nvl", "ifnull"], Call(F::Coalesce), 2, 2),
        (&["nullif"], Call(F::NullIf), 2, 2),
        (&["if"], Named::If, 3, 3),
        (&["isnull"], Named::IsNull, 1, 1),
        (&["isnotnull"], Named::IsNotNull, 1, 1),
        (&["isnan"], Call(F::IsNan), 1, 1),
        (&["upper", "ucase"], Call(F::Upper), 1, 1),
        (&["lower", "lcase"], Call(F::Lower), 1, 1),
        (&["length", "len", "char_length", "character_length"], Call(F::Length), 1, 1),
        (&["trim"], Call(F::Trim(Side::Both)), 1, 1),
        (&["ltrim"], Call(F::Trim(Side::Start)), 1, 1),
        (&["rtrim"], Call(F::Trim(Side::End)), 1, 1),
        (&["substring", "substr"], Call(F::Substring), 2, 3),
        (&["concat"], Call(F::Concat), 1, usize::MAX),
        (&["unix_seconds", "unix_timestamp"], Named::UnixSeconds, 1, 1),
        (&["unix_millis"], Call(F::UnixMillis), 1, 1),
        (&["unix_micros"], Call(F::UnixMicros), 1, 1),
        (&["timestamp_seconds"], Named::TimestampSeconds, 1, 1),
        (&["timestamp_millis"], Call(F::TimestampMillis), 1, 1),
        (&["timestamp_micros"], Call(F::TimestampMicros), 1, 1),
    ]
};

/// A function call, also in the forms that the parser keeps apart.
pub(super) fn bind(binder: &Binder<'_>, whole: &Expr) -> Result<Node, ExpressionError> {
    let unsupported = || ExpressionError::Unsupported {
        part: whole.to_string(),
        reason: format!("there are columns, literals, operators, CASE, CAST and the functions {}", names()),
    };
    match whole {
        Expr::Function(function) => {
            let arguments = plain_arguments(function).ok_or_else(unsupported)?;
            named(&function.name.to_string(), whole, binder.all(arguments)?)
        }
        Expr::Floor { expr, field: CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) } => {
            named("floor", whole, vec![binder.bind(expr)?])
        }
        Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) } => {
            named("ceil", whole, vec![binder.bind(expr)?])
        }
        Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
            let operands = [&**expr, from].into_iter().chain(substring_for.as_deref());
            named("substring", whole, binder.all(operands)?)
        }
        Expr::Trim { expr, trim_where, trim_what, trim_characters: None } => {
            let side = match trim_where {
                None | Some(TrimWhereField::Both) => Side::Both,
                Some(TrimWhereField::Leading) => Side::Start,
                Some(TrimWhereField::Trailing) => Side::End,
            };
            let operands = [&**expr].into_iter().chain(trim_what.as_deref());
            typed(Function::Trim(side), whole, binder.all(operands)?)
        }
        _ => Err(unsupported()),
    }
}

/// The arguments of a call that is nothing but a name and arguments.
fn plain_arguments(function: &ast::Function) -> Option<Vec<&Expr>> {
    let plain = !function.uses_odbc_syntax
        && function.parameters == FunctionArguments::None
        && function.filter.is_none()
        && function.null_treatment.is_none()
        && function.over.is_none()
        && function.within_group.is_empty();
    let FunctionArguments::List(list) = &function.args else { return None };
    if !plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let argument = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().map(argument).collect()
}

fn named(name: &str, whole: &Expr, arguments: Vec<Node>) -> Result<Node, ExpressionError> {
    let lower = name.to_ascii_lowercase();
    let known = NAMES.iter().find(|(names, ..)| names.contains(&lower.as_str()));
    let Some((_, meaning, least, most)) = known else {
        return Err(ExpressionError::UnknownFunction { name: name.to_owned(), functions: names() });
    };
    if arguments.len() < *least || arguments.len() > *most {
        let expected = match (*least, *most) {
            (least, usize::MAX) => format!("{least} or more arguments"),
            (least, most) if least == most => {
                format!("{least} argument{}", if least == 1 { "" } else { "s" })
            }
            (least, most) => format!("{least} to {most} arguments"),
        };
        return Err(ExpressionError::ArgumentCount { name: lower, expected, found: arguments.len() });
    }
    match meaning {
        Named::Function(function) => typed(*function, whole, arguments),
        other => rewritten(*other, whole, arguments),
    }
}

fn names() -> String {
    let all: Vec<_> = NAMES.iter().flat_map(|(names, ..)| names.iter().copied()).collect();
    all.join(", ")
}

/// The call with its arguments turned into the types it takes.
fn typed(function: Function, whole: &Expr, arguments: Vec<Node>) -> Result<Node, ExpressionError> {
    let (result_type, arguments) = match function {
        Function::Abs => same_number(whole, arguments)?,
        Function::Floor | Function::Ceil => (Type::LONG, same_number(whole, arguments)?.1),
        Function::Round => round_arguments(whole, arguments)?,
        Function::Sqrt => (Type::DOUBLE, all(whole, arguments, Type::DOUBLE)?),
        Function::IsNan => (Type::BOOL, all(whole, arguments, Type::DOUBLE)?),
        Function::Least | Function::Greatest | Function::Coalesce => {
            let arguments = same_type(whole, arguments)?;
            (arguments.first().map_or(Type::Null, |first| first.result_type), arguments)
        }
        Function::NullIf => null_if_arguments(whole, arguments)?,
        Function::Upper | Function::Lower | Function::Trim(_) | Function::Concat => {
            (Type::STRING, all(whole, arguments, Type::STRING)?)
        }
        Function::Length => (Type::INT, all(whole, arguments, Type::STRING)?),
        Function::Substring => (Type::STRING, substring_arguments(whole, arguments)?),
        Function::UnixMillis | Function::UnixMicros => (Type::LONG, all(whole, arguments, Type::TIMESTAMP)?),
        Function::TimestampMillis | Function::TimestampMicros => {
            (Type::TIMESTAMP, all(whole, arguments, Type::LONG)?)
        }
    };
    Ok(Node::new(result_type, Kind::Call(function, arguments)))
}

fn all(whole: &Expr, arguments: Vec<Node>, to: Type) -> Result<Vec<Node>, ExpressionError> {
    arguments.into_iter().map(|argument| wanted(whole, argument, to)).collect()
}

fn same_number(whole: &Expr, arguments: Vec<Node>) -> Result<(Type, Vec<Node>), ExpressionError> {
    let arguments: Vec<_> =
        arguments.into_iter().map(|argument| number(whole, argument)).collect::<Result<_, _>>()?;
    Ok((arguments.first().map_or(Type::DOUBLE, |first| first.result_type), arguments))
}

/// Spark wants the number of decimals as a literal.
fn round_arguments(whole: &Expr, arguments: Vec<Node>) -> Result<(Type, Vec<Node>), ExpressionError> {
    let mut arguments = arguments.into_iter();
    let value = number(whole, arguments.next().unwrap_or_else(Node::null))?;
    let scale = arguments.next().unwrap_or_else(|| Node::new(Type::INT, Kind::Literal(Value::Int(0))));
    if !matches!(scale.kind, Kind::Literal(Value::Int(_))) {
        return Err(type_error(whole, "the number of decimals must be an integer literal".to_owned()));
    }
    Ok((value.result_type, vec![value, scale]))
}

/// The answer has the type of the first; two numbers compare whatever their types.
fn null_if_arguments(whole: &Expr, arguments: Vec<Node>) -> Result<(Type, Vec<Node>), ExpressionError> {
    let numbers = arguments.iter().all(|argument| argument.result_type.is_numeric());
    let arguments = if numbers { arguments } else { same_type(whole, arguments)? };
    Ok((arguments.first().map_or(Type::Null, |first| first.result_type), arguments))
}

fn substring_arguments(whole: &Expr, arguments: Vec<Node>) -> Result<Vec<Node>, ExpressionError> {
    let types = [Type::STRING, Type::INT, Type::INT];
    arguments.into_iter().zip(types).map(|(argument, to)| wanted(whole, argument, to)).collect()
}

/// The names that stand for something else.
fn rewritten(meaning: Named, whole: &Expr, arguments: Vec<Node>) -> Result<Node, ExpressionError> {
    let mut arguments = arguments.into_iter();
    let first = arguments.next().unwrap_or_else(Node::null);
    match meaning {
        Named::If => {
            let test = condition(whole, first)?;
            let mut results = same_type(whole, arguments.collect())?;
            let otherwise = results.pop().unwrap_or_else(Node::null);
            let result = results.pop().unwrap_or_else(Node::null);
            let result_type = otherwise.result_type;
            let case = Case { operand: None, branches: vec![[test, result]], otherwise };
            Ok(Node::new(result_type, Kind::Case(Box::new(case))))
        }
        Named::IsNull => Ok(Node::predicate(Kind::IsNull(Box::new(first)))),
        Named::IsNotNull => Ok(not(Node::predicate(Kind::IsNull(Box::new(first))))),
        Named::UnixSeconds => Ok(wanted(whole, first, Type::TIMESTAMP)?.cast(DataType::Long)),
        Named::TimestampSeconds => Ok(number(whole, first)?.cast(DataType::Timestamp)),
        Named::Function(function) => typed(function, whole, vec![first]),
    }
}
