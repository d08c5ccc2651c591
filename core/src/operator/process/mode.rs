//! By what time timers and expiry go: one mode for an operator, as in Spark's `TimeMode`.

use core::fmt::Debug;

/// By what time the timers of [`process`](crate::Grouped::process) go, and its state expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeMode {
    /// There are no timers and nothing expires.
    None,
    /// The watermark. Rows at or before it are late.
    EventTime,
    /// The processing time of triggers. No row is late.
    ProcessingTime,
}

/// A [`TimeMode`] as a type, so that event time without a watermark does not compile.
pub trait Mode: Debug + Clone + Copy {
    /// Which one.
    const MODE: TimeMode;
}

/// A [`Mode`] that has timers.
pub trait Clocked: Mode {}

/// [`TimeMode::None`].
#[derive(Debug, Clone, Copy)]
pub struct Timeless;

/// [`TimeMode::EventTime`].
#[derive(Debug, Clone, Copy)]
pub struct InEventTime;

/// [`TimeMode::ProcessingTime`].
#[derive(Debug, Clone, Copy)]
pub struct InProcessingTime;

impl Mode for Timeless {
    const MODE: TimeMode = TimeMode::None;
}

impl Mode for InEventTime {
    const MODE: TimeMode = TimeMode::EventTime;
}

impl Mode for InProcessingTime {
    const MODE: TimeMode = TimeMode::ProcessingTime;
}

impl Clocked for InEventTime {}
impl Clocked for InProcessingTime {}
