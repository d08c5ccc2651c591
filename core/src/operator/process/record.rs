//! What is held for a key of a process.

use heapless::Vec;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::context::{Context, Moment};
use super::timers::Timers;
use crate::aggregate::Stored;
use crate::state::{OnePerKey, Record, Schedule};
use crate::time::{Span, Timestamp};

/// The state `S` of one key, and its timers.
///
/// Besides `S` it takes 8 bytes per timer and 26, rounded up to a multiple of 8.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProcessRecord<S, const TIMERS: usize> {
    pub(super) state: S,
    pub(super) times: Vec<Timestamp, TIMERS, u8>,
    pub(super) expiry: Expiry,
    /// How many of the timers wait for the next trigger. None between triggers.
    #[serde(skip)]
    waiting: u8,
    /// Whether the end of the epoch is still to be told of rows. Never at a commit.
    #[serde(skip)]
    pub(super) has_rows: bool,
    /// The latest event time of those rows; [`Timestamp::MIN`] if none had one.
    #[serde(skip)]
    latest: Timestamp,
}

impl<S, const TIMERS: usize> ProcessRecord<S, TIMERS> {
    pub(super) fn new(state: S) -> Self {
        let (times, expiry) = (Vec::new(), Expiry::NEVER);
        Self { state, times, expiry, waiting: 0, has_rows: false, latest: Timestamp::MIN }
    }

    /// Calls a function of the user's. Says too whether the key is to be forgotten.
    pub(super) fn call<R>(
        &mut self,
        moment: Moment,
        function: impl FnOnce(&mut Context<'_>, &mut S) -> R,
    ) -> (R, bool) {
        let timers = Timers { times: self.times.as_mut_view(), waiting: &mut self.waiting };
        let mut context = Context { timers, moment, forgets: false };
        let answer = function(&mut context, &mut self.state);
        (answer, context.forgets)
    }

    /// Notes a row for the end of the epoch.
    pub(super) fn note_row(&mut self, at: Option<Timestamp>) {
        let before = if self.has_rows { self.latest } else { Timestamp::MIN };
        self.latest = before.max(at.unwrap_or(Timestamp::MIN));
        self.has_rows = true;
    }

    /// The latest event time of the epoch's rows, which are forgotten.
    pub(super) fn take_rows(&mut self) -> Option<Timestamp> {
        self.has_rows = false;
        (self.latest != Timestamp::MIN).then_some(self.latest)
    }

    /// Whether timers wait for the next trigger.
    pub(super) fn has_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Puts the timers in force that waited.
    pub(super) fn release_waiting(&mut self) {
        Timers { times: self.times.as_mut_view(), waiting: &mut self.waiting }.release();
    }

    /// The earliest timer in force.
    pub(super) fn first_timer(&self) -> Option<Timestamp> {
        self.times.first().copied().filter(|_| self.times.len() > usize::from(self.waiting))
    }

    /// The latest of all timers.
    pub(super) fn last_timer(&self) -> Option<Timestamp> {
        self.times.iter().copied().max()
    }

    /// Takes a timer off.
    pub(super) fn take_timer(&mut self, at: Timestamp) {
        Timers { times: self.times.as_mut_view(), waiting: &mut self.waiting }.clear(at);
    }
}

impl<S: Stored, const TIMERS: usize> Record for ProcessRecord<S, TIMERS> {
    type Lookup = OnePerKey;
    const SCHEDULE: Schedule = Schedule::Each;

    fn position(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    /// [`Timestamp::MAX`] if nothing is due ever.
    fn deadline(&self) -> Timestamp {
        self.first_timer().map_or(self.expiry.0, |timer| timer.min(self.expiry.0))
    }
}

/// When a key's state expires. In a checkpoint it is an `Option`, since [`Expiry::NEVER`] would take ten bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expiry(pub(super) Timestamp);

impl Expiry {
    /// Nothing expires, or it has.
    pub(super) const NEVER: Self = Self(Timestamp::MAX);
    /// The time of the last row is not known; the next trigger stands for it.
    pub(super) const NOT_KNOWN: Self = Self(Timestamp::MIN);

    /// So long after a moment, between [`Expiry::NOT_KNOWN`] and [`Expiry::NEVER`] in any case.
    pub(super) fn after(at: Timestamp, span: Span) -> Self {
        let tick = Span::micros(1);
        Self((at + span).clamp(Timestamp::MIN + tick, Timestamp::MAX - tick))
    }

    /// After a further row whose own expiry would be `of_row`.
    pub(super) fn renewed(self, of_row: Self) -> Self {
        if self == Self::NEVER { of_row } else { self.max(of_row) }
    }
}

impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (*self != Self::NEVER).then_some(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<Timestamp>::deserialize(deserializer)?.map_or(Self::NEVER, Self))
    }
}
