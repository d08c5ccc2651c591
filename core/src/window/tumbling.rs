use super::steps::Steps;
use super::{Window, normalized};
use crate::time::{Span, Timestamp};

/// Windows of one size, side by side: every moment is in exactly one.
///
/// ```
/// use headwater::{Span, Timestamp, window::Tumbling};
/// let windows = Tumbling::of(Span::mins(10)).with_offset(Span::mins(3));
/// let window = windows.window_of(Timestamp::from_secs(125));
/// assert_eq!(window.start, Timestamp::from_secs(180 - 600));
/// assert_eq!(window.end, Timestamp::from_secs(180));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tumbling {
    size: Span,
    offset: Span,
    starts: Steps,
}

impl Tumbling {
    /// Windows of `size`, aligned to 1970. A size of zero counts as one microsecond, one over [`Span::WINDOW_MAX`] as that.
    #[must_use]
    pub const fn of(size: Span) -> Self {
        let size = match size.as_micros() {
            0 => Span::micros(1),
            micros if micros > Span::WINDOW_MAX.as_micros() => Span::WINDOW_MAX,
            _ => size,
        };
        Self { size, offset: Span::ZERO, starts: Steps::of(size, Span::ZERO) }
    }

    /// The same windows, all moved later by `offset` (Spark's `startTime`).
    #[must_use]
    pub const fn with_offset(self, offset: Span) -> Self {
        let offset = normalized(offset, self.size);
        Self { offset, starts: self.starts.with_offset(offset), ..self }
    }

    /// The length of a window.
    #[must_use]
    pub const fn size(&self) -> Span {
        self.size
    }

    /// How far windows are moved from 1970, less than their size.
    #[must_use]
    pub const fn offset(&self) -> Span {
        self.offset
    }

    /// Where the window that holds `at` starts.
    #[must_use]
    #[inline]
    pub const fn start_of(&self, at: Timestamp) -> Timestamp {
        self.starts.at_or_before(at)
    }

    /// The window that holds `at`.
    #[must_use]
    #[inline]
    pub const fn window_of(&self, at: Timestamp) -> Window {
        self.starting_at(self.start_of(at))
    }

    /// The window that starts at `start`.
    #[must_use]
    #[inline]
    pub const fn starting_at(&self, start: Timestamp) -> Window {
        Window { start, end: start.saturating_add(self.size) }
    }
}
