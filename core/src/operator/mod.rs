//! Operators: what happens to rows. One file for each.
//!
//! A stateful operator keeps its records in the tables of its [`Shape`], judges late rows by the watermark of the epoch, and gives
//! results when the epoch ends, or at once where a row alone is the result. It never decides when an epoch ends.

mod arriving;
mod as_of_join;
mod by_time;
mod count_window;
mod dedup;
mod emit;
mod epoch;
mod full;
mod global;
mod group;
mod identity;
mod inputs;
mod join_key;
mod look_ahead;
mod process;
mod results;
mod session;
mod side;
mod sliding;
mod stage;
mod state_window;
mod static_join;
mod static_table;
mod stored_time;
mod stream_join;
mod then;
mod tumbling;
mod watermarked;

use serde::{Deserialize, Serialize};

pub use arriving::{Arriving, Refused, Taken};
pub use as_of_join::{AsOfInner, AsOfJoin, AsOfKind, AsOfLeftOuter, Candidate, CandidateKey, Waiting};
pub use by_time::{EventTimeAggregate, EventTimeRecord, EventTimeRow};
pub use count_window::{CountAggregate, CountPaneRecord, CountWindowRow};
pub use dedup::{Deduplicate, ExpiringRecord, Expiry, ForEver, SeenRecord, UntilDelay, UntilEventTime};
pub use emit::Emit;
pub use epoch::{Epoch, OnFull, OutputMode};
pub use global::GlobalAggregate;
pub use group::{GroupAggregate, GroupRecord};
pub use identity::{Modes, OperatorIdentity, WindowShape};
pub use inputs::{Both, Either, Union};
pub use join_key::JoinKey;
pub use look_ahead::{LookAheadAggregate, LookAheadRow, MomentRecord};
pub use process::{
    Clocked, Context, InEventTime, InProcessingTime, KeyedProcess, Mode, Process, ProcessOf, ProcessOperator,
    ProcessRecord, TimeMode, Timeless, TimersFull, process_of,
};
pub use session::{SessionAggregate, SessionRecord};
pub use side::{LateRow, NotNow, Side};
pub use sliding::{PaneRecord, SlidingAggregate};
pub use stage::{FieldTime, Filter, FlatMap, Input, Map, RowStage, Stage, Stages};
pub use state_window::{StateWindowAggregate, StateWindowRecord, StateWindowRow};
pub use static_join::{
    StaticInner, StaticJoin, StaticJoinKind, StaticLeftAnti, StaticLeftOuter, StaticLeftSemi,
};
pub use static_table::{SortedTable, StaticTable, Unsorted};
pub use stream_join::{
    AnyTime, BufferOrder, Buffered, ByArrival, ByTime, FullOuter, Inner, JoinKind, JoinRange, JoinType,
    LeftOuter, LeftSemi, Positions, RightOuter, Stay, StreamJoin, TimeRange,
};
pub use then::Then;
pub use tumbling::{TumblingAggregate, WindowRecord};
pub use watermarked::{IdleAfter, Watermarked};

use crate::state::{Shape, SlotIndex, Tables};
use crate::time::{Span, Timestamp};
use crate::window::Window;

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

    /// Readies empty tables. In update mode changed groups are listed; results that come once are not made of what changed.
    fn prepare<I: SlotIndex>(&self, tables: &mut TablesOf<'_, Self, T, I>, mode: OutputMode) {
        tables.track_changed(mode == OutputMode::Update && !Self::MODES.is_once());
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
    /// complete mode all. Nothing, unless an operator says otherwise.
    ///
    /// # Errors
    /// What the sink answered, or [`Full`].
    fn results<I: SlotIndex, E: From<Full>>(
        &self,
        tables: &mut TablesOf<'_, Self, T, I>,
        epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let _ = (tables, epoch, cursor, sink);
        Ok(())
    }

    /// Removes what the epoch's new watermark closes; in append mode gives it out first. Nothing, unless an operator says otherwise.
    ///
    /// # Errors
    /// What the sink answered, or [`Full`]; the window it refused is still there.
    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        tables: &mut TablesOf<'_, Self, T, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let _ = (tables, epoch, sink);
        Ok(())
    }

    /// The watermark at which the next record closes; `None` where no result waits for a watermark.
    fn next_close<I: SlotIndex>(&self, tables: &TablesOf<'_, Self, T, I>) -> Option<Timestamp> {
        let _ = tables;
        None
    }

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

    /// The watermark at which every record has closed, for a drain. Looks at all of them. `None` where no result waits for a watermark.
    fn last_close<I: SlotIndex>(&self, tables: &TablesOf<'_, Self, T, I>) -> Option<Timestamp> {
        let _ = tables;
        None
    }

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

/// The result for one window of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GroupRow<K, O> {
    /// What the rows were grouped by.
    pub key: K,
    /// What the aggregates answered.
    pub value: O,
}
