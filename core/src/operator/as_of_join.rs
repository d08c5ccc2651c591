//! The as-of join: each left row with the latest right row of its key that is not later, within a tolerance.
//!
//! Spark Structured Streaming has none; the rule is that of pandas' `merge_asof`, backward, with a tolerance. A left row is answered when
//! the watermark reaches it: right rows that could come then would be late.
//!
//! Right rows that the watermark has not reached wait under their key. In order of time they become the *latest* of the key, one for each
//! key, which takes the place of the one before: so a left row finds its match in one look-up, and what a key keeps of the past is one
//! row, whatever the tolerance.

use core::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::full::has_room;
use super::results::last_end;
use super::{
    Arriving, Either, Epoch, Full, JoinKey, Modes, Operator, OperatorIdentity, Refused, Side, Taken,
    WindowShape,
};
use crate::aggregate::Stored;
use crate::state::{InOrder, Key, Keyed, Record, Schedule, SlotId, SlotIndex, Table};
use crate::time::{Span, Timestamp};

/// A left row that the watermark has not reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Waiting<L> {
    at: Timestamp,
    row: L,
}

impl<L: Stored> Record for Waiting<L> {
    type Lookup = InOrder;
    const SCHEDULE: Schedule = Schedule::Each;

    fn position(&self) -> Timestamp {
        self.at
    }

    fn deadline(&self) -> Timestamp {
        self.at
    }
}

/// What right rows lie under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CandidateKey<K> {
    /// Rows of the key that the watermark has not reached.
    ToCome(K),
    /// The latest row of the key that it has.
    Latest(K),
}

/// A right row that may be the match of a left row to come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Candidate<R> {
    at: Timestamp,
    /// Its number in order of arrival: of rows at one time the last counts.
    arrival: u64,
    /// When it becomes the latest of its key; for the latest one, when it is too old for any left row.
    due: Timestamp,
    row: R,
}

impl<R: Stored> Record for Candidate<R> {
    type Lookup = InOrder;
    const SCHEDULE: Schedule = Schedule::Each;

    fn position(&self) -> Timestamp {
        self.at
    }

    fn deadline(&self) -> Timestamp {
        self.due
    }
}

/// Left rows that wait, by a key that may be null.
type Lefts<'s, K, L, I> = Table<'s, Option<K>, Waiting<L>, I>;
/// Right rows.
type Rights<'s, K, R, I> = Table<'s, CandidateKey<K>, Candidate<R>, I>;

/// Which left rows come out of an as-of join of `L` with `R`.
pub trait AsOfKind<L, R> {
    /// What comes out.
    type Out;
    /// Whether left rows without a match come out.
    const KEEPS_LEFT: bool;

    /// The result for a left row, if it has one.
    fn result(left: &L, right: Option<&R>) -> Option<Self::Out>;
}

/// Pairs.
#[derive(Debug, Clone, Copy)]
pub enum AsOfInner {}

impl<L: Clone, R: Clone> AsOfKind<L, R> for AsOfInner {
    type Out = (L, R);
    const KEEPS_LEFT: bool = false;

    fn result(left: &L, right: Option<&R>) -> Option<(L, R)> {
        right.map(|right| (left.clone(), right.clone()))
    }
}

/// Pairs, and left rows without a match.
#[derive(Debug, Clone, Copy)]
pub enum AsOfLeftOuter {}

impl<L: Clone, R: Clone> AsOfKind<L, R> for AsOfLeftOuter {
    type Out = (L, Option<R>);
    const KEEPS_LEFT: bool = true;

    fn result(left: &L, right: Option<&R>) -> Option<(L, Option<R>)> {
        Some((left.clone(), right.cloned()))
    }
}

/// The as-of join by the keys that `FL` and `FR` read. `J` is [`AsOfInner`] or [`AsOfLeftOuter`].
///
/// It must stand at the beginning of a query, which the builder sees to: it relies on rows at the watermark being late.
#[derive(Debug, Clone)]
pub struct AsOfJoin<FL, FR, J> {
    pub(crate) left_key: FL,
    pub(crate) right_key: FR,
    pub(crate) tolerance: Span,
    pub(crate) join: PhantomData<J>,
}

impl<FL, FR, J> AsOfJoin<FL, FR, J> {
    /// The match of a left row: the latest right row of its key, if it is not too old. Every right row up to `at` must be a latest one.
    fn match_of<'r, K: Key, R: Stored, I: SlotIndex>(
        &self,
        rights: &'r Rights<'_, K, R, I>,
        key: Option<&K>,
        at: Timestamp,
    ) -> Option<&'r R> {
        let latest = rights.last_of(&CandidateKey::Latest(key?.clone()))?;
        let (_, candidate) = rights.record(latest)?;
        (candidate.at >= at - self.tolerance).then_some(&candidate.row)
    }

    /// Makes the right row in `slot`, whose time has come, the latest of its key, or removes one that is too old.
    fn move_on<K: Key, R: Stored, I: SlotIndex>(&self, rights: &mut Rights<'_, K, R, I>, slot: SlotId) {
        let Some((CandidateKey::ToCome(key), mut candidate)) = rights.remove(slot) else { return };
        let key = CandidateKey::Latest(key);
        if let Some(latest) = rights.last_of(&key) {
            // Rows at one time come up in no order of arrival.
            let is_later =
                |latest: &Candidate<R>| (latest.at, latest.arrival) > (candidate.at, candidate.arrival);
            if rights.record(latest).is_some_and(|(_, latest)| is_later(latest)) {
                return;
            }
            rights.remove(latest);
        }
        candidate.due = self.too_old_at(candidate.at);
        // There is room: a record has just left.
        let _ = rights.insert(key, candidate);
    }

    /// From when on a right row is too old for every left row.
    fn too_old_at(&self, at: Timestamp) -> Timestamp {
        at + self.tolerance + Span::micros(1)
    }
}

