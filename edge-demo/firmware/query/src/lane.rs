//! A query with its log: rows in, frames out, and exactly once through a power cut.

use core::fmt;
use core::marker::PhantomData;

use embedded_io::Write;
use headwater::checkpoint::{Log, LogStorage};
use headwater::state::SlotIndex;
use headwater::{Query, QueryPlan, Timestamp};

use crate::frame::IntoFrame;
use crate::{FrameFormat, Loggable, Reading, error, info};

/// Rows between two commits.
pub const COMMIT_ROWS: u32 = 64;
/// The most bytes of one record of a log.
pub const RECORD_BYTES: usize = 256;

/// A query with its log, whose results leave in the format `F`.
///
/// Each row has a number, counted from 0, and each result of the query one, counted from 1. A commit holds the number of the next row, the
/// state, and how many results there were; it comes after the frames of those results have left. After a cut the source begins again
/// at the oldest row that some query needs, rows before the last commit are passed over, and rows after it make the frames that they made
/// before, with the same numbers. A receiver that keeps the last number of each query and ignores frames with no higher one
/// sees each result exactly once.
pub struct Lane<'q, 's, F, P: QueryPlan, I: SlotIndex, S> {
    query: &'q mut Query<'s, P, I>,
    log: &'q mut Log<S, RECORD_BYTES>,
    next_row: u32,
    format: PhantomData<F>,
}

/// Why a lane cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Fault {
    /// State has no room for a row although all that may close has closed.
    StateFull,
    /// The log does not hold what this query can go on from.
    Restore,
    /// The log could not take an epoch.
    Commit,
    /// The wire took no bytes.
    Wire,
}

impl Fault {
    /// What happened and what to do, for where there is no formatting.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::StateFull => "state has no room for a row: raise its capacity",
            Self::Restore => "the log cannot be restored: it is damaged or another query's",
            Self::Commit => "the log cannot take an epoch: the flash fails or is too small",
            Self::Wire => "the wire takes no bytes",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for Fault {}

impl<'q, 's, F, P, I, S> Lane<'q, 's, F, P, I, S>
where
    F: FrameFormat,
    P: QueryPlan<Row = Reading, Output: IntoFrame>,
    I: SlotIndex,
    S: LogStorage<Error: Loggable>,
{
    /// A query right after it was bound, with its log. Call [`Lane::restore`] next.
    pub fn new(query: &'q mut Query<'s, P, I>, log: &'q mut Log<S, RECORD_BYTES>) -> Self {
        Self { query, log, next_row: 0, format: PhantomData }
    }

    /// Goes on from the last commit in the log.
    ///
    /// # Errors
    /// [`Fault::Restore`].
    #[inline(never)]
    pub fn restore(&mut self) -> Result<(), Fault> {
        let restored = self.query.restore(self.log).map_err(|why| {
            error!("{}: not restored: {}", P::Output::QUERY, why);
            Fault::Restore
        })?;
        let skipped = u32::from(cfg!(feature = "skip-row"));
        self.next_row = restored.map_or(0, |next_row: u32| next_row.saturating_add(skipped));
        info!("{}: goes on at row {}, {}", P::Output::QUERY, self.next_row, self.query.progress());
        Ok(())
    }

    /// The number of the next row that is needed.
    #[must_use]
    pub fn next_row(&self) -> u32 {
        self.next_row
    }

    /// The event time that a row must reach before there is a result: until then nobody waits for this query.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.query.next_deadline()
    }

    /// Takes row `number`, sends the results it makes due, and commits every [`COMMIT_ROWS`] rows.
    ///
    /// # Errors
    /// [`Fault`]; the last commit stays.
    pub fn take<W: Write>(&mut self, number: u32, reading: &Reading, wire: &mut W) -> Result<(), Fault> {
        if number < self.next_row {
            return Ok(());
        }
        if self.query.push_ref(reading, &mut ()).is_err() {
            self.end_epoch(reading.at, false, wire)?;
            self.query.push_ref(reading, &mut ()).map_err(|_| Fault::StateFull)?;
        }
        self.next_row = number.saturating_add(1);
        if self.query.next_deadline().is_some_and(|deadline| deadline <= reading.at) {
            self.end_epoch(reading.at, false, wire)?;
        }
        if self.next_row.is_multiple_of(COMMIT_ROWS) { self.commit(wire) } else { Ok(()) }
    }

    /// Sends what is open after the last of `rows` rows. For recordings; a sensor has no last row.
    ///
    /// # Errors
    /// [`Fault`]; the last commit stays.
    pub fn finish<W: Write>(&mut self, rows: u32, wire: &mut W) -> Result<(), Fault> {
        if self.next_row > rows {
            return Ok(());
        }
        let now = self.query.progress().event_time_max.unwrap_or(Timestamp::EPOCH);
        self.end_epoch(now, true, wire)?;
        self.next_row = rows.saturating_add(1);
        self.commit(wire)
    }

    /// Sends the results that are due, or all.
    #[inline(never)]
    fn end_epoch<W: Write>(&mut self, now: Timestamp, drain: bool, wire: &mut W) -> Result<(), Fault> {
        let mut number = self.query.progress().rows.emitted;
        // One type of sink for both calls, so that flash holds the code once.
        let sink: &mut dyn FnMut(P::Output) -> Result<(), Fault> = &mut |row| {
            number = number.wrapping_add(1);
            let frame = row.into_frame(number);
            if frame.is_alert() {
                info!("alert: {}", frame);
            }
            F::send(&frame, wire)
        };
        let ended = if drain { self.query.drain(now, sink) } else { self.query.trigger(now, sink) };
        ended.map(|_| ()).map_err(|_| Fault::Wire)
    }

    /// Frames must have left before the commit says that they have.
    #[inline(never)]
    fn commit<W: Write>(&mut self, wire: &mut W) -> Result<(), Fault> {
        wire.flush().map_err(|_| Fault::Wire)?;
        let kind = self.query.commit(self.log, &self.next_row).map_err(|why| {
            error!("{}: not committed: {}", P::Output::QUERY, why);
            Fault::Commit
        })?;
        info!("{}: committed a {}, next row {}", P::Output::QUERY, kind, self.next_row);
        Ok(())
    }
}
