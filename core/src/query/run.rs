//! A running query: rows in, epochs, results out.

use core::fmt;

use super::checkpoint::CommitHead;
use super::error::{PushError, SinkAnswer, TriggerError};
use super::phase::Phase;
use super::plan::QueryPlan;
use super::progress::{OperatorProgress, Progress, RowCounts};
use crate::checkpoint::Past;
use crate::operator::{
    Arriving, Epoch, LateRow, NotNow, OnFull, Operator, OutputMode, Refused, Side, Stages, Taken,
};
use crate::state::{Occupancy, Shape, SlotIndex, Tables};
use crate::time::Timestamp;
use crate::watermark::Marks;

/// A plan with state: the engine.
///
/// The life of an epoch is: any number of [`push`](Query::push), one [`trigger`](Query::trigger), and a
/// [`commit`](Query::commit) where the results so far shall survive a power cut. The engine never reads a clock, never waits
/// and never allocates.
pub struct Query<'q, P: QueryPlan, I: SlotIndex> {
    pub(super) plan: &'q P,
    pub(super) tables: TablesOf<'q, P, I>,
    pub(super) marks: MarksOf<P>,
    /// What a commit holds beside tables and marks.
    pub(super) head: CommitHead,
    /// What happens when state is full.
    on_full: OnFull,
    pub(super) phase: Phase,
    /// The last commit, as its log has it.
    pub(super) committed: Option<Past>,
}

/// The tables of the plan `P`.
type TablesOf<'q, P, I> = <<P as QueryPlan>::Shape as Shape>::Tables<'q, I>;

/// What the stages of the plan `P` remember.
pub(super) type MarksOf<P> = <<P as QueryPlan>::Stages as Stages<<P as QueryPlan>::Row>>::Marks;

/// An epoch has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EpochEnd {
    /// Its number, counted from 1.
    pub epoch: u64,
    /// The watermark from now on.
    pub watermark: Option<Timestamp>,
    /// Results given out by this call.
    pub emitted: u64,
}

impl<P: QueryPlan, I: SlotIndex> fmt::Debug for Query<'_, P, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

impl<'q, P: QueryPlan, I: SlotIndex> Query<'q, P, I> {
    pub(super) fn new(plan: &'q P, mut tables: TablesOf<'q, P, I>) -> Self {
        plan.operator().prepare(&mut tables, plan.mode());
        let mut query = Self {
            plan,
            tables,
            marks: Default::default(),
            head: CommitHead::default(),
            on_full: plan.full_policy(),
            phase: Phase::Idle,
            committed: None,
        };
        query.reset();
        query
    }

    /// Back to the beginning: no rows, no state.
    pub(super) fn reset(&mut self) {
        self.tables.clear();
        self.marks = Default::default();
        let watermark = self.plan.stages().reached(&self.marks).time();
        self.head = CommitHead { watermark, ..CommitHead::default() };
        self.phase = Phase::Idle;
        self.committed = None;
    }

    /// Takes a row in. It is judged by the watermark as it was when the epoch began.
    ///
    /// For queries whose results come at a trigger. Where a row alone makes a result (deduplication, queries without state), this does not
    /// compile: [`Query::push_to`] has a place for it.
    ///
    /// ```compile_fail
    /// use headwater::{QueryPlan, Stream, state::NoState};
    ///
    /// let plan = Stream::<i32>::new().append();
    /// let mut state = NoState::<u16>::EMPTY;
    /// plan.bind(&mut state).push(1).ok();
    /// ```
    ///
    /// # Errors
    /// The row comes back if state has no room for it ([`PushError::Full`]; also under [`OnFull::EvictOldest`], since here is
    /// no place for the early window: use [`Query::push_with`]) or if a trigger is unfinished. A row that came back has been
    /// seen by the watermark: the next trigger closes what it may, and the row can be pushed again.
    ///
    /// [`OnFull::EvictOldest`]: crate::OnFull::EvictOldest
    pub fn push(&mut self, row: P::Row) -> Result<(), PushError<P::Row>> {
        const {
            assert!(
                !P::Operator::GIVES_AT_PUSH,
                "rows make results at once here: use push_to, which has a place for them"
            );
        }
        self.push_with(row, &mut ())
    }

