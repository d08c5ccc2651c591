//! Which rows a join gives.

use serde::{Deserialize, Serialize};

use super::super::Modes;

/// Which rows a join gives, chosen at run time. As a [`JoinKind`] every result is `(Option<L>, Option<R>)`, and the output is append:
/// for an inner join that is update too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinType {
    /// Pairs.
    Inner,
    /// Pairs, and left rows that had none.
    LeftOuter,
    /// Pairs, and right rows that had none.
    RightOuter,
    /// Pairs, and rows of both sides that had none.
    FullOuter,
    /// Left rows that have a pair, once and alone.
    LeftSemi,
}

impl JoinType {
    /// Whether left rows come out without a match too.
    #[must_use]
    pub const fn keeps_left(self) -> bool {
        matches!(self, Self::LeftOuter | Self::FullOuter)
    }

    /// Whether right rows come out without a match too.
    #[must_use]
    pub const fn keeps_right(self) -> bool {
        matches!(self, Self::RightOuter | Self::FullOuter)
    }

    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Inner => 0,
            Self::LeftOuter => 1,
            Self::RightOuter => 2,
            Self::FullOuter => 3,
            Self::LeftSemi => 4,
        }
    }
}

/// Which rows a join of `L` and `R` gives, and what a result looks like. There is no need to implement it.
pub trait JoinKind<L, R> {
    /// A result.
    type Output;
    /// The output modes: update only where no result is a null row (Spark's rule).
    const MODES: Modes;

    /// The same as a value.
    fn join_type(&self) -> JoinType;
    /// The result for a match.
    fn pair(&self, left: &L, right: &R) -> Self::Output;
    /// The result for a left row without a match, if there is one.
    fn left_alone(&self, left: &L) -> Option<Self::Output> {
        let _ = left;
        None
    }
    /// The result for a right row without a match, if there is one.
    fn right_alone(&self, right: &R) -> Option<Self::Output> {
        let _ = right;
        None
    }
}

/// Once in append mode, and in no other.
const APPEND: Modes = Modes { append: true, update: false, complete: false };

/// The rows of a [`JoinType::Inner`] join.
#[derive(Debug, Clone, Copy)]
pub struct Inner;

impl<L: Clone, R: Clone> JoinKind<L, R> for Inner {
    type Output = (L, R);
    const MODES: Modes = Modes::ONCE;

    fn join_type(&self) -> JoinType {
        JoinType::Inner
    }

    fn pair(&self, left: &L, right: &R) -> (L, R) {
        (left.clone(), right.clone())
    }
}

/// The rows of a [`JoinType::LeftOuter`] join.
#[derive(Debug, Clone, Copy)]
pub struct LeftOuter;

impl<L: Clone, R: Clone> JoinKind<L, R> for LeftOuter {
    type Output = (L, Option<R>);
    const MODES: Modes = APPEND;

    fn join_type(&self) -> JoinType {
        JoinType::LeftOuter
    }

    fn pair(&self, left: &L, right: &R) -> (L, Option<R>) {
        (left.clone(), Some(right.clone()))
    }

    fn left_alone(&self, left: &L) -> Option<(L, Option<R>)> {
        Some((left.clone(), None))
    }
}

/// The rows of a [`JoinType::RightOuter`] join.
#[derive(Debug, Clone, Copy)]
pub struct RightOuter;

impl<L: Clone, R: Clone> JoinKind<L, R> for RightOuter {
    type Output = (Option<L>, R);
    const MODES: Modes = APPEND;

    fn join_type(&self) -> JoinType {
        JoinType::RightOuter
    }

    fn pair(&self, left: &L, right: &R) -> (Option<L>, R) {
        (Some(left.clone()), right.clone())
    }

    fn right_alone(&self, right: &R) -> Option<(Option<L>, R)> {
        Some((None, right.clone()))
    }
}

/// The rows of a [`JoinType::FullOuter`] join: at least one of the two is there.
#[derive(Debug, Clone, Copy)]
pub struct FullOuter;

impl<L: Clone, R: Clone> JoinKind<L, R> for FullOuter {
    type Output = (Option<L>, Option<R>);
    const MODES: Modes = APPEND;

    fn join_type(&self) -> JoinType {
        JoinType::FullOuter
    }

    fn pair(&self, left: &L, right: &R) -> (Option<L>, Option<R>) {
        (Some(left.clone()), Some(right.clone()))
    }

    fn left_alone(&self, left: &L) -> Option<(Option<L>, Option<R>)> {
        Some((Some(left.clone()), None))
    }

    fn right_alone(&self, right: &R) -> Option<(Option<L>, Option<R>)> {
        Some((None, Some(right.clone())))
    }
}

/// The rows of a [`JoinType::LeftSemi`] join.
#[derive(Debug, Clone, Copy)]
pub struct LeftSemi;

impl<L: Clone, R> JoinKind<L, R> for LeftSemi {
    type Output = L;
    const MODES: Modes = Modes::ONCE;

    fn join_type(&self) -> JoinType {
        JoinType::LeftSemi
    }

    fn pair(&self, left: &L, _right: &R) -> L {
        left.clone()
    }
}

impl<L: Clone, R: Clone> JoinKind<L, R> for JoinType {
    type Output = (Option<L>, Option<R>);
    const MODES: Modes = APPEND;

    fn join_type(&self) -> JoinType {
        *self
    }

    fn pair(&self, left: &L, right: &R) -> (Option<L>, Option<R>) {
        (Some(left.clone()), (*self != Self::LeftSemi).then(|| right.clone()))
    }

    fn left_alone(&self, left: &L) -> Option<(Option<L>, Option<R>)> {
        self.keeps_left().then(|| (Some(left.clone()), None))
    }

    fn right_alone(&self, right: &R) -> Option<(Option<L>, Option<R>)> {
        self.keeps_right().then(|| (None, Some(right.clone())))
    }
}
