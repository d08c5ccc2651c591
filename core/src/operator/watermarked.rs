//! The stages with a say in the watermark: event times that move it, and silent inputs that no longer hold it.

use super::Stages;
use super::stage::time_of;
use crate::time::{EventTime, Span, Timestamp};
use crate::watermark::{HighestTime, LastActive, Reached, WatermarkPolicy};

/// Gives rows their event time and lets it move the watermark.
#[derive(Debug, Clone)]
pub struct Watermarked<S, F> {
    pub(crate) before: S,
    pub(crate) event_time: F,
    pub(crate) policy: WatermarkPolicy,
}

// The stages before have no watermark: the builder gives none a second one. They have marks nevertheless if they are a union.
impl<R, T: EventTime, S: Stages<R>, F: Fn(&S::Out) -> T> Stages<R> for Watermarked<S, F> {
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
            let at = time_of(&self.event_time, row);
            highest.0 = highest.0.max(at);
            next(row, at)
        })
    }

    fn reached(&self, (_, highest): &(S::Marks, HighestTime)) -> Reached {
        self.policy.reached(highest.0)
    }

    fn delay(&self) -> Option<Span> {
        Some(self.policy.delay)
    }
}

/// Lets an input that has been silent for a time no longer hold the watermark of the others.
#[derive(Debug, Clone)]
pub struct IdleAfter<S> {
    pub(crate) before: S,
    pub(crate) span: Span,
}

impl<R, S: Stages<R>> Stages<R> for IdleAfter<S> {
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
        last.tick(now, self.span);
    }
}
