use super::Window;
use crate::time::{Span, Timestamp};

/// A window around each row, which reaches back and ahead in event time, both ends included: SQL's
/// `RANGE BETWEEN before PRECEDING AND ahead FOLLOWING`. Spark has it in batch queries only.
///
/// Each row has a result of its own ([`LookAheadRow`](crate::LookAheadRow)), over the rows of its key in its window, itself among them. It
/// comes when the watermark reaches the window's last moment, and has the row's event time: results trail the watermark by `ahead`. A row
/// at or before the watermark is late.
///
/// # State
/// One record for each key and moment at which it has rows, with the aggregates over these rows: see
/// [`LookAheadState`](crate::LookAheadState) for the bytes. A record leaves after the last result whose window holds it. So a key holds
/// its rows of the last `before + ahead` before the watermark, and those that the watermark has not reached. A row in order of its key
/// costs `O(log n)`, one out of order as many steps more as records of its key are later; a result costs a merge for each record in its
/// window. Full state follows the plan's policy; [`EvictOldest`](crate::OnFull::EvictOldest) refuses, as no row can leave early without
/// wrong answers.
///
/// ```
/// use headwater::{LookAheadState, QueryPlan, Span, Stream, Timestamp};
/// use headwater::{aggregate::{Mean, mean}, window::LookAhead};
///
/// // Each reading smoothed over 10 seconds before and after it.
/// let plan = Stream::<(u16, Timestamp, f32)>::new()
///     .with_watermark(|r| r.1, Span::secs(2))
///     .group_by(|r| r.0)
///     .window(LookAhead::of(Span::secs(10), Span::secs(10)))
///     .aggregate(mean(|r: &(u16, Timestamp, f32)| r.2))
///     .append();
/// let mut state = LookAheadState::<u16, Mean, 32>::EMPTY;
/// let mut query = plan.bind(&mut state);
/// for (secs, celsius) in [(0, 20.0), (8, 23.0), (16, 20.0)] {
///     query.push((7, Timestamp::from_secs(secs), celsius))?;
/// }
/// let mut results = Vec::new();
/// query.trigger(Timestamp::EPOCH, |row| results.push((row.at, row.value)))?;
/// // The watermark is at 14 s: the window of the first reading ends at 10 s, that of the second at 18 s.
/// assert_eq!(results, [(Timestamp::from_secs(0), Some(21.5))]);
/// query.drain(Timestamp::EPOCH, |row| results.push((row.at, row.value)))?;
/// assert_eq!(results[1..], [(Timestamp::from_secs(8), Some(21.0)), (Timestamp::from_secs(16), Some(21.5))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookAhead {
    before: Span,
    ahead: Span,
}

impl LookAhead {
    /// Windows from `before` earlier to `ahead` later than each row. A span over [`Span::WINDOW_MAX`] counts as that.
    #[must_use]
    pub fn of(before: Span, ahead: Span) -> Self {
        Self { before: before.min(Span::WINDOW_MAX), ahead: ahead.min(Span::WINDOW_MAX) }
    }

    /// How far windows reach back from their row.
    #[must_use]
    pub const fn before(&self) -> Span {
        self.before
    }

    /// How far windows reach ahead of their row.
    #[must_use]
    pub const fn ahead(&self) -> Span {
        self.ahead
    }

    /// The window of a row at `at`. Its last moment is `ahead` after the row, so its end is a microsecond later.
    #[must_use]
    pub fn around(&self, at: Timestamp) -> Window {
        Window { start: at - self.before, end: at + self.ahead + Span::micros(1) }
    }
}