    /// Takes a row in, and gives what it makes at once (deduplicated rows, rows of a query without state, windows given early) to
    /// `sink`, a closure that answers nothing or a `Result`.
    ///
    /// # Errors
    /// As [`Query::push`]; [`PushError::Blocked`] if the sink refused.
    pub fn push_to<A: SinkAnswer>(
        &mut self,
        row: P::Row,
        sink: impl FnMut(P::Output) -> A,
    ) -> Result<(), PushError<P::Row>> {
        self.push_with(row, &mut ToSink(sink))
    }

    /// Takes a row in, with a place for all that may leave at once: results, late rows, dropped rows and windows given early.
    ///
    /// # Errors
    /// As [`Query::push_to`].
    pub fn push_with<D: Side<P::Item, P::Output>>(
        &mut self,
        row: P::Row,
        side: &mut D,
    ) -> Result<(), PushError<P::Row>> {
        self.push_ref(&row, side).map_err(|error| error.with(row))
    }

    /// Takes a row in that stays with its owner.
    ///
    /// # Errors
    /// As [`Query::push_with`], without the row.
    pub fn push_ref<D: Side<P::Item, P::Output>>(
        &mut self,
        row: &P::Row,
        side: &mut D,
    ) -> Result<(), PushError<()>> {
        self.head.rows.rows_in = self.head.rows.rows_in.wrapping_add(1);
        if self.phase != Phase::Idle {
            self.head.rows.refused = self.head.rows.refused.wrapping_add(1);
            return Err(PushError::Unfinished(()));
        }
        let epoch = self.epoch_at(self.head.watermark, self.head.watermark);
        let mut side = CountedSide { side, given: 0, early: 0 };
        let mut number = 0_u32;
        // A row that comes out as one at most is never taken in part, so that what became of it need not outlive this call.
        let in_part = <P::Stages as Stages<P::Row>>::MULTIPLIES;
        let passed_over = if in_part { self.head.taken } else { 0 };
        let mut became = if in_part { self.head.became } else { None };
        let (operator, tables, arrived) = (self.plan.operator(), &mut self.tables, &mut self.head.arrived);
        // Also a row that is handed back has been seen by the watermark: it must be able to follow it, or full state would never
        // empty. It cannot make that row late, since its own window ends after it.
        let ran = self.plan.stages().run(row, None, &mut self.marks, &mut |row, at| {
            if number < passed_over {
                number = number.wrapping_add(1);
                return Ok(());
            }
            let arrival = arrived.wrapping_add(1);
            let taken = operator.push(tables, &Arriving { row, at, arrival }, &epoch, &mut side)?;
            // Rows handed back leave no trace in the order of arrival.
            *arrived = arrival;
            number = number.wrapping_add(1);
            became = Some(match became {
                Some(before) if in_part => before.and(taken),
                _ => taken,
            });
            Ok(())
        });
        let (given, early) = (side.given, side.early);
        if given > 0 || early > 0 {
            self.head.rows.emitted = self.head.rows.emitted.wrapping_add(given).wrapping_add(early);
            self.head.rows.emitted_early = self.head.rows.emitted_early.wrapping_add(early);
        }
        let (number, became) = match ran {
            Ok(()) => {
                self.head.rows.count(became);
                (0, None)
            }
            Err(_) => (number, became),
        };
        if in_part {
            (self.head.taken, self.head.became) = (number, became);
        }
        ran.map_err(|refused| {
            self.head.rows.refused = self.head.rows.refused.wrapping_add(1);
            match refused {
                _ if number > 0 || self.tables.is_partly() => PushError::Partly(()),
                Refused::NoRoom => PushError::Full(()),
                Refused::NotNow => PushError::Blocked(()),
            }
        })
    }

    /// Ends the epoch: moves the watermark to the highest event time seen less the delay, and gives the results to `sink`.
    ///
    /// `now` is processing time, for operators that look at it and inputs that can be idle; windows of event time do not. `sink` may be
    /// any closure over the result that answers nothing or a `Result`.
    ///
    /// # Errors
    /// [`TriggerError`] with the sink's error. Nothing is lost: calling again goes on with the refused result, and until the
    /// trigger has ended rows and commits are refused.
    pub fn trigger<A: SinkAnswer>(
        &mut self,
        now: Timestamp,
        sink: impl FnMut(P::Output) -> A,
    ) -> Result<EpochEnd, TriggerError<A::Error>> {
        self.end_epoch(now, false, sink)
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
        self.end_epoch(now, true, sink)
    }

