//! The join of two streams: rows of both sides are held, and matched in the epoch in which the later of two comes.

mod buffered;
mod kind;
mod matching;
mod range;

pub use buffered::{BufferOrder, Buffered, ByArrival, ByTime};
pub use kind::{FullOuter, Inner, JoinKind, JoinType, LeftOuter, LeftSemi, RightOuter};
pub use range::{AnyTime, JoinRange, Leaves, Positions, TimeRange};

use super::full::make_room;
use super::{
    Arriving, Cursor, Either, Epoch, Full, JoinKey, LateRow, Modes, OnFull, Operator, OperatorIdentity,
    OutputMode, Refused, Side, TablesOf, Taken, WindowShape,
};
use crate::aggregate::Stored;
use crate::state::{Key, Keyed, SlotIndex, Table, Tables};
use crate::time::{Span, Timestamp};
use matching::Rows;

/// The join of the rows of two inputs with equal keys by `KL` and `KR`, in the range `W`, under the condition `C`. `J` says which rows come
/// out.
///
/// Rows are stored as they come, each once; the pairs come at the trigger. Costs: a row that comes walks back over the rows of its own
/// side and key that are later than it, to be stored, and over the rows of the other side and key that are not earlier than its range, to
/// be matched. With `n` rows of a key in range, an epoch of `m` new ones costs `m * n` steps and as many results at worst.
#[derive(Debug, Clone)]
pub struct StreamJoin<KL, KR, C, W, J> {
    pub(crate) left_key: KL,
    pub(crate) right_key: KR,
    pub(crate) condition: C,
    pub(crate) range: W,
    pub(crate) kind: J,
    /// The policy named for these buffers; `None`: the plan's.
    pub(crate) on_full: Option<OnFull>,
}

impl<KL, KR, C, W: JoinRange, J> StreamJoin<KL, KR, C, W, J> {
    /// The epoch as to full state. Results come once, so a row may leave early in update mode as in append mode.
    fn when_full(&self, epoch: &Epoch) -> Epoch {
        Epoch { mode: OutputMode::Append, on_full: self.on_full.unwrap_or(epoch.on_full), ..*epoch }
    }

    /// Lets the left row go that would leave first, unless a pair of it is still to be given.
    fn evict_left<L, R, K, I, D>(
        &self,
        lefts: &mut Rows<'_, K, L, W, I>,
        rights: &Rows<'_, K, R, W, I>,
        side: &mut D,
    ) -> Result<(), Refused>
    where
        K: Key,
        L: Stored,
        R: Stored,
        C: Fn(&L, &R) -> bool,
        J: JoinKind<L, R>,
        I: SlotIndex,
        D: Side<Either<L, R>, J::Output>,
    {
        let left = lefts.earliest().ok_or(Refused::NoRoom)?;
        if self.left_waits(left, lefts, rights) {
            return Err(Refused::NoRoom);
        }
        let (_, held) = lefts.record(left).ok_or(Refused::NoRoom)?;
        if !held.matched
            && let Some(result) = self.kind.left_alone(&held.row)
        {
            side.early_at(result, held.at())?;
        }
        lefts.remove(left);
        Ok(())
    }

    /// Lets the right row go that would leave first, unless a pair of it is still to be given.
    fn evict_right<L, R, K, I, D>(
        &self,
        lefts: &Rows<'_, K, L, W, I>,
        rights: &mut Rows<'_, K, R, W, I>,
        side: &mut D,
    ) -> Result<(), Refused>
    where
        K: Key,
        L: Stored,
        R: Stored,
        C: Fn(&L, &R) -> bool,
        J: JoinKind<L, R>,
        I: SlotIndex,
        D: Side<Either<L, R>, J::Output>,
    {
        let right = rights.earliest().ok_or(Refused::NoRoom)?;
        if self.right_waits(right, lefts, rights) {
            return Err(Refused::NoRoom);
        }
        let (_, held) = rights.record(right).ok_or(Refused::NoRoom)?;
        if !held.matched
            && let Some(result) = self.kind.right_alone(&held.row)
        {
            side.early_at(result, held.at())?;
        }
        rights.remove(right);
        Ok(())
    }
}

