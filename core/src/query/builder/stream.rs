//! [`Stream`]: rows, the stages they go through, and what is known of their event time.

use core::marker::PhantomData;

use super::grouped::{Grouped, Windowed};
use super::prefix::{Prefix, Start};
use super::results::{Results, appended};
use crate::operator::{
    Both, Either, Emit, FieldTime, Filter, FlatMap, GlobalAggregate, IdleAfter, Input, Map, OutputMode,
    Stage, Stages, Union, Watermarked,
};
use crate::query::Plan;
use crate::time::{EventTime, Span, Timestamp};
use crate::watermark::{MultipleWatermarks, WatermarkPolicy};

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
///
/// ```compile_fail,E0277
/// use headwater::{Span, Stream, aggregate::count, window::Tumbling};
/// Stream::<u8>::new().window(Tumbling::of(Span::mins(1))).aggregate(count());
/// ```
#[diagnostic::on_unimplemented(
    message = "this needs an event time in each row",
    note = "write `.with_watermark(..)` or `.with_event_time(..)` before"
)]
pub trait Timed {}

impl Timed for WithEventTime {}
impl Timed for WithWatermark {}

/// A stream of rows `R`: an unbounded table, to which a query is put step by step.
///
/// `S` are the stateless stages so far, `T` says what is known of event time, `P` what stands before. Nothing runs before
/// [`bind`](crate::QueryPlan::bind).
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
pub struct Stream<R, S = Input<R>, T = NoEventTime, P = Start> {
    pub(super) prefix: P,
    pub(super) stages: S,
    pub(super) time: PhantomData<fn(R) -> T>,
}

impl<R> Stream<R> {
    /// The stream of all rows pushed.
    #[must_use]
    pub const fn new() -> Self {
        Self { prefix: Start, stages: Input::new(), time: PhantomData }
    }
}

impl<R, S: Stages<R>> Stream<R, S, WithWatermark> {
    /// The stream that comes out of stages of one's own, which also answer for event time and watermark: for queries that are put
    /// together at run time.
    #[must_use]
    pub const fn from_stages(stages: S) -> Self {
        Self { prefix: Start, stages, time: PhantomData }
    }
}

impl<R> Default for Stream<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<X, T, P> Stream<X, Input<X>, T, P> {
    /// The stream of the results of what stands before.
    pub(super) fn after(prefix: P) -> Self {
        Self { prefix, stages: Input::new(), time: PhantomData }
    }
}

impl<R, S: Stages<R>, T, P> Stream<R, S, T, P> {
    fn stage<F, U>(self, stage: F) -> Stream<R, Stage<S, F>, U, P> {
        Stream { prefix: self.prefix, stages: Stage { before: self.stages, stage }, time: PhantomData }
    }

    /// Keeps the rows for which `predicate` holds; the others are counted as filtered.
    ///
    /// Before [`Stream::with_watermark`] a row that is filtered out does not move the watermark, after it it does. (Spark decides by
    /// filter push-down: a filter that does not read the event time counts as before, wherever it is written.)
    pub fn filter<F: Fn(&S::Out) -> bool>(self, predicate: F) -> Stream<R, Stage<S, Filter<F>>, T, P> {
        self.stage(Filter(predicate))
    }

    /// Makes one row of each (Spark's `map`, `select`). The event time stays with the row.
    pub fn map<U, F: Fn(&S::Out) -> U>(self, function: F) -> Stream<R, Stage<S, Map<F>>, T, P> {
        self.stage(Map(function))
    }

