//! Keyed state of the user's own, with timers: after Spark's `transformWithState`.

use std::collections::BTreeSet;

use super::row::Row;
use super::stage::{Moved, Stage, Taken, is_late};

/// What a timer goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clock {
    /// The watermark.
    Event,
    /// The processing time of triggers. Such a timer fires at a trigger at its time or after it.
    Processing,
}

/// A timer of a key: there is at most one of each clock and time.
pub type Timer = (Clock, i64);

/// When an event-time timer fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fires {
    /// 49, `transformWithState`: when the watermark reaches it.
    AtWatermark,
    /// 48, `applyInPandasWithState`: when the watermark is beyond it.
    BehindWatermark,
}

/// What the user writes.
pub trait Logic {
    /// What is held for a key.
    type State;
    /// What comes out.
    type Out;

    /// The rows of a key in one epoch, in order of arrival.
    fn rows(&self, rows: &[Row], key: &mut Keyed<'_, Self::State, Self::Out>);

    /// A timer of a key, which is gone already.
    fn timer(&self, timer: Timer, key: &mut Keyed<'_, Self::State, Self::Out>);
}

#[derive(Debug, Clone)]
struct Entry<S> {
    key: Option<u8>,
    state: Option<S>,
    /// Processing time of the last write.
    written_at: i64,
    timers: BTreeSet<Timer>,
}

/// What a [`Logic`] sees of a key.
#[derive(Debug)]
pub struct Keyed<'a, S, O> {
    entry: &'a mut Entry<S>,
    results: &'a mut Vec<O>,
    /// The watermark: for rows the one that the epoch runs with, for timers the new one.
    pub watermark: Option<i64>,
    /// Processing time: for rows that of the last trigger, at first 0; for timers that of this trigger.
    pub now: i64,
}

impl<S, O> Keyed<'_, S, O> {
    /// The key, of which null is one.
    #[must_use]
    pub fn key(&self) -> Option<u8> {
        self.entry.key
    }

    /// What is held.
    #[must_use]
    pub fn state(&self) -> Option<&S> {
        self.entry.state.as_ref()
    }

    /// Holds something else from now on.
    pub fn put(&mut self, state: S) {
        self.entry.state = Some(state);
        self.entry.written_at = self.now;
    }

    /// Holds nothing; the timers stay.
    pub fn clear(&mut self) {
        self.entry.state = None;
    }

    /// Sets a timer. One that is due already fires at the next trigger; set by a timer, at the one after this.
    pub fn set(&mut self, timer: Timer) {
        self.entry.timers.insert(timer);
    }

    /// Takes a timer back, if it is there.
    pub fn cancel(&mut self, timer: Timer) {
        self.entry.timers.remove(&timer);
    }

    /// Takes all timers back.
    pub fn cancel_all(&mut self) {
        self.entry.timers.clear();
    }

    /// Gives a result.
    pub fn give(&mut self, result: O) {
        self.results.push(result);
    }
}

/// The model of a running keyed process.
#[derive(Debug, Clone)]
pub struct Process<L: Logic> {
    logic: L,
    fires: Fires,
    time_to_live: Option<i64>,
    entries: Vec<Entry<L::State>>,
    /// The rows of the epoch.
    rows: Vec<Row>,
    watermark: Option<i64>,
    now: i64,
}

impl<L: Logic> Process<L> {
    /// Holds nothing yet.
    #[must_use]
    pub fn new(logic: L, fires: Fires) -> Self {
        let (entries, rows) = (Vec::new(), Vec::new());
        Self { logic, fires, time_to_live: None, entries, rows, watermark: None, now: 0 }
    }

    /// State that was not written for so long in processing time is cleared by the next trigger, before timers fire.
    #[must_use]
    pub fn with_time_to_live(self, time_to_live: i64) -> Self {
        Self { time_to_live: Some(time_to_live), ..self }
    }

