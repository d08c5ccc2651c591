//! A result in one form for every kind of query, so that engine and model can be compared.

use headwater::{GroupRow, WindowRow};

/// One result.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub struct Line {
    /// Start and end in microseconds; `None` without windows.
    pub window: Option<(i64, i64)>,
    /// The key; `None` without one.
    pub device: Option<u8>,
    /// What the aggregates answered.
    pub values: Values,
    /// Whether the window left early to make room.
    pub early: bool,
}

/// The answers of the aggregates that every query here has.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Values {
    /// All rows.
    pub rows: u64,
    /// Rows whose value is not null.
    pub non_null: u64,
    /// Of the values, as the next ones.
    pub sum: Option<f64>,
    /// The average.
    pub mean: Option<f64>,
    /// The least.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
    /// The value of the row that arrived first.
    pub first: Option<f64>,
    /// The value of the row that arrived last.
    pub last: Option<f64>,
}

/// What the engine gives for [`Values`].
pub type Answers = (u64, u64, Option<f64>, Option<f64>, Option<f64>, Option<f64>, Option<f64>, Option<f64>);

impl From<Answers> for Values {
    fn from((rows, non_null, sum, mean, min, max, first, last): Answers) -> Self {
        Self { rows, non_null, sum, mean, min, max, first, last }
    }
}

/// The key of a query: a device, or none.
pub trait Device {
    /// The device.
    fn device(self) -> Option<u8>;
}

impl Device for u8 {
    fn device(self) -> Option<u8> {
        Some(self)
    }
}

impl Device for () {
    fn device(self) -> Option<u8> {
        None
    }
}

/// A result of the engine.
pub trait IntoLine {
    /// The same in the common form.
    fn into_line(self) -> Line;
}

impl<K: Device> IntoLine for WindowRow<K, Answers> {
    fn into_line(self) -> Line {
        let window = (self.window.start.as_micros(), self.window.end.as_micros());
        Line { window: Some(window), device: self.key.device(), values: self.value.into(), early: self.early }
    }
}

impl<K: Device> IntoLine for GroupRow<K, Answers> {
    fn into_line(self) -> Line {
        Line { window: None, device: self.key.device(), values: self.value.into(), early: false }
    }
}

/// Lines in an order of their own, since the order of results within an epoch means nothing.
///
/// # Panics
/// If a value is NaN; the tests here have none.
#[must_use]
pub fn sorted(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by(|left, right| left.partial_cmp(right).expect("no NaN among the values"));
    lines
}