    /// Makes any number of rows of each, in order (Spark's `flatMap`, `explode`): an `Option`, an array, a `heapless::Vec`. The event time
    /// stays with each.
    ///
    /// If state has room for some of them only, the row is handed back as [`PushError::Partly`](crate::PushError::Partly) and must be pushed
    /// again; what has been taken is passed over then. `function` must make the same rows of the same row each time.
    ///
    /// ```
    /// use headwater::{QueryPlan, Stream, aggregate::sum, state::Inline};
    ///
    /// // A message carries three axes.
    /// let plan = Stream::<[i32; 3]>::new().flat_map(|axes| *axes).group_by(|_| ()).aggregate(sum(|v: &i32| *v)).update();
    /// let mut state = Inline::<_, _, 1>::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// query.push([1, 2, 3])?;
    /// query.trigger(headwater::Timestamp::EPOCH, |row| assert_eq!(row.value, Some(6)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flat_map<C: IntoIterator, F: Fn(&S::Out) -> C>(
        self,
        function: F,
    ) -> Stream<R, Stage<S, FlatMap<F>>, T, P> {
        self.stage(FlatMap(function))
    }

    /// Says anew what the event time of a row is, without a say in the watermark: after a join, for instance, which side's.
    pub fn with_event_time_of<E: EventTime, F: Fn(&S::Out) -> E>(
        self,
        event_time: F,
    ) -> Stream<R, Stage<S, FieldTime<F>>, T, P>
    where
        T: Timed,
    {
        self.stage(FieldTime(event_time))
    }

    /// Groups rows by a key, or several as a tuple.
    pub fn group_by<K, F: Fn(&S::Out) -> K>(self, key: F) -> Grouped<R, S, T, F, P> {
        Grouped { prefix: self.prefix, stages: self.stages, key, time: PhantomData }
    }
}

impl<R, S, T, P: Prefix<R, S>> Stream<R, S, T, P> {
    /// Aggregates all rows as one group. Its result comes in every epoch, also in one without rows.
    pub fn aggregate<A>(
        self,
        aggregate: A,
    ) -> Results<P::Row, P::Stages, NoEventTime, P::Operator<GlobalAggregate<A>>> {
        Results::of(self.prefix, self.stages, GlobalAggregate { aggregate })
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
    ) -> Stream<R, Watermarked<S, F>, WithWatermark> {
        self.watermarked(event_time, WatermarkPolicy { delay, initial: None })
    }

    /// As [`Stream::with_watermark`], with a watermark before the first row. Spark's is 1970, `Timestamp::EPOCH`: rows of windows
    /// that ended before are late from the start.
    pub fn with_watermark_from<E: EventTime, F: Fn(&S::Out) -> E>(
        self,
        event_time: F,
        delay: Span,
        initial: Timestamp,
    ) -> Stream<R, Watermarked<S, F>, WithWatermark> {
        self.watermarked(event_time, WatermarkPolicy { delay, initial: Some(initial) })
    }

    fn watermarked<F>(
        self,
        event_time: F,
        policy: WatermarkPolicy,
    ) -> Stream<R, Watermarked<S, F>, WithWatermark> {
        let stages = Watermarked { before: self.stages, event_time, policy };
        Stream { prefix: Start, stages, time: PhantomData }
    }

    /// Says where the event time of a row is, without a watermark: nothing is late and no window ever closes, so only update and
    /// complete output make sense and state only grows.
    pub fn with_event_time<E: EventTime, F: Fn(&S::Out) -> E>(
        self,
        event_time: F,
    ) -> Stream<R, Stage<S, FieldTime<F>>, WithEventTime> {
        self.stage(FieldTime(event_time))
    }
}

impl<R, S: Stages<R>> Stream<R, S, WithWatermark> {
    /// Takes this input to be idle when no row has come for `span` of processing time, measured from trigger to trigger: it then no longer
    /// holds the watermark of the inputs it is joined or united with. Its next row makes it count again; the watermark does not go back,
    /// so what it missed meanwhile is late. While all are idle the watermark stays. Triggers must go on without rows then, whatever
    /// [`Query::next_deadline`](crate::Query::next_deadline) says, and their processing time must.
    ///
    /// Off unless called, as in Spark, which has no such thing: a silent input holds the others for ever there. A good value is several
    /// times the longest pause that is normal for the input, and at least the watermark's delay.
    pub fn idle_after(self, span: Span) -> Stream<R, IdleAfter<S>, WithWatermark> {
        Stream { prefix: Start, stages: IdleAfter { before: self.stages, span }, time: PhantomData }
    }
}

