//! The same jobs as loops over a `HashMap`, written for these jobs alone.
//!
//! They follow the same rules (a watermark that moves every epoch, rows judged by it, windows closed in append mode) and
//! make the same results. They keep no capacity, no order by deadline, no list of changes and no counts of rows, and take
//! values to be neither null nor NaN.

use std::collections::{HashMap, VecDeque};

use crate::checksum::Checksum;
use crate::readings::{DISORDER_MS, Reading};
use crate::{GAP_SECS, ROWS_PER_TRIGGER, SLIDE_SECS, SLIDING_SECS, TUMBLING_SECS};

/// A moment or a length of time in microseconds.
type Micros = i64;
const SECOND: Micros = 1_000_000;

/// A job: takes rows in, and gives out what a watermark closes.
trait ByHand: Default {
    /// Takes a row in; `watermark` is that of the epoch.
    fn push(&mut self, reading: &Reading, watermark: Micros);

    /// Gives out and forgets what ends at or before `watermark`.
    fn close(&mut self, watermark: Micros, results: &mut Checksum);
}

#[inline(never)]
fn run_by_hand<J: ByHand>(rows: &[Reading]) -> Checksum {
    let mut job = J::default();
    let mut results = Checksum::default();
    let (mut highest, mut watermark) = (Micros::MIN, Micros::MIN);
    for epoch in rows.chunks(ROWS_PER_TRIGGER) {
        for reading in epoch {
            job.push(reading, watermark);
            highest = highest.max(reading.at.as_micros());
        }
        watermark = highest - Micros::from(DISORDER_MS) * 1_000;
        job.close(watermark, &mut results);
    }
    job.close(Micros::MAX, &mut results);
    results
}

pub fn tumbling(rows: &[Reading]) -> Checksum {
    run_by_hand::<Windows<{ TUMBLING_SECS as Micros * SECOND }, { TUMBLING_SECS as Micros * SECOND }>>(rows)
}

pub fn sliding_windows(rows: &[Reading]) -> Checksum {
    run_by_hand::<Windows<{ SLIDING_SECS as Micros * SECOND }, { SLIDE_SECS as Micros * SECOND }>>(rows)
}

pub fn sliding_panes(rows: &[Reading]) -> Checksum {
    run_by_hand::<Panes>(rows)
}

pub fn session(rows: &[Reading]) -> Checksum {
    run_by_hand::<Sessions>(rows)
}

/// Count, sum, least and greatest value.
#[derive(Clone, Copy)]
struct Total {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Total {
    const EMPTY: Self = Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn of(value: f64) -> Self {
        Self { count: 1, sum: value, min: value, max: value }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = if other.min < self.min { other.min } else { self.min };
        self.max = if other.max > self.max { other.max } else { self.max };
    }

    fn result(&self) -> (u64, f64, f64, f64) {
        (self.count, self.sum, self.min, self.max)
    }
}

/// Windows of `SIZE` every `SLIDE`, each an entry of its own: a row updates all windows that hold it.
struct Windows<const SIZE: Micros, const SLIDE: Micros> {
    totals: HashMap<(Micros, u32), Total>,
    /// Nothing closes before the watermark is here.
    next_end: Micros,
}

impl<const SIZE: Micros, const SLIDE: Micros> Default for Windows<SIZE, SLIDE> {
    fn default() -> Self {
        Self { totals: HashMap::new(), next_end: Micros::MAX }
    }
}

impl<const SIZE: Micros, const SLIDE: Micros> ByHand for Windows<SIZE, SLIDE> {
    fn push(&mut self, reading: &Reading, watermark: Micros) {
        let at = reading.at.as_micros();
        let mut start = at.div_euclid(SLIDE) * SLIDE;
        while start + SIZE > at && start + SIZE > watermark {
            self.totals.entry((start, reading.key)).or_insert(Total::EMPTY).merge(&Total::of(reading.value));
            self.next_end = self.next_end.min(start + SIZE);
            start -= SLIDE;
        }
    }

