//! The rows of the tests, and strategies that draw them.

use core::fmt;

use headwater::{Span, Timestamp};
use proptest::prelude::*;

/// One row. Times are small numbers of microseconds, so that windows meet often and every boundary is hit.
#[derive(Clone, Copy, PartialEq)]
pub struct Reading {
    /// The key.
    pub device: u8,
    /// Event time in microseconds since 1970, or null.
    pub at: Option<i64>,
    /// A multiple of a quarter, so that sums are exact in any order; or null.
    pub value: Option<f64>,
    /// For sessions with a gap for each row, in microseconds.
    pub gap: u32,
    /// Which of the query's filters removes the row.
    pub removed: Removed,
}

/// Which filter removes a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// None.
    No,
    /// The one before the watermark.
    BeforeWatermark,
    /// The one after the watermark.
    AfterWatermark,
}

/// In one line, since failing examples hold many.
impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, at, value, gap, removed } = self;
        write!(f, "device {device} at {at:?} value {value:?} gap {gap} removed {removed:?}")
    }
}

impl Reading {
    /// The event time as the engine's type.
    #[must_use]
    pub fn event_time(&self) -> Option<Timestamp> {
        self.at.map(Timestamp::from_micros)
    }

    /// The gap as the engine's type.
    #[must_use]
    pub fn gap(&self) -> Span {
        Span::micros(self.gap)
    }
}

/// What a stream draws for each row: the clock goes on by `advance`, and the row lags behind it.
#[derive(Debug, Clone, Copy)]
struct Draw {
    advance: i64,
    lag: i64,
    reading: Reading,
}

fn draw() -> impl Strategy<Value = Draw> {
    let advance = prop_oneof![6 => 0_i64..3, 2 => 0_i64..9, 1 => 0_i64..40];
    let lag = prop_oneof![5 => 0_i64..4, 3 => 0_i64..15, 1 => 0_i64..60];
    let device = 0_u8..4;
    let has_time = prop::bool::weighted(0.95);
    let value =
        prop_oneof![1 => Just(None), 6 => (-40_i32..40).prop_map(|quarters| Some(f64::from(quarters) / 4.0))];
    let gap = prop_oneof![1 => Just(0_u32), 8 => 1_u32..12];
    let removed = prop_oneof![
        14 => Just(Removed::No),
        1 => Just(Removed::BeforeWatermark),
        1 => Just(Removed::AfterWatermark),
    ];
    (advance, lag, device, has_time, value, gap, removed).prop_map(
        |(advance, lag, device, has_time, value, gap, removed)| {
            let reading = Reading { device, at: has_time.then_some(0), value, gap, removed };
            Draw { advance, lag, reading }
        },
    )
}

/// Rows of a stream that begins before 1970 and is out of order.
pub fn readings(count: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<Reading>> {
    (-60_i64..10, prop::collection::vec(draw(), count)).prop_map(|(start, draws)| {
        let mut clock = start;
        let place = |Draw { advance, lag, reading }| {
            clock += advance;
            Reading { at: reading.at.map(|_| clock - lag), ..reading }
        };
        draws.into_iter().map(place).collect()
    })
}
