//! Operators: what happens to rows. One file for each.
//!
//! A stateful operator keeps its records in the tables of its [`Shape`], judges late rows by the watermark of the epoch, and gives
//! results when the epoch ends, or at once where a row alone is the result. It never decides when an epoch ends.

mod as_of_join;
mod by_time;
mod count_window;
mod dedup;
mod emit;
mod full;
mod global;
mod group;
mod inputs;
mod join_key;
mod look_ahead;
mod process;
mod results;
mod session;
mod sliding;
mod stage;
mod state_window;
mod static_join;
mod static_table;
mod stored_time;
mod stream_join;
mod then;
mod tumbling;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use as_of_join::{AsOfInner, AsOfJoin, AsOfKind, AsOfLeftOuter, Candidate, CandidateKey, Waiting};
pub use by_time::{EventTimeAggregate, EventTimeRecord, EventTimeRow};
pub use count_window::{CountAggregate, CountPaneRecord, CountWindowRow};
pub use dedup::{Deduplicate, ExpiringRecord, Expiry, ForEver, SeenRecord, UntilDelay, UntilEventTime};
pub use emit::Emit;
pub use global::GlobalAggregate;
pub use group::{GroupAggregate, GroupRecord};
pub use inputs::{Both, Either, Union};
pub use join_key::JoinKey;
pub use look_ahead::{LookAheadAggregate, LookAheadRow, MomentRecord};
pub use process::{
    Clocked, Context, InEventTime, InProcessingTime, KeyedProcess, Mode, Process, ProcessOf, ProcessOperator,
    ProcessRecord, TimeMode, Timeless, TimersFull, process_of,
};
pub use session::{SessionAggregate, SessionRecord};
pub use sliding::{PaneRecord, SlidingAggregate};
pub use stage::{FieldTime, Filter, FlatMap, IdleAfter, Input, Map, Stage, Stages, Watermarked};
pub use state_window::{StateWindowAggregate, StateWindowRecord, StateWindowRow};
pub use static_join::{
    StaticInner, StaticJoin, StaticJoinKind, StaticLeftAnti, StaticLeftOuter, StaticLeftSemi,
};
pub use static_table::{SortedTable, StaticTable, Unsorted};
pub use stream_join::{
    AnyTime, BufferOrder, Buffered, ByArrival, ByTime, FullOuter, Inner, JoinKind, JoinRange, JoinType,
    Leaves, LeftOuter, LeftSemi, Positions, RightOuter, StreamJoin, TimeRange,
};
pub use then::Then;
pub use tumbling::{TumblingAggregate, WindowRecord};

use crate::state::{Shape, SlotIndex, Tables};
use crate::time::{Span, Timestamp};
use crate::window::Window;

/// Which results an epoch gives (Spark's `outputMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputMode {
    /// Each window once, when the watermark closes it.
    Append,
    /// Each group changed in the epoch, with its new totals.
    Update,
    /// The whole result table. Nothing is late and nothing is removed.
    Complete,
}

/// What happens to a row that needs a record when every slot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OnFull {
    /// The row is handed back to the caller, who may trigger, wait, or give up.
    #[default]
    Refuse,
    /// The oldest window is given out early, marked [`WindowRow::early`], to the [`Side`] of
    /// [`push_with`](crate::Query::push_with), and makes room. For append mode and windows: elsewhere there is no oldest
    /// record that could leave without making later results wrong, and the row is refused.
    ///
    /// Sliding windows: all windows of the oldest pane are given out, at most size / slide results for one row.
    EvictOldest,
    /// The row is dropped and counted, and offered to the [`Side`].
    Drop,
}

/// What holds for all rows of an epoch.
#[derive(Debug, Clone, Copy)]
pub struct Epoch {
    /// The watermark rows are judged by: that before the epoch's end.
    pub watermark: Option<Timestamp>,
    /// The watermark records close by: at the epoch's end the new one, before that the same.
    pub closing: Option<Timestamp>,
    /// Which results the epoch gives.
    pub mode: OutputMode,
    /// What happens when state is full.
    pub on_full: OnFull,
    /// Whether any window was ever given out early.
    pub given_early: bool,
    /// Processing time: of this trigger, or of the last one while rows are pushed.
    pub now: Option<Timestamp>,
}

