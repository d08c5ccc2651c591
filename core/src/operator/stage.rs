//! Stateless stages: filter, map, and the points where a row gets its event time and moves the watermark.
//!
//! Stages borrow the row, so a row that state has no room for goes back to its owner whole.

use core::marker::PhantomData;

use crate::time::{EventTime, Timestamp};
use crate::watermark::WatermarkPolicy;

/// A chain of stateless stages over rows of type `R`.
pub trait Stages<R> {
    /// The rows that come out.
    type Out;

    /// Runs a row through. `seen` is raised to event times that move the watermark; `next` gets each row that comes out,
    /// with its event time.
    ///
    /// # Errors
    /// What `next` answered; no more rows come out then.
    fn run<E>(
        &self,
        row: &R,
        seen: &mut Option<Timestamp>,
        next: &mut impl FnMut(&Self::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E>;

    /// How the watermark is made, if the chain has one.
    fn watermark(&self) -> Option<WatermarkPolicy>;
}

/// The start of a chain: the row as it is, without event time.
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

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        _seen: &mut Option<Timestamp>,
        next: &mut impl FnMut(&R, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        next(row, None)
    }

    fn watermark(&self) -> Option<WatermarkPolicy> {
        None
    }
}

/// A stage `F` after the stages `S`.
#[derive(Debug, Clone)]
pub struct Stage<S, F> {
    pub(crate) before: S,
    pub(crate) stage: F,
}

/// Passes on rows for which a predicate holds.
#[derive(Debug, Clone)]
pub struct Filter<F>(pub(crate) F);

impl<R, S: Stages<R>, F: Fn(&S::Out) -> bool> Stages<R> for Stage<S, Filter<F>> {
    type Out = S::Out;

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        seen: &mut Option<Timestamp>,
        next: &mut impl FnMut(&S::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.before.run(row, seen, &mut |row, at| if (self.stage.0)(row) { next(row, at) } else { Ok(()) })
    }

    fn watermark(&self) -> Option<WatermarkPolicy> {
        self.before.watermark()
    }
}

/// Makes one row out of each.
#[derive(Debug, Clone)]
pub struct Map<F>(pub(crate) F);

impl<R, T, S: Stages<R>, F: Fn(&S::Out) -> T> Stages<R> for Stage<S, Map<F>> {
    type Out = T;

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        seen: &mut Option<Timestamp>,
        next: &mut impl FnMut(&T, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.before.run(row, seen, &mut |row, at| next(&(self.stage.0)(row), at))
    }

    fn watermark(&self) -> Option<WatermarkPolicy> {
        self.before.watermark()
    }
}

/// Gives rows their event time.
#[derive(Debug, Clone)]
pub struct FieldTime<F>(pub(crate) F);

impl<R, T: EventTime, S: Stages<R>, F: Fn(&S::Out) -> T> Stages<R> for Stage<S, FieldTime<F>> {
    type Out = S::Out;

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        seen: &mut Option<Timestamp>,
        next: &mut impl FnMut(&S::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.before.run(row, seen, &mut |row, _| next(row, event_time(&self.stage.0, row)))
    }

    fn watermark(&self) -> Option<WatermarkPolicy> {
        self.before.watermark()
    }
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

impl<R, T: EventTime, S: Stages<R>, F: Fn(&S::Out) -> T> Stages<R> for Stage<S, Watermarked<F>> {
    type Out = S::Out;

    #[inline]
    fn run<E>(
        &self,
        row: &R,
        seen: &mut Option<Timestamp>,
        next: &mut impl FnMut(&S::Out, Option<Timestamp>) -> Result<(), E>,
    ) -> Result<(), E> {
        // The stages before cannot reach the watermark, so `seen` is this stage's alone.
        self.before.run(row, &mut None, &mut |row, _| {
            let at = event_time(&self.stage.event_time, row);
            *seen = (*seen).max(at);
            next(row, at)
        })
    }

    fn watermark(&self) -> Option<WatermarkPolicy> {
        Some(self.stage.policy)
    }
}
