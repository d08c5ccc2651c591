//! What the functions of a process see and do beside their state.

use super::timers::{Timers, TimersFull};
use crate::operator::Epoch;
use crate::time::Timestamp;

/// What a [`KeyedProcess`](super::KeyedProcess) knows of time, and the timers of its key.
#[derive(Debug)]
pub struct Context<'a> {
    pub(super) timers: Timers<'a>,
    pub(super) moment: Moment,
    pub(super) forgets: bool,
}

/// Where in time a function is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Of what the call is about.
    pub(super) event_time: Option<Timestamp>,
    pub(super) watermark: Option<Timestamp>,
    pub(super) now: Option<Timestamp>,
    /// While timers fire, up to where they do: one set no later waits for the next trigger.
    pub(super) firing_until: Option<Timestamp>,
}

impl Moment {
    /// Before timers fire; `event_time` is of the row, or the latest of the epoch.
    pub(super) fn before_trigger(event_time: Option<Timestamp>, epoch: &Epoch) -> Self {
        Self { event_time, watermark: epoch.watermark, now: epoch.now, firing_until: None }
    }
}

impl Context<'_> {
    /// For a row its event time, at the end of an epoch the latest of the key's rows in it, for an event-time timer the timer's.
    #[must_use]
    pub fn event_time(&self) -> Option<Timestamp> {
        self.moment.event_time
    }

    /// The watermark: for rows and at the end of an epoch the one that the epoch runs with, for timers the new one. `None` before the
    /// first.
    #[must_use]
    pub fn watermark(&self) -> Option<Timestamp> {
        self.moment.watermark
    }

    /// Processing time: for rows that of the last trigger, `None` before the first; otherwise that of this trigger.
    #[must_use]
    pub fn now(&self) -> Option<Timestamp> {
        self.moment.now
    }

    /// Sets a timer of this key, in the operator's time mode; one that is set already stays as it is. A time that has passed is no error:
    /// such a timer fires at the next trigger, and if a timer set it, at the trigger after this one.
    ///
    /// After [`Context::clear_timers`] there is room for all the timers that the plan allows, its `TIMERS`: up to that many can be set
    /// with `.ok()`, and none is lost.
    ///
    /// # Errors
    /// [`TimersFull`]; the timers are as they were.
    pub fn set_timer(&mut self, at: Timestamp) -> Result<(), TimersFull> {
        let waits = self.moment.firing_until.is_some_and(|until| at <= until);
        self.timers.set(at, waits)
    }

    /// Takes a timer of this key back. Says whether it was set.
    pub fn clear_timer(&mut self, at: Timestamp) -> bool {
        self.timers.clear(at)
    }

    /// Takes all timers of this key back.
    pub fn clear_timers(&mut self) {
        self.timers.clear_all();
    }

    /// The timers of this key; the earliest first, except that those set in the past by a timer come last.
    #[must_use]
    pub fn timers(&self) -> &[Timestamp] {
        self.timers.times
    }

    /// Forgets the key with its state and timers, and frees its place, when the call ends. Its next row finds the initial state.
    pub fn forget(&mut self) {
        self.forgets = true;
    }
}