impl Epoch {
    /// Whether what ends at `end` is closed to new rows. In complete mode nothing ever is.
    #[must_use]
    pub fn is_closed(&self, end: Timestamp) -> bool {
        self.mode != OutputMode::Complete && self.watermark.is_some_and(|watermark| end <= watermark)
    }

    /// Whether what ends at `end` is to be closed now. In complete mode nothing ever is.
    #[must_use]
    pub fn is_due(&self, end: Timestamp) -> bool {
        self.mode != OutputMode::Complete && self.closing.is_some_and(|watermark| end <= watermark)
    }

    /// What happens when state is full: where no record can leave early, the row is refused instead.
    #[must_use]
    pub fn full_policy(&self) -> OnFull {
        match (self.on_full, self.mode) {
            (OnFull::EvictOldest, OutputMode::Update | OutputMode::Complete) => OnFull::Refuse,
            (policy, _) => policy,
        }
    }

    /// The epoch as an operator sees it whose input trails the query's watermark by `span`.
    ///
    /// Rows become late one microsecond later: a window before that ends one after the watermark is still open, and its result, which
    /// has the time of the watermark, must not be late.
    #[must_use]
    pub(crate) fn held_back(self, span: Span) -> Self {
        Self {
            watermark: self.watermark.map(|watermark| watermark - span - Span::micros(1)),
            closing: self.closing.map(|watermark| watermark - span),
            ..self
        }
    }
}

/// A row at an operator.
#[derive(Debug)]
pub struct Arriving<'r, T: ?Sized> {
    /// The row.
    pub row: &'r T,
    /// Its event time, if it has one.
    pub at: Option<Timestamp>,
    /// Its number among the rows that came here, for aggregates that go by the order of arrival.
    pub arrival: u64,
}

/// What became of a row in an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taken {
    /// It is in the state. `late_windows` of the windows that hold it had closed before it came.
    Used {
        /// Sliding windows that it missed.
        late_windows: u64,
    },
    /// Every window that holds it had closed; it changed nothing.
    Late {
        /// How many windows that were.
        late_windows: u64,
    },
    /// It has no event time, or a session gap of zero: no window holds it.
    WithoutWindow,
    /// A row like it has come before, and it was left out.
    Duplicate,
    /// State was full and the policy is [`OnFull::Drop`].
    Dropped,
}

impl Taken {
    /// What became of a row of which stages made several: the first that was used says so, or else the first of all; late windows add up.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Used { late_windows: one },
                Self::Used { late_windows: two } | Self::Late { late_windows: two },
            )
            | (Self::Late { late_windows: one }, Self::Used { late_windows: two }) => {
                Self::Used { late_windows: one.saturating_add(two) }
            }
            (Self::Late { late_windows: one }, Self::Late { late_windows: two }) => {
                Self::Late { late_windows: one.saturating_add(two) }
            }
            (used @ Self::Used { .. }, _) | (_, used @ Self::Used { .. }) => used,
            (first, _) => first,
        }
    }
}

/// A row was not taken, and changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The state is full.
    NoRoom,
    /// What leaves at once (a result, or a window given early) could not be taken now.
    NotNow,
}

/// An operator further on has no room for what one before it gives out when the epoch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Where results are in an epoch that a sink interrupted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The slot to go on from.
    pub slot: usize,
    /// Of that slot, the last moment given out, for instance a window's end.
    pub after: Option<Timestamp>,
    /// Of operators in a row, how many have given all.
    pub stage: u8,
}

/// A row that came too late for at least one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateRow<'a, T: ?Sized> {
    /// The row as the operator saw it.
    pub row: &'a T,
    /// Its event time.
    pub at: Timestamp,
    /// How many windows it missed.
    pub late_windows: u64,
    /// Whether it missed all its windows. A row of sliding windows may be late for some and in time for others.
    pub dropped: bool,
}

