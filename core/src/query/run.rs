//! A running query: rows in, epochs, results out.

use super::error::{PushError, SinkAnswer, TriggerError};
use super::identity::Identity;
use super::plan::QueryPlan;
use super::progress::{Progress, RowCounts};
use crate::operator::{
    Cursor, Epoch, LateRow, NoRoom, NotNow, OnFull, Operator, OutputMode, Side, Stages, Taken,
};
use crate::state::{SlotIndex, Table};
use crate::time::Timestamp;
use crate::watermark::{Watermark, WatermarkPolicy};

/// A plan with state: the engine.
///
/// The life of an epoch is: any number of [`push`](Query::push), one [`trigger`](Query::trigger), and a
/// [`commit`](Query::commit) where the results so far shall survive a power cut. The engine never reads a clock, never waits
/// and never allocates.
#[derive(Debug)]
pub struct Query<'q, P: QueryPlan, I> {
    pub(super) plan: &'q P,
    pub(super) table: Table<'q, P::Key, P::Value, I>,
    pub(super) watermark: Watermark,
    pub(super) epoch: u64,
    pub(super) rows: RowCounts,
    pub(super) phase: Phase,
    /// The log's number of the last commit.
    pub(super) committed: Option<u64>,
    pub(super) identity: Identity<'static>,
}

/// Where a trigger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Between triggers.
    Idle,
    /// Giving the results of update or complete mode; then the watermark moves to `to`.
    Results { cursor: Cursor, to: Option<Timestamp> },
    /// Removing what the watermark has closed, giving it out in append mode.
    Closing,
}

/// An epoch has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEnd {
    /// Its number, counted from 1.
    pub epoch: u64,
    /// The watermark from now on.
    pub watermark: Option<Timestamp>,
    /// Results given out by this call.
    pub emitted: u64,
}

impl<'q, P: QueryPlan, I: SlotIndex> Query<'q, P, I> {
    pub(super) fn new(plan: &'q P, mut table: Table<'q, P::Key, P::Value, I>) -> Self {
        table.track_changed(plan.mode() == OutputMode::Update);
        let mut query = Self {
            plan,
            table,
            watermark: Watermark::default(),
            epoch: 0,
            rows: RowCounts::default(),
            phase: Phase::Idle,
            committed: None,
            identity: Identity::of(plan),
        };
        query.reset();
        query
    }

    /// Back to the beginning: no rows, no state.
    pub(super) fn reset(&mut self) {
        self.table.clear();
        self.watermark = Watermark::starting_at(self.delay().and_then(|policy| policy.initial));
        self.epoch = 0;
        self.rows = RowCounts::default();
        self.phase = Phase::Idle;
        self.committed = None;
    }

    /// Takes a row in. It is judged by the watermark as it was when the epoch began.
    ///
    /// # Errors
    /// The row comes back if state has no room for it ([`PushError::Full`]; also under [`OnFull::EvictOldest`], since here is
    /// no place for the early window: use [`Query::push_with`]) or if a trigger is unfinished. A row that came back has been
    /// seen by the watermark: the next trigger closes what it may, and the row can be pushed again.
    ///
    /// [`OnFull::EvictOldest`]: crate::OnFull::EvictOldest
    pub fn push(&mut self, row: P::Row) -> Result<(), PushError<P::Row>> {
        self.push_with(row, &mut ())
    }

    /// Takes a row in, with a place for late rows, dropped rows and windows that leave early.
    ///
    /// # Errors
    /// As [`Query::push`].
    pub fn push_with<D: Side<P::Item, P::Output>>(
        &mut self,
        row: P::Row,
        side: &mut D,
    ) -> Result<(), PushError<P::Row>> {
        match self.push_ref(&row, side) {
            Ok(()) => Ok(()),
            Err(PushError::Full(())) => Err(PushError::Full(row)),
            Err(PushError::Unfinished(())) => Err(PushError::Unfinished(row)),
        }
    }

