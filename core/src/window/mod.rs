//! Windows: which stretches of event time a row belongs to, and nothing else.
//!
//! Windows are half open, `[start, end)`, aligned by floor division also before 1970, as in Spark.

mod count;
mod look_ahead;
mod session;
mod sliding;
mod state;
mod steps;
mod tumbling;

use serde::{Deserialize, Serialize};

pub use count::CountWindow;
pub use look_ahead::LookAhead;
pub use session::{Session, SessionBy, SessionGap};
pub use sliding::{Sliding, WindowError};
pub use state::StateWindow;
pub use tumbling::Tumbling;

use crate::time::{Span, Timestamp};

/// A stretch of event time, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Window {
    /// The first moment inside.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

impl Window {
    /// Whether `at` lies inside.
    ///
    /// ```
    /// use headwater::{Span, Timestamp, window::Tumbling};
    /// let window = Tumbling::of(Span::secs(10)).window_of(Timestamp::from_secs(-1));
    /// assert_eq!(window.start, Timestamp::from_secs(-10));
    /// assert!(window.contains(Timestamp::from_secs(-10)) && !window.contains(Timestamp::EPOCH));
    /// ```
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

/// An offset by which windows that repeat every `step` are moved, brought below `step`.
const fn normalized(offset: Span, step: Span) -> Span {
    let step = if step.as_micros() > 0 { step.as_micros() } else { 1 };
    match Span::from_micros(offset.as_micros().rem_euclid(step)) {
        Some(offset) => offset,
        None => Span::ZERO,
    }
}
