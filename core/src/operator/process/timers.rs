//! The timers of a key: a short sorted list.

use core::fmt;

use heapless::vec::VecView;

use crate::time::Timestamp;

/// A key has as many timers as it can have: the number in [`Process::in_event_time`](super::Process::in_event_time).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TimersFull;

impl fmt::Display for TimersFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key has all the timers it can have: clear one first, or allow more in the plan")
    }
}

impl core::error::Error for TimersFull {}

/// The timers of a record: those in force in order, then those set while timers fire, which must not fire in the same trigger.
#[derive(Debug)]
pub(super) struct Timers<'a> {
    pub(super) times: &'a mut VecView<Timestamp, u8>,
    /// How many at the end wait for the next trigger.
    pub(super) waiting: &'a mut u8,
}

impl Timers<'_> {
    fn in_force(&self) -> usize {
        self.times.len().saturating_sub(usize::from(*self.waiting))
    }

    /// Sets a timer, in force at once or from the next trigger on. Nothing changes if it is set already.
    pub(super) fn set(&mut self, at: Timestamp, waits: bool) -> Result<(), TimersFull> {
        if self.times.contains(&at) {
            return Ok(());
        }
        let in_force = self.in_force();
        self.times.push(at).map_err(|_| TimersFull)?;
        if waits {
            *self.waiting = self.waiting.saturating_add(1);
        } else {
            let last = self.times.len().saturating_sub(1);
            self.move_into_order(last, in_force);
        }
        Ok(())
    }

    /// Takes a timer back. Says whether there was one.
    pub(super) fn clear(&mut self, at: Timestamp) -> bool {
        let Some(place) = self.times.iter().position(|time| *time == at) else { return false };
        if place >= self.in_force() {
            *self.waiting = self.waiting.saturating_sub(1);
        }
        if let Some(tail) = self.times.get_mut(place..) {
            tail.rotate_left(1);
        }
        self.times.pop();
        true
    }

    pub(super) fn clear_all(&mut self) {
        self.times.clear();
        *self.waiting = 0;
    }

    /// Puts in force what waited.
    pub(super) fn release(&mut self) {
        let in_force = self.in_force();
        for place in in_force..self.times.len() {
            self.move_into_order(place, place);
        }
        *self.waiting = 0;
    }

    /// Moves the timer at `place` to where it belongs among the first `sorted`.
    fn move_into_order(&mut self, place: usize, sorted: usize) {
        let Some(at) = self.times.get(place).copied() else { return };
        let to = self.times.iter().take(sorted).take_while(|time| **time < at).count();
        if let Some(between) = self.times.get_mut(to..=place) {
            between.rotate_right(1);
        }
    }
}
