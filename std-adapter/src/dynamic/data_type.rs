//! The types of columns.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The type of a column. Every column may hold null.
///
/// Written in lower case in files, by the names that Spark shows: `boolean`, `int`, `long` (or `bigint`), `double`,
/// `string`, `timestamp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataType {
    /// True or false.
    #[serde(rename = "boolean", alias = "bool")]
    Bool,
    /// A 32-bit integer.
    #[serde(alias = "integer")]
    Int,
    /// A 64-bit integer.
    #[serde(alias = "bigint")]
    Long,
    /// A 64-bit floating-point number.
    Double,
    /// UTF-8 text.
    String,
    /// A moment, in microseconds since 1970 UTC.
    Timestamp,
}

impl DataType {
    /// Whether this is `int`, `long` or `double`.
    #[must_use]
    pub const fn is_numeric(self) -> bool {
        matches!(self, Self::Int | Self::Long | Self::Double)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Double => "double",
            Self::String => "string",
            Self::Timestamp => "timestamp",
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