/// Takes what leaves a query while a row is pushed: results that a row alone makes, late rows, dropped rows, and windows given out
/// early.
///
/// Every method has a default, so `()` is a side that looks at nothing.
pub trait Side<T: ?Sized, O> {
    /// A row came too late for some or all of its windows. It is counted in any case.
    fn late(&mut self, row: LateRow<'_, T>) {
        let _ = row;
    }

    /// A row was dropped because state is full ([`OnFull::Drop`]). It is counted in any case.
    fn dropped(&mut self, row: &T) {
        let _ = row;
    }

    /// A window leaves early to make room ([`OnFull::EvictOldest`]).
    ///
    /// # Errors
    /// [`NotNow`] keeps the window; the row that needed room is then handed back as under [`OnFull::Refuse`].
    fn early(&mut self, row: O) -> Result<(), NotNow> {
        let _ = row;
        Err(NotNow)
    }

    /// A result that the row alone makes: of deduplication, of a query without state, of windows that count rows.
    ///
    /// # Errors
    /// [`NotNow`] hands the row back.
    fn give(&mut self, row: O) -> Result<(), NotNow> {
        let _ = row;
        Err(NotNow)
    }

    /// [`Side::early`] with the event time of the result. For operators in a row.
    ///
    /// # Errors
    /// Why it was not taken.
    #[doc(hidden)]
    fn early_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        let _ = at;
        self.early(row).map_err(|NotNow| Refused::NoRoom)
    }

    /// [`Side::give`] with the event time of the result. For operators in a row.
    ///
    /// # Errors
    /// Why it was not taken.
    #[doc(hidden)]
    fn give_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        let _ = at;
        self.give(row).map_err(|NotNow| Refused::NotNow)
    }
}

impl<T: ?Sized, O> Side<T, O> for () {}

/// A side output cannot take a row now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNow;

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the side output cannot take a row now")
    }
}

impl core::error::Error for NotNow {}

/// The tables of the operator `O` over rows `T`, with slot numbers in `I`.
pub type TablesOf<'s, O, T, I> = <<O as Operator<T>>::Shape as Shape>::Tables<'s, I>;

/// An operator over rows of type `T`.
///
/// Results go to a sink, each with its event time, that may refuse one; the call then ends with the sink's error, and calling again
/// with the same cursor goes on with that result.
pub trait Operator<T: ?Sized> {
    /// The tables it keeps.
    type Shape: Shape;
    /// A result.
    type Output;
    /// How many operators in a row it is made of.
    const DEPTH: u8 = 1;
    /// Whether every epoch has a result, also one without rows.
    const ALWAYS_GIVES: bool = false;
    /// Whether results leave while rows are pushed ([`Side::give`]).
    const GIVES_AT_PUSH: bool = false;
    /// Whether it only passes rows on.
    const STATELESS: bool = false;
    /// Which output modes it can run in.
    const MODES: Modes;

