//! `process`: state and timers of the user's own, per key.

use core::fmt;

use super::super::plan::Plan;
use super::super::run::Query;
use super::grouped::Grouped;
use super::prefix::Prefix;
use super::results::{AtOnce, Results};
use super::stream::WithWatermark;
use crate::operator::{
    InEventTime, InProcessingTime, KeyedProcess, Mode, Process, ProcessOperator, Stages, Timeless,
};
use crate::state::SlotIndex;

/// What a process in the time mode `Self` needs to know of event time: event-time timers need a watermark.
#[diagnostic::on_unimplemented(
    message = "timers in event time need a watermark",
    note = "write `.with_watermark(..)` before `.group_by(..)`, or use `Process::in_processing_time`"
)]
pub trait RunsOver<T>: Mode {}

impl<T> RunsOver<T> for Timeless {}
impl<T> RunsOver<T> for InProcessingTime {}
impl RunsOver<WithWatermark> for InEventTime {}

impl<X, S, T, K, P> Grouped<X, S, T, K, P>
where
    S: Stages<X>,
    P: Prefix<X, S>,
{
    /// Runs a [`KeyedProcess`] of the user's on the rows of each key: typed state, several timers per key, expiry, initial state (Spark's
    /// `transformWithState`, Flink's `KeyedProcessFunction`).
    ///
    /// A result of the end of an epoch has the event time of the key's latest row in the epoch; one of an event-time timer that of the
    /// timer, or just after the watermark before if the timer was set in the past; one of a processing-time timer has none, unless
    /// [`with_event_time_of`](super::Stream::with_event_time_of) says which. Append and update are the same. When state is full,
    /// [`OnFull::EvictOldest`](crate::OnFull::EvictOldest) refuses rows of new keys.
    ///
    /// With `n` keys a row costs `O(log n)` and what [`KeyedProcess::on_row`] does, a trigger `O(log n)`, a copy of the key's state and
    /// the user's function for each key with rows and each timer that fires. State is a [`ProcessState`](crate::ProcessState).
    ///
    /// ```
    /// use headwater::{Context, KeyedProcess, Process, ProcessState, QueryPlan, Span, Stream, Timestamp};
    ///
    /// struct Reading { device: u16, at: Timestamp }
    ///
    /// /// Raises an alarm when a device is silent for five minutes.
    /// struct Silence;
    ///
    /// impl KeyedProcess<Reading> for Silence {
    ///     type Key = u16;
    ///     /// When the device was last heard of.
    ///     type State = Timestamp;
    ///     type Output = (u16, Timestamp);
    ///     const ON_EPOCH: bool = false;
    ///
    ///     fn initial(&self, _device: &u16) -> Timestamp {
    ///         Timestamp::MIN
    ///     }
    ///
    ///     fn on_row(&self, context: &mut Context<'_>, last: &mut Timestamp, row: &Reading) {
    ///         *last = row.at.max(*last);
    ///         context.clear_timers();
    ///         context.set_timer(*last + Span::mins(5)).ok(); // There is room for one.
    ///     }
    ///
    ///     fn on_timer(
    ///         &self,
    ///         context: &mut Context<'_>,
    ///         device: &u16,
    ///         last: &mut Timestamp,
    ///         _timer: Timestamp,
    ///     ) -> Option<(u16, Timestamp)> {
    ///         context.forget();
    ///         Some((*device, *last))
    ///     }
    /// }
    ///
    /// let plan = Stream::<Reading>::new()
    ///     .with_watermark(|r| r.at, Span::secs(10))
    ///     .group_by(|r| r.device)
    ///     .process(Process::in_event_time::<1>(Silence))
    ///     .append();
    /// let mut state = ProcessState::<u16, Timestamp, 1, 64>::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// let mut alarms = Vec::new();
    /// for (device, minute) in [(1, 0), (2, 1), (2, 4), (2, 6)] {
    ///     query.push(Reading { device, at: Timestamp::from_secs(minute * 60) })?;
    ///     query.trigger(Timestamp::EPOCH, |alarm| alarms.push(alarm))?;
    /// }
    /// assert_eq!(alarms, [(1, Timestamp::EPOCH)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Timers in event time need a watermark:
    ///
    /// ```compile_fail
    /// use headwater::{Process, Stream, process_of};
    ///
    /// let nothing = process_of(0_u8, |_, _, _: &u8| {}, |_, _: &u8, _, _| None::<()>);
    /// Stream::<u8>::new().group_by(|r| *r).process(Process::in_event_time::<1>(nothing)).append();
    /// ```
    pub fn process<L, M, const TIMERS: usize>(
        self,
        process: Process<L, M, TIMERS>,
    ) -> Results<P::Row, P::Stages, T, P::Operator<ProcessOperator<K, L, M, TIMERS>>, AtOnce>
    where
        L: KeyedProcess<S::Out>,
        K: Fn(&S::Out) -> L::Key,
        M: RunsOver<T>,
    {
        Results::of(self.prefix, self.stages, ProcessOperator { key: self.key, process })
    }
}

