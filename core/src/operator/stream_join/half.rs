//! The two halves of a join, so that what holds for both is written once.

use core::marker::PhantomData;

use super::buffered::Buffered;
use super::kind::{JoinKind, JoinType};
use super::range::{JoinRange, Positions, Stay};
use crate::aggregate::Stored;
use crate::time::Timestamp;

/// One half of a join of `Left` with `Right`, as seen from its own rows.
pub(super) trait Half {
    type Left: Stored;
    type Right: Stored;
    /// The rows of this half.
    type Own: Stored;
    /// The rows of the opposite half.
    type Other: Stored;
    type Opposite: Half<Left = Self::Left, Right = Self::Right, Own = Self::Other, Other = Self::Own>;
    const IS_LEFT: bool;

    /// Where the rows lie that a row of this half can match.
    fn partners<W: JoinRange>(range: &W, at: Option<Timestamp>) -> Option<Positions>;
    /// How long rows of this half stay; `None`: for ever.
    fn stay<W: JoinRange>(range: &W) -> Option<Stay>;
    /// Whether rows of this half come out without a match too.
    fn keeps(kind: JoinType) -> bool;
    /// The result for a row of this half without a match, if there is one.
    fn alone<J: JoinKind<Self::Left, Self::Right>>(kind: &J, own: &Self::Own) -> Option<J::Output>;
    /// The left row first.
    fn in_order<'t, O>(
        own: &'t Buffered<Self::Own, O>,
        other: &'t Buffered<Self::Other, O>,
    ) -> (&'t Buffered<Self::Left, O>, &'t Buffered<Self::Right, O>);
}

/// The left half.
pub(super) struct LeftHalf<L, R>(PhantomData<fn(L, R)>);

/// The right half.
pub(super) struct RightHalf<L, R>(PhantomData<fn(L, R)>);

impl<L: Stored, R: Stored> Half for LeftHalf<L, R> {
    type Left = L;
    type Right = R;
    type Own = L;
    type Other = R;
    type Opposite = RightHalf<L, R>;
    const IS_LEFT: bool = true;

    fn partners<W: JoinRange>(range: &W, at: Option<Timestamp>) -> Option<Positions> {
        range.rights_of(at)
    }

    fn stay<W: JoinRange>(range: &W) -> Option<Stay> {
        range.left_stay()
    }

    fn keeps(kind: JoinType) -> bool {
        kind.keeps_left()
    }

    fn alone<J: JoinKind<L, R>>(kind: &J, own: &L) -> Option<J::Output> {
        kind.left_alone(own)
    }

    fn in_order<'t, O>(
        own: &'t Buffered<L, O>,
        other: &'t Buffered<R, O>,
    ) -> (&'t Buffered<L, O>, &'t Buffered<R, O>) {
        (own, other)
    }
}

impl<L: Stored, R: Stored> Half for RightHalf<L, R> {
    type Left = L;
    type Right = R;
    type Own = R;
    type Other = L;
    type Opposite = LeftHalf<L, R>;
    const IS_LEFT: bool = false;

    fn partners<W: JoinRange>(range: &W, at: Option<Timestamp>) -> Option<Positions> {
        range.lefts_of(at)
    }

    fn stay<W: JoinRange>(range: &W) -> Option<Stay> {
        range.right_stay()
    }

    fn keeps(kind: JoinType) -> bool {
        kind.keeps_right()
    }

    fn alone<J: JoinKind<L, R>>(kind: &J, own: &R) -> Option<J::Output> {
        kind.right_alone(own)
    }

    fn in_order<'t, O>(
        own: &'t Buffered<R, O>,
        other: &'t Buffered<L, O>,
    ) -> (&'t Buffered<L, O>, &'t Buffered<R, O>) {
        (other, own)
    }
}
