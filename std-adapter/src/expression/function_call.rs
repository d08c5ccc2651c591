//! What functions answer.

use core::cmp::Ordering;

use headwater::Timestamp;

use super::cast::to_text;
use super::function::{Function, Side};
use super::number;
use super::tree::Node;
use crate::dynamic::{Row, Value};

pub(super) fn call(function: Function, arguments: &[Node], row: &Row) -> Value {
    match function {
        Function::Coalesce => first_known(arguments, row),
        Function::Least => extreme(arguments, row, Ordering::Less),
        Function::Greatest => extreme(arguments, row, Ordering::Greater),
        Function::Concat => concat(arguments, row).into(),
        Function::Trim(side) => trim(side, arguments, row).into(),
        Function::Substring => substring(arguments, row).into(),
        _ => {
            let mut values = arguments.iter().map(|argument| argument.evaluate(row));
            let first = values.next().unwrap_or_default();
            if function == Function::IsNan {
                // Never null.
                return Value::Bool(first.as_f64().is_some_and(f64::is_nan));
            }
            of_value(function, first, values.next()).unwrap_or_default()
        }
    }
}

/// Functions that answer null for null.
fn of_value(function: Function, value: Value, second: Option<Value>) -> Option<Value> {
    Some(match function {
        Function::Abs => number::absolute(&value),
        Function::Round => number::round(&value, i32::try_from(second?.as_i64()?).ok()?),
        Function::Floor => whole(&value, f64::floor)?,
        Function::Ceil => whole(&value, f64::ceil)?,
        Function::Sqrt => Value::Double(value.as_f64()?.sqrt()),
        Function::NullIf => match value.sql_compare(&second?) {
            Some(Ordering::Equal) => Value::Null,
            _ => value,
        },
        Function::Upper => value.as_str()?.to_uppercase().into(),
        Function::Lower => value.as_str()?.to_lowercase().into(),
        Function::Length => Value::Int(i32::try_from(value.as_str()?.chars().count()).ok()?),
        Function::UnixMillis => Value::Long(value.as_timestamp()?.as_millis()),
        Function::UnixMicros => Value::Long(value.as_timestamp()?.as_micros()),
        Function::TimestampMillis => moment(value.as_i64()?.checked_mul(1_000)?),
        Function::TimestampMicros => moment(value.as_i64()?),
        _ => return None,
    })
}

fn moment(micros: i64) -> Value {
    Value::Timestamp(Timestamp::from_micros(micros))
}

/// As Java's cast of a double to a long, which Spark goes by here: NaN is 0, the rest saturates.
fn whole(value: &Value, round: fn(f64) -> f64) -> Option<Value> {
    match value {
        Value::Double(value) => Some(Value::Long(round(*value) as i64)),
        integer => integer.as_i64().map(Value::Long),
    }
}

fn first_known(arguments: &[Node], row: &Row) -> Value {
    let mut values = arguments.iter().map(|argument| argument.evaluate(row));
    values.find(|value| !value.is_null()).unwrap_or_default()
}

/// The least or greatest of the arguments, nulls passed over; of equal ones the first.
fn extreme(arguments: &[Node], row: &Row, better: Ordering) -> Value {
    let mut best = Value::Null;
    for argument in arguments {
        let candidate = argument.evaluate(row);
        if best.is_null() || candidate.sql_compare(&best) == Some(better) {
            best = candidate;
        }
    }
    best
}

fn concat(arguments: &[Node], row: &Row) -> Option<String> {
    let mut whole = String::new();
    for argument in arguments {
        whole.push_str(&to_text(&argument.evaluate(row))?);
    }
    Some(whole)
}

/// Takes away spaces, or the characters of the second argument.
fn trim(side: Side, arguments: &[Node], row: &Row) -> Option<Value> {
    let text = arguments.first()?.evaluate(row);
    let text = text.as_str()?;
    let characters = arguments.get(1).map(|argument| argument.evaluate(row));
    let characters = match &characters {
        Some(characters) => characters.as_str()?,
        None => " ",
    };
    let goes = |character: char| characters.contains(character);
    Some(Value::from(match side {
        Side::Both => text.trim_matches(goes),
        Side::Start => text.trim_start_matches(goes),
        Side::End => text.trim_end_matches(goes),
    }))
}

/// Positions count characters from 1, or from the end where negative; 0 is 1.
fn substring(arguments: &[Node], row: &Row) -> Option<Value> {
    let text = arguments.first()?.evaluate(row);
    let text = text.as_str()?;
    let from = arguments.get(1)?.evaluate(row).as_i64()?;
    let length = match arguments.get(2) {
        Some(length) => length.evaluate(row).as_i64()?,
        None => i64::MAX,
    };
    let start = match from {
        1.. => from - 1,
        0 => 0,
        _ => i64::try_from(text.chars().count()).ok()?.saturating_add(from),
    };
    // A start before the text uses up some of the length.
    let end = usize::try_from(start.saturating_add(length).max(0)).ok()?;
    let start = usize::try_from(start.max(0)).ok()?;
    let part: String = text.chars().skip(start).take(end.saturating_sub(start)).collect();
    Some(part.into())
}