    /// With state from before, written at 0.
    #[must_use]
    pub fn with_initial(mut self, initial: Vec<(Option<u8>, L::State)>) -> Self {
        for (key, state) in initial {
            self.entry(key).state = Some(state);
        }
        self
    }

    /// How many keys it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.entries.len()
    }

    fn entry(&mut self, key: Option<u8>) -> &mut Entry<L::State> {
        let place = self.entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
            self.entries.push(Entry { key, state: None, written_at: 0, timers: BTreeSet::new() });
            self.entries.len() - 1
        });
        &mut self.entries[place]
    }

    fn forget_empty(&mut self) {
        self.entries.retain(|entry| entry.state.is_some() || !entry.timers.is_empty());
    }
}

impl<L: Logic> Stage for Process<L> {
    type In = Row;
    type Out = L::Out;

    fn moves_watermark(&self, _: usize, row: &Row) -> Option<i64> {
        row.at
    }

    /// 48: late rows never reach the logic.
    fn take(&mut self, _: usize, row: Row, watermark: Option<i64>) -> Taken<L::Out> {
        if is_late(row.at, watermark) {
            return Taken::Late;
        }
        self.watermark = watermark;
        self.rows.push(row);
        Taken::Given(Vec::new())
    }

    /// 49: before timers, which rows may so move.
    fn end_of_rows(&mut self) -> Vec<L::Out> {
        let rows = core::mem::take(&mut self.rows);
        let mut keys: Vec<Option<u8>> = rows.iter().map(|row| row.key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut results = Vec::new();
        for key in keys {
            let rows: Vec<Row> = rows.iter().filter(|row| row.key == key).copied().collect();
            self.entry(key);
            let (watermark, now) = (self.watermark, self.now);
            let entry = self.entries.iter_mut().find(|entry| entry.key == key).expect("made above");
            self.logic.rows(&rows, &mut Keyed { entry, results: &mut results, watermark, now });
        }
        self.forget_empty();
        results
    }

    /// The timers of a key fire in order: those of event time, then those of processing time, each by time.
    fn close(&mut self, watermark: Moved, now: i64) -> Vec<L::Out> {
        let mut results = Vec::new();
        for entry in &mut self.entries {
            if self.time_to_live.is_some_and(|time| entry.written_at + time <= now) {
                entry.state = None;
            }
            let is_due = |(clock, at): &Timer| match (clock, self.fires) {
                (Clock::Processing, _) => *at <= now,
                (Clock::Event, Fires::AtWatermark) => watermark.reached(*at),
                (Clock::Event, Fires::BehindWatermark) => watermark.passed(*at),
            };
            let due: Vec<Timer> = entry.timers.iter().copied().filter(is_due).collect();
            for timer in due {
                // One that fired before it may have taken it back.
                if entry.timers.remove(&timer) {
                    let results = &mut results;
                    self.logic.timer(timer, &mut Keyed { entry, results, watermark: watermark.to, now });
                }
            }
        }
        self.forget_empty();
        (self.watermark, self.now) = (watermark.to, now);
        results
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Epoch;
    use super::super::stage::Running;
    use super::super::watermark::Inputs;
    use super::*;

    /// Sets timers as the value of a row says, and tells of each that fires.
    struct Alarms;

    impl Logic for Alarms {
        type State = u32;
        type Out = (Option<u8>, Timer, Option<u32>);

        fn rows(&self, rows: &[Row], key: &mut Keyed<'_, u32, Self::Out>) {
            for row in rows {
                let (Some(at), Some(value)) = (row.at, row.value) else { continue };
                key.put(row.number);
                match value {
                    0.0 => key.cancel((Clock::Event, at)),
                    value if value < 0.0 => key.set((Clock::Processing, key.now - value as i64)),
                    value => key.set((Clock::Event, at + value as i64)),
                }
            }
        }

        /// The one at 50 takes back the one at 60 and sets one at 10, which is long over.
        fn timer(&self, timer: Timer, key: &mut Keyed<'_, u32, Self::Out>) {
            key.give((key.key(), timer, key.state().copied()));
            if timer == (Clock::Event, 50) {
                key.cancel((Clock::Event, 60));
                key.set((Clock::Event, 10));
            }
        }
    }

    fn epoch(now: i64, rows: &[(i64, f64)]) -> Epoch {
        let row = |(number, (at, value)): (u32, &(i64, f64))| {
            (0, Row { number, key: Some(1), at: Some(*at), value: Some(*value) })
        };
        Epoch { rows: (0..).zip(rows).map(row).collect(), now }
    }

    /// What fires at the trigger of each epoch.
    fn fired(process: Process<Alarms>, epochs: &[Epoch]) -> Vec<Vec<Timer>> {
        let answers = Running::new(Inputs::new(&[Some(0)]), process).run(epochs);
        let timers = |results: Vec<_>| results.into_iter().map(|(_, timer, _)| timer).collect();
        answers.into_iter().map(|answer| timers(answer.results)).collect()
    }

    fn event(times: &[i64]) -> Vec<Timer> {
        times.iter().map(|at| (Clock::Event, *at)).collect()
    }

    #[test]
    fn several_timers_of_a_key_fire_in_order() {
        let epochs =
            [epoch(0, &[(10, 20.0), (11, 9.0), (12, 18.0), (13, 7.0)]), epoch(0, &[(25, 0.0), (30, 99.0)])];
        let fired = |fires| fired(Process::new(Alarms, fires), &epochs);
        assert_eq!(fired(Fires::AtWatermark), [event(&[]), event(&[20, 30])]);
        assert_eq!(fired(Fires::BehindWatermark), [event(&[]), event(&[20])]);
    }

    #[test]
    fn rows_may_take_a_timer_back() {
        let epochs = [epoch(0, &[(10, 10.0), (11, 10.0)]), epoch(0, &[(20, 0.0), (40, 90.0)])];
        assert_eq!(fired(Process::new(Alarms, Fires::AtWatermark), &epochs), [event(&[]), event(&[21])]);
    }

    #[test]
    fn timers_may_set_and_take_back_timers() {
        let epochs =
            [epoch(0, &[(30, 20.0), (31, 29.0)]), epoch(0, &[(80, 99.0)]), epoch(0, &[]), epoch(0, &[])];
        let expected = [event(&[]), event(&[50]), event(&[10]), event(&[])];
        assert_eq!(fired(Process::new(Alarms, Fires::AtWatermark), &epochs), expected);
    }

    #[test]
    fn processing_time_is_that_of_triggers() {
        let epochs = [epoch(100, &[(1, 0.0)]), epoch(150, &[(2, -60.0)]), epoch(159, &[]), epoch(160, &[])];
        let expected = [vec![], vec![], vec![], vec![(Clock::Processing, 160)]];
        assert_eq!(fired(Process::new(Alarms, Fires::AtWatermark), &epochs), expected);
    }

    #[test]
    fn state_lives_so_long_after_its_last_write_and_initial_state_is_there_first() {
        let process = Process::new(Alarms, Fires::AtWatermark).with_initial(vec![(Some(1), 7), (Some(2), 8)]);
        assert_eq!(process.held(), 2);
        let process = process.with_time_to_live(10);
        let mut running = Running::new(Inputs::new(&[Some(0)]), process);
        let _ = running.epoch(&epoch(9, &[(1, 30.0)]));
        assert_eq!(running.stage.held(), 2);
        let _ = running.epoch(&epoch(10, &[(2, 39.0)]));
        assert_eq!(running.stage.held(), 1, "the one of 0 is over, the other was written at 9");
        assert_eq!(
            running.epoch(&epoch(18, &[(31, 99.0)])).results,
            [(Some(1), (Clock::Event, 31), Some(0))]
        );
        // Rows between the triggers of 18 and 28 are written at 18.
        let over = (Some(1), (Clock::Event, 41), None);
        assert_eq!(running.epoch(&epoch(28, &[(41, 99.0)])).results, [over]);
    }
}
