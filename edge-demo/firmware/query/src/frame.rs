//! A result as it is sent.

use headwater::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plans::{MeansRow, SessionsRow};

/// A mean above this is an alert.
const ALERT_MICROS: f64 = 250_000.0;

/// What is sent for one result. `number` counts the results of a query from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Frame {
    /// A window of the tumbling query.
    Mean {
        /// Number of the result.
        number: u64,
        /// Whose window.
        device: u8,
        /// Start of the window, ms since 1970 UTC.
        start_ms: i64,
        /// Readings in it.
        rows: u64,
        /// Mean round trip, µs.
        mean_micros: u64,
        /// Whether the mean is above 250 ms.
        alert: bool,
    },
    /// A session.
    Session {
        /// Number of the result.
        number: u64,
        /// Whose session.
        device: u8,
        /// Its first reading, ms since 1970 UTC.
        start_ms: i64,
        /// Its end: the last reading and the gap, ms since 1970 UTC.
        end_ms: i64,
        /// Readings in it.
        rows: u64,
        /// Slowest round trip, ms.
        slowest_ms: u16,
    },
}

impl Frame {
    /// The query it is a result of, and its number there.
    #[must_use]
    pub const fn position(&self) -> (&'static str, u64) {
        match *self {
            Self::Mean { number, .. } => (MeansRow::QUERY, number),
            Self::Session { number, .. } => (SessionsRow::QUERY, number),
        }
    }

    /// Whether somebody should be told.
    #[must_use]
    pub const fn is_alert(&self) -> bool {
        matches!(self, Self::Mean { alert: true, .. })
    }
}

/// A result as its query's frame.
pub trait IntoFrame {
    /// The query's name.
    const QUERY: &'static str;

    /// The frame with this number.
    fn into_frame(self, number: u64) -> Frame;
}

impl IntoFrame for MeansRow {
    const QUERY: &'static str = "means";

    fn into_frame(self, number: u64) -> Frame {
        let (rows, mean) = self.value;
        let mean_micros = mean.unwrap_or(0.0);
        Frame::Mean {
            number,
            device: self.key,
            start_ms: millis(self.window.start),
            rows,
            mean_micros: mean_micros as u64,
            alert: mean_micros > ALERT_MICROS,
        }
    }
}

impl IntoFrame for SessionsRow {
    const QUERY: &'static str = "sessions";

    fn into_frame(self, number: u64) -> Frame {
        let (rows, slowest) = self.value;
        Frame::Session {
            number,
            device: self.key,
            start_ms: millis(self.window.start),
            end_ms: millis(self.window.end),
            rows,
            slowest_ms: slowest.unwrap_or(0),
        }
    }
}

fn millis(at: Timestamp) -> i64 {
    at.as_millis()
}