    /// Takes a row in that stays with its owner.
    ///
    /// # Errors
    /// As [`Query::push`], without the row.
    pub fn push_ref<D: Side<P::Item, P::Output>>(
        &mut self,
        row: &P::Row,
        side: &mut D,
    ) -> Result<(), PushError<()>> {
        self.rows.rows_in = self.rows.rows_in.wrapping_add(1);
        if self.phase != Phase::Idle {
            self.rows.refused = self.rows.refused.wrapping_add(1);
            return Err(PushError::Unfinished(()));
        }
        let epoch = self.current_epoch();
        // Rows handed back leave no trace in the order of arrival.
        let arrival = self.rows.rows_in.wrapping_sub(self.rows.refused);
        let mut side = CountedSide { side, early: 0 };
        let mut seen = None;
        let mut taken = None;
        let operator = self.plan.operator();
        let table = &mut self.table;
        let ran = self.plan.stages().run(row, &mut seen, &mut |row, at| {
            taken = Some(operator.push(table, row, at, arrival, &epoch, &mut side)?);
            Ok(())
        });
        self.rows.emitted = self.rows.emitted.wrapping_add(side.early);
        self.rows.emitted_early = self.rows.emitted_early.wrapping_add(side.early);
        // Also a row that is handed back has been seen: the watermark must be able to follow it, or full state would never
        // empty. It cannot make that row late, since its own window ends after it.
        if let Some(at) = seen {
            self.watermark.observe(at);
        }
        if ran == Err(NoRoom) {
            self.rows.refused = self.rows.refused.wrapping_add(1);
            return Err(PushError::Full(()));
        }
        self.rows.count(taken);
        Ok(())
    }

    /// Ends the epoch: moves the watermark to the highest event time seen less the delay, and gives the results to `sink`.
    ///
    /// `now` is processing time, for operators that look at it; windows of event time do not. `sink` may be any closure over
    /// the result that answers nothing or a `Result`.
    ///
    /// # Errors
    /// [`TriggerError`] with the sink's error. Nothing is lost: calling again goes on with the refused result, and until the
    /// trigger has ended rows and commits are refused.
    pub fn trigger<A: SinkAnswer>(
        &mut self,
        now: Timestamp,
        sink: impl FnMut(P::Output) -> A,
    ) -> Result<EpochEnd, TriggerError<A::Error>> {
        let _ = now;
        let to = self.delay().map_or(self.watermark.current(), |policy| self.watermark.next(policy.delay));
        self.end_epoch(to, sink)
    }

    /// Ends the epoch and every open window: as [`Query::trigger`] with the watermark at least at the end of the last open
    /// window. Rows pushed later are late for windows that end before that, also after a restart. Looks at all state.
    ///
    /// # Errors
    /// As [`Query::trigger`].
    pub fn drain<A: SinkAnswer>(
        &mut self,
        now: Timestamp,
        sink: impl FnMut(P::Output) -> A,
    ) -> Result<EpochEnd, TriggerError<A::Error>> {
        let _ = now;
        let next = self.delay().map_or(self.watermark.current(), |policy| self.watermark.next(policy.delay));
        self.end_epoch(next.max(self.plan.operator().last_close(&self.table)), sink)
    }

    fn end_epoch<A: SinkAnswer>(
        &mut self,
        to: Option<Timestamp>,
        mut sink: impl FnMut(P::Output) -> A,
    ) -> Result<EpochEnd, TriggerError<A::Error>> {
        // An interrupted trigger that is drained goes on as a drain.
        match &mut self.phase {
            Phase::Idle => self.phase = Phase::Results { cursor: Cursor::default(), to },
            Phase::Results { to: begun, .. } => *begun = (*begun).max(to),
            Phase::Closing => self.watermark.advance(to),
        }
        let before = self.rows.emitted;
        let mut emitted = before;
        let mut give = |row| {
            sink(row).into_result().map_err(TriggerError)?;
            emitted = emitted.wrapping_add(1);
            Ok(())
        };
        let ended = self.run_phases(&mut give);
        self.rows.emitted = emitted;
        ended?;
        self.phase = Phase::Idle;
        self.epoch = self.epoch.wrapping_add(1);
        Ok(EpochEnd {
            epoch: self.epoch,
            watermark: self.watermark.current(),
            emitted: emitted.wrapping_sub(before),
        })
    }

