//! Stateless stages: filter, map, and the point where a row gets another event time. What moves the watermark is in [`Watermarked`](super::Watermarked).
//!
//! Stages borrow the row, so a row that state has no room for goes back to its owner whole.

use core::marker::PhantomData;

use crate::time::{EventTime, Span, Timestamp};
use crate::watermark::{Marks, Reached};

/// A chain of stateless stages over rows of type `R`.
pub trait Stages<R> {
    /// The rows that come out.
    type Out;
    /// What is remembered of the rows, for the watermark.
    type Marks: Marks;
    /// Whether a row can come out as several.
    const MULTIPLIES: bool = false;

    /// Runs a row with event time `at` through. Event times that move the watermark are noted in `marks`; `next` gets each row that
    /// comes out, with its event time.
    ///
    /// # Errors
    /// What `next` answered; no more rows come out then.
    fn run<E>(
        &self,
        row: &R,
        at: Option<Timestamp>,
        marks: &mut Self::Marks,
        next: &mut impl FnMut(&Self::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>;

    /// How far the inputs have come.
    fn reached(&self, marks: &Self::Marks) -> Reached;

    /// The least delay of all inputs, if the chain has a watermark.
    fn delay(&self) -> Option<Span>;

    /// Takes note of processing time, at each trigger.
    fn tick(&self, marks: &mut Self::Marks, now: Timestamp) {
        let _ = (marks, now);
    }
}

/// The start of a chain: the row as it is.
#[derive(Debug)]
pub struct Input<R>(PhantomData<fn(R)>);

impl<R> Input<R> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R> Clone for Input<R> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<R> Stages<R> for Input<R> {
    type Out = R;
    type Marks = ();

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        at: Option<Timestamp>,
        _marks: &mut (),
        next: &mut impl FnMut(&R, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        next(row, at)
    }

    fn reached(&self, _marks: &()) -> Reached {
        Reached::Free
    }

    fn delay(&self) -> Option<Span> {
        None
    }
}

/// A stage `F` after the stages `S`.
#[derive(Debug, Clone)]
pub struct Stage<S, F> {
    pub(crate) before: S,
    pub(crate) stage: F,
}

/// What a stage makes of each row `T`. It has no say in the watermark.
pub trait RowStage<T> {
    /// The rows that come out.
    type Out;
    /// Whether a row can come out as several.
    const MULTIPLIES: bool = false;

    /// Gives `next` what comes of a row, with its event time.
    ///
    /// # Errors
    /// What `next` answered; no more rows come out then.
    fn pass<E>(
        &self,
        row: &T,
        at: Option<Timestamp>,
        next: &mut impl FnMut(&Self::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>;
}

impl<R, S: Stages<R>, F: RowStage<S::Out>> Stages<R> for Stage<S, F> {
    type Out = F::Out;
    type Marks = S::Marks;
    const MULTIPLIES: bool = S::MULTIPLIES || F::MULTIPLIES;

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        at: Option<Timestamp>,
        marks: &mut S::Marks,
        next: &mut impl FnMut(&F::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.before.run(row, at, marks, &mut |row, at| self.stage.pass(row, at, next))
    }

    fn reached(&self, marks: &S::Marks) -> Reached {
        self.before.reached(marks)
    }

    fn delay(&self) -> Option<Span> {
        self.before.delay()
    }

    fn tick(&self, marks: &mut S::Marks, now: Timestamp) {
        self.before.tick(marks, now);
    }
}

/// Passes on rows for which a predicate holds.
#[derive(Debug, Clone)]
pub struct Filter<F>(pub(crate) F);

impl<T, F: Fn(&T) -> bool> RowStage<T> for Filter<F> {
    type Out = T;

    #[inline]
    fn pass<E>(
        &self,
        row: &T,
        at: Option<Timestamp>,
        next: &mut impl FnMut(&T, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        if (self.0)(row) { next(row, at) } else { Ok(()) }
    }
}

/// Makes one row out of each.
#[derive(Debug, Clone)]
pub struct Map<F>(pub(crate) F);

impl<T, U, F: Fn(&T) -> U> RowStage<T> for Map<F> {
    type Out = U;

    #[inline]
    fn pass<E>(
        &self,
        row: &T,
        at: Option<Timestamp>,
        next: &mut impl FnMut(&U, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        next(&(self.0)(row), at)
    }
}

/// Makes any number of rows out of each, in order.
#[derive(Debug, Clone)]
pub struct FlatMap<F>(pub(crate) F);

impl<T, C: IntoIterator, F: Fn(&T) -> C> RowStage<T> for FlatMap<F> {
    type Out = C::Item;
    const MULTIPLIES: bool = true;

    #[inline]
    fn pass<E>(
        &self,
        row: &T,
        at: Option<Timestamp>,
        next: &mut impl FnMut(&C::Item, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        (self.0)(row).into_iter().try_for_each(|made| next(&made, at))
    }
}

/// Gives rows their event time, without a say in the watermark.
#[derive(Debug, Clone)]
pub struct FieldTime<F>(pub(crate) F);

impl<T, E: EventTime, F: Fn(&T) -> E> RowStage<T> for FieldTime<F> {
    type Out = T;

    #[inline]
    fn pass<X>(
        &self,
        row: &T,
        _at: Option<Timestamp>,
        next: &mut impl FnMut(&T, Option<Timestamp>) -> Result<(), X>,
    ) -> Result<(), X> {
        next(row, time_of(&self.0, row))
    }
}

/// The event time of a row, if it has one in range.
pub(super) fn time_of<R, T: EventTime>(of: &impl Fn(&R) -> T, row: &R) -> Option<Timestamp> {
    of(row).event_time().filter(|at| at.is_event_time())
}
