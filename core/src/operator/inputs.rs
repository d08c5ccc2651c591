//! Several inputs: a row comes from the left or the right, each side has stages and a watermark of its own.

use serde::{Deserialize, Serialize};

use super::Stages;
use crate::time::{Span, Timestamp, earlier};
use crate::watermark::{MultipleWatermarks, Reached};

/// A row of one of two inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Either<L, R> {
    /// A row of the first input.
    Left(L),
    /// A row of the second input.
    Right(R),
}

/// The rows of two inputs as one stream.
#[derive(Debug, Clone)]
pub struct Union<A, B> {
    pub(crate) left: A,
    pub(crate) right: B,
    pub(crate) policy: MultipleWatermarks,
}

/// The rows of two inputs side by side, as [`Either`].
#[derive(Debug, Clone)]
pub struct Both<A, B> {
    pub(crate) left: A,
    pub(crate) right: B,
    pub(crate) policy: MultipleWatermarks,
}

/// What both kinds of two inputs answer about the watermark.
macro_rules! watermark_of_two {
    () => {
        fn reached(&self, (left, right): &Self::Marks) -> Reached {
            self.left.reached(left).combine(self.right.reached(right), self.policy)
        }

        fn delay(&self) -> Option<Span> {
            earlier(self.left.delay(), self.right.delay())
        }

        fn tick(&self, (left, right): &mut Self::Marks, now: Timestamp) {
            self.left.tick(left, now);
            self.right.tick(right, now);
        }
    };
}

impl<L, R, A: Stages<L>, B: Stages<R, Out = A::Out>> Stages<Either<L, R>> for Union<A, B> {
    type Out = A::Out;
    type Marks = (A::Marks, B::Marks);
    const MULTIPLIES: bool = A::MULTIPLIES || B::MULTIPLIES;

    #[inline]
    fn run<E>(
        &self,
        row: &Either<L, R>,
        at: Option<Timestamp>,
        (left, right): &mut Self::Marks,
        next: &mut impl FnMut(&A::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        match row {
            Either::Left(row) => self.left.run(row, at, left, next),
            Either::Right(row) => self.right.run(row, at, right, next),
        }
    }

    watermark_of_two!();
}

// An operator sees one type of rows, so each side's row is copied into its variant; joins copy rows into their state anyway.
impl<L, R, A: Stages<L, Out: Clone>, B: Stages<R, Out: Clone>> Stages<Either<L, R>> for Both<A, B> {
    type Out = Either<A::Out, B::Out>;
    type Marks = (A::Marks, B::Marks);
    const MULTIPLIES: bool = A::MULTIPLIES || B::MULTIPLIES;

    #[inline]
    fn run<E>(
        &self,
        row: &Either<L, R>,
        at: Option<Timestamp>,
        (left, right): &mut Self::Marks,
        next: &mut impl FnMut(&Self::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        match row {
            Either::Left(row) => {
                self.left.run(row, at, left, &mut |row, at| next(&Either::Left(row.clone()), at))
            }
            Either::Right(row) => {
                self.right.run(row, at, right, &mut |row, at| next(&Either::Right(row.clone()), at))
            }
        }
    }

    watermark_of_two!();
}