    fn run_phases<E>(&mut self, give: &mut impl FnMut(P::Output) -> Result<(), E>) -> Result<(), E> {
        let operator = self.plan.operator();
        if let Phase::Results { mut cursor, to } = self.phase {
            let epoch = self.current_epoch();
            let given = match epoch.mode {
                OutputMode::Append => Ok(()),
                OutputMode::Update => operator.results_changed(&mut self.table, &epoch, &mut cursor, give),
                OutputMode::Complete => operator.results_all(&self.table, &mut cursor, give),
            };
            if let Err(refused) = given {
                self.phase = Phase::Results { cursor, to };
                return Err(refused);
            }
            self.watermark.advance(to);
            self.phase = Phase::Closing;
        }
        let epoch = self.current_epoch();
        operator.close(&mut self.table, &epoch, give)
    }

    /// The event time that a row must reach before the next trigger has anything to give out: until then, a device whose rows
    /// carry the time of day can sleep.
    ///
    /// [`Timestamp::MIN`] if there is something now: changed groups in update mode, always in complete mode and for an
    /// aggregate over all rows. `None` if nothing will come without new rows.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let waiting = match self.plan.mode() {
            OutputMode::Append => false,
            OutputMode::Update => P::Operator::ALWAYS_GIVES || self.table.first_changed().is_some(),
            OutputMode::Complete => true,
        };
        if waiting || self.phase != Phase::Idle {
            return Some(Timestamp::MIN);
        }
        if self.plan.mode() == OutputMode::Update {
            // Closed windows leave silently.
            return None;
        }
        let close = self.plan.operator().next_close(&self.table)?;
        Some(close + self.delay()?.delay)
    }

    /// Where the query stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            epoch: self.epoch,
            watermark: self.watermark.current(),
            event_time_max: self.watermark.highest(),
            rows: self.rows,
            state_rows: self.table.len(),
            state_capacity: self.table.capacity(),
        }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &'q P {
        self.plan
    }

    pub(super) fn current_epoch(&self) -> Epoch {
        Epoch {
            watermark: self.watermark.current(),
            mode: self.plan.mode(),
            on_full: match (self.plan.full_policy(), self.plan.mode()) {
                (OnFull::EvictOldest, OutputMode::Update | OutputMode::Complete) => OnFull::Refuse,
                (policy, _) => policy,
            },
            given_early: self.rows.emitted_early > 0,
        }
    }

    #[cfg(feature = "alloc")]
    pub(super) fn forget_initial_watermark(&mut self) {
        self.watermark = Watermark::default();
    }

    fn delay(&self) -> Option<WatermarkPolicy> {
        self.plan.stages().watermark()
    }
}

impl RowCounts {
    /// Counts a row by what became of it; `None` is a row that did not reach the operator.
    fn count(&mut self, taken: Option<Taken>) {
        let (counter, late_windows) = match taken {
            None => (&mut self.filtered, 0),
            Some(Taken::Used { late_windows }) => (&mut self.used, late_windows),
            Some(Taken::Late { late_windows }) => (&mut self.late, late_windows),
            Some(Taken::WithoutWindow) => (&mut self.without_window, 0),
            Some(Taken::Dropped) => (&mut self.dropped, 0),
        };
        *counter = counter.wrapping_add(1);
        self.late_windows = self.late_windows.wrapping_add(late_windows);
    }
}

/// Counts what a side output accepts.
struct CountedSide<'d, D> {
    side: &'d mut D,
    early: u64,
}

impl<T: ?Sized, O, D: Side<T, O>> Side<T, O> for CountedSide<'_, D> {
    fn late(&mut self, row: LateRow<'_, T>) {
        self.side.late(row);
    }

    fn dropped(&mut self, row: &T) {
        self.side.dropped(row);
    }

    fn early(&mut self, row: O) -> Result<(), NotNow> {
        self.side.early(row)?;
        self.early = self.early.wrapping_add(1);
        Ok(())
    }
}
