//! Values of one type turned into another: `CAST`, and what is converted without being asked.

use headwater::Timestamp;
use sqlparser::ast;

use super::types::Type;
use crate::dynamic::{DataType, Value};
use crate::rfc3339::{from_rfc3339, to_rfc3339_micros};

/// The types, for messages.
pub(super) const TYPES: &str = "boolean, int, long (bigint), double, string, timestamp";

/// The type of that name, if there is one of it here.
pub(super) fn data_type(named: &ast::DataType) -> Option<DataType> {
    match named.to_string().to_ascii_lowercase().as_str() {
        "boolean" | "bool" => Some(DataType::Bool),
        "int" | "integer" => Some(DataType::Int),
        "long" | "bigint" => Some(DataType::Long),
        "double" => Some(DataType::Double),
        "string" => Some(DataType::String),
        "timestamp" | "timestamp_ltz" => Some(DataType::Timestamp),
        _ => None,
    }
}

/// Whether Spark has such a cast.
pub(super) fn exists(from: Type, to: DataType) -> bool {
    let absent = matches!(
        (from, to),
        (Type::Interval, _) | (Type::BOOL, DataType::Timestamp) | (Type::TIMESTAMP, DataType::Bool)
    );
    !absent
}

/// `value` as a value of type `to`; null where it does not fit, where Spark would stop with an error.
pub(super) fn cast(value: &Value, to: DataType) -> Value {
    match to {
        DataType::Bool => to_bool(value).into(),
        DataType::Int => to_long(value).and_then(|value| i32::try_from(value).ok()).into(),
        DataType::Long => to_long(value).into(),
        DataType::Double => to_double(value).into(),
        DataType::String => to_text(value).into(),
        DataType::Timestamp => to_timestamp(value).into(),
    }
}

fn to_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "1" => Some(true),
            "f" | "false" | "n" | "no" | "0" => Some(false),
            _ => None,
        },
        number => number.as_f64().map(|number| number != 0.0),
    }
}

fn to_long(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Double(value) => truncate(*value),
        Value::String(text) => text.trim().parse().ok(),
        Value::Timestamp(at) => Some(at.as_micros().div_euclid(1_000_000)),
        integer => integer.as_i64(),
    }
}

/// Without its fraction, if that fits.
fn truncate(value: f64) -> Option<i64> {
    // 2^63: the range is half open, and NaN is not in it.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    let whole = value.trunc();
    (-BEYOND..BEYOND).contains(&whole).then_some(whole as i64)
}

fn to_double(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::String(text) => text.trim().parse().ok(),
        Value::Timestamp(at) => Some(at.as_micros() as f64 / 1e6),
        number => number.as_f64(),
    }
}

fn to_timestamp(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Timestamp(at) => Some(*at),
        Value::String(text) => from_rfc3339(text),
        Value::Double(seconds) => truncate(seconds * 1e6).map(Timestamp::from_micros),
        integer => integer.as_i64()?.checked_mul(1_000_000).map(Timestamp::from_micros),
    }
}

/// The text, or `None` for null.
pub(super) fn to_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Long(value) => value.to_string(),
        Value::Double(value) => double_text(*value),
        Value::String(text) => text.as_ref().to_owned(),
        Value::Timestamp(at) => timestamp_text(*at),
    })
}

/// As Java shows a double, which Spark goes by: `1.0`, `0.001`, `1.0E7`, `1.5E-4`.
fn double_text(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        // Shows at least one decimal.
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => format!("{mantissa}E{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}.0E{exponent}"),
        None => text,
    }
}

/// `2024-01-31 12:00:00.5`, in UTC, without zeros at the end.
fn timestamp_text(at: Timestamp) -> String {
    let text = to_rfc3339_micros(at).replace('T', " ");
    let text = text.trim_end_matches('Z').trim_end_matches('0');
    text.trim_end_matches('.').to_owned()
}
