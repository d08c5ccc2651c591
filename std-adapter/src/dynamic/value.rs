//! One value of one column.

use std::sync::Arc;

use headwater::Timestamp;
use headwater::aggregate::Nullable;
use serde::{Deserialize, Serialize};

use super::DataType;
use super::stored;

/// A value of a column, or null.
///
/// `==`, the hash and the order are those of keys: NaN equals NaN, `-0.0` equals `0.0`, null equals null, as in Spark's
/// grouping and deduplication. Values of two types are never equal, `Int(1)` is not `Long(1)`: a column has one type. For
/// the comparison of SQL, where null is equal to nothing and numbers of two types compare, see [`Value::sql_compare`].
///
/// A clone is cheap: text is shared. In memory a value takes at most 24 bytes, text besides that its length and 16 bytes.
///
/// ```
/// use headwater_std::dynamic::Value;
/// assert_eq!(Value::Double(-0.0), Value::Double(0.0));
/// assert_eq!(Value::Double(f64::NAN), Value::Double(-f64::NAN));
/// assert_ne!(Value::Int(1), Value::Long(1));
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A 32-bit integer.
    Int(i32),
    /// A 64-bit integer.
    Long(i64),
    /// A 64-bit floating-point number. Every NaN is written to checkpoints as the same one.
    Double(#[serde(serialize_with = "stored::write_double")] f64),
    /// Text.
    String(#[serde(with = "stored::text")] Arc<str>),
    /// A moment, in microseconds since 1970 UTC.
    Timestamp(Timestamp),
}

impl Value {
    /// The type, or `None` for null, which is of every type.
    #[must_use]
    pub const fn data_type(&self) -> Option<DataType> {
        match self {
            Self::Null => None,
            Self::Bool(_) => Some(DataType::Bool),
            Self::Int(_) => Some(DataType::Int),
            Self::Long(_) => Some(DataType::Long),
            Self::Double(_) => Some(DataType::Double),
            Self::String(_) => Some(DataType::String),
            Self::Timestamp(_) => Some(DataType::Timestamp),
        }
    }

    /// Whether this is null.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value, or `None` for anything else.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The integer of an `Int` or `Long`, or `None` for anything else.
    #[must_use]
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value as i64),
            Self::Long(value) => Some(*value),
            _ => None,
        }
    }

    /// The nearest `f64` of a number, or `None` for anything else.
    #[must_use]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Long(value) => Some(*value as f64),
            Self::Double(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, or `None` for anything else.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(value) = self { Some(value) } else { None }
    }

    /// The moment, or `None` for anything else. What a query reads event time from.
    #[must_use]
    pub const fn as_timestamp(&self) -> Option<Timestamp> {
        if let Self::Timestamp(value) = self { Some(*value) } else { None }
    }

    /// The value as a key shows it: `-0.0` as `0.0`, every NaN as the same, all else as it is.
    ///
    /// Spark does this to grouping keys, so a group of `-0.0` comes out as `0.0`.
    #[must_use]
    pub fn into_key(self) -> Self {
        match self {
            Self::Double(value) if value.is_nan() => Self::Double(f64::NAN),
            // Adding 0.0 turns -0.0 into 0.0 and changes nothing else.
            Self::Double(value) => Self::Double(value + 0.0),
            other => other,
        }
    }
}

/// Null is the absence of a value, so aggregates can read a column as it is.
impl Nullable for Value {
    type Value = Self;

    fn into_option(self) -> Option<Self> {
        if self.is_null() { None } else { Some(self) }
    }
}

macro_rules! from_value {
    ($($type:ty => $variant:ident),* $(,)?) => { $(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        }
    )* };
}

from_value!(bool => Bool, i32 => Int, i64 => Long, f64 => Double, Arc<str> => String, Timestamp => Timestamp);

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value.into())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_at_most_what_the_documentation_says() {
        assert!(size_of::<Value>() <= 24);
    }
}
