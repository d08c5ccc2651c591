//! Rows from JSON objects and back.

use headwater::Timestamp;
use serde_json::{Map, Number, Value as Json};
use thiserror::Error;

use super::{Column, DataType, Row, Schema, Value};
use crate::rfc3339::{from_rfc3339, to_rfc3339, to_rfc3339_micros};

impl Schema {
    /// The row that a JSON object holds: by the names of the columns, in whatever order the object has them.
    ///
    /// - A missing field is null, as in Spark; fields that are no column are passed over.
    /// - A double is a number, or one of the strings `"NaN"`, `"Infinity"` and `"-Infinity"`.
    /// - A timestamp is an integer, the milliseconds since 1970 UTC, or RFC 3339 text.
    ///
    /// # Errors
    /// [`JsonError`] names the column, what stands there and what should. Nothing is rounded or turned into text to fit.
    pub fn row_from_json(&self, json: &Json) -> Result<Row, JsonError> {
        let Json::Object(fields) = json else {
            return Err(JsonError::NotAnObject { found: kind_of(json) });
        };
        self.columns().iter().map(|column| value_of(column, fields)).collect()
    }

    /// The JSON object that [`Schema::row_from_json`] makes this row from. Nulls are written.
    ///
    /// A timestamp is written in milliseconds, or as RFC 3339 text if it is no whole number of them.
    #[must_use]
    pub fn row_to_json(&self, row: &Row) -> Json {
        let fields = self.columns().iter().zip(row.values());
        Json::Object(fields.map(|(column, value)| (column.name.clone(), value.to_json())).collect())
    }
}

impl Value {
    /// The value of a column of type `data_type` that `json` stands for, by the rules of [`Schema::row_from_json`].
    ///
    /// # Errors
    /// [`JsonReason`] if `json` is not of that type.
    pub fn from_json(json: &Json, data_type: DataType) -> Result<Self, JsonReason> {
        let value = match (data_type, json) {
            (_, Json::Null) => Some(Self::Null),
            (DataType::Bool, Json::Bool(value)) => Some(Self::Bool(*value)),
            (DataType::Int, Json::Number(number)) => {
                number.as_i64().and_then(|value| i32::try_from(value).ok()).map(Self::Int)
            }
            (DataType::Long, Json::Number(number)) => number.as_i64().map(Self::Long),
            (DataType::Double, Json::Number(number)) => number.as_f64().map(Self::Double),
            (DataType::Double, Json::String(text)) => not_finite(text).map(Self::Double),
            (DataType::String, Json::String(text)) => Some(text.as_str().into()),
            (DataType::Timestamp, Json::Number(number)) => {
                number.as_i64().and_then(|millis| millis.checked_mul(1_000)).map(moment)
            }
            (DataType::Timestamp, Json::String(text)) => from_rfc3339(text).map(Self::Timestamp),
            _ => None,
        };
        value.ok_or_else(|| JsonReason { found: shown(json), expected: expected(data_type) })
    }

    /// This value in JSON, by the rules of [`Schema::row_to_json`].
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::from(*value),
            Self::Long(value) => Json::from(*value),
            Self::Double(value) => match Number::from_f64(*value) {
                Some(number) => Json::Number(number),
                None if value.is_nan() => Json::from("NaN"),
                None if *value > 0.0 => Json::from("Infinity"),
                None => Json::from("-Infinity"),
            },
            Self::String(text) => Json::from(&**text),
            Self::Timestamp(at) if at.as_micros() % 1_000 == 0 => Json::from(at.as_millis()),
            Self::Timestamp(at) => Json::from(to_rfc3339_micros(*at)),
        }
    }
}

fn value_of(column: &Column, fields: &Map<String, Json>) -> Result<Value, JsonError> {
    let Some(json) = fields.get(&column.name) else { return Ok(Value::Null) };
    Value::from_json(json, column.data_type)
        .map_err(|reason| JsonError::Column { column: column.name.clone(), reason })
}

fn moment(micros: i64) -> Value {
    Value::Timestamp(Timestamp::from_micros(micros))
}

