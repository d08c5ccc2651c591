//! Deduplication of a stream.

use super::prefix::{After, Prefix, Start};
use super::results::{AtOnce, Results};
use super::stream::{Stream, Timed, WithWatermark};
use crate::operator::{Deduplicate, Expiry, ForEver, Stages, UntilDelay, UntilEventTime};
use crate::time::Span;

/// The rows of a stream once for each key.
type Deduplicated<P, X, S, T, K, E> = Results<
    <P as Prefix<X, S>>::Row,
    <P as Prefix<X, S>>::Stages,
    T,
    <P as Prefix<X, S>>::Operator<Deduplicate<K, E>>,
    AtOnce,
>;

impl<X, S: Stages<X, Out: Clone>, T, P: Prefix<X, S>> Stream<X, S, T, P> {
    /// Gives the first row of each key, as it is, at once; later ones are counted as duplicates (Spark's `dropDuplicates` of columns
    /// without the event time).
    ///
    /// Keys are never forgotten: state holds as many as there will ever be, and [`OnFull::EvictOldest`](crate::OnFull::EvictOldest) refuses as
    /// `Refuse` does. With a watermark, rows whose event time it has reached are late all the same; rows without event time never are.
    /// State is [`DedupState`](crate::DedupState).
    ///
    /// ```
    /// use headwater::{DedupState, QueryPlan, Stream};
    ///
    /// let plan = Stream::<(u16, &str)>::new().drop_duplicates_by(|r| r.0).append();
    /// let mut state = DedupState::<u16, 8>::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// let mut results = Vec::new();
    /// for row in [(1, "first"), (2, "second"), (1, "again")] {
    ///     query.push_to(row, |row| results.push(row))?;
    /// }
    /// assert_eq!(results, [(1, "first"), (2, "second")]);
    /// assert_eq!(query.progress().rows.duplicate, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drop_duplicates_by<K, F: Fn(&S::Out) -> K>(self, key: F) -> Deduplicated<P, X, S, T, F, ForEver> {
        Results::of(self.prefix, self.stages, Deduplicate { key, expiry: ForEver })
    }

    /// Gives the first row of each key and event time (Spark's `dropDuplicates` of columns with the event time among them). `key` need not
    /// hold the event time.
    ///
    /// A key is forgotten when the watermark has reached its event time: rows like it are late from then on. One without event time is
    /// never late and never forgotten. Without a watermark nothing is forgotten. Where state is full,
    /// [`OnFull::EvictOldest`](crate::OnFull::EvictOldest) forgets the key that would be forgotten first; a duplicate of it then comes through.
    /// State is [`ExpiringDedupState`](crate::ExpiringDedupState).
    ///
    /// ```
    /// use headwater::{ExpiringDedupState, QueryPlan, Span, Stream, Timestamp};
    ///
    /// let at = Timestamp::from_secs;
    /// let plan = Stream::<(u16, Timestamp)>::new()
    ///     .with_watermark(|r| r.1, Span::secs(1))
    ///     .drop_duplicates_by_time(|r| r.0)
    ///     .append();
    /// let mut state = ExpiringDedupState::<u16, 8>::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// let mut results = Vec::new();
    /// for row in [(7, at(1)), (7, at(2)), (7, at(1))] {
    ///     query.push_to(row, |row| results.push(row))?;
    /// }
    /// assert_eq!(results, [(7, at(1)), (7, at(2))]);
    ///
    /// // The watermark moves to 1 s.
    /// query.trigger(Timestamp::EPOCH, |_| ())?;
    /// assert_eq!(query.progress().state_rows, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drop_duplicates_by_time<K, F: Fn(&S::Out) -> K>(
        self,
        key: F,
    ) -> Deduplicated<P, X, S, T, F, UntilEventTime>
    where
        T: Timed,
    {
        Results::of(self.prefix, self.stages, Deduplicate { key, expiry: UntilEventTime })
    }
}

impl<X, S: Stages<X, Out: Clone>, P: Prefix<X, S>> Stream<X, S, WithWatermark, P> {
    /// Gives the first row of each key, which is forgotten as `expiry` says: for queries that are put together at run time.
    pub fn drop_duplicates_until<K, F: Fn(&S::Out) -> K, E: Expiry>(
        self,
        key: F,
        expiry: E,
    ) -> Deduplicated<P, X, S, WithWatermark, F, E> {
        Results::of(self.prefix, self.stages, Deduplicate { key, expiry })
    }
}

impl<X, S: Stages<X, Out: Clone>> Stream<X, S, WithWatermark> {
    /// Gives the first row of each key, and forgets the key when the watermark has reached the event time of that row plus the watermark's
    /// delay (Spark's `dropDuplicatesWithinWatermark`). So rows that lie at most the delay apart and are not late come once.
    ///
    /// Duplicates do not keep a key longer. It is forgotten when the epoch ends: a duplicate that comes before that is left out whatever
    /// its event time. A row without event time is never late, and its key never forgotten. Of several inputs the least delay counts.
    /// Where state is full, [`OnFull::EvictOldest`](crate::OnFull::EvictOldest) forgets the key that would be forgotten first; a duplicate of
    /// it then comes through. State is [`ExpiringDedupState`](crate::ExpiringDedupState).
    ///
    /// ```
    /// use headwater::{ExpiringDedupState, QueryPlan, Span, Stream, Timestamp};
    ///
    /// // A radio that repeats what is not acknowledged.
    /// let at = Timestamp::from_secs;
    /// let plan = Stream::<(u32, Timestamp)>::new()
    ///     .with_watermark(|message| message.1, Span::secs(10))
    ///     .drop_duplicates_within_watermark(|message| message.0)
    ///     .append();
    /// let mut state = ExpiringDedupState::<u32, 64>::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// let mut numbers = Vec::new();
    /// for message in [(1, at(100)), (2, at(101)), (1, at(103)), (3, at(120))] {
    ///     query.push_to(message, |message| numbers.push(message.0))?;
    /// }
    /// assert_eq!(numbers, [1, 2, 3]);
    ///
    /// // The watermark moves to 110 s, which is when number 1 is forgotten.
    /// query.trigger(Timestamp::EPOCH, |_| ())?;
    /// query.push_to((1, at(111)), |message| numbers.push(message.0))?;
    /// assert_eq!(numbers, [1, 2, 3, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drop_duplicates_within_watermark<K, F: Fn(&S::Out) -> K>(
        self,
        key: F,
    ) -> Deduplicated<Start, X, S, WithWatermark, F, UntilDelay> {
        let expiry = until_delay(self.stages.delay());
        Results::of(self.prefix, self.stages, Deduplicate { key, expiry })
    }
}

impl<X, S, R, S0: Stages<R>, A, W> Stream<X, S, WithWatermark, After<R, S0, A, W>>
where
    S: Stages<X, Out: Clone>,
{
    /// As for the rows of an input; the delay is that of the query's watermark.
    pub fn drop_duplicates_within_watermark<K, F: Fn(&S::Out) -> K>(
        self,
        key: F,
    ) -> Deduplicated<After<R, S0, A, W>, X, S, WithWatermark, F, UntilDelay> {
        let expiry = until_delay(self.prefix.stages.delay());
        let last = Deduplicate { key, expiry };
        Results::of::<X, S, After<R, S0, A, W>, _>(self.prefix, self.stages, last)
    }
}

/// A stream with a watermark has a delay.
fn until_delay(delay: Option<Span>) -> UntilDelay {
    UntilDelay(delay.unwrap_or(Span::ZERO))
}
