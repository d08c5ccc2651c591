//! How much of the flash's life the log has used, and how long the rest lasts.
//!
//! Whole numbers throughout: a small processor has no floating point, and years need no fractions.

use super::log::Log;
use super::sector::{HEADER_BYTES, SLOT_BYTES};
use super::storage::LogStorage;
use crate::time::Span;

/// What a sector holds besides records.
const SECTOR_OVERHEAD_BYTES: u64 = HEADER_BYTES as u64 + 2 * SLOT_BYTES as u64;

const MICROS_PER_YEAR: u128 = 31_557_600_000_000;

/// What the log has counted in this start, in RAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counters {
    /// Sectors opened before this start, by their sequence numbers.
    opened_before: u32,
    /// Where the frames of the last commit ended in their sector then.
    end_before: u32,
    bytes_written: u64,
    erases: u32,
    commits: u32,
}

impl Counters {
    pub(super) fn at_open(opened_before: u32, end_before: u32) -> Self {
        Self { opened_before, end_before, bytes_written: 0, erases: 0, commits: 0 }
    }

    pub(super) fn program(&mut self, bytes: u32) {
        self.bytes_written = self.bytes_written.saturating_add(u64::from(bytes));
    }

    pub(super) fn erase(&mut self) {
        self.erases = self.erases.saturating_add(1);
    }

    pub(super) fn commit(&mut self) {
        self.commits = self.commits.saturating_add(1);
    }
}

/// How much the log has worn its storage; from [`Log::wear`].
///
/// All sectors wear alike, since they are opened in the order of the ring. So the flash is worn out when the log has moved
/// round it as often as one sector may be erased. How far it moves per commit is measured, with everything that costs: padding,
/// snapshots, sectors that are not filled. Measure over a few snapshots ([`commits`](Self::commits) of some hundreds):
/// a start with deltas alone looks too good.
///
/// ```
/// use headwater::Span;
/// use headwater::checkpoint::{EpochKind, Log, RamFlash};
///
/// let mut log = Log::<_, 256>::open(RamFlash::<16384, 4, 1024>::new())?;
/// for epoch in 1..=1000_u64 {
///     let kind = if log.wants_snapshot() { EpochKind::Snapshot } else { EpochKind::Delta };
///     let mut epoch_writer = log.begin(kind)?;
///     epoch_writer.entry(0, &(7_u16, [21.5_f32; 8]))?;
///     epoch_writer.commit(epoch, &epoch)?;
/// }
/// let wear = log.wear();
/// assert_eq!((wear.commits, wear.bytes_written), (1000, 75_376));
/// assert_eq!((wear.erases, wear.sector_erases()), (76, (4, 5)));
/// // A thousand commits in a thousand minutes, on a chip whose sectors can be erased 100,000 times:
/// assert_eq!(wear.years_left(100_000, Span::mins(1000)), Some(39));
/// // For a life of 50 years they may come every 76 seconds.
/// assert_eq!(wear.least_interval(100_000, 50), Span::from_micros(75_815_805));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Wear {
    /// Bytes programmed since the log was opened: records, headers, slots, padding.
    pub bytes_written: u64,
    /// Sectors erased since the log was opened.
    pub erases: u32,
    /// Epochs committed since the log was opened.
    pub commits: u32,
    /// Sectors erased since the log began, over all restarts: those opened before this start by the number in the newest sector's
    /// header, and [`erases`](Self::erases). What an earlier start erased twice because of a power cut or an epoch given up is
    /// not all in that number: it may lack up to twice the sectors of that epoch for each.
    pub erases_in_life: u64,
    /// Bytes of flash used up since the log was opened: the erases, and how far the sector in use has been filled since.
    pub bytes_used_up: u64,
    /// Sectors of the storage.
    pub sectors: u16,
    /// Bytes of a sector.
    pub sector_bytes: u32,
}

