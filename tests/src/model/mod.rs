//! What a query must answer, worked out in the plainest way from Spark's rules.
//!
//! Nothing here is shared with the engine and nothing is fast: windows are found by trying every start, groups are a list,
//! aggregates are taken over all rows of a group again and again. Numbers in comments are the rules of the recorded Spark runs:
//! 1-7 watermark, 8-14 late rows, 15-22 windows and output modes, 23-28 aggregates.
//!
//! [`Model`] is the one of windows. The others are a [`stage::Stage`] each, which [`stage::Running`] runs over epochs and
//! [`chain::Chain`] puts one after the other: 31-34 deduplication, 35-43 joins, 44-47 chains, 48-49 timers.

mod answer;
pub mod append_window;
pub mod as_of_join;
pub mod by_time;
pub mod chain;
pub mod count_until_silent;
pub mod count_window;
pub mod dedup;
pub mod look_ahead;
pub mod process;
#[cfg(test)]
mod recorded;
pub mod row;
mod session;
pub mod stage;
pub mod state_window;
pub mod static_join;
pub mod stream_join;
pub mod streams;
pub mod watermark;
mod window;
pub mod window_chain;

use headwater::OutputMode;

use crate::line::{Line, sorted};
use crate::reading::{Reading, Removed};
use crate::shape::{Shape, Windows};

/// A row and what the fixed memory of the engine did to it, which the model cannot know.
#[derive(Debug, Clone, Copy)]
pub struct Offered {
    /// The row.
    pub reading: Reading,
    /// What became of it.
    pub room: Room,
}

/// Whether there was room for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// There was, or it needed none.
    Found,
    /// There was not: it moves the watermark and does nothing else.
    None,
    /// It never reached the query, which was in the middle of a trigger.
    NotOffered,
}

impl From<Reading> for Offered {
    fn from(reading: Reading) -> Self {
        Self { reading, room: Room::Found }
    }
}

/// What an epoch must give.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochAnswer {
    /// Results, sorted.
    pub lines: Vec<Line>,
    /// The watermark after it.
    pub watermark: Option<i64>,
}

/// What becomes of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// In at least one window that was open.
    pub used: u64,
    /// Removed by a filter.
    pub filtered: u64,
    /// In no window at all.
    pub without_window: u64,
    /// In closed windows only.
    pub late: u64,
    /// Pairs of a row and a closed window that holds it.
    pub late_windows: u64,
}

/// The rows of one key and window so far.
#[derive(Debug, Clone, PartialEq)]
struct Group {
    device: Option<u8>,
    window: Option<(i64, i64)>,
    /// Arrival numbers and values.
    rows: Vec<(usize, Option<f64>)>,
    changed: bool,
}

impl Group {
    fn line(&self) -> Line {
        Line { window: self.window, device: self.device, values: answer::over(&self.rows), early: false }
    }
}

/// The model of a running query.
#[derive(Debug, Clone)]
pub struct Model {
    shape: Shape,
    groups: Vec<Group>,
    watermark: Option<i64>,
    highest: Option<i64>,
    arrived: usize,
    /// What became of the rows so far.
    pub tally: Tally,
}