impl<L, R, K, NL, NR, KL, KR, C, W, J> Operator<Either<L, R>> for StreamJoin<KL, KR, C, W, J>
where
    L: Stored,
    R: Stored,
    K: Key,
    NL: JoinKey<Key = K>,
    NR: JoinKey<Key = K>,
    KL: Fn(&L) -> NL,
    KR: Fn(&R) -> NR,
    C: Fn(&L, &R) -> bool,
    W: JoinRange,
    J: JoinKind<L, R>,
{
    type Shape = (Keyed<Option<K>, Buffered<L, W::Order>>, Keyed<Option<K>, Buffered<R, W::Order>>);
    type Output = J::Output;
    const MODES: Modes = J::MODES;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let ([lower, upper], range) = self.range.identity();
        let kind = self.kind.join_type().number().saturating_add(range.saturating_mul(8));
        tell(OperatorIdentity::of::<Self::Shape>(WindowShape { kind: 7, micros: [lower, upper, kind] }));
    }

    /// Which rows are new must be known in every mode.
    fn prepare<I: SlotIndex>(&self, tables: &mut TablesOf<'_, Self, Either<L, R>, I>, _mode: OutputMode) {
        tables.track_changed(true);
    }

    fn push<I: SlotIndex, D: Side<Either<L, R>, J::Output>>(
        &self,
        (lefts, rights): &mut TablesOf<'_, Self, Either<L, R>, I>,
        &Arriving { row, at, arrival }: &Arriving<'_, Either<L, R>>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        if let Some(at) = at
            && epoch.is_closed(at)
        {
            side.late(LateRow { row, at, late_windows: 1, dropped: true });
            return Ok(Taken::Late { late_windows: 1 });
        }
        let epoch = self.when_full(epoch);
        let kind = self.kind.join_type();
        match row {
            Either::Left(left) => {
                let key = (self.left_key)(left).join_key();
                if !kind.keeps_left() && (key.is_none() || self.range.rights_of(at).is_none()) {
                    return Ok(Taken::WithoutWindow);
                }
                if lefts.len() >= lefts.capacity()
                    && !make_room(&epoch, row, side, |side| self.evict_left(lefts, rights, side))?
                {
                    return Ok(Taken::Dropped);
                }
                lefts.insert(key, Buffered::new(left.clone(), at, arrival)).map_err(|_| Refused::NoRoom)?;
            }
            Either::Right(right) => {
                let key = (self.right_key)(right).join_key();
                if !kind.keeps_right() && (key.is_none() || self.range.lefts_of(at).is_none()) {
                    return Ok(Taken::WithoutWindow);
                }
                if rights.len() >= rights.capacity()
                    && !make_room(&epoch, row, side, |side| self.evict_right(lefts, rights, side))?
                {
                    return Ok(Taken::Dropped);
                }
                rights.insert(key, Buffered::new(right.clone(), at, arrival)).map_err(|_| Refused::NoRoom)?;
            }
        }
        Ok(Taken::Used { late_windows: 0 })
    }

    /// Gives the pairs that the epoch's rows complete.
    fn results<I: SlotIndex, E: From<Full>>(
        &self,
        (lefts, rights): &mut TablesOf<'_, Self, Either<L, R>, I>,
        _epoch: &Epoch,
        cursor: &mut Cursor,
        sink: &mut impl FnMut(J::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(right) = rights.first_changed() {
            self.meet_new_right(right, (lefts, rights), cursor, sink)?;
            rights.pop_changed();
        }
        while let Some(left) = lefts.first_changed() {
            self.meet_new_left(left, (lefts, rights), cursor, sink)?;
            lefts.pop_changed();
        }
        Ok(())
    }

    /// Lets rows go that no row in time can match; those without a match come out with nulls where their side is kept.
    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        (lefts, rights): &mut TablesOf<'_, Self, Either<L, R>, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(J::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let leaves = |at| self.range.left_leaves(at).is_due(epoch);
        close_due(lefts, leaves, |left| self.kind.left_alone(left), sink)?;
        let leaves = |at| self.range.right_leaves(at).is_due(epoch);
        close_due(rights, leaves, |right| self.kind.right_alone(right), sink)
    }

    /// Only rows of a side that is kept come out when they leave.
    fn next_close<I: SlotIndex>(
        &self,
        (lefts, rights): &TablesOf<'_, Self, Either<L, R>, I>,
    ) -> Option<Timestamp> {
        let kind = self.kind.join_type();
        let left = first_time(lefts).filter(|_| kind.keeps_left());
        let right = first_time(rights).filter(|_| kind.keeps_right());
        let left = left.and_then(|at| self.range.left_leaves(Some(at)).watermark());
        let right = right.and_then(|at| self.range.right_leaves(Some(at)).watermark());
        match (left, right) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    fn last_close<I: SlotIndex>(
        &self,
        (lefts, rights): &TablesOf<'_, Self, Either<L, R>, I>,
    ) -> Option<Timestamp> {
        let left = last_time(lefts).and_then(|at| self.range.left_leaves(Some(at)).watermark());
        let right = last_time(rights).and_then(|at| self.range.right_leaves(Some(at)).watermark());
        left.max(right)
    }

    fn trails(&self) -> Span {
        self.range.trails()
    }
}

/// Removes the rows that are due, in order of event time; gives those first that are a result alone and had no match.
fn close_due<K: Key, T: Stored, B: BufferOrder, I: SlotIndex, O, E>(
    rows: &mut Table<'_, Option<K>, Buffered<T, B>, I>,
    leaves: impl Fn(Option<Timestamp>) -> bool,
    alone: impl Fn(&T) -> Option<O>,
    sink: &mut impl FnMut(O, Option<Timestamp>) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(slot) = rows.earliest() {
        let Some((_, held)) = rows.record(slot) else { break };
        if !leaves(held.at()) {
            break;
        }
        if !held.matched
            && let Some(result) = alone(&held.row)
        {
            sink(result, held.at())?;
        }
        rows.remove(slot);
    }
    Ok(())
}

/// The event time of the row that leaves first.
fn first_time<K: Key, T: Stored, B: BufferOrder, I: SlotIndex>(
    rows: &Table<'_, Option<K>, Buffered<T, B>, I>,
) -> Option<Timestamp> {
    rows.record(rows.earliest()?).and_then(|(_, held)| held.at())
}

/// The latest event time of all rows.
fn last_time<K: Key, T: Stored, B: BufferOrder, I: SlotIndex>(
    rows: &Table<'_, Option<K>, Buffered<T, B>, I>,
) -> Option<Timestamp> {
    rows.occupied_from(0).filter_map(|slot| rows.record(slot)).filter_map(|(_, held)| held.at()).max()
}
