//! The watermark: how far event time is taken to have come.
//!
//! It trails the highest event time seen by a delay, moves only when an epoch ends, and never goes back
//! (Spark's rule; Akidau et al., "The Dataflow Model", VLDB 2015, for the idea).

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// How a query's watermark starts and how far it trails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatermarkPolicy {
    /// How long a row may be behind the highest event time seen before its windows close.
    pub delay: Span,
    /// The watermark before any row. `None`: nothing is late until the first trigger. Spark's is 1970.
    pub initial: Option<Timestamp>,
}

/// The watermark of one input and the event times that will move it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Watermark {
    current: Option<Timestamp>,
    highest: Option<Timestamp>,
}

impl Watermark {
    /// A watermark at its initial value, which may be unset.
    #[must_use]
    pub const fn starting_at(initial: Option<Timestamp>) -> Self {
        Self { current: initial, highest: None }
    }

    /// The watermark now; `None` if no row has moved it yet.
    #[must_use]
    pub const fn current(&self) -> Option<Timestamp> {
        self.current
    }

    /// The highest event time seen.
    #[must_use]
    pub const fn highest(&self) -> Option<Timestamp> {
        self.highest
    }

    /// Takes note of a row's event time. The watermark itself moves at [`Watermark::advance`].
    pub fn observe(&mut self, at: Timestamp) {
        self.highest = self.highest.max(Some(at));
    }

    /// Where the watermark will be after the epoch: the highest event time less `delay`, or where it is if that is later.
    #[must_use]
    pub fn next(&self, delay: Span) -> Option<Timestamp> {
        self.current.max(self.highest.map(|at| at - delay))
    }

    /// Moves the watermark to `to` unless it is there or further already.
    pub fn advance(&mut self, to: Option<Timestamp>) {
        self.current = self.current.max(to);
    }
}