    // Once for both of its callers: an operator's `results` and `close` are in it.
    #[inline(never)]
    fn end_epoch<A: SinkAnswer>(
        &mut self,
        now: Timestamp,
        drain: bool,
        mut sink: impl FnMut(P::Output) -> A,
    ) -> Result<EpochEnd, TriggerError<A::Error>> {
        self.begin_phases(now, drain);
        let before = self.head.rows.emitted;
        let mut emitted = before;
        let mut give = |row, _at: Option<Timestamp>| {
            sink(row).into_result().map_err(TriggerError::Sink)?;
            emitted = emitted.wrapping_add(1);
            Ok(())
        };
        let ended: Result<(), TriggerError<A::Error>> = self.run_phases(&mut give);
        self.head.rows.emitted = emitted;
        ended?;
        self.phase = Phase::Idle;
        self.head.epoch = self.head.epoch.wrapping_add(1);
        Ok(EpochEnd {
            epoch: self.head.epoch,
            watermark: self.head.watermark,
            emitted: emitted.wrapping_sub(before),
        })
    }

    /// Decides where the watermark goes.
    fn begin_phases(&mut self, now: Timestamp, drain: bool) {
        let stages = self.plan.stages();
        let mut reached = None;
        if self.phase == Phase::Idle {
            stages.tick(&mut self.marks, now);
            reached = stages.reached(&self.marks).time();
        }
        if drain {
            reached = reached.max(self.plan.operator().last_close(&self.tables));
        }
        self.phase.begin(&mut self.head, now, drain, reached);
    }

    fn run_phases<E: From<crate::operator::Full>>(
        &mut self,
        give: &mut impl FnMut(P::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let operator = self.plan.operator();
        let mut epoch = self.epoch_at(self.head.watermark, self.head.watermark);
        if let Phase::Results { cursor, .. } = &mut self.phase {
            operator.results(&mut self.tables, &epoch, cursor, give)?;
            self.phase.close(&mut self.head);
        }
        // A drain closes what the first of several operators gave the next one, and so on to the last.
        while let Phase::Closing { before, drain, .. } = self.phase {
            (epoch.watermark, epoch.closing) = (before, self.head.watermark);
            operator.close(&mut self.tables, &epoch, give)?;
            let left = if drain { operator.last_close(&self.tables) } else { None };
            if !self.phase.goes_on(&mut self.head, left, P::Operator::DEPTH) {
                break;
            }
        }
        Ok(())
    }

    /// The event time that a row must reach before the next trigger has anything to give out: until then, a device whose rows
    /// carry the time of day can sleep.
    ///
    /// [`Timestamp::MIN`] if there is something now: changed groups in update mode, always in complete mode and for an
    /// aggregate over all rows. `None` if nothing will come without new rows.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let waiting = match self.plan.mode() {
            OutputMode::Complete => true,
            OutputMode::Update if P::Operator::ALWAYS_GIVES => true,
            OutputMode::Append | OutputMode::Update => self.tables.has_changed(),
        };
        if waiting || self.phase != Phase::Idle {
            return Some(Timestamp::MIN);
        }
        let result = self.plan.operator().next_result(&self.tables, self.plan.mode())?;
        Some(result + self.plan.stages().delay()?)
    }

    /// The processing time at which a timer of [`process`](crate::Grouped::process) fires; `None` if none is set.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.plan.operator().next_timer(&self.tables)
    }

    /// Where the query stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let mut total = Occupancy::default();
        self.tables.occupancy(&mut |table| {
            total.records = total.records.saturating_add(table.records);
            total.capacity = total.capacity.saturating_add(table.capacity);
        });
        Progress {
            epoch: self.head.epoch,
            watermark: self.head.watermark,
            event_time_max: self.marks.highest(),
            rows: self.head.rows,
            state_rows: total.records,
            state_capacity: total.capacity,
        }
    }

    /// Tells how full each table is, in the order rows go through the operators.
    pub fn occupancy(&self, mut tell: impl FnMut(Occupancy)) {
        self.tables.occupancy(&mut tell);
    }

    /// Tells where each operator stands, in the order rows go through them: how full it is, and what became of the rows that the operator
    /// before gave it. Costs no look at the state.
    ///
    /// ```
    /// use headwater::aggregate::{Count, Max, count, max};
    /// use headwater::{QueryPlan, Span, Stream, Timestamp, WindowRow, WindowState, state::Chained, window::Tumbling};
    ///
    /// // The busiest minute of each hour.
    /// let plan = Stream::<Timestamp>::new()
    ///     .with_watermark(|at| *at, Span::secs(5))
    ///     .window(Tumbling::of(Span::mins(1)))
    ///     .aggregate(count())
    ///     .then()
    ///     .window(Tumbling::of(Span::hours(1)))
    ///     .aggregate(max(|minute: &WindowRow<(), u64>| minute.value))
    ///     .append();
    /// type Minutes = WindowState<(), Count, 4>;
    /// type Hours = WindowState<(), Max<u64>, 2>;
    /// let mut state = Chained::<Minutes, Hours>::default();
    /// let mut query = plan.bind(&mut state);
    /// for second in [10, 20, 70, 130] {
    ///     query.push(Timestamp::from_secs(second))?;
    /// }
    /// query.trigger(Timestamp::EPOCH, |_| ())?;
    ///
    /// let mut operators = Vec::new();
    /// query.operators(|operator| operators.push(operator));
    /// assert_eq!((operators[0].occupancy.records, operators[0].link), (1, None));
    /// let hours = operators[1].link.unwrap();
    /// assert_eq!((hours.rows_in, hours.used), (2, 2), "two minutes have closed");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn operators(&self, mut tell: impl FnMut(OperatorProgress)) {
        self.tables.operators(None, &mut |occupancy, link| tell(OperatorProgress { occupancy, link }));
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &'q P {
        self.plan
    }

    /// The epoch in which rows are judged by `watermark` and records close by `closing`.
    pub(super) fn epoch_at(&self, watermark: Option<Timestamp>, closing: Option<Timestamp>) -> Epoch {
        Epoch {
            watermark,
            closing,
            mode: self.plan.mode(),
            on_full: self.on_full,
            given_early: self.head.rows.emitted_early > 0,
            now: self.head.now,
        }
    }

    /// Whether a table has no room for another record.
    #[cfg(feature = "alloc")]
    pub(super) fn has_full_table(&self) -> bool {
        let mut full = false;
        self.tables.occupancy(&mut |table| full |= table.records >= table.capacity);
        full
    }

    /// Readies it for a batch: nothing is late, and no row is dropped or leaves early unnoticed.
    #[cfg(feature = "alloc")]
    pub(super) fn prepare_batch(&mut self) {
        self.head.watermark = None;
        self.on_full = OnFull::Refuse;
    }
}

