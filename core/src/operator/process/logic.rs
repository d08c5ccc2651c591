//! What the user writes, and how it is run.

use core::marker::PhantomData;

use super::context::Context;
use super::mode::{Clocked, InEventTime, InProcessingTime, Timeless};
use crate::aggregate::Stored;
use crate::state::Key;
use crate::time::{Span, Timestamp};

/// Stateful processing of the rows of each key, with timers (Spark's `StatefulProcessor`, Flink's `KeyedProcessFunction`).
///
/// Each call gives at most one result; for several, let `Output` be a `heapless::Vec` and let `.then().flat_map(..)` take it apart.
/// The functions must depend on their arguments alone: when a sink refuses a result, the change that made it is thrown away,
/// and the call is made again later.
pub trait KeyedProcess<T: ?Sized> {
    /// What rows are grouped by.
    type Key: Key;
    /// What is held for each key. It is written to the checkpoint, and is copied once for each call at a trigger.
    type State: Stored;
    /// A result.
    type Output;

    /// Whether [`KeyedProcess::on_epoch`] does anything. If not, say `false`: a commit then needs no trigger after the last row, and
    /// [`Query::next_deadline`](crate::Query::next_deadline) lets a device sleep until a timer is due.
    const ON_EPOCH: bool = true;

    /// The state of a key at its first row, and at the first one after it was forgotten or has expired.
    fn initial(&self, key: &Self::Key) -> Self::State;

    /// The key was given a state by [`Query::seed`](crate::Query::seed) (Spark's `handleInitialState`): here timers can be set.
    fn on_seed(&self, context: &mut Context<'_>, key: &Self::Key, state: &mut Self::State) {
        let _ = (context, key, state);
    }

    /// A row of the key has come.
    fn on_row(&self, context: &mut Context<'_>, state: &mut Self::State, row: &T);

    /// The epoch ends, and the key has had rows in it. Called once for each such key, in an order that a restart keeps, before the watermark moves;
    /// not for a key that a row has made forgotten. Behind another operator it is called once more for the rows that come when the
    /// watermark moves.
    fn on_epoch(
        &self,
        context: &mut Context<'_>,
        key: &Self::Key,
        state: &mut Self::State,
    ) -> Option<Self::Output> {
        let _ = (context, key, state);
        None
    }

    /// A timer fires; it is no longer set. All rows of the epoch come before. Timers of all keys fire in order of time.
    fn on_timer(
        &self,
        context: &mut Context<'_>,
        key: &Self::Key,
        state: &mut Self::State,
        timer: Timestamp,
    ) -> Option<Self::Output> {
        let _ = (context, key, state, timer);
        None
    }
}

/// A [`KeyedProcess`] and how it is run: its time mode `M`, the most timers a key can have (at most 255), when state expires.
#[derive(Debug, Clone)]
pub struct Process<L, M, const TIMERS: usize> {
    pub(super) logic: L,
    pub(super) time_to_live: Option<Span>,
    pub(super) fires_behind_watermark: bool,
    mode: PhantomData<M>,
}

impl<L, M, const TIMERS: usize> Process<L, M, TIMERS> {
    const fn new(logic: L) -> Self {
        Self { logic, time_to_live: None, fires_behind_watermark: false, mode: PhantomData }
    }
}

impl<L> Process<L, Timeless, 0> {
    /// Without timers (Spark's `TimeMode.None`): state is held until the process forgets it, and no row is late.
    pub const fn without_timers(logic: L) -> Self {
        Self::new(logic)
    }

    /// In event time: a timer fires when the watermark reaches it, and rows at or before the watermark are late. Needs a watermark.
    ///
    /// `TIMERS` is the most timers of a key, 8 bytes each.
    pub const fn in_event_time<const TIMERS: usize>(logic: L) -> Process<L, InEventTime, TIMERS> {
        Process::new(logic)
    }