impl<R, S: Stages<R>, T> Stream<R, S, T> {
    /// The rows of two inputs as one stream. What is pushed says which input it belongs to: [`Either::Left`] is this one.
    ///
    /// Each input has its own watermark; the query's is the slower one, unless [`Stream::watermarks`] says otherwise.
    ///
    /// ```
    /// use headwater::{Either, Span, Stream, Timestamp, aggregate::count, window::Tumbling};
    ///
    /// struct Radio { at: Timestamp }
    /// struct Wired { at: Timestamp }
    ///
    /// let radio = Stream::<Radio>::new().map(|r| r.at).with_watermark(|at| *at, Span::secs(60));
    /// let wired = Stream::<Wired>::new().map(|r| r.at).with_watermark(|at| *at, Span::secs(1));
    /// let plan = radio.union(wired).window(Tumbling::of(Span::mins(1))).aggregate(count()).append();
    /// # use headwater::QueryPlan;
    /// # let mut state = headwater::WindowState::<(), headwater::aggregate::Count, 8>::EMPTY;
    /// # plan.bind(&mut state).push(Either::Left(Radio { at: Timestamp::EPOCH })).unwrap();
    /// ```
    pub fn union<R2, S2: Stages<R2, Out = S::Out>>(
        self,
        other: Stream<R2, S2, T>,
    ) -> Stream<Either<R, R2>, Union<S, S2>, T> {
        let stages = Union { left: self.stages, right: other.stages, policy: MultipleWatermarks::default() };
        Stream { prefix: Start, stages, time: PhantomData }
    }

    /// The rows of two inputs side by side, for an operator over both.
    pub(super) fn beside<R2, S2, T2>(
        self,
        other: Stream<R2, S2, T2>,
    ) -> Stream<Either<R, R2>, Both<S, S2>, T> {
        let stages = Both { left: self.stages, right: other.stages, policy: MultipleWatermarks::default() };
        Stream { prefix: Start, stages, time: PhantomData }
    }
}

impl<L, R, A, B, T> Stream<Either<L, R>, Union<A, B>, T> {
    /// Says which input's watermark the query goes by (Spark's `multipleWatermarkPolicy`). For this union: where one of its inputs is a
    /// union itself, that has a policy of its own.
    #[must_use]
    pub fn watermarks(mut self, policy: MultipleWatermarks) -> Self {
        self.stages.policy = policy;
        self
    }
}

impl<R, S: Stages<R>, T, P> Stream<R, S, T, P> {
    /// Windows over all rows, without a key.
    pub fn window<W>(self, window: W) -> Windowed<R, S, T, fn(&S::Out), W, P>
    where
        T: Timed,
    {
        Windowed { prefix: self.prefix, stages: self.stages, key: |_| (), window, time: PhantomData }
    }
}

impl<R, S: Stages<R, Out: Clone>, T> Stream<R, S, T> {
    /// A query without state: each row is a result at once, given to [`Query::push_to`](crate::Query::push_to).
    ///
    /// ```
    /// use headwater::{QueryPlan, Stream, state::NoState};
    ///
    /// let plan = Stream::<i32>::new().filter(|r| r % 2 == 0).map(|r| r * 10).append();
    /// let mut state = NoState::<u16>::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// let mut results = Vec::new();
    /// for row in 1..=4 {
    ///     query.push_to(row, |result| results.push(result))?;
    /// }
    /// assert_eq!(results, [20, 40]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn append(self) -> Plan<R, S, Emit> {
        appended(self.stages, Emit)
    }

    /// As [`Stream::append`]: rows that come once are the same in both modes (Spark's rule).
    pub fn update(self) -> Plan<R, S, Emit> {
        Plan::new(self.stages, Emit, OutputMode::Update)
    }
}
