//! The join of two streams: rows of both sides are held, and matched in the epoch in which the later of two comes.

mod buffered;
mod half;
mod kind;
mod matching;
mod range;

pub use buffered::{BufferOrder, Buffered, ByArrival, ByTime};
pub use kind::{FullOuter, Inner, JoinKind, JoinType, LeftOuter, LeftSemi, RightOuter};
pub use range::{AnyTime, JoinRange, Positions, Stay, TimeRange};

use super::full::make_room;
use super::results::discard_due;
use super::{
    Arriving, Cursor, Either, Epoch, Full, JoinKey, Modes, OnFull, Operator, OperatorIdentity, OutputMode,
    Refused, Side, TablesOf, Taken, WindowShape,
};
use crate::aggregate::Stored;
use crate::state::{Key, Keyed, Record, SlotIndex, Table, Tables};
use crate::time::{Span, Timestamp, earlier};
use half::{Half, LeftHalf, RightHalf};
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

    /// Puts a row among those of its half, unless it can match nothing or there is no room.
    fn hold<H, K, I, D>(
        &self,
        (owns, others): (&mut Rows<'_, K, H::Own, W, I>, &Rows<'_, K, H::Other, W, I>),
        (key, row): (Option<K>, &H::Own),
        arriving: &Arriving<'_, Either<H::Left, H::Right>>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused>
    where
        H: Half,
        K: Key,
        C: Fn(&H::Left, &H::Right) -> bool,
        J: JoinKind<H::Left, H::Right>,
        I: SlotIndex,
        D: Side<Either<H::Left, H::Right>, J::Output>,
    {
        let at = arriving.at;
        let must_match = !H::keeps(self.kind.join_type());
        if must_match && (key.is_none() || H::partners(&self.range, at).is_none()) {
            return Ok(Taken::WithoutWindow);
        }
        let is_full = owns.len() >= owns.capacity();
        let evict = |side: &mut D| self.evict::<H, K, I, D>(owns, others, side);
        if is_full && !make_room(&self.when_full(epoch), arriving.row, side, evict)? {
            return Ok(Taken::Dropped);
        }
        owns.insert(key, Buffered::new(row.clone(), at, arriving.arrival)).map_err(|_| Refused::NoRoom)?;
        Ok(Taken::Used { late_windows: 0 })
    }

    /// Lets the row of a half go that would leave first, unless a pair of it is still to be given.
    fn evict<H, K, I, D>(
        &self,
        owns: &mut Rows<'_, K, H::Own, W, I>,
        others: &Rows<'_, K, H::Other, W, I>,
        side: &mut D,
    ) -> Result<(), Refused>
    where
        H: Half,
        K: Key,
        C: Fn(&H::Left, &H::Right) -> bool,
        J: JoinKind<H::Left, H::Right>,
        I: SlotIndex,
        D: Side<Either<H::Left, H::Right>, J::Output>,
    {
        let earliest = owns.earliest().ok_or(Refused::NoRoom)?;
        if self.waits::<H, K, I>(earliest, owns, others) {
            return Err(Refused::NoRoom);
        }
        let (_, held) = owns.record(earliest).ok_or(Refused::NoRoom)?;
        if let Some(result) = self.unmatched::<H>(held) {
            side.early_at(result, held.at())?;
        }
        owns.remove(earliest);
        Ok(())
    }

    /// Removes the rows of a half that are due, in order of event time; gives those first that are a result alone and had no match.
    fn close_half<H, K, I, E>(
        &self,
        rows: &mut Rows<'_, K, H::Own, W, I>,
        epoch: &Epoch,
        sink: &mut impl FnMut(J::Output, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        H: Half,
        K: Key,
        J: JoinKind<H::Left, H::Right>,
        I: SlotIndex,
    {
        let Some(stay) = H::stay(&self.range) else { return Ok(()) };
        let up_to = stay.over_up_to(epoch.due_up_to());
        if !H::keeps(self.kind.join_type()) {
            discard_due(rows, up_to);
            return Ok(());
        }
        while let Some(slot) = rows.earliest() {
            let Some((_, held)) = rows.record(slot).filter(|(_, held)| held.deadline() <= up_to) else {
                break;
            };
            if let Some(result) = self.unmatched::<H>(held) {
                sink(result, held.at())?;
            }
            rows.remove(slot);
        }
        Ok(())
    }

    /// The result for a row alone that leaves, if it had no match and its half is kept.
    fn unmatched<H: Half>(&self, held: &Buffered<H::Own, W::Order>) -> Option<J::Output>
    where
        J: JoinKind<H::Left, H::Right>,
    {
        if held.matched { None } else { H::alone(&self.kind, &held.row) }
    }

    /// The watermark at which a row with this event time leaves, if it has one.
    fn leaves<H: Half>(&self, at: Option<Timestamp>) -> Option<Timestamp> {
        Some(H::stay(&self.range)?.end(at?))
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
        arriving: &Arriving<'_, Either<L, R>>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        if let Some(late) = arriving.late(epoch, side) {
            return Ok(late);
        }
        match arriving.row {
            Either::Left(row) => {
                let key = (self.left_key)(row).join_key();
                self.hold::<LeftHalf<L, R>, K, I, D>((lefts, rights), (key, row), arriving, epoch, side)
            }
            Either::Right(row) => {
                let key = (self.right_key)(row).join_key();
                self.hold::<RightHalf<L, R>, K, I, D>((rights, lefts), (key, row), arriving, epoch, side)
            }
        }
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
            self.meet::<RightHalf<L, R>, K, I, E>(right, (rights, lefts), cursor, sink)?;
            rights.pop_changed();
        }
        while let Some(left) = lefts.first_changed() {
            self.meet::<LeftHalf<L, R>, K, I, E>(left, (lefts, rights), cursor, sink)?;
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
        self.close_half::<LeftHalf<L, R>, K, I, E>(lefts, epoch, sink)?;
        self.close_half::<RightHalf<L, R>, K, I, E>(rights, epoch, sink)
    }

    /// Only rows of a side that is kept come out when they leave.
    fn next_close<I: SlotIndex>(
        &self,
        (lefts, rights): &TablesOf<'_, Self, Either<L, R>, I>,
    ) -> Option<Timestamp> {
        let kind = self.kind.join_type();
        let left = if kind.keeps_left() { self.leaves::<LeftHalf<L, R>>(first_time(lefts)) } else { None };
        let right =
            if kind.keeps_right() { self.leaves::<RightHalf<L, R>>(first_time(rights)) } else { None };
        earlier(left, right)
    }

    fn last_close<I: SlotIndex>(
        &self,
        (lefts, rights): &TablesOf<'_, Self, Either<L, R>, I>,
    ) -> Option<Timestamp> {
        let left = self.leaves::<LeftHalf<L, R>>(last_time(lefts));
        let right = self.leaves::<RightHalf<L, R>>(last_time(rights));
        left.max(right)
    }

    fn trails(&self) -> Span {
        self.range.trails()
    }
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
