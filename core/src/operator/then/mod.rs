//! Two operators in a row: what the first gives out goes through stateless stages into the second.
//!
//! The first gives each result once (append mode), unless the second only passes rows on. The second judges rows by the watermark
//! of the epoch's beginning and closes by that of its end, both held back by what the first may still give out; so nothing that the first
//! gives out is late for the second, and what closes in both closes in one epoch (Spark's rule, `WatermarkPropagator`).

mod sides;

use core::marker::PhantomData;

use super::{
    Arriving, Cursor, Epoch, Full, Modes, Operator, OperatorIdentity, OutputMode, Refused, Side, Stages,
    TablesOf, Taken,
};
use crate::state::{Chained, Link, LinkCounts, SlotIndex, Tables};
use crate::time::{Span, Timestamp, earlier};
use sides::{CountedEarly, Onward, Results, into_sink};

/// The operator `A`, the stages `S` over its results, and the operator `B`.
#[derive(Debug, Clone)]
pub struct Then<A, S, B> {
    pub(crate) first: A,
    pub(crate) between: S,
    pub(crate) second: B,
}

impl<A, S, B> Then<A, S, B> {
    /// The epoch as the first operator sees it. `X` is what the second takes.
    fn epoch_of_first<X>(epoch: &Epoch, link: &Link) -> Epoch
    where
        B: Operator<X>,
    {
        let mode = if B::STATELESS { epoch.mode } else { OutputMode::Append };
        Epoch { mode, given_early: epoch.given_early || link.counts.early > 0, ..*epoch }
    }

    /// The epoch as the second operator sees it.
    fn epoch_of_second<T: ?Sized>(&self, epoch: &Epoch, link: &Link) -> Epoch
    where
        A: Operator<T>,
    {
        let given_early = epoch.given_early || link.counts.early > 0;
        Epoch { given_early, ..epoch.held_back(self.first.trails()) }
    }

    /// Gives a result of the first operator to the second. Of the rows that the stages make of it, those taken when it was
    /// given before are passed over.
    fn pass_on<X, I, D>(
        &self,
        second: &mut TablesOf<'_, B, S::Out, I>,
        link: &mut Link,
        epoch: &Epoch,
        (row, at): (&X, Option<Timestamp>),
        side: &mut D,
    ) -> Result<(), Refused>
    where
        S: Stages<X, Marks = ()>,
        B: Operator<S::Out>,
        I: SlotIndex,
        D: Side<S::Out, B::Output>,
    {
        let mut number = 0_u32;
        let mut side = CountedEarly { side, early: 0 };
        let passed = self.between.run(row, at, &mut (), &mut |row, at| {
            number = number.wrapping_add(1);
            if number <= link.taken {
                return Ok(());
            }
            let arriving = Arriving { row, at, arrival: link.counts.rows_in.wrapping_add(1) };
            let taken = self.second.push(second, &arriving, epoch, &mut side)?;
            link.counts.count(Some(taken));
            link.taken = number;
            Ok(())
        });
        link.counts.early = link.counts.early.wrapping_add(side.early);
        if passed.is_ok() {
            if number == 0 {
                link.counts.count(None);
            }
            link.taken = 0;
        }
        passed
    }
}

