//! Two streams joined as of the time of the first one's rows, up to which rows come out.

use core::marker::PhantomData;

use super::prefix::Start;
use super::results::Results;
use super::stream::{Stream, WithWatermark};
use crate::operator::{AsOfInner, AsOfJoin, AsOfLeftOuter, Both, Either, JoinKey, Stages};
use crate::time::Span;
use crate::watermark::MultipleWatermarks;

/// Two streams and how they are joined as of a time, which lack only the kind of join.
#[derive(Debug, Clone)]
pub struct JoinedAsOf<R, R2, S, S2, FL, FR> {
    stages: Both<S, S2>,
    left_key: FL,
    right_key: FR,
    tolerance: Span,
    rows: PhantomData<fn(R, R2)>,
}

impl<R, S: Stages<R>> Stream<R, S, WithWatermark> {
    /// Joins each row with the latest row of `right` that has its key and is not later, and at most `tolerance` earlier; of several at one
    /// time, with the one that came last (pandas' `merge_asof`; Spark has none).
    ///
    /// A row's result comes when the watermark, which is that of the slower side, reaches the row's event time, which is also that of the
    /// result. A row of either side at or before the watermark is late. A row without event time takes no part, nor does a right row
    /// whose key is null ([`JoinKey`]); both are counted as `without_window`.
    ///
    /// # State
    /// Both sides have rows that the watermark has not reached; the right one also keeps, for each key, the latest row before the
    /// watermark, until that is older than `tolerance`. A row in order of its key costs `O(log n)` when it comes and when it leaves, a row
    /// out of order as many steps more as rows of its key are later than it. A right row is in up to two deltas of the log: when it comes,
    /// and when it is the latest of its key at the end of an epoch. [`AsOfState`](crate::AsOfState) says the bytes.
    ///
    /// A silent side holds the rows of the other, since their watermark is the slower one: [`Stream::idle_after`] lets go of it. Full state
    /// follows the plan's policy; [`EvictOldest`](crate::OnFull::EvictOldest) refuses, as no row can leave early without wrong answers.
    ///
    /// ```
    /// use headwater::{AsOfState, Either, QueryPlan, Span, Stream, Timestamp, state::{Chained, Empty, NoState}};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Clone, Serialize, Deserialize)]
    /// struct Weighed { line: u8, at: Timestamp, grams: u32 }
    /// #[derive(Clone, Serialize, Deserialize)]
    /// struct Product { line: u8, at: Timestamp, number: u32 }
    ///
    /// // What was on the line when something was weighed?
    /// let weighed = Stream::<Weighed>::new().with_watermark(|w| w.at, Span::secs(1));
    /// let product = Stream::<Product>::new().with_watermark(|p| p.at, Span::secs(1));
    /// let plan = weighed
    ///     .as_of_join(product, |w| w.line, |p| p.line, Span::mins(10))
    ///     .inner()
    ///     .then()
    ///     .map(|(weighed, product)| (product.number, weighed.grams))
    ///     .append();
    ///
    /// type State = Chained<AsOfState<u8, Weighed, Product, 16, 8>, NoState>;
    /// let mut state = State::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// let at = Timestamp::from_secs;
    /// query.push(Either::Right(Product { line: 1, at: at(10), number: 500 }))?;
    /// query.push(Either::Left(Weighed { line: 1, at: at(20), grams: 99 }))?;
    /// query.push(Either::Right(Product { line: 1, at: at(22), number: 501 }))?;
    /// query.push(Either::Left(Weighed { line: 1, at: at(30), grams: 80 }))?;
    /// let mut results = Vec::new();
    /// query.trigger(Timestamp::EPOCH, |row| results.push(row))?;
    /// assert_eq!(results, [(500, 99)], "the watermark is at 21 s: the row at 30 s may still get another product");
    /// query.drain(Timestamp::EPOCH, |row| results.push(row))?;
    /// assert_eq!(results, [(500, 99), (501, 80)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_of_join<R2, S2, QL, QR, FL, FR>(
        self,
        right: Stream<R2, S2, WithWatermark>,
        left_key: FL,
        right_key: FR,
        tolerance: Span,
    ) -> JoinedAsOf<R, R2, S, S2, FL, FR>
    where
        S2: Stages<R2>,
        QL: JoinKey,
        QR: JoinKey<Key = QL::Key>,
        FL: Fn(&S::Out) -> QL,
        FR: Fn(&S2::Out) -> QR,
    {
        let stages = self.beside(right).stages;
        // So that no moment that is compared saturates.
        let tolerance = tolerance.min(Span::WINDOW_MAX);
        JoinedAsOf { stages, left_key, right_key, tolerance, rows: PhantomData }
    }
}

/// The results of an as-of join.
type Joined<R, R2, S, S2, FL, FR, J> =
    Results<Either<R, R2>, Both<S, S2>, WithWatermark, AsOfJoin<FL, FR, J>>;

impl<R, R2, S, S2, FL, FR> JoinedAsOf<R, R2, S, S2, FL, FR> {
    /// Says which side's watermark the query goes by; the slower one unless called (Spark's `multipleWatermarkPolicy`).
    #[must_use]
    pub fn watermarks(mut self, policy: MultipleWatermarks) -> Self {
        self.stages.policy = policy;
        self
    }

    /// Pairs `(left, right)`.
    pub fn inner(self) -> Joined<R, R2, S, S2, FL, FR, AsOfInner> {
        self.of()
    }

    /// Pairs `(left, Some(right))`, and `(left, None)` for a left row without a match. A left row with a null key has none.
    pub fn left_outer(self) -> Joined<R, R2, S, S2, FL, FR, AsOfLeftOuter> {
        self.of()
    }

    fn of<J>(self) -> Joined<R, R2, S, S2, FL, FR, J> {
        let Self { stages, left_key, right_key, tolerance, .. } = self;
        let join = AsOfJoin { left_key, right_key, tolerance, join: PhantomData };
        Results::of::<Either<R, R2>, Both<S, S2>, Start, _>(Start, stages, join)
    }
}
