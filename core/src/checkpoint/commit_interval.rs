//! When the next commit is due.

use crate::time::{Span, Timestamp};

/// Keeps commits so far apart that the flash lasts.
///
/// Reads no clock: the caller says what time it is, by whatever clock it has. Where that clock is set back, one commit is due at once
/// and the interval starts anew there, so neither stops the commits nor lets them through at will.
///
/// What is lost at a power cut is what came since the last commit, if the source does not send it again: the interval is
/// the price of the flash's life.
///
/// ```
/// use headwater::checkpoint::{CommitInterval, EpochKind, Log, RamFlash, Wear};
/// use headwater::{Span, Timestamp};
///
/// // Before there is anything to measure: some 200 bytes per commit.
/// let expected = Wear::expected(16, 1024, 200);
/// let mut interval = CommitInterval::of(expected.least_interval(10_000, 10).unwrap_or(Span::MAX));
///
/// let mut log = Log::<_, 256>::open(RamFlash::<16384, 4, 1024>::new())?;
/// let mut committed = 0_u64;
/// for second in 0..100_000 {
///     let now = Timestamp::from_secs(second);
///     if interval.is_due(now) {
///         let kind = if log.wants_snapshot() { EpochKind::Snapshot } else { EpochKind::Delta };
///         let mut epoch = log.begin(kind)?;
///         epoch.entry(0, &[1.5_f32; 16])?;
///         committed += 1;
///         epoch.commit(committed, &now)?;
///         interval.committed(now);
///     }
///     // Now and then what was expected gives way to what was measured.
///     if log.wear().commits == 100 {
///         interval.set_least(log.wear().least_interval(10_000, 10).unwrap_or(Span::MAX));
///     }
/// }
/// assert!(log.wear().years_left(10_000, Span::secs(100_000)) >= Some(9));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CommitInterval {
    least: Span,
    last: Option<Timestamp>,
}

impl CommitInterval {
    /// At least `least` between two commits; the first is due at once.
    #[must_use]
    pub const fn of(least: Span) -> Self {
        Self { least, last: None }
    }

    /// As [`of`](Self::of) with a last commit at `last`: after a restart, from the offset it was committed with. Without it a device that
    /// restarts again and again commits each time.
    #[must_use]
    pub const fn since(least: Span, last: Timestamp) -> Self {
        Self { least, last: Some(last) }
    }

    /// Changes the interval; it counts from the last commit.
    pub fn set_least(&mut self, least: Span) {
        self.least = least;
    }

    /// The interval.
    #[must_use]
    pub const fn least(&self) -> Span {
        self.least
    }

    /// Whether a commit may be made at `now`.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.last.is_none_or(|last| now < last) || self.due_at().is_none_or(|due| due <= now)
    }

    /// From when on a commit may be made: what to sleep until. `None` for at once.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        self.last.map(|last| last.saturating_add(self.least))
    }

    /// A commit was made at `now`.
    pub fn committed(&mut self, now: Timestamp) {
        self.last = Some(now);
    }
}
