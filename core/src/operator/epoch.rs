//! What holds for all rows of an epoch: output mode, policy for full state, watermarks.

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// Which results an epoch gives (Spark's `outputMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OutputMode {
    /// Each window once, when the watermark closes it.
    Append,
    /// Each group changed in the epoch, with its new totals.
    Update,
    /// The whole result table. Nothing is late and nothing is removed.
    Complete,
}

/// What happens to a row that needs a record when every slot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OnFull {
    /// The row is handed back to the caller, who may trigger, wait, or give up.
    #[default]
    Refuse,
    /// The oldest window is given out early, marked [`WindowRow::early`](super::WindowRow::early), to the [`Side`](super::Side) of
    /// [`push_with`](crate::Query::push_with), and makes room. For append mode and windows: elsewhere there is no oldest
    /// record that could leave without making later results wrong, and the row is refused.
    ///
    /// Sliding windows: all windows of the oldest pane are given out, at most size / slide results for one row.
    EvictOldest,
    /// The row is dropped and counted, and offered to the [`Side`](super::Side).
    Drop,
}

/// What holds for all rows of an epoch.
#[derive(Debug, Clone, Copy)]
pub struct Epoch {
    /// The watermark rows are judged by: that before the epoch's end.
    pub watermark: Option<Timestamp>,
    /// The watermark records close by: at the epoch's end the new one, before that the same.
    pub closing: Option<Timestamp>,
    /// Which results the epoch gives.
    pub mode: OutputMode,
    /// What happens when state is full.
    pub on_full: OnFull,
    /// Whether any window was ever given out early.
    pub given_early: bool,
    /// Processing time: of this trigger, or of the last one while rows are pushed.
    pub now: Option<Timestamp>,
}

impl Epoch {
    /// Whether what ends at `end` is closed to new rows. In complete mode nothing ever is.
    #[must_use]
    pub fn is_closed(&self, end: Timestamp) -> bool {
        self.mode != OutputMode::Complete && self.watermark.is_some_and(|watermark| end <= watermark)
    }

    /// What ends then or before is to be closed now. In complete mode nothing ever is.
    #[must_use]
    pub fn due_up_to(&self) -> Option<Timestamp> {
        if self.mode == OutputMode::Complete { None } else { self.closing }
    }

    /// What happens when state is full: where no record can leave early, the row is refused instead.
    #[must_use]
    pub fn full_policy(&self) -> OnFull {
        match (self.on_full, self.mode) {
            (OnFull::EvictOldest, OutputMode::Update | OutputMode::Complete) => OnFull::Refuse,
            (policy, _) => policy,
        }
    }

    /// The epoch as an operator sees it whose input trails the query's watermark by `span`.
    ///
    /// Rows become late one microsecond later: a window before that ends one after the watermark is still open, and its result, which
    /// has the time of the watermark, must not be late.
    #[must_use]
    pub(crate) fn held_back(self, span: Span) -> Self {
        Self {
            watermark: self.watermark.map(|watermark| watermark - span - Span::micros(1)),
            closing: self.closing.map(|watermark| watermark - span),
            ..self
        }
    }
}
