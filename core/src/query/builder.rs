//! The builder: [`Stream`] and the steps that lead from it to a [`Plan`].
//!
//! What Spark refuses when a query starts is a method that does not exist here: event-time windows before
//! `with_watermark` or `with_event_time`, append output of an aggregate without a watermark or without windows, update output of
//! sessions, output without an aggregate. One thing more is possible: sessions without a key.

use core::fmt;
use core::marker::PhantomData;

use super::plan::Plan;
use crate::operator::{
    FieldTime, Filter, GlobalAggregate, GroupAggregate, Input, Map, Operator, OutputMode, SessionAggregate,
    SlidingAggregate, Stage, Stages, TumblingAggregate, Watermarked,
};
use crate::time::{EventTime, Span, Timestamp};
use crate::watermark::WatermarkPolicy;
use crate::window::{Session, SessionBy, Sliding, Tumbling};

/// Rows have no event time yet.
#[derive(Debug, Clone, Copy)]
pub struct NoEventTime;

/// Rows have an event time, but no watermark follows it.
#[derive(Debug, Clone, Copy)]
pub struct WithEventTime;

/// Rows have an event time, and a watermark follows it.
#[derive(Debug, Clone, Copy)]
pub struct WithWatermark;

/// That rows have an event time: [`WithEventTime`] or [`WithWatermark`].
pub trait Timed {}

impl Timed for WithEventTime {}
impl Timed for WithWatermark {}

/// A stream of rows `R`: an unbounded table, to which a query is put step by step.
///
/// `S` are the stateless stages so far, `T` says what is known of event time. Nothing runs before
/// [`bind`](super::QueryPlan::bind).
///
/// ```
/// use headwater::{Span, Stream, Timestamp, aggregate::{count, mean}, window::Tumbling};
///
/// struct Reading { device: u16, at: Timestamp, celsius: f32 }
///
/// let plan = Stream::<Reading>::new()
///     .filter(|r| r.celsius.is_finite())
///     .with_watermark(|r| r.at, Span::secs(30))
///     .group_by(|r| r.device)
///     .window(Tumbling::of(Span::mins(10)))
///     .aggregate((count(), mean(|r: &Reading| r.celsius)))
///     .append();
/// # let _ = plan;
/// ```
#[derive(Debug, Clone)]
pub struct Stream<R, S = Input<R>, T = NoEventTime> {
    stages: S,
    time: PhantomData<fn(R) -> T>,
}

impl<R> Stream<R> {
    /// The stream of all rows pushed.
    #[must_use]
    pub const fn new() -> Self {
        Self { stages: Input::new(), time: PhantomData }
    }
}

impl<R> Default for Stream<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R, S: Stages<R>, T> Stream<R, S, T> {
    fn then<F, U>(self, stage: F) -> Stream<R, Stage<S, F>, U> {
        Stream { stages: Stage { before: self.stages, stage }, time: PhantomData }
    }

    /// Keeps the rows for which `predicate` holds; the others are counted as filtered.
    ///
    /// Before [`Stream::with_watermark`] a row that is filtered out does not move the watermark, after it it does. (Spark decides by
    /// filter push-down: a filter that does not read the event time counts as before, wherever it is written.)
    pub fn filter<F: Fn(&S::Out) -> bool>(self, predicate: F) -> Stream<R, Stage<S, Filter<F>>, T> {
        self.then(Filter(predicate))
    }

    /// Makes one row of each (Spark's `map`, `select`). The event time stays with the row.
    pub fn map<U, F: Fn(&S::Out) -> U>(self, function: F) -> Stream<R, Stage<S, Map<F>>, T> {
        self.then(Map(function))
    }

    /// Groups rows by a key, or several as a tuple.
    pub fn group_by<K, F: Fn(&S::Out) -> K>(self, key: F) -> Grouped<R, S, T, F> {
        Grouped { stages: self.stages, key, time: PhantomData }
    }

    /// Aggregates all rows as one group. Its result comes in every epoch, also in one without rows.
    pub fn aggregate<A>(self, aggregate: A) -> Aggregated<R, S, NoEventTime, GlobalAggregate<A>> {
        Aggregated { stages: self.stages, operator: GlobalAggregate { aggregate }, time: PhantomData }
    }
}

impl<R, S: Stages<R>> Stream<R, S, NoEventTime> {
    /// Says where the event time of a row is and how far rows may lag: the watermark is the highest event time
    /// seen less `delay`. It is unset until the first trigger after a row.
    ///
    /// One row from the far future moves the watermark there, and every later row is late; a clock that may be wrong needs a
    /// [`Stream::filter`] before this, against the device's own time.
    pub fn with_watermark<E: EventTime, F: Fn(&S::Out) -> E>(
        self,
        event_time: F,
        delay: Span,
    ) -> Stream<R, Stage<S, Watermarked<F>>, WithWatermark> {
        self.then(Watermarked { event_time, policy: WatermarkPolicy { delay, initial: None } })
    }

    /// As [`Stream::with_watermark`], with a watermark before the first row. Spark's is 1970, `Timestamp::EPOCH`: rows of windows
    /// that ended before are late from the start.
    pub fn with_watermark_from<E: EventTime, F: Fn(&S::Out) -> E>(
        self,
        event_time: F,
        delay: Span,
        initial: Timestamp,
    ) -> Stream<R, Stage<S, Watermarked<F>>, WithWatermark> {
        self.then(Watermarked { event_time, policy: WatermarkPolicy { delay, initial: Some(initial) } })
    }

    /// Says where the event time of a row is, without a watermark: nothing is late and no window ever closes, so only update and
    /// complete output make sense and state only grows.
    pub fn with_event_time<E: EventTime, F: Fn(&S::Out) -> E>(
        self,
        event_time: F,
    ) -> Stream<R, Stage<S, FieldTime<F>>, WithEventTime> {
        self.then(FieldTime(event_time))
    }
}

