use core::fmt;

use super::steps::Steps;
use super::{Window, normalized};
use crate::time::{Span, Timestamp};

/// Windows of one size that start every `slide`, so that they overlap.
///
/// The engine cuts time into panes, of which each window is a whole number (Li et al., "No Pane, No Gain",
/// SIGMOD Record 2005): a row updates one pane however many windows hold it.
///
/// ```
/// use headwater::{Span, Timestamp, window::Sliding};
/// let windows = Sliding::of(Span::mins(60), Span::mins(10))?;
/// assert_eq!(windows.pane(), Span::mins(10));
/// // A slide that does not divide the size works; the panes are the common measure of both.
/// assert_eq!(Sliding::of(Span::secs(10), Span::secs(4))?.pane(), Span::secs(2));
/// assert!(Sliding::of(Span::secs(1), Span::secs(2)).is_err());
/// # Ok::<(), headwater::window::WindowError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sliding {
    size: Span,
    slide: Span,
    offset: Span,
    pane: Span,
    panes: Steps,
    slides: Steps,
    blocks: Steps,
}

impl Sliding {
    /// Windows of `size` that start every `slide`, aligned to 1970.
    ///
    /// # Errors
    /// [`WindowError`] if `slide` is zero or longer than `size`, which Spark refuses too, or if `size` is longer than
    /// [`Span::WINDOW_MAX`].
    pub const fn of(size: Span, slide: Span) -> Result<Self, WindowError> {
        if slide.is_zero() {
            return Err(WindowError::ZeroSlide);
        }
        if slide.as_micros() > size.as_micros() {
            return Err(WindowError::SlideOverSize { size, slide });
        }
        if size.as_micros() > Span::WINDOW_MAX.as_micros() {
            return Err(WindowError::TooLong { size });
        }
        let (offset, pane) = (Span::ZERO, common_measure(size, slide));
        Ok(Self {
            size,
            slide,
            offset,
            pane,
            panes: Steps::of(pane, offset),
            slides: Steps::of(slide, offset),
            blocks: Steps::of(size, offset),
        })
    }

    /// The same windows, all moved later by `offset` (Spark's `startTime`).
    #[must_use]
    pub const fn with_offset(self, offset: Span) -> Self {
        let offset = normalized(offset, self.slide);
        // A pane divides the slide, so the offset within a pane is less.
        let panes = self.panes.with_offset(normalized(offset, self.pane));
        let (slides, blocks) = (self.slides.with_offset(offset), self.blocks.with_offset(offset));
        Self { offset, panes, slides, blocks, ..self }
    }

    /// The length of a window.
    #[must_use]
    pub const fn size(&self) -> Span {
        self.size
    }

    /// The time between the starts of two windows.
    #[must_use]
    pub const fn slide(&self) -> Span {
        self.slide
    }

    /// How far windows are moved from 1970, less than their slide.
    #[must_use]
    pub const fn offset(&self) -> Span {
        self.offset
    }

    /// The length of a pane: the greatest span that divides both size and slide.
    #[must_use]
    pub const fn pane(&self) -> Span {
        self.pane
    }

    /// Where the pane that holds `at` starts.
    #[must_use]
    #[inline]
    pub const fn pane_of(&self, at: Timestamp) -> Timestamp {
        self.panes.at_or_before(at)
    }

    /// The end of the first window that holds `at`.
    #[must_use]
    #[inline]
    pub const fn first_end(&self, at: Timestamp) -> Timestamp {
        self.slides
            .at_or_before(at.saturating_sub(self.size))
            .saturating_add(self.slide)
            .saturating_add(self.size)
    }

    /// The end of the last window that holds `at`.
    #[must_use]
    #[inline]
    pub const fn last_end(&self, at: Timestamp) -> Timestamp {
        self.slides.at_or_before(at).saturating_add(self.size)
    }

    /// The window that ends at `end`.
    #[must_use]
    #[inline]
    pub const fn ending_at(&self, end: Timestamp) -> Window {
        Window { start: end.saturating_sub(self.size), end }
    }

    /// Where the block that holds `at` starts. A block is as long as a window and a whole number of panes, so that every window is the end of one block and
    /// the beginning of the next, or a whole one.
    ///
    /// `share` moves the blocks, by that many 2^16ths of a window: those of different keys do not all end at once.
    #[must_use]
    #[inline]
    pub(crate) fn block_of(&self, at: Timestamp, share: u16) -> Timestamp {
        let (size, share) = (self.size.as_micros().unsigned_abs(), u64::from(share));
        // The product of size and share, of up to 76 bits, without its low 16.
        let moved =
            (size >> 16).wrapping_mul(share).wrapping_add(((size & 0xffff).wrapping_mul(share)) >> 16);
        let moved = self.panes.whole(moved);
        self.blocks.at_or_before(at.saturating_sub(moved)).saturating_add(moved)
    }

    /// How many of the windows that hold `at` end at or before `watermark`.
    #[must_use]
    #[inline]
    pub fn windows_closed(&self, at: Timestamp, watermark: Timestamp) -> u64 {
        // What holds a moment ends after it: mostly there is nothing to divide.
        if watermark <= at {
            return 0;
        }
        let first = self.first_end(at);
        let last = self.last_end(at).min(watermark);
        if last < first {
            return 0;
        }
        self.slides.in_span(last.since(first)).saturating_add(1)
    }
}

/// Euclid's greatest common divisor; both spans are above zero. At most about 90 rounds for 63-bit numbers.
const fn common_measure(a: Span, b: Span) -> Span {
    let (mut a, mut b) = (a.as_micros(), b.as_micros());
    while b > 0 {
        (a, b) = (b, a % b);
    }
    match Span::from_micros(a) {
        Some(span) => span,
        None => Span::micros(1),
    }
}

/// Why windows cannot be as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WindowError {
    /// The slide is zero: windows would start without end at one moment.
    ZeroSlide,
    /// The slide is longer than the size: some rows would be in no window.
    SlideOverSize {
        /// The length of a window.
        size: Span,
        /// The time between the starts of two windows.
        slide: Span,
    },
    /// The size is longer than [`Span::WINDOW_MAX`].
    TooLong {
        /// The length of a window.
        size: Span,
    },
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroSlide => f.write_str("the slide of a sliding window must be longer than zero"),
            Self::SlideOverSize { size, slide } => {
                write!(f, "the slide ({slide}) of a sliding window must not be longer than its size ({size})")
            }
            Self::TooLong { size } => {
                write!(f, "a window of {size} is too long, the longest is {}", Span::WINDOW_MAX)
            }
        }
    }
}

impl core::error::Error for WindowError {}
