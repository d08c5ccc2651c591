//! Joins of two streams, up to the kind of join.

use core::marker::PhantomData;

use super::prefix::Start;
use super::results::{AtOnce, Results, WhenClosed};
use super::stream::{Stream, Timed, WithWatermark};
use crate::operator::{
    AnyTime, Both, Either, FullOuter, Inner, JoinKey, JoinType, LeftOuter, LeftSemi, OnFull, RightOuter,
    Stages, StreamJoin, TimeRange,
};
use crate::watermark::MultipleWatermarks;

/// Two streams side by side, which lack the keys that they are joined by.
#[derive(Debug, Clone)]
pub struct Join<L, R, SL, SR, T> {
    stages: Both<SL, SR>,
    rows: PhantomData<fn(L, R) -> T>,
}

impl<L, SL: Stages<L>, T> Stream<L, SL, T> {
    /// Joins two streams, this one on the left. What is pushed says which one it belongs to: [`Either::Left`] or [`Either::Right`].
    ///
    /// Rows are held and written to the checkpoint: as they reach the join, both kinds must be `Clone`, `Serialize` and `Deserialize`
    /// ([`Stored`](crate::aggregate::Stored)).
    ///
    /// Either both have a watermark or none has. The query's is the slower one, unless [`Joined::watermarks`] says otherwise. Rows at or
    /// before it are late for the join.
    ///
    /// A pair comes in the epoch in which the second of its rows comes, and [`Query::commit`](crate::Query::commit) has to wait for the
    /// trigger. State is one table for each side, a row is held until the watermark has passed the last moment at which a match could be
    /// in time. Rows that can match nothing (a null key; no event time where a range asks for one) are counted as without window on a side
    /// whose rows must match, and come out with nulls on one whose rows need not: when their time has passed, or without event time
    /// at the end of their epoch.
    ///
    /// A row costs a step for each row of the other side with its key that is not before its range: see
    /// [`StreamJoin`](crate::operator::StreamJoin).
    ///
    /// ```
    /// use headwater::{Either, JoinState, QueryPlan, Span, Stream, TimeRange, Timestamp};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Clone, Serialize, Deserialize)]
    /// struct Order { door: u16, at: Timestamp }
    /// #[derive(Clone, Serialize, Deserialize)]
    /// struct Opened { door: u16, at: Timestamp }
    ///
    /// // Orders to open a door, with the doors that opened within five seconds, or without.
    /// let orders = Stream::<Order>::new().with_watermark(|r| r.at, Span::secs(2));
    /// let opened = Stream::<Opened>::new().with_watermark(|r| r.at, Span::secs(2));
    /// let plan = orders
    ///     .join(opened)
    ///     .on(|order| order.door, |opened| opened.door)
    ///     .within(TimeRange::after(Span::secs(5)))
    ///     .left_outer()
    ///     .append();
    ///
    /// let mut state = JoinState::<u16, Order, Opened, 16, 16>::default();
    /// let mut query = plan.bind(&mut state);
    /// let at = Timestamp::from_secs;
    /// query.push(Either::Left(Order { door: 1, at: at(10) }))?;
    /// query.push(Either::Left(Order { door: 2, at: at(11) }))?;
    /// query.push(Either::Right(Opened { door: 1, at: at(12) }))?;
    /// query.trigger(at(0), |(order, opened)| assert_eq!((order.door, opened.map(|o| o.at)), (1, Some(at(12)))))?;
    ///
    /// // Both streams have come to 20 s: the watermark, at 18 s, has passed 11 s + 5 s.
    /// query.push(Either::Left(Order { door: 3, at: at(20) }))?;
    /// query.push(Either::Right(Opened { door: 9, at: at(20) }))?;
    /// query.trigger(at(0), |(order, opened)| assert_eq!((order.door, opened.is_none()), (2, true)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join<R, SR: Stages<R>>(self, right: Stream<R, SR, T>) -> Join<L, R, SL, SR, T> {
        Join { stages: self.beside(right).stages, rows: PhantomData }
    }
}

impl<L, R, SL: Stages<L>, SR: Stages<R>, T> Join<L, R, SL, SR, T> {
    /// Rows match whose keys are equal. A key is a value or an `Option` of one; null matches nothing, not even null: see [`JoinKey`].
    pub fn on<K, NL, NR, KL, KR>(
        self,
        left: KL,
        right: KR,
    ) -> Joined<L, R, SL, SR, T, KL, KR, AnyTime, fn(&SL::Out, &SR::Out) -> bool>
    where
        NL: JoinKey<Key = K>,
        NR: JoinKey<Key = K>,
        KL: Fn(&SL::Out) -> NL,
        KR: Fn(&SR::Out) -> NR,
    {
        Joined {
            stages: self.stages,
            left_key: left,
            right_key: right,
            range: AnyTime,
            condition: |_, _| true,
            on_full: None,
            rows: PhantomData,
        }
    }
}