/// The right row whose time comes first, if it has come by `by`.
fn due_by<K: Key, R: Stored, I: SlotIndex>(rights: &Rights<'_, K, R, I>, by: Timestamp) -> Option<SlotId> {
    let slot = rights.earliest()?;
    rights.record(slot).filter(|(_, candidate)| candidate.due <= by).map(|_| slot)
}

impl<L, R, K, QL, QR, FL, FR, J> Operator<Either<L, R>> for AsOfJoin<FL, FR, J>
where
    L: Stored,
    R: Stored,
    K: Key,
    QL: JoinKey<Key = K>,
    QR: JoinKey<Key = K>,
    FL: Fn(&L) -> QL,
    FR: Fn(&R) -> QR,
    J: AsOfKind<L, R>,
{
    type Shape = (Keyed<Option<K>, Waiting<L>>, Keyed<CandidateKey<K>, Candidate<R>>);
    type Output = J::Out;
    const MODES: Modes = Modes::ONCE;

    fn identify(&self, tell: &mut impl FnMut(OperatorIdentity)) {
        let micros = [self.tolerance.as_micros(), i64::from(J::KEEPS_LEFT), 0];
        let window = WindowShape { kind: 8, micros };
        tell(OperatorIdentity::of::<<Self as Operator<Either<L, R>>>::Shape>(window));
    }

    fn push<I: SlotIndex, D: Side<Either<L, R>, J::Out>>(
        &self,
        (lefts, rights): &mut (Lefts<'_, K, L, I>, Rights<'_, K, R, I>),
        arriving: &Arriving<'_, Either<L, R>>,
        epoch: &Epoch,
        side: &mut D,
    ) -> Result<Taken, Refused> {
        let &Arriving { row: either, at: Some(at), arrival } = arriving else {
            return Ok(Taken::WithoutWindow);
        };
        if let Some(late) = arriving.late(epoch, side) {
            return Ok(late);
        }
        // Nothing can leave early: what a left row would be given without it could be wrong.
        let inserted = match either {
            Either::Left(row) => {
                let key = (self.left_key)(row).join_key();
                if key.is_none() && !J::KEEPS_LEFT {
                    return Ok(Taken::WithoutWindow);
                }
                if !has_room(lefts, epoch, either, side)? {
                    return Ok(Taken::Dropped);
                }
                lefts.insert(key, Waiting { at, row: row.clone() })
            }
            Either::Right(row) => {
                let Some(key) = (self.right_key)(row).join_key() else { return Ok(Taken::WithoutWindow) };
                if !has_room(rights, epoch, either, side)? {
                    return Ok(Taken::Dropped);
                }
                let candidate = Candidate { at, arrival, due: at, row: row.clone() };
                rights.insert(CandidateKey::ToCome(key), candidate)
            }
        };
        inserted.map_err(|_| Refused::NoRoom)?;
        Ok(Taken::Used { late_windows: 0 })
    }

    fn close<I: SlotIndex, E: From<Full>>(
        &self,
        (lefts, rights): &mut (Lefts<'_, K, L, I>, Rights<'_, K, R, I>),
        epoch: &Epoch,
        sink: &mut impl FnMut(J::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(closing) = epoch.closing else { return Ok(()) };
        // In order of time over both sides, each right row before the left rows that it may be the match of.
        while let Some(slot) = lefts.earliest() {
            let Some((key, left)) = lefts.record(slot).filter(|(_, left)| left.at <= closing) else { break };
            while let Some(right) = due_by(rights, left.at) {
                self.move_on(rights, right);
            }
            if let Some(result) = J::result(&left.row, self.match_of(rights, key.as_ref(), left.at)) {
                sink(result, Some(left.at))?;
            }
            lefts.remove(slot);
        }
        while let Some(right) = due_by(rights, closing) {
            self.move_on(rights, right);
        }
        Ok(())
    }

    fn next_close<I: SlotIndex>(
        &self,
        (lefts, _): &(Lefts<'_, K, L, I>, Rights<'_, K, R, I>),
    ) -> Option<Timestamp> {
        lefts.record(lefts.earliest()?).map(|(_, left)| left.at)
    }

    fn last_close<I: SlotIndex>(
        &self,
        (lefts, rights): &(Lefts<'_, K, L, I>, Rights<'_, K, R, I>),
    ) -> Option<Timestamp> {
        let too_old = last_end(rights, |candidate| self.too_old_at(candidate.at));
        last_end(lefts, |left| left.at).max(too_old)
    }
}