impl<R, S, KF, L, M, I, const TIMERS: usize> Query<'_, Plan<R, S, ProcessOperator<KF, L, M, TIMERS>>, I>
where
    S: Stages<R>,
    KF: Fn(&S::Out) -> L::Key,
    L: KeyedProcess<S::Out>,
    M: Mode,
    I: SlotIndex,
{
    /// Gives a key its state before the first row (Spark's initial state), for instance what an older program has stored; the next commit
    /// makes it durable. After a restart what the log holds takes the place of what was seeded.
    ///
    /// It counts in [`Progress::state_rows`](crate::Progress::state_rows) and not as a row. Timers are set in
    /// [`KeyedProcess::on_seed`]. Where keys are many and rarely seen, [`KeyedProcess::initial`] can look them up instead.
    ///
    /// ```
    /// use headwater::{Process, ProcessState, QueryPlan, Stream, Timestamp, process_of};
    ///
    /// let plan = Stream::<(u8, u32)>::new()
    ///     .group_by(|r| r.0)
    ///     .process(Process::in_processing_time::<1>(process_of(
    ///         0,
    ///         |context, litres: &mut u32, row: &(u8, u32)| {
    ///             *litres += row.1;
    ///             context.set_timer(Timestamp::from_secs(60)).ok();
    ///         },
    ///         |_, tank: &u8, litres: &mut u32, _| Some((*tank, *litres)),
    ///     )))
    ///     .append();
    /// let mut state = ProcessState::<u8, u32, 1, 8>::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// query.seed(1, 500)?;
    /// query.push((1, 30))?;
    /// assert!(query.seed(2, 100).is_err());
    /// query.trigger(Timestamp::from_secs(60), |row| assert_eq!(row, (1, 530)))?;
    /// # assert_eq!(query.progress().rows.emitted, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SeedError`]; nothing has changed then.
    pub fn seed(&mut self, key: L::Key, state: L::State) -> Result<(), SeedError> {
        if self.head.rows.rows_in > 0 || self.head.epoch > 0 || self.committed.is_some() {
            return Err(SeedError::Started);
        }
        if self.tables.last_of(&key).is_some() {
            return Err(SeedError::Twice);
        }
        let epoch = self.epoch_at(self.head.watermark, self.head.watermark);
        let seeded = self.plan.operator.seed(&mut self.tables, (key, state), &epoch);
        seeded.map_err(|_| SeedError::Full)
    }
}

/// A key was not given a state by [`Query::seed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SeedError {
    /// The query has taken rows, ended epochs, or was restored.
    Started,
    /// The key has been given one already.
    Twice,
    /// State is full.
    Full,
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "the query has started or was restored: state can only be seeded before",
            Self::Twice => "the key has a state already",
            Self::Full => "every slot of the state is taken",
        })
    }
}

impl core::error::Error for SeedError {}
