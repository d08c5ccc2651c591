//! Groups of rows with the same event time.

use super::grouped::{Grouped, WindowKind, Windowed};
use super::stream::{Stream, Timed};
use crate::operator::{EventTimeAggregate, Stages};

/// Each event time by itself, in the place of windows. From [`Grouped::by_event_time`].
#[derive(Debug, Clone, Copy)]
pub struct EachEventTime;

impl WindowKind for EachEventTime {
    type Operator<K, A> = EventTimeAggregate<K, A>;

    fn operator<K, A>(self, key: K, aggregate: A) -> Self::Operator<K, A> {
        EventTimeAggregate { key, aggregate }
    }
}

impl<X, S, T: Timed, K, P> Grouped<X, S, T, K, P> {
    /// Groups rows by their event time too (Spark's `groupBy` of the event time itself and other columns): readings that carry the same
    /// moment, the windows of many devices that end together.
    ///
    /// A row is late when the watermark has reached its event time, and a group closes then. Rows without event time are a group of their
    /// own that never closes, so append mode never gives it. State is [`EventTimeState`](crate::EventTimeState); a row costs a step more for
    /// each group of its own key with a later event time.
    ///
    /// ```
    /// use headwater::aggregate::{FloatSum, sum};
    /// use headwater::{EventTimeState, QueryPlan, Span, Stream, Timestamp};
    ///
    /// struct Meter { line: u8, at: Timestamp, watts: f64 }
    ///
    /// let plan = Stream::<Meter>::new()
    ///     .with_watermark(|r| r.at, Span::secs(1))
    ///     .group_by(|r| r.line)
    ///     .by_event_time()
    ///     .aggregate(sum(|r: &Meter| r.watts))
    ///     .append();
    /// let mut state = EventTimeState::<u8, FloatSum, 8>::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// for (secs, watts) in [(10, 5.0), (11, 7.0), (10, 6.0)] {
    ///     query.push(Meter { line: 1, at: Timestamp::from_secs(secs), watts })?;
    /// }
    /// let mut results = Vec::new();
    /// query.trigger(Timestamp::EPOCH, |row| results.push((row.at, row.key, row.value)))?;
    /// assert_eq!(results, [(Some(Timestamp::from_secs(10)), 1, Some(11.0))]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn by_event_time(self) -> Windowed<X, S, T, K, EachEventTime, P> {
        self.window(EachEventTime)
    }
}

impl<R, S: Stages<R>, T: Timed, P> Stream<R, S, T, P> {
    /// Groups rows by their event time alone. See [`Grouped::by_event_time`].
    pub fn by_event_time(self) -> Windowed<R, S, T, fn(&S::Out), EachEventTime, P> {
        self.window(EachEventTime)
    }
}