    fn close(&mut self, watermark: Micros, results: &mut Checksum) {
        if watermark < self.next_end {
            return;
        }
        self.next_end = Micros::MAX;
        self.totals.retain(|(start, key), total| {
            let end = start + SIZE;
            if end > watermark {
                self.next_end = self.next_end.min(end);
                return true;
            }
            results.add(*key, *start, end, total.result());
            false
        });
    }
}

/// Sliding windows by panes: a row updates one, and a window merges its own when it closes.
struct Panes {
    /// Of each key, its panes in order of their starts.
    panes: HashMap<u32, VecDeque<(Micros, Total)>>,
    next_end: Micros,
}

impl Panes {
    const SIZE: Micros = SLIDING_SECS as Micros * SECOND;
    const SLIDE: Micros = SLIDE_SECS as Micros * SECOND;
}

impl Default for Panes {
    fn default() -> Self {
        Self { panes: HashMap::new(), next_end: Micros::MAX }
    }
}

impl ByHand for Panes {
    fn push(&mut self, reading: &Reading, watermark: Micros) {
        let start = reading.at.as_micros().div_euclid(Self::SLIDE) * Self::SLIDE;
        if start + Self::SIZE <= watermark {
            return;
        }
        let first_open_end = (watermark.div_euclid(Self::SLIDE) + 1) * Self::SLIDE;
        self.next_end = self.next_end.min(first_open_end.max(start + Self::SLIDE));
        let panes = self.panes.entry(reading.key).or_default();
        let after = panes.iter().rposition(|(other, _)| *other <= start);
        match after.and_then(|place| panes.get_mut(place)) {
            Some((other, total)) if *other == start => total.merge(&Total::of(reading.value)),
            _ => panes.insert(after.map_or(0, |place| place + 1), (start, Total::of(reading.value))),
        }
    }

    fn close(&mut self, watermark: Micros, results: &mut Checksum) {
        let mut end = self.next_end;
        // After the last pane has left, no window is left either.
        while end <= watermark && !self.panes.is_empty() {
            let start = end - Self::SIZE;
            self.panes.retain(|key, panes| {
                while panes.front().is_some_and(|(pane, _)| *pane < start) {
                    panes.pop_front();
                }
                let mut window = Total::EMPTY;
                panes.iter().take_while(|(pane, _)| *pane < end).for_each(|(_, total)| window.merge(total));
                if window.count > 0 {
                    results.add(*key, start, end, window.result());
                }
                !panes.is_empty()
            });
            end += Self::SLIDE;
        }
        self.next_end = end;
    }
}

/// The open sessions of each key.
#[derive(Default)]
struct Sessions {
    sessions: HashMap<u32, Vec<Session>>,
}

struct Session {
    start: Micros,
    end: Micros,
    total: Total,
}

impl ByHand for Sessions {
    fn push(&mut self, reading: &Reading, watermark: Micros) {
        let start = reading.at.as_micros();
        let end = start + Micros::from(GAP_SECS) * SECOND;
        if end <= watermark {
            return;
        }
        let mut joined = Session { start, end, total: Total::of(reading.value) };
        let open = self.sessions.entry(reading.key).or_default();
        let touches = |session: &Session| session.start <= end && start <= session.end;
        if let [session] = open.as_mut_slice()
            && touches(session)
        {
            session.start = session.start.min(start);
            session.end = session.end.max(end);
            session.total.merge(&joined.total);
            return;
        }
        open.retain(|session| {
            if !touches(session) {
                return true;
            }
            joined.start = joined.start.min(session.start);
            joined.end = joined.end.max(session.end);
            joined.total.merge(&session.total);
            false
        });
        open.push(joined);
    }

    fn close(&mut self, watermark: Micros, results: &mut Checksum) {
        for (key, open) in &mut self.sessions {
            open.retain(|session| {
                if session.end > watermark {
                    return true;
                }
                results.add(*key, session.start, session.end, session.total.result());
                false
            });
        }
    }
}
