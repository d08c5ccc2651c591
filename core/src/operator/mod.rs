//! Operators: what happens to rows. One file for each.
//!
//! A stateful operator keeps its records in one [`Table`], judges late rows by the watermark of the epoch, and gives results
//! when the epoch ends. It never decides when that is.

mod full;
mod global;
mod group;
mod results;
mod session;
mod sliding;
mod stage;
mod tumbling;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use global::GlobalAggregate;
pub use group::{GroupAggregate, GroupRecord};
pub use session::{SessionAggregate, SessionRecord};
pub use sliding::{PaneRecord, SlidingAggregate};
pub use stage::{FieldTime, Filter, Input, Map, Stage, Stages, Watermarked};
pub use tumbling::{TumblingAggregate, WindowRecord};

use crate::state::{Key, Record, SlotIndex, Table};
use crate::time::Timestamp;
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
    /// The watermark rows are judged by.
    pub watermark: Option<Timestamp>,
    /// Which results the epoch gives.
    pub mode: OutputMode,
    /// What happens when state is full.
    pub on_full: OnFull,
    /// Whether any window was ever given out early.
    pub given_early: bool,
}

impl Epoch {
    /// Whether what ends at `end` is closed to new rows. In complete mode nothing ever is.
    #[must_use]
    pub fn is_closed(&self, end: Timestamp) -> bool {
        self.mode != OutputMode::Complete && self.watermark.is_some_and(|watermark| end <= watermark)
    }
}

/// What became of a row in an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// State was full and the policy is [`OnFull::Drop`].
    Dropped,
}

/// The state is full and the row changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

/// Where results are in an epoch that a sink interrupted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The slot to go on from.
    pub slot: usize,
    /// Of that slot, the last moment given out, for instance a window's end.
    pub after: Option<Timestamp>,
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

/// Takes what leaves a query beside its results: late rows, dropped rows, and windows given out early.
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

/// A stateful operator over rows of type `T`.
///
/// Results go to a sink that may refuse one; the call then ends with the sink's error, and calling again with the same
/// cursor goes on with that result.
pub trait Operator<T: ?Sized> {
    /// What rows are grouped by.
    type Key: Key;
    /// What is kept per group.
    type Value: Record;
    /// A result.
    type Output;
    /// Whether every epoch has a result, also one without rows.
    const ALWAYS_GIVES: bool = false;

    /// Whether changed groups can be given again with new totals (update mode).
    const UPDATES: bool = true;

    /// Numbers that tell this operator's windows from another's, for the query's identity.
    fn shape(&self) -> WindowShape;

    /// Takes a row in.
    ///
    /// # Errors
    /// [`NoRoom`] if the row needs a record that there is no room for; nothing has changed then.
    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        table: &mut Table<'_, Self::Key, Self::Value, I>,
        row: &T,
        at: Option<Timestamp>,
        arrival: u64,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, NoRoom>;

    /// Gives the groups changed since the last time (update mode) and takes them off the list of changes.
    ///
    /// # Errors
    /// What the sink answered.
    fn results_changed<I: SlotIndex, E>(
        &self,
        table: &mut Table<'_, Self::Key, Self::Value, I>,
        epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E>;

    /// Gives all groups (complete mode).
    ///
    /// # Errors
    /// What the sink answered.
    fn results_all<I: SlotIndex, E>(
        &self,
        table: &Table<'_, Self::Key, Self::Value, I>,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E>;

    /// Removes what the epoch's watermark has closed; in append mode gives it out first.
    ///
    /// # Errors
    /// What the sink answered; the window it refused is still there.
    fn close<I: SlotIndex, E>(
        &self,
        table: &mut Table<'_, Self::Key, Self::Value, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(Self::Output) -> Result<(), E>,
    ) -> Result<(), E>;

    /// The watermark at which the next record closes.
    fn next_close<I: SlotIndex>(&self, table: &Table<'_, Self::Key, Self::Value, I>) -> Option<Timestamp>;

    /// The watermark at which every record has closed. Looks at all of them.
    fn last_close<I: SlotIndex>(&self, table: &Table<'_, Self::Key, Self::Value, I>) -> Option<Timestamp>;

    /// Works out again what the checkpoint leaves out, before the table's order is rebuilt.
    fn restored<I: SlotIndex>(&self, table: &mut Table<'_, Self::Key, Self::Value, I>, epoch: &Epoch) {
        let _ = (table, epoch);
    }
}

/// The kind of windows and their lengths in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowShape {
    /// 0 none, 1 tumbling, 2 sliding, 3 session, 4 session with a gap per row.
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
