//! What `defmt` shows where a derived form would not do: units, and errors that hold a row of any type.

use crate::query::PushError;
use crate::time::{Span, Timestamp};

/// Microseconds since 1970 with their unit, as [`Display`](core::fmt::Display).
impl defmt::Format for Timestamp {
    fn format(&self, formatter: defmt::Formatter<'_>) {
        defmt::write!(formatter, "{=i64}us", self.as_micros());
    }
}

/// Microseconds with their unit, as [`Display`](core::fmt::Display).
impl defmt::Format for Span {
    fn format(&self, formatter: defmt::Formatter<'_>) {
        defmt::write!(formatter, "{=i64}us", self.as_micros());
    }
}

/// Without the row, as [`Debug`](core::fmt::Debug).
impl<R> defmt::Format for PushError<R> {
    fn format(&self, formatter: defmt::Formatter<'_>) {
        match self {
            Self::Full(_) => defmt::write!(formatter, "Full"),
            Self::Blocked(_) => defmt::write!(formatter, "Blocked"),
            Self::Partly(_) => defmt::write!(formatter, "Partly"),
            Self::Unfinished(_) => defmt::write!(formatter, "Unfinished"),
        }
    }
}