impl RowCounts {
    /// Counts a row by what became of it; `None` is a row that did not reach the operator.
    fn count(&mut self, taken: Option<Taken>) {
        let counter = match taken {
            None => &mut self.filtered,
            Some(Taken::Used { late_windows: 0 }) => &mut self.used,
            Some(Taken::Used { late_windows }) => {
                self.late_windows = self.late_windows.wrapping_add(late_windows);
                &mut self.used
            }
            Some(Taken::Late { late_windows }) => {
                self.late_windows = self.late_windows.wrapping_add(late_windows);
                &mut self.late
            }
            Some(Taken::WithoutWindow) => &mut self.without_window,
            Some(Taken::Duplicate) => &mut self.duplicate,
            Some(Taken::Dropped) => &mut self.dropped,
        };
        *counter = counter.wrapping_add(1);
    }
}

/// Counts what a side output accepts.
struct CountedSide<'d, D> {
    side: &'d mut D,
    given: u64,
    early: u64,
}

impl<T: ?Sized, O, D: Side<T, O>> Side<T, O> for CountedSide<'_, D> {
    fn late(&mut self, row: LateRow<'_, T>) {
        self.side.late(row);
    }

    fn dropped(&mut self, row: &T) {
        self.side.dropped(row);
    }

    fn early_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        self.side.early_at(row, at)?;
        self.early = self.early.wrapping_add(1);
        Ok(())
    }

    fn give_at(&mut self, row: O, at: Option<Timestamp>) -> Result<(), Refused> {
        self.side.give_at(row, at)?;
        self.given = self.given.wrapping_add(1);
        Ok(())
    }
}

/// Gives what leaves at a push to a sink.
struct ToSink<F>(F);

impl<T: ?Sized, O, A: SinkAnswer, F: FnMut(O) -> A> Side<T, O> for ToSink<F> {
    fn early(&mut self, row: O) -> Result<(), NotNow> {
        (self.0)(row).into_result().map_err(|_| NotNow)
    }

    fn give(&mut self, row: O) -> Result<(), NotNow> {
        (self.0)(row).into_result().map_err(|_| NotNow)
    }
}
