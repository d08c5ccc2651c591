//! The watermark: how far event time is taken to have come.
//!
//! That of an input trails the highest event time seen in it by a delay. A query with several inputs goes by the slowest of them, or by
//! the fastest where that is asked for. It moves only when an epoch ends, and never goes back
//! (Spark's rules; Akidau et al., "The Dataflow Model", VLDB 2015, for the idea).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// How an input's watermark starts and how far it trails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatermarkPolicy {
    /// How long a row may be behind the highest event time seen before its windows close.
    pub delay: Span,
    /// The watermark before any row. `None`: nothing is late until the first trigger. Spark's is 1970.
    pub initial: Option<Timestamp>,
}

impl WatermarkPolicy {
    /// Where the watermark of an input is whose highest event time is `highest`.
    #[must_use]
    pub fn reached(&self, highest: Option<Timestamp>) -> Reached {
        self.initial.max(highest.map(|at| at - self.delay)).map_or(Reached::Unset, Reached::At)
    }
}

/// Which input's watermark a query with several goes by (Spark's `multipleWatermarkPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum MultipleWatermarks {
    /// The slowest: an input without data holds the others.
    #[default]
    Min,
    /// The fastest: rows of slower inputs become late.
    Max,
}

/// How far an input, or several, have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reached {
    /// The input has no watermark, or is idle: it holds nothing.
    #[default]
    Free,
    /// It has one, but no row has come yet.
    Unset,
    /// The watermark.
    At(Timestamp),
}

impl Reached {
    /// Of two inputs.
    #[must_use]
    pub fn combine(self, other: Self, policy: MultipleWatermarks) -> Self {
        match (self, other) {
            (Self::Free, reached) | (reached, Self::Free) => reached,
            (Self::At(one), Self::At(two)) => Self::At(match policy {
                MultipleWatermarks::Min => one.min(two),
                MultipleWatermarks::Max => one.max(two),
            }),
            (Self::Unset, reached) | (reached, Self::Unset) => match policy {
                MultipleWatermarks::Min => Self::Unset,
                MultipleWatermarks::Max => reached,
            },
        }
    }

    /// The watermark, if there is one.
    #[must_use]
    pub fn time(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Free | Self::Unset => None,
        }
    }
}

/// What a chain of stages remembers of the rows it has seen, to know its watermark: [`HighestTime`] of one input, pairs for several,
/// `()` where there is no watermark. Part of the checkpoint.
pub trait Marks: Copy + Default + core::fmt::Debug + Serialize + DeserializeOwned {
    /// The highest event time seen in any input.
    fn highest(&self) -> Option<Timestamp>;
}

impl Marks for () {
    fn highest(&self) -> Option<Timestamp> {
        None
    }
}

impl<A: Marks, B: Marks> Marks for (A, B) {
    fn highest(&self) -> Option<Timestamp> {
        self.0.highest().max(self.1.highest())
    }
}

/// The highest event time seen in an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HighestTime(pub Option<Timestamp>);

impl Marks for HighestTime {
    fn highest(&self) -> Option<Timestamp> {
        self.0
    }
}

/// When an input last had a row, in processing time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LastActive {
    /// Whether a row came since the last trigger.
    pub active: bool,
    /// The last trigger that came after a row, or the first one of all.
    pub at: Option<Timestamp>,
    /// Whether the input is taken to be idle.
    pub idle: bool,
}

impl LastActive {
    /// Takes note of a trigger at `now`: the input is idle when no row has come for `span`.
    pub fn tick(&mut self, now: Timestamp, span: Span) {
        if core::mem::take(&mut self.active) || self.at.is_none() {
            self.at = Some(now);
        }
        self.idle = self.at.is_some_and(|at| now.since(at) >= span);
    }
}

impl Marks for LastActive {
    fn highest(&self) -> Option<Timestamp> {
        None
    }
}