/// That the plan says what happens when state is full.
#[derive(Debug, Clone, Copy)]
pub struct PlansPolicy;

/// That [`Joined::buffered`] has said what happens when state is full.
#[derive(Debug, Clone, Copy)]
pub struct NamedPolicy;

/// Two streams joined by keys `KL` and `KR`, which lack the kind of join. `W` is the range of time, `C` the condition, `F` says who
/// names the policy for full state.
///
/// What Spark refuses has no method here. An outer or semi join needs a watermark and a range:
///
/// ```compile_fail
/// # use headwater::{Span, Stream, Timestamp};
/// let stream = || Stream::<(u16, Timestamp)>::new().with_watermark(|r| r.1, Span::ZERO);
/// let plan = stream().join(stream()).on(|l| l.0, |r| r.0).left_outer().append();
/// ```
///
/// and has no update output:
///
/// ```compile_fail
/// # use headwater::{Span, Stream, TimeRange, Timestamp};
/// let stream = || Stream::<(u16, Timestamp)>::new().with_watermark(|r| r.1, Span::ZERO);
/// let range = TimeRange::after(Span::secs(1));
/// let plan = stream().join(stream()).on(|l| l.0, |r| r.0).within(range).left_outer().update();
/// ```
#[derive(Debug, Clone)]
pub struct Joined<L, R, SL, SR, T, KL, KR, W, C, F = PlansPolicy> {
    stages: Both<SL, SR>,
    left_key: KL,
    right_key: KR,
    range: W,
    condition: C,
    on_full: Option<OnFull>,
    rows: PhantomData<fn(L, R) -> (T, F)>,
}

impl<L, R, SL, SR, T, KL, KR, W, C, F> Joined<L, R, SL, SR, T, KL, KR, W, C, F> {
    /// Says which stream's watermark the query goes by (Spark's `multipleWatermarkPolicy`).
    #[must_use]
    pub fn watermarks(mut self, policy: MultipleWatermarks) -> Self {
        self.stages.policy = policy;
        self
    }

    /// Rows match whose event times lie in the range too. Each row is then held only as long as the range says.
    #[must_use]
    pub fn within(self, range: TimeRange) -> Joined<L, R, SL, SR, T, KL, KR, TimeRange, C, F>
    where
        T: Timed,
    {
        let Self { stages, left_key, right_key, condition, on_full, .. } = self;
        Joined { stages, left_key, right_key, range, condition, on_full, rows: PhantomData }
    }

    /// Names what happens to a row that finds its side's buffer full; [`Plan::on_full`](crate::Plan::on_full) then has no say in this join.
    ///
    /// - [`OnFull::EvictOldest`]: the row that would leave first makes room; without a range the one that came first. Matches that it would
    ///   still have had are lost. Where its side is kept and it had none, it comes out with nulls, early
    ///   ([`Side::early`](crate::Side::early)); rows that would have matched it later come out with nulls as well. A row of which a pair is
    ///   still to be given at the trigger is not let go: the new row is handed back until then.
    /// - [`OnFull::Drop`]: the new row is dropped, and its matches are lost.
    /// - [`OnFull::Refuse`]: the new row is handed back until the watermark makes room; without range or watermark that is never.
    #[must_use]
    pub fn buffered(self, policy: OnFull) -> Joined<L, R, SL, SR, T, KL, KR, W, C, NamedPolicy> {
        let Self { stages, left_key, right_key, range, condition, .. } = self;
        Joined { stages, left_key, right_key, range, condition, on_full: Some(policy), rows: PhantomData }
    }

    fn join<J, A>(self, kind: J) -> Results<Either<L, R>, Both<SL, SR>, T, StreamJoin<KL, KR, C, W, J>, A> {
        let Self { stages, left_key, right_key, range, condition, on_full, .. } = self;
        let join = StreamJoin { left_key, right_key, condition, range, kind, on_full };
        Results::of::<Either<L, R>, Both<SL, SR>, Start, _>(Start, stages, join)
    }
}

impl<L, R, SL: Stages<L>, SR: Stages<R>, T, KL, KR, W, F>
    Joined<L, R, SL, SR, T, KL, KR, W, fn(&SL::Out, &SR::Out) -> bool, F>
{
    /// Rows match for which `condition` holds too. It is part of the match and no filter: in an outer join a row for which it
    /// never holds comes out with nulls (SQL's `ON … AND condition`).
    pub fn and<C: Fn(&SL::Out, &SR::Out) -> bool>(
        self,
        condition: C,
    ) -> Joined<L, R, SL, SR, T, KL, KR, W, C, F> {
        let Self { stages, left_key, right_key, range, on_full, .. } = self;
        Joined { stages, left_key, right_key, range, condition, on_full, rows: PhantomData }
    }
}

