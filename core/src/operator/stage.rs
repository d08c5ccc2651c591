//! Stateless stages: filter, map, and the points where a row gets its event time and moves the watermark.
//!
//! Stages borrow the row, so a row that state has no room for goes back to its owner whole.

use core::marker::PhantomData;

use crate::time::{EventTime, Span, Timestamp};
use crate::watermark::{HighestTime, LastActive, Marks, Reached, WatermarkPolicy};

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

/// What a stage that has nothing to do with the watermark answers.
macro_rules! watermark_of_before {
    () => {
        fn reached(&self, marks: &S::Marks) -> Reached {
            self.before.reached(marks)
        }

        fn delay(&self) -> Option<Span> {
            self.before.delay()
        }

        fn tick(&self, marks: &mut S::Marks, now: Timestamp) {
            self.before.tick(marks, now);
        }
    };
}

/// Passes on rows for which a predicate holds.
#[derive(Debug, Clone)]
pub struct Filter<F>(pub(crate) F);

impl<R, S: Stages<R>, F: Fn(&S::Out) -> bool> Stages<R> for Stage<S, Filter<F>> {
    type Out = S::Out;
    type Marks = S::Marks;
    const MULTIPLIES: bool = S::MULTIPLIES;

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        at: Option<Timestamp>,
        marks: &mut S::Marks,
        next: &mut impl FnMut(&S::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.before
            .run(row, at, marks, &mut |row, at| if (self.stage.0)(row) { next(row, at) } else { Ok(()) })
    }

    watermark_of_before!();
}

/// Makes one row out of each.
#[derive(Debug, Clone)]
pub struct Map<F>(pub(crate) F);

impl<R, T, S: Stages<R>, F: Fn(&S::Out) -> T> Stages<R> for Stage<S, Map<F>> {
    type Out = T;
    type Marks = S::Marks;
    const MULTIPLIES: bool = S::MULTIPLIES;

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        at: Option<Timestamp>,
        marks: &mut S::Marks,
        next: &mut impl FnMut(&T, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.before.run(row, at, marks, &mut |row, at| next(&(self.stage.0)(row), at))
    }

    watermark_of_before!();
}

/// Makes any number of rows out of each, in order.
#[derive(Debug, Clone)]
pub struct FlatMap<F>(pub(crate) F);

impl<R, T, S, F, C> Stages<R> for Stage<S, FlatMap<F>>
where
    S: Stages<R>,
    C: IntoIterator<Item = T>,
    F: Fn(&S::Out) -> C,
{
    type Out = T;
    type Marks = S::Marks;
    const MULTIPLIES: bool = true;

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        at: Option<Timestamp>,
        marks: &mut S::Marks,
        next: &mut impl FnMut(&T, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.before.run(row, at, marks, &mut |row, at| {
            (self.stage.0)(row).into_iter().try_for_each(|made| next(&made, at))
        })
    }

    watermark_of_before!();
}

/// Gives rows their event time, without a say in the watermark.
#[derive(Debug, Clone)]
pub struct FieldTime<F>(pub(crate) F);

impl<R, T: EventTime, S: Stages<R>, F: Fn(&S::Out) -> T> Stages<R> for Stage<S, FieldTime<F>> {
    type Out = S::Out;
    type Marks = S::Marks;
    const MULTIPLIES: bool = S::MULTIPLIES;

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        at: Option<Timestamp>,
        marks: &mut S::Marks,
        next: &mut impl FnMut(&S::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.before.run(row, at, marks, &mut |row, _| next(row, event_time(&self.stage.0, row)))
    }

    watermark_of_before!();
}

/// The event time of a row, if it has one in range.
fn event_time<R, T: EventTime>(of: &impl Fn(&R) -> T, row: &R) -> Option<Timestamp> {
    of(row).event_time().filter(|at| at.is_event_time())
}

/// Gives rows their event time and lets it move the watermark.
#[derive(Debug, Clone)]
pub struct Watermarked<F> {
    pub(crate) event_time: F,
    pub(crate) policy: WatermarkPolicy,
}

// The stages before have no watermark: the builder gives none a second one. They have marks nevertheless if they are a union.
impl<R, T: EventTime, S: Stages<R>, F: Fn(&S::Out) -> T> Stages<R> for Stage<S, Watermarked<F>> {
    type Out = S::Out;
    type Marks = (S::Marks, HighestTime);
    const MULTIPLIES: bool = S::MULTIPLIES;

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        at: Option<Timestamp>,
        (before, highest): &mut (S::Marks, HighestTime),
        next: &mut impl FnMut(&S::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.before.run(row, at, before, &mut |row, _| {
            let at = event_time(&self.stage.event_time, row);
            highest.0 = highest.0.max(at);
            next(row, at)
        })
    }

    fn reached(&self, (_, highest): &(S::Marks, HighestTime)) -> Reached {
        self.stage.policy.reached(highest.0)
    }

    fn delay(&self) -> Option<Span> {
        Some(self.stage.policy.delay)
    }
}

/// Lets an input that has been silent for a time no longer hold the watermark of the others.
#[derive(Debug, Clone)]
pub struct IdleAfter(pub(crate) Span);

impl<R, S: Stages<R>> Stages<R> for Stage<S, IdleAfter> {
    type Out = S::Out;
    type Marks = (S::Marks, LastActive);
    const MULTIPLIES: bool = S::MULTIPLIES;

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        at: Option<Timestamp>,
        (marks, last): &mut (S::Marks, LastActive),
        next: &mut impl FnMut(&S::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        last.active = true;
        self.before.run(row, at, marks, next)
    }

    fn reached(&self, (marks, last): &(S::Marks, LastActive)) -> Reached {
        if last.idle { Reached::Free } else { self.before.reached(marks) }
    }

    fn delay(&self) -> Option<Span> {
        self.before.delay()
    }

    fn tick(&self, (marks, last): &mut (S::Marks, LastActive), now: Timestamp) {
        self.before.tick(marks, now);
        if core::mem::take(&mut last.active) || last.at.is_none() {
            last.at = Some(now);
        }
        last.idle = last.at.is_some_and(|at| now.since(at) >= self.stage.0);
    }
}