impl Model {
    /// A query that has seen no row.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let tally = Tally::default();
        Self { shape, groups: Vec::new(), watermark: shape.initial, highest: None, arrived: 0, tally }
    }

    /// Runs whole epochs.
    #[must_use]
    pub fn run(&mut self, epochs: &[Vec<Offered>]) -> Vec<EpochAnswer> {
        let run = |rows: &Vec<Offered>| {
            rows.iter().for_each(|row| self.push(row));
            self.end_epoch()
        };
        epochs.iter().map(run).collect()
    }

    /// How many windows hold a row; 0 for a row that a filter removes.
    #[must_use]
    pub fn windows_holding(shape: &Shape, row: &Reading) -> u64 {
        let at = row.at.filter(|_| row.removed == Removed::No);
        at.map_or(0, |at| window::of(shape.windows, at, row.gap).len() as u64)
    }

    /// The batch answer: nothing late, every group once.
    #[must_use]
    pub fn batch(shape: &Shape, rows: &[Reading]) -> Vec<Line> {
        let shape = Shape { mode: OutputMode::Complete, initial: None, ..*shape };
        let rows = rows.iter().copied().map(Offered::from).collect();
        Self::new(shape).run(&[rows]).remove(0).lines
    }

    fn push(&mut self, row: &Offered) {
        let reading = row.reading;
        if row.room == Room::NotOffered {
            return;
        }
        self.arrived += 1;
        if reading.removed == Removed::BeforeWatermark {
            self.tally.filtered += 1;
            return;
        }
        // 2, 5, 6: every row that gets this far counts for the watermark, also one that the next filter removes.
        self.highest = self.highest.max(reading.at);
        if reading.removed == Removed::AfterWatermark {
            self.tally.filtered += 1;
            return;
        }
        if row.room == Room::None {
            return;
        }
        let device = self.shape.keyed.then_some(reading.device);
        let row = (self.arrived, reading.value);
        if self.shape.windows == Windows::None {
            self.tally.used += 1;
            self.add(device, None, row);
            return;
        }
        // 20: without event time a row is in no window and is not late either.
        let windows =
            reading.at.map(|at| window::of(self.shape.windows, at, reading.gap)).unwrap_or_default();
        if windows.is_empty() {
            self.tally.without_window += 1;
            return;
        }
        // 8, 9, 10: judged for each window, by the watermark before the epoch (3).
        let (closed, open): (Vec<_>, Vec<_>) =
            windows.into_iter().partition(|window| self.is_closed(*window));
        self.tally.late_windows += closed.len() as u64;
        if open.is_empty() {
            self.tally.late += 1;
            return;
        }
        self.tally.used += 1;
        for window in open {
            match self.shape.windows {
                Windows::Session { .. } | Windows::SessionPerRow => {
                    session::add(&mut self.groups, device, window, row);
                }
                _ => self.add(device, Some(window), row),
            }
        }
    }

    /// 13: in complete mode no window ever closes.
    fn is_closed(&self, (_, end): (i64, i64)) -> bool {
        self.shape.mode != OutputMode::Complete && self.watermark.is_some_and(|watermark| end <= watermark)
    }

    fn add(&mut self, device: Option<u8>, window: Option<(i64, i64)>, row: (usize, Option<f64>)) {
        let group = self.groups.iter_mut().find(|group| group.device == device && group.window == window);
        match group {
            Some(group) => {
                group.rows.push(row);
                group.changed = true;
            }
            None => self.groups.push(Group { device, window, rows: vec![row], changed: true }),
        }
    }

    fn end_epoch(&mut self) -> EpochAnswer {
        let global = self.shape.windows == Windows::None && !self.shape.keyed;
        // 17, 18: results of the data batch.
        let mut lines: Vec<Line> = match self.shape.mode {
            OutputMode::Append => Vec::new(),
            OutputMode::Update => {
                self.groups.iter().filter(|group| group.changed || global).map(Group::line).collect()
            }
            OutputMode::Complete => self.groups.iter().map(Group::line).collect(),
        };
        // 21: the one group of all rows is there before any row is.
        if global && lines.is_empty() {
            lines.push(Line { window: None, device: None, values: answer::over(&[]), early: false });
        }
        self.groups.iter_mut().for_each(|group| group.changed = false);
        // 2: never back.
        let reached = self.highest.map(|at| at - i64::from(self.shape.delay));
        self.watermark = self.watermark.max(reached);
        // 4, 16: what the new watermark closes comes out in the same epoch, in append mode, and its state goes.
        let groups = core::mem::take(&mut self.groups);
        let (closed, open): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.window.is_some_and(|window| self.is_closed(window)));
        self.groups = open;
        if self.shape.mode == OutputMode::Append {
            lines.extend(closed.iter().map(Group::line));
        }
        EpochAnswer { lines: sorted(lines), watermark: self.watermark }
    }
}
