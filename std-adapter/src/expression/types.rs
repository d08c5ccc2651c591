//! The types of expressions, and which of them come together.

use core::fmt;

use crate::dynamic::DataType;

/// What the answers of an expression are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// The literal `NULL`, which fits every type.
    Null,
    /// What a column can hold.
    Data(DataType),
    /// A length of time, which may be negative; its values are `Long` microseconds.
    Interval,
}

impl Type {
    pub(super) const BOOL: Self = Self::Data(DataType::Bool);
    pub(super) const INT: Self = Self::Data(DataType::Int);
    pub(super) const LONG: Self = Self::Data(DataType::Long);
    pub(super) const DOUBLE: Self = Self::Data(DataType::Double);
    pub(super) const STRING: Self = Self::Data(DataType::String);
    pub(super) const TIMESTAMP: Self = Self::Data(DataType::Timestamp);

    pub(super) const fn is_numeric(self) -> bool {
        matches!(self, Self::Data(data_type) if data_type.is_numeric())
    }

    /// The type that both are turned into where they are compared, or are answers of one expression (Spark's ANSI coercion:
    /// the wider number; text becomes what the other side is, integers then `bigint`). `None` where they do not come together.
    pub(super) fn common(self, other: Self) -> Option<Self> {
        match (self, other) {
            (same, also) if same == also => Some(same),
            (Self::Null, known) | (known, Self::Null) => Some(known),
            (left, right) if left.is_numeric() && right.is_numeric() => {
                Some(if left == Self::DOUBLE || right == Self::DOUBLE { Self::DOUBLE } else { Self::LONG })
            }
            (Self::STRING, typed) | (typed, Self::STRING) => match typed {
                Self::INT => Some(Self::LONG),
                Self::Interval => None,
                _ => Some(typed),
            },
            _ => None,
        }
    }

    /// Whether a value of this type is turned into `to` without being asked.
    pub(super) fn becomes(self, to: Self) -> bool {
        match to {
            Self::STRING => self != Self::Interval,
            // Numbers become narrower only by a cast.
            Self::INT => matches!(self, Self::INT | Self::Null | Self::STRING),
            Self::LONG => matches!(self, Self::INT | Self::LONG | Self::Null | Self::STRING),
            _ => self.common(to) == Some(to),
        }
    }
}

impl From<DataType> for Type {
    fn from(data_type: DataType) -> Self {
        Self::Data(data_type)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Data(data_type) => data_type.fmt(f),
            Self::Interval => f.write_str("interval"),
        }
    }
}