    /// Tells the identity of this operator, and of those it is made of.
    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity));

    /// Readies empty tables.
    fn prepare<I: SlotIndex>(&self, tables: &mut TablesOf<'_, Self, T, I>, mode: OutputMode) {
        tables.track_changed(mode == OutputMode::Update);
    }

    /// Takes a row in.
    ///
    /// # Errors
    /// [`Refused`]; nothing has changed then, or, behind a stage that makes several rows of one, the row must be pushed again.
    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        tables: &mut TablesOf<'_, Self, T, I>,
        arriving: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused>;

    /// Gives the results of the epoch's rows, before the watermark moves: in update mode the groups changed since the last time, in
    /// complete mode all.
    ///
    /// # Errors
    /// What the sink answered, or [`Full`].
    fn results<I: SlotIndex, E: From<Full>>(
        &self,
        tables: &mut TablesOf<'_, Self, T, I>,
        epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>;

    /// Removes what the epoch's new watermark closes; in append mode gives it out first.
    ///
    /// # Errors
    /// What the sink answered, or [`Full`]; the window it refused is still there.
    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        tables: &mut TablesOf<'_, Self, T, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>;

    /// The watermark at which the next record closes.
    fn next_close<I: SlotIndex>(&self, tables: &TablesOf<'_, Self, T, I>) -> Option<Timestamp>;

    /// The watermark at which the next result comes without a further row. In update mode what closes leaves silently, except where
    /// results come once.
    fn next_result<I: SlotIndex>(
        &self,
        tables: &TablesOf<'_, Self, T, I>,
        mode: OutputMode,
    ) -> Option<Timestamp> {
        let is_silent = mode == OutputMode::Update && !Self::MODES.is_once();
        if is_silent { None } else { self.next_close(tables) }
    }

    /// The watermark at which every record has closed. Looks at all of them.
    fn last_close<I: SlotIndex>(&self, tables: &TablesOf<'_, Self, T, I>) -> Option<Timestamp>;

    /// The processing time at which something is due.
    fn next_timer<I: SlotIndex>(&self, tables: &TablesOf<'_, Self, T, I>) -> Option<Timestamp> {
        let _ = tables;
        None
    }

    /// How far results trail the watermark: every result that is still to come has an event time later than the watermark less
    /// this span (Spark's output watermark of an operator).
    fn trails(&self) -> Span {
        Span::ZERO
    }

    /// Works out again what the checkpoint leaves out, before the tables' order is rebuilt.
    fn restored<I: SlotIndex>(&self, tables: &mut TablesOf<'_, Self, T, I>, epoch: &Epoch) {
        let _ = (tables, epoch);
    }
}

/// Which output modes an operator can run in. Append also needs a watermark, where results wait for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// Each result once.
    pub append: bool,
    /// Changed groups again.
    pub update: bool,
    /// The whole table.
    pub complete: bool,
}

impl Modes {
    /// Every mode.
    pub const ALL: Self = Self { append: true, update: true, complete: true };
    /// Rows that come once: update is the same as append (Spark's rule).
    pub const ONCE: Self = Self { append: true, update: true, complete: false };

    /// Whether results come once and are never given again, whatever the mode.
    #[must_use]
    pub const fn is_once(self) -> bool {
        self.append && self.update && !self.complete
    }

    /// Whether `mode` is one of them.
    #[must_use]
    pub const fn has(self, mode: OutputMode) -> bool {
        match mode {
            OutputMode::Append => self.append,
            OutputMode::Update => self.update,
            OutputMode::Complete => self.complete,
        }
    }
}

/// What makes an operator the same operator after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorIdentity {
    /// Its kind and the lengths that belong to it.
    pub window: WindowShape,
    /// The CRC-32 of the shape of its key types.
    pub key: u32,
    /// The CRC-32 of the shape of its record types.
    pub record: u32,
}

impl OperatorIdentity {
    /// The identity of an operator that keeps the tables `S`.
    #[must_use]
    pub fn of<S: Shape>(window: WindowShape) -> Self {
        Self { window, key: S::key_fingerprint(), record: S::record_fingerprint() }
    }
}

/// The kind of an operator and its windows' lengths in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowShape {
    /// 0 groups without windows, 1 tumbling, 2 sliding, 3 session, 4 session with a gap per row, 5 no state, 6 deduplication,
    /// 7 join, 8 as-of join, 9 process, 10 count window, 11 state window, 12 look-ahead, 13 groups by event time.
    pub kind: u8,
    /// Size, slide and offset; the gap; 0 where there is none.
    pub micros: [i64; 3],
}

/// The result for one window of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowRow<K, O> {
    /// The stretch of event time.
    pub window: Window,
    /// What the rows were grouped by; `()` without [`group_by`](crate::Stream::group_by).
    pub key: K,
    /// What the aggregates answered.
    pub value: O,
    /// Whether the window left before the watermark closed it, to make room ([`OnFull::EvictOldest`]). No row is ever in two
    /// results of one window: rows that come later for it come in a result of their own, or, where other panes of a sliding
    /// window are still held, are counted as late for it.
    pub early: bool,
}

/// The result for one key of a query without windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRow<K, O> {
    /// What the rows were grouped by.
    pub key: K,
    /// What the aggregates answered.
    pub value: O,
}