impl Wear {
    /// What one commit of `bytes_per_commit` does to a new storage: to plan before there is anything to measure.
    ///
    /// ```
    /// use headwater::{Span, checkpoint::Wear};
    /// // 64 KiB with 10,000 cycles, 600 bytes per commit (snapshots shared out among the commits), 10 years.
    /// let wear = Wear::expected(16, 4096, 600);
    /// assert_eq!(wear.least_interval(10_000, 10), Span::from_micros(293_733_765));
    /// ```
    #[must_use]
    pub const fn expected(sectors: u16, sector_bytes: u32, bytes_per_commit: u32) -> Self {
        let (bytes, sector) = (bytes_per_commit as u64, sector_bytes as u64);
        // Of each sector, the header and the slots at its end are not the records'.
        let room = sector.saturating_sub(SECTOR_OVERHEAD_BYTES);
        let bytes_used_up = if room == 0 { bytes } else { bytes.saturating_mul(sector).div_ceil(room) };
        Self {
            bytes_written: bytes,
            erases: 0,
            commits: 1,
            erases_in_life: 0,
            bytes_used_up,
            sectors,
            sector_bytes,
        }
    }

    /// How often the least and the most worn sector have been erased in the life of the log, as the order of the ring tells it from
    /// [`erases_in_life`](Self::erases_in_life).
    #[must_use]
    pub fn sector_erases(&self) -> (u64, u64) {
        let sectors = u64::from(self.sectors);
        let least = self.erases_in_life.checked_div(sectors).unwrap_or(0);
        let all_alike = least.saturating_mul(sectors) == self.erases_in_life;
        (least, least.saturating_add(u64::from(!all_alike)))
    }

    /// Bytes that can still be used up before each sector has been erased `endurance_cycles` times.
    fn bytes_left(&self, endurance_cycles: u32) -> u128 {
        let erases = u64::from(endurance_cycles).saturating_mul(u64::from(self.sectors));
        u128::from(erases.saturating_sub(self.erases_in_life)).saturating_mul(u128::from(self.sector_bytes))
    }

    /// How long the flash lasts if it goes on as in the `elapsed` time since the log was opened, where each sector bears
    /// `endurance_cycles` erases (the data sheet's figure): rounded down, at most [`Span::MAX`]. `None` if nothing was written yet.
    #[must_use]
    pub fn life_left(&self, endurance_cycles: u32, elapsed: Span) -> Option<Span> {
        let elapsed = u128::from(elapsed.as_micros().unsigned_abs());
        let left = elapsed.saturating_mul(self.bytes_left(endurance_cycles));
        left.checked_div(u128::from(self.bytes_used_up)).map(span)
    }

    /// [`life_left`](Self::life_left) in whole years of 365.25 days.
    #[must_use]
    pub fn years_left(&self, endurance_cycles: u32, elapsed: Span) -> Option<u32> {
        let left = self.life_left(endurance_cycles, elapsed)?;
        let years = u128::from(left.as_micros().unsigned_abs()).checked_div(MICROS_PER_YEAR)?;
        u32::try_from(years).ok()
    }

    /// The least time between two commits for which the flash lasts `years` more, where each sector bears `endurance_cycles` erases and
    /// commits go on to write as much as those so far: rounded up. [`Span::MAX`] if it is worn out, `None` if nothing was
    /// committed yet.
    ///
    /// It is what a [`CommitInterval`](super::CommitInterval) is made of.
    #[must_use]
    pub fn least_interval(&self, endurance_cycles: u32, years: u32) -> Option<Span> {
        if self.commits == 0 {
            return None;
        }
        let life = u128::from(years).saturating_mul(MICROS_PER_YEAR);
        let commits_left = self.bytes_left(endurance_cycles).saturating_mul(u128::from(self.commits));
        let used = life.saturating_mul(u128::from(self.bytes_used_up));
        let rounded_up = used.saturating_add(commits_left.saturating_sub(1));
        Some(rounded_up.checked_div(commits_left).map_or(Span::MAX, span))
    }
}

fn span(micros: u128) -> Span {
    i64::try_from(micros).ok().and_then(Span::from_micros).unwrap_or(Span::MAX)
}

impl<S: LogStorage, const BUFFER: usize> Log<S, BUFFER> {
    /// How much this log has worn its storage. Reads nothing.
    pub fn wear(&self) -> Wear {
        let Counters { opened_before, end_before, bytes_written, erases, commits } = self.counters;
        let end = self.state.committed.map_or(0, |committed| u64::from(committed.end));
        let erased_bytes = u64::from(erases).saturating_mul(u64::from(self.geometry.erase_size));
        Wear {
            bytes_written,
            erases,
            commits,
            erases_in_life: u64::from(opened_before).saturating_add(u64::from(erases)),
            bytes_used_up: erased_bytes.saturating_add(end).saturating_sub(u64::from(end_before)),
            sectors: self.geometry.sectors,
            sector_bytes: self.geometry.erase_size,
        }
    }
}