fn not_finite(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// How much of a wrong value an error shows, in characters.
const SHOWN_MAX: usize = 40;

fn shown(json: &Json) -> String {
    let text = json.to_string();
    let mut shown: String = text.chars().take(SHOWN_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

const fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

fn expected(data_type: DataType) -> String {
    match data_type {
        DataType::Bool => "true or false".to_owned(),
        DataType::Int => format!("an integer from {} to {}", i32::MIN, i32::MAX),
        DataType::Long => format!("an integer from {} to {}", i64::MIN, i64::MAX),
        DataType::Double => "a number, \"NaN\", \"Infinity\" or \"-Infinity\"".to_owned(),
        DataType::String => "a string".to_owned(),
        DataType::Timestamp => {
            format!("milliseconds since 1970, or a time such as \"{}\"", to_rfc3339(Timestamp::EPOCH))
        }
    }
}

/// Why a JSON value is no row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JsonError {
    /// Not an object.
    #[error("{found} where an object with a field per column was expected")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// A field does not fit its column.
    #[error("column {column}: {reason}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong.
        reason: JsonReason,
    },
}

/// Why a JSON value does not fit a type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("found {found}, expected {expected}")]
pub struct JsonReason {
    /// The JSON, cut off if it is long.
    pub found: String,
    /// What would fit.
    pub expected: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        let columns = [
            ("b", DataType::Bool),
            ("i", DataType::Int),
            ("l", DataType::Long),
            ("d", DataType::Double),
            ("s", DataType::String),
            ("t", DataType::Timestamp),
        ];
        Schema::new(columns.map(|(name, data_type)| Column::new(name, data_type))).unwrap()
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let at = |micros| Value::Timestamp(Timestamp::from_micros(micros));
        let row = |double, time| {
            let text = Value::from("a \"quote\"");
            Row::new([true.into(), i32::MIN.into(), i64::MAX.into(), Value::Double(double), text, time])
        };
        let rows = [
            row(1.5, at(1_500_000)),
            row(f64::NAN, at(-1)),
            row(f64::INFINITY, at(9_999_999)),
            row(f64::NEG_INFINITY, at(i64::MIN)),
            Row::new([const { Value::Null }; 6]),
        ];
        for row in rows {
            let json = schema().row_to_json(&row);
            assert_eq!(schema().row_from_json(&json).unwrap(), row, "{json}");
        }
        let negative_zero = schema().row_from_json(&json!({"d": -0.0})).unwrap();
        assert!(negative_zero.value(3).as_f64().unwrap().is_sign_negative());
    }

    #[test]
    fn missing_fields_are_null_and_others_are_passed_over() {
        let row = schema().row_from_json(&json!({"other": [1], "i": 7, "d": 2})).unwrap();
        assert_eq!(row.values().iter().filter(|value| value.is_null()).count(), 4);
        assert_eq!((row.value(1), row.value(3)), (&Value::Int(7), &Value::Double(2.0)));
    }

    #[test]
    fn errors_name_the_column_what_is_there_and_what_should_be() {
        let error = |json: Json| schema().row_from_json(&json).unwrap_err().to_string();
        assert_eq!(error(json!([1])), "an array where an object with a field per column was expected");
        assert_eq!(error(json!({"b": "true"})), "column b: found \"true\", expected true or false");
        let int = "expected an integer from -2147483648 to 2147483647";
        assert_eq!(error(json!({"i": 2_147_483_648_i64})), format!("column i: found 2147483648, {int}"));
        assert_eq!(error(json!({"i": 1.5})), format!("column i: found 1.5, {int}"));
        assert!(error(json!({"l": u64::MAX})).starts_with("column l: found 18446744073709551615, expected"));
        assert!(error(json!({"d": "nan"})).starts_with("column d: found \"nan\", expected a number"));
        assert_eq!(error(json!({"s": 1})), "column s: found 1, expected a string");
        assert!(error(json!({"t": i64::MAX})).starts_with("column t: found 9223372036854775807, expected"));
        assert!(error(json!({"t": "x".repeat(100)})).len() < 150);
    }
}