impl<T, A, S, B> Operator<T> for Then<A, S, B>
where
    T: ?Sized,
    A: Operator<T>,
    S: Stages<A::Output, Marks = ()>,
    B: Operator<S::Out>,
{
    type Shape = Chained<A::Shape, B::Shape>;
    type Output = B::Output;
    const DEPTH: u8 = A::DEPTH.saturating_add(B::DEPTH);
    const ALWAYS_GIVES: bool = A::ALWAYS_GIVES || B::ALWAYS_GIVES;
    const GIVES_AT_PUSH: bool = A::GIVES_AT_PUSH && B::GIVES_AT_PUSH;
    const MODES: Modes = if B::STATELESS {
        A::MODES
    } else {
        Modes {
            append: A::MODES.append && B::MODES.append,
            update: A::MODES.is_once() && B::MODES.update,
            complete: A::MODES.is_once() && B::MODES.complete,
        }
    };

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        self.first.identify(tell);
        self.second.identify(tell);
    }

    fn prepare<I: SlotIndex>(&self, tables: &mut TablesOf<'_, Self, T, I>, mode: OutputMode) {
        let first = if B::STATELESS { mode } else { OutputMode::Append };
        self.first.prepare::<I>(&mut tables.first, first);
        self.second.prepare::<I>(&mut tables.second, mode);
    }

    fn push<I: SlotIndex, D: Side<T, Self::Output>>(
        &self,
        tables: &mut TablesOf<'_, Self, T, I>,
        arriving: &Arriving<'_, T>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        let mut epoch_of_first = Self::epoch_of_first::<S::Out>(epoch, tables.link);
        if A::GIVES_AT_PUSH && tables.link.taken > 0 {
            // This row made a result that was taken in part. The rest must follow, though a trigger in between has made the row late.
            epoch_of_first.watermark = None;
        }
        let epoch = self.epoch_of_second::<T>(epoch, tables.link);
        let (second, link) = (&mut tables.second, &mut *tables.link);
        let mut onward = Onward {
            side,
            give: |row: A::Output, at, early, side: &mut D| {
                // A window that leaves early and is only passed on is early for the query too.
                let mut results = Results { side, early: early && B::STATELESS, rows: PhantomData };
                self.pass_on::<_, I, _>(second, link, &epoch, (&row, at), &mut results)
            },
            early: 0,
            results: PhantomData,
        };
        let pushed = self.first.push(&mut tables.first, arriving, &epoch_of_first, &mut onward);
        let early = onward.early;
        tables.link.counts.early = tables.link.counts.early.wrapping_add(early);
        pushed
    }

    fn results<I: SlotIndex, E: From<Full>>(
        &self,
        tables: &mut TablesOf<'_, Self, T, I>,
        epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let epoch_of_first = Self::epoch_of_first::<S::Out>(epoch, tables.link);
        let epoch = self.epoch_of_second::<T>(epoch, tables.link);
        if cursor.stage < A::DEPTH {
            let (second, link) = (&mut tables.second, &mut *tables.link);
            self.first.results(&mut tables.first, &epoch_of_first, cursor, &mut |row, at| {
                into_sink(sink, |side| self.pass_on::<_, I, _>(second, link, &epoch, (&row, at), side))
            })?;
            *cursor = Cursor { stage: A::DEPTH, ..Cursor::default() };
        }
        cursor.stage = cursor.stage.saturating_sub(A::DEPTH);
        let given = self.second.results(&mut tables.second, &epoch, cursor, sink);
        cursor.stage = cursor.stage.saturating_add(A::DEPTH);
        given
    }

    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        tables: &mut TablesOf<'_, Self, T, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(Self::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let epoch_of_first = Self::epoch_of_first::<S::Out>(epoch, tables.link);
        let epoch = self.epoch_of_second::<T>(epoch, tables.link);
        let (second, link) = (&mut tables.second, &mut *tables.link);
        self.first.close(&mut tables.first, &epoch_of_first, &mut |row, at| {
            into_sink(sink, |side| self.pass_on::<_, I, _>(second, link, &epoch, (&row, at), side))
        })?;
        // In update mode groups leave silently, and in a drain there may be no later trigger: so what the first has just changed comes
        // now (in Spark, in the batch without data that the new watermark brings).
        if epoch.mode == OutputMode::Update && tables.second.has_changed() {
            self.second.results(&mut tables.second, &epoch, &mut Cursor::default(), sink)?;
        }
        self.second.close(&mut tables.second, &epoch, sink)
    }

    fn next_close<I: SlotIndex>(&self, tables: &TablesOf<'_, Self, T, I>) -> Option<Timestamp> {
        let first = self.first.next_close(&tables.first);
        let second = self.second.next_close(&tables.second).map(|at| at + self.first.trails());
        earlier(first, second)
    }

    fn next_result<I: SlotIndex>(
        &self,
        tables: &TablesOf<'_, Self, T, I>,
        mode: OutputMode,
    ) -> Option<Timestamp> {
        let mode_of_first = if B::STATELESS { mode } else { OutputMode::Append };
        let first = self.first.next_result(&tables.first, mode_of_first);
        let second = self.second.next_result(&tables.second, mode).map(|at| at + self.first.trails());
        earlier(first, second)
    }

    fn last_close<I: SlotIndex>(&self, tables: &TablesOf<'_, Self, T, I>) -> Option<Timestamp> {
        let second = self.second.last_close(&tables.second).map(|at| at + self.first.trails());
        self.first.last_close(&tables.first).max(second)
    }

    fn next_timer<I: SlotIndex>(&self, tables: &TablesOf<'_, Self, T, I>) -> Option<Timestamp> {
        earlier(self.first.next_timer(&tables.first), self.second.next_timer(&tables.second))
    }

    fn trails(&self) -> Span {
        self.first.trails().saturating_add(self.second.trails())
    }

    fn restored<I: SlotIndex>(&self, tables: &mut TablesOf<'_, Self, T, I>, epoch: &Epoch) {
        let epoch_of_first = Self::epoch_of_first::<S::Out>(epoch, tables.link);
        self.first.restored(&mut tables.first, &epoch_of_first);
        // What the second has closed goes by the closing watermark. Its rows are judged by one a microsecond earlier (`Epoch::held_back`).
        let epoch = self.epoch_of_second::<T>(epoch, tables.link);
        self.second.restored(&mut tables.second, &Epoch { watermark: epoch.closing, ..epoch });
    }
}

impl LinkCounts {
    /// Counts a row by what became of it; `None` is one that a stage removed.
    fn count(&mut self, taken: Option<Taken>) {
        self.rows_in = self.rows_in.wrapping_add(1);
        let (counter, late_windows) = match taken {
            None => (&mut self.filtered, 0),
            Some(Taken::Used { late_windows }) => (&mut self.used, late_windows),
            Some(Taken::Late { late_windows }) => (&mut self.late, late_windows),
            Some(Taken::WithoutWindow) => (&mut self.without_window, 0),
            Some(Taken::Duplicate) => (&mut self.duplicate, 0),
            Some(Taken::Dropped) => (&mut self.dropped, 0),
        };
        *counter = counter.wrapping_add(1);
        self.late_windows = self.late_windows.wrapping_add(late_windows);
    }
}