    /// In processing time: a timer fires at the first trigger at its time or after it, and no row is late.
    ///
    /// `TIMERS` is the most timers of a key, 8 bytes each.
    pub const fn in_processing_time<const TIMERS: usize>(logic: L) -> Process<L, InProcessingTime, TIMERS> {
        Process::new(logic)
    }
}

impl<L, M: Clocked, const TIMERS: usize> Process<L, M, TIMERS> {
    /// Lets the state of a key expire so long after its last row: at the first trigger whose watermark, or processing time, is at that
    /// moment or after it, before timers fire.
    ///
    /// A key without timers is forgotten then. One that has timers goes back to its initial state, its timers fire as set, and with the
    /// last of them it is forgotten. In event time a row without one counts as of the watermark. What has no time yet, before the first trigger or watermark,
    /// counts as of the trigger that brings one. The span belongs to the identity of the query.
    #[must_use]
    pub fn time_to_live(self, span: Span) -> Self {
        Self { time_to_live: Some(span), ..self }
    }
}

impl<L, const TIMERS: usize> Process<L, InEventTime, TIMERS> {
    /// Timers fire, and state expires, when the watermark is beyond the moment and not when it reaches it: the rule of Spark's older
    /// `applyInPandasWithState` and `flatMapGroupsWithState`.
    #[must_use]
    pub fn fires_behind_watermark(self) -> Self {
        Self { fires_behind_watermark: true, ..self }
    }
}

/// A [`KeyedProcess`] of two closures: each key starts with `initial`, rows change its state, timers make results.
///
/// ```
/// use headwater::{Process, QueryPlan, Span, Stream, Timestamp, process_of};
///
/// // How often each door opened, ten seconds after it last did.
/// let opened = process_of(
///     0_u32,
///     |context, times: &mut u32, (_, at): &(u8, Timestamp)| {
///         *times += 1;
///         context.clear_timers();
///         context.set_timer(*at + Span::secs(10)).ok();
///     },
///     |context, door: &u8, times: &mut u32, _| {
///         context.forget();
///         Some((*door, *times))
///     },
/// );
/// let plan = Stream::<(u8, Timestamp)>::new()
///     .with_watermark(|r| r.1, Span::ZERO)
///     .group_by(|r| r.0)
///     .process(Process::in_event_time::<1>(opened))
///     .append();
/// # let mut state = headwater::ProcessState::<u8, u32, 1, 4>::EMPTY;
/// # let mut query = plan.bind(&mut state);
/// # for at in [1, 3, 20] { query.push((7, Timestamp::from_secs(at))).unwrap(); query.push((8, Timestamp::from_secs(at + 9))).unwrap(); }
/// # let mut given = Vec::new();
/// # query.trigger(Timestamp::EPOCH, |row| given.push(row)).unwrap();
/// # assert_eq!(given, []);
/// # query.push((9, Timestamp::from_secs(30))).unwrap();
/// # query.trigger(Timestamp::EPOCH, |row| given.push(row)).unwrap();
/// # assert_eq!(given, [(7, 3)]);
/// ```
pub fn process_of<T, K, S, O, R, W>(initial: S, on_row: R, on_timer: W) -> ProcessOf<T, K, S, R, W>
where
    R: Fn(&mut Context<'_>, &mut S, &T),
    W: Fn(&mut Context<'_>, &K, &mut S, Timestamp) -> Option<O>,
{
    ProcessOf { initial, on_row, on_timer, types: PhantomData }
}

/// See [`process_of`].
#[derive(Debug, Clone)]
pub struct ProcessOf<T, K, S, R, W> {
    initial: S,
    on_row: R,
    on_timer: W,
    types: PhantomData<fn(&T, &K)>,
}

impl<T, K, S, O, R, W> KeyedProcess<T> for ProcessOf<T, K, S, R, W>
where
    K: Key,
    S: Stored,
    R: Fn(&mut Context<'_>, &mut S, &T),
    W: Fn(&mut Context<'_>, &K, &mut S, Timestamp) -> Option<O>,
{
    type Key = K;
    type State = S;
    type Output = O;
    const ON_EPOCH: bool = false;

    fn initial(&self, _key: &K) -> S {
        self.initial.clone()
    }

    fn on_row(&self, context: &mut Context<'_>, state: &mut S, row: &T) {
        (self.on_row)(context, state, row);
    }

    fn on_timer(&self, context: &mut Context<'_>, key: &K, state: &mut S, timer: Timestamp) -> Option<O> {
        (self.on_timer)(context, key, state, timer)
    }
}