impl<R, S: Stages<R>, T: Timed> Stream<R, S, T> {
    /// Windows over all rows, without a key.
    pub fn window<W>(self, window: W) -> Windowed<R, S, T, fn(&S::Out), W> {
        Windowed { stages: self.stages, key: |_| (), window, time: PhantomData }
    }
}

/// A stream whose rows are grouped by a key.
#[derive(Debug, Clone)]
pub struct Grouped<R, S, T, K> {
    stages: S,
    key: K,
    time: PhantomData<fn(R) -> T>,
}

impl<R, S, T, K> Grouped<R, S, T, K> {
    /// Aggregates each key over all time.
    pub fn aggregate<A>(self, aggregate: A) -> Aggregated<R, S, NoEventTime, GroupAggregate<K, A>> {
        Aggregated {
            stages: self.stages,
            operator: GroupAggregate { key: self.key, aggregate },
            time: PhantomData,
        }
    }
}

impl<R, S, T: Timed, K> Grouped<R, S, T, K> {
    /// Windows of event time, for each key.
    pub fn window<W>(self, window: W) -> Windowed<R, S, T, K, W> {
        Windowed { stages: self.stages, key: self.key, window, time: PhantomData }
    }
}

/// A stream grouped by windows of event time, and by a key where there is one.
#[derive(Debug, Clone)]
pub struct Windowed<R, S, T, K, W> {
    stages: S,
    key: K,
    window: W,
    time: PhantomData<fn(R) -> T>,
}

impl<R, S, T, K, W: WindowKind> Windowed<R, S, T, K, W> {
    /// Aggregates each window.
    pub fn aggregate<A>(self, aggregate: A) -> Aggregated<R, S, T, W::Operator<K, A>> {
        Aggregated {
            stages: self.stages,
            operator: self.window.operator(self.key, aggregate),
            time: PhantomData,
        }
    }
}

/// A kind of window and the operator that keeps it.
pub trait WindowKind {
    /// The operator for keys by `K` and aggregates `A`.
    type Operator<K, A>;

    /// Makes the operator.
    fn operator<K, A>(self, key: K, aggregate: A) -> Self::Operator<K, A>;
}

impl WindowKind for Tumbling {
    type Operator<K, A> = TumblingAggregate<K, A>;

    fn operator<K, A>(self, key: K, aggregate: A) -> Self::Operator<K, A> {
        TumblingAggregate { key, window: self, aggregate }
    }
}

impl WindowKind for Sliding {
    type Operator<K, A> = SlidingAggregate<K, A>;

    fn operator<K, A>(self, key: K, aggregate: A) -> Self::Operator<K, A> {
        SlidingAggregate { key, window: self, aggregate }
    }
}

impl WindowKind for Session {
    type Operator<K, A> = SessionAggregate<K, Self, A>;

    fn operator<K, A>(self, key: K, aggregate: A) -> Self::Operator<K, A> {
        SessionAggregate { key, gap: self, aggregate }
    }
}

impl<F> WindowKind for SessionBy<F> {
    type Operator<K, A> = SessionAggregate<K, Self, A>;

    fn operator<K, A>(self, key: K, aggregate: A) -> Self::Operator<K, A> {
        SessionAggregate { key, gap: self, aggregate }
    }
}

/// An aggregate that lacks only its output mode.
#[derive(Debug, Clone)]
pub struct Aggregated<R, S, T, O> {
    stages: S,
    operator: O,
    time: PhantomData<fn(R) -> T>,
}

/// That an operator's groups keep their windows while they change, so that a changed group can be given again: all but
/// sessions, which grow and merge.
pub trait Updatable {}

impl<K, A> Updatable for TumblingAggregate<K, A> {}
impl<K, A> Updatable for SlidingAggregate<K, A> {}
impl<K, A> Updatable for GroupAggregate<K, A> {}
impl<A> Updatable for GlobalAggregate<A> {}

impl<R, S, T, O: Updatable> Aggregated<R, S, T, O> {
    /// Gives, in each epoch, the groups that changed in it. Windows that the watermark has closed leave silently.
    pub fn update(self) -> Plan<R, S, O> {
        Plan::new(self.stages, self.operator, OutputMode::Update)
    }
}

impl<R, S, T, O> Aggregated<R, S, T, O> {
    /// Gives, in each epoch, the whole result table. Nothing is late and nothing leaves.
    pub fn complete(self) -> Plan<R, S, O> {
        Plan::new(self.stages, self.operator, OutputMode::Complete)
    }
}

impl<R, S: Stages<R>, O: Operator<S::Out>> Aggregated<R, S, WithWatermark, O> {
    /// The mode chosen at run time, from a command line for instance.
    ///
    /// # Errors
    /// [`UpdateRefused`] for update output of sessions.
    pub fn output_mode(self, mode: OutputMode) -> Result<Plan<R, S, O>, UpdateRefused> {
        if mode == OutputMode::Update && !O::UPDATES {
            return Err(UpdateRefused);
        }
        Ok(Plan::new(self.stages, self.operator, mode))
    }
}

/// Sessions have no update output: a session that grows or merges is another window, and what was given for it before could not
/// be taken back. Spark refuses it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateRefused;

impl fmt::Display for UpdateRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "sessions have no update output: a session may grow or merge with others after it was given",
        )
    }
}

impl core::error::Error for UpdateRefused {}

impl<R, S, O> Aggregated<R, S, WithWatermark, O> {
    /// Gives each window once, when the watermark closes it.
    pub fn append(self) -> Plan<R, S, O> {
        Plan::new(self.stages, self.operator, OutputMode::Append)
    }
}