impl<L, R, SL, SR, T, KL, KR, W, C> Joined<L, R, SL, SR, T, KL, KR, W, C, NamedPolicy> {
    /// Gives pairs `(left, right)`, each once.
    ///
    /// Without watermark and range rows stay until the buffer is full, and what then happens must have been named:
    ///
    /// ```
    /// use headwater::{BufferedJoinState, Either, OnFull, QueryPlan, Stream, Timestamp};
    ///
    /// // Each request with its answer, as long as it is one of the last four requests.
    /// let plan = Stream::<(u16, u8)>::new()
    ///     .join(Stream::<(u16, i32)>::new())
    ///     .on(|request| request.0, |answer| answer.0)
    ///     .buffered(OnFull::EvictOldest)
    ///     .inner()
    ///     .append();
    /// let mut state = BufferedJoinState::<u16, (u16, u8), (u16, i32), 4, 4>::default();
    /// let mut query = plan.bind(&mut state);
    /// for number in 0..5 {
    ///     query.push(Either::Left((number, 1)))?;
    /// }
    /// query.push(Either::Right((0, -7)))?;
    /// query.push(Either::Right((3, 70)))?;
    /// let mut pairs = Vec::new();
    /// query.trigger(Timestamp::EPOCH, |pair| pairs.push(pair))?;
    /// assert_eq!(pairs, [((3, 1), (3, 70))], "the first request has been forgotten");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inner(self) -> Results<Either<L, R>, Both<SL, SR>, T, StreamJoin<KL, KR, C, W, Inner>, AtOnce> {
        self.join(Inner)
    }
}

/// What a join within a range of time, behind a watermark, makes of two inputs.
type Ranged<L, R, SL, SR, T, KL, KR, W, C, J, A> =
    Results<Either<L, R>, Both<SL, SR>, T, StreamJoin<KL, KR, C, W, J>, A>;

/// That rows in the range `Self` leave with the watermark, which streams in the time `T` have.
#[diagnostic::on_unimplemented(
    message = "this join needs a watermark on both streams and a range of time",
    note = "write `.with_watermark(..)` before `.join(..)`, and `.within(..)` after `.on(..)`",
    note = "an inner join can do without if `.buffered(..)` says what happens when its buffers are full"
)]
pub trait LeavesInTime<T> {}

impl LeavesInTime<WithWatermark> for TimeRange {}

impl<L, R, SL, SR, T, KL, KR, W, C> Joined<L, R, SL, SR, T, KL, KR, W, C> {
    /// Gives pairs `(left, right)`, each once.
    pub fn inner(self) -> Ranged<L, R, SL, SR, T, KL, KR, W, C, Inner, AtOnce>
    where
        W: LeavesInTime<T>,
    {
        self.join(Inner)
    }
}

impl<L, R, SL, SR, T, KL, KR, W, C, F> Joined<L, R, SL, SR, T, KL, KR, W, C, F> {
    /// Gives pairs, and left rows that had no match: `(left, Option<right>)`. Those come in the epoch whose watermark passes the last moment at which
    /// a match could be in time. A late row is dropped and comes out in no way.
    pub fn left_outer(self) -> Ranged<L, R, SL, SR, T, KL, KR, W, C, LeftOuter, WhenClosed>
    where
        W: LeavesInTime<T>,
    {
        self.join(LeftOuter)
    }

    /// Gives pairs, and right rows that had no match: `(Option<left>, right)`. See [`Joined::left_outer`].
    pub fn right_outer(self) -> Ranged<L, R, SL, SR, T, KL, KR, W, C, RightOuter, WhenClosed>
    where
        W: LeavesInTime<T>,
    {
        self.join(RightOuter)
    }

    /// Gives pairs, and rows of both sides that had no match: `(Option<left>, Option<right>)`. See [`Joined::left_outer`].
    pub fn full_outer(self) -> Ranged<L, R, SL, SR, T, KL, KR, W, C, FullOuter, WhenClosed>
    where
        W: LeavesInTime<T>,
    {
        self.join(FullOuter)
    }

    /// Gives each left row that has a match, once and alone. It leaves the state with its first match.
    pub fn left_semi(self) -> Ranged<L, R, SL, SR, T, KL, KR, W, C, LeftSemi, AtOnce>
    where
        W: LeavesInTime<T>,
    {
        self.join(LeftSemi)
    }

    /// The kind of join chosen at run time; results are `(Option<left>, Option<right>)` and come in append mode.
    /// [`Results::output_mode`] refuses another.
    pub fn kind(self, kind: JoinType) -> Ranged<L, R, SL, SR, T, KL, KR, W, C, JoinType, WhenClosed>
    where
        W: LeavesInTime<T>,
    {
        self.join(kind)
    }
}
