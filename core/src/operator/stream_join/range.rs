//! How far the event times of matching rows may lie apart, and so how long rows are held.

use super::buffered::{BufferOrder, ByArrival, ByTime};
use crate::time::{Span, Timestamp};

/// Where the time of a right row may lie, seen from that of the left row; both ends included.
///
/// Spark's `right.ts BETWEEN left.ts - before AND left.ts + after` is [`TimeRange::around`]`(before, after)`.
///
/// ```
/// use headwater::{Span, TimeRange};
/// // A click at most an hour after the impression.
/// let click = TimeRange::after(Span::hours(1));
/// assert_eq!(click, TimeRange::micros(0, 3_600_000_000));
/// assert_eq!(TimeRange::around(Span::secs(1), Span::secs(2)), TimeRange::micros(-1_000_000, 2_000_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The least right time less left time, in microseconds.
    lower: i64,
    /// The greatest.
    upper: i64,
}

impl TimeRange {
    const MICROS_MAX: i64 = Span::WINDOW_MAX.as_micros();

    /// The right row is at most `span` later than the left row, and not earlier.
    #[must_use]
    pub const fn after(span: Span) -> Self {
        Self::micros(0, span.as_micros())
    }

    /// The right row is at most `span` earlier than the left row, and not later.
    #[must_use]
    pub const fn before(span: Span) -> Self {
        Self::micros(span.as_micros().saturating_neg(), 0)
    }

    /// The right row is at most `before` earlier and at most `after` later than the left row.
    #[must_use]
    pub const fn around(before: Span, after: Span) -> Self {
        Self::micros(before.as_micros().saturating_neg(), after.as_micros())
    }

    /// Right time less left time is at least `lower` and at most `upper`, in microseconds of either sign. Both are cut to
    /// [`Span::WINDOW_MAX`]. Nothing matches if `lower` is above `upper`.
    #[must_use]
    pub const fn micros(lower: i64, upper: i64) -> Self {
        Self { lower: Self::cut(lower), upper: Self::cut(upper) }
    }

    const fn cut(micros: i64) -> i64 {
        if micros > Self::MICROS_MAX {
            Self::MICROS_MAX
        } else if micros < -Self::MICROS_MAX {
            -Self::MICROS_MAX
        } else {
            micros
        }
    }
}

/// Rows match whatever their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyTime;

/// How long rows of one half stay, from their event time on; less than nothing where only earlier rows match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    micros: i64,
}

impl Stay {
    /// The watermark at which a row leaves.
    pub(super) fn end(self, at: Timestamp) -> Timestamp {
        shifted(at, self.micros)
    }

    /// The latest event time of the rows that leave when the watermark is at `closing`. Rows without one, which are before all others, leave at the
    /// end of their epoch: no row can match them.
    pub(super) fn over_up_to(self, closing: Option<Timestamp>) -> Timestamp {
        match closing {
            // What would end after all time ends with it.
            Some(Timestamp::MAX) => Timestamp::MAX,
            Some(closing) => Timestamp::from_micros(closing.as_micros().saturating_sub(self.micros)),
            None => Timestamp::MIN,
        }
    }
}

/// Positions of rows, both ends included.
pub type Positions = (Timestamp, Timestamp);

/// How far the times of matching rows may lie apart: [`TimeRange`] or [`AnyTime`]. There is no need to implement it.
pub trait JoinRange {
    /// What rows are held in order of.
    type Order: BufferOrder;

    /// The right rows that a left row can match; `None` for one that has no time where that is needed.
    fn rights_of(&self, left: Option<Timestamp>) -> Option<Positions>;
    /// The left rows that a right row can match.
    fn lefts_of(&self, right: Option<Timestamp>) -> Option<Positions>;
    /// How far the watermark must be past a left row for it to leave: strictly after the last moment at which a match could be in time
    /// (Spark's rule). `None`: it never leaves by itself.
    fn left_stay(&self) -> Option<Stay>;
    /// As [`JoinRange::left_stay`], for a right row.
    fn right_stay(&self) -> Option<Stay>;
    /// How far results trail the watermark.
    fn trails(&self) -> Span;
    /// The bounds for the query's identity, and a number that tells the two apart.
    fn identity(&self) -> ([i64; 2], i64);
}

fn shifted(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_add(micros))
}

impl JoinRange for TimeRange {
    type Order = ByTime;

    fn rights_of(&self, left: Option<Timestamp>) -> Option<Positions> {
        left.map(|at| (shifted(at, self.lower), shifted(at, self.upper)))
    }

    fn lefts_of(&self, right: Option<Timestamp>) -> Option<Positions> {
        right.map(|at| (shifted(at, self.upper.saturating_neg()), shifted(at, self.lower.saturating_neg())))
    }

    fn left_stay(&self) -> Option<Stay> {
        Some(Stay { micros: self.upper.saturating_add(1) })
    }

    fn right_stay(&self) -> Option<Stay> {
        Some(Stay { micros: self.lower.saturating_neg().saturating_add(1) })
    }

    /// A row still held has `left >= watermark - upper` or `right >= watermark + lower`.
    fn trails(&self) -> Span {
        let held = self.upper.max(self.lower.saturating_neg()).max(0);
        Span::from_micros(held.saturating_add(1)).unwrap_or(Span::MAX)
    }

    fn identity(&self) -> ([i64; 2], i64) {
        ([self.lower, self.upper], 0)
    }
}

impl JoinRange for AnyTime {
    type Order = ByArrival;

    fn rights_of(&self, _left: Option<Timestamp>) -> Option<Positions> {
        Some((Timestamp::MIN, Timestamp::MAX))
    }

    fn lefts_of(&self, _right: Option<Timestamp>) -> Option<Positions> {
        Some((Timestamp::MIN, Timestamp::MAX))
    }

    fn left_stay(&self) -> Option<Stay> {
        None
    }

    fn right_stay(&self) -> Option<Stay> {
        None
    }

    /// A result may hold a row of any age, so no time is ever safe.
    fn trails(&self) -> Span {
        Span::MAX
    }

    fn identity(&self) -> ([i64; 2], i64) {
        ([0; 2], 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_leaves_when_its_stay_has_ended_also_near_the_ends_of_time() {
        let near_an_end =
            [i64::MIN, i64::MIN + 1, i64::MIN + 9, -9, -1, 0, 1, 9, i64::MAX - 9, i64::MAX - 1, i64::MAX];
        for micros in [-9, -1, 0, 1, 9] {
            for (at, closing) in
                near_an_end.into_iter().flat_map(|at| near_an_end.map(|closing| (at, closing)))
            {
                let (stay, at, closing) =
                    (Stay { micros }, Timestamp::from_micros(at), Timestamp::from_micros(closing));
                // The first moment of all stands for none.
                if at > Timestamp::MIN {
                    assert_eq!(
                        at <= stay.over_up_to(Some(closing)),
                        stay.end(at) <= closing,
                        "{at:?} {micros} {closing:?}"
                    );
                }
            }
            assert_eq!(Stay { micros }.over_up_to(None), Timestamp::MIN);
        }
    }
}
