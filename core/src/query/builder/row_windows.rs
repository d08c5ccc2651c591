//! Windows that rows make by themselves, without event time: of so many rows, or opened and closed by rows.

use core::marker::PhantomData;

use super::grouped::Grouped;
use super::prefix::Prefix;
use super::results::{AtOnce, Results};
use super::stream::Stream;
use crate::operator::{CountAggregate, Stages, StateWindowAggregate};
use crate::window::{CountWindow, StateWindow};

impl<X, S, T, K, P> Grouped<X, S, T, K, P> {
    /// Windows of rows in order of arrival, for each key: [`CountWindow`] or [`StateWindow`].
    ///
    /// The row that makes a window full, or closes it, gives the result at once; what is open when the stream stops is never given. No
    /// watermark is needed, and no row is late. In a chain, the result has the event time of that row, or none if the watermark has
    /// reached it: what follows may be done with that time.
    ///
    /// The open windows of a key stay until rows end them, so where state is full
    /// [`OnFull::EvictOldest`](crate::OnFull::EvictOldest) refuses as `Refuse` does. A row that is refused or dropped is not counted in any window.
    ///
    /// ```
    /// use headwater::{CountState, QueryPlan, Stream, aggregate::{Mean, mean}, window::CountWindow};
    ///
    /// // The average of the last four values of a sensor, after every second one.
    /// let plan = Stream::<(u8, f64)>::new()
    ///     .group_by(|r| r.0)
    ///     .window_rows(CountWindow::of(4).every(2))
    ///     .aggregate(mean(|r: &(u8, f64)| r.1))
    ///     .append();
    /// let mut state = CountState::<u8, Mean, 16>::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// let mut results = Vec::new();
    /// for value in 1..=6 {
    ///     query.push_to((9, f64::from(value)), |row| results.push((row.first_row, row.value)))?;
    /// }
    /// assert_eq!(results, [(0, Some(2.5)), (2, Some(4.5))]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Windows between two events:
    ///
    /// ```
    /// use headwater::aggregate::{Max, max};
    /// use headwater::{QueryPlan, StateWindowState, Stream, Timestamp, window::StateWindow};
    ///
    /// struct Reading { pump: u8, at: Timestamp, amperes: f64 }
    ///
    /// // The peak of each run of a pump.
    /// let plan = Stream::<Reading>::new()
    ///     .with_event_time(|r| r.at)
    ///     .group_by(|r| r.pump)
    ///     .window_rows(StateWindow::new(|r: &Reading| r.amperes > 1.0, |r: &Reading| r.amperes < 0.5))
    ///     .aggregate(max(|r: &Reading| r.amperes))
    ///     .append();
    /// let mut state = StateWindowState::<u8, Max<f64>, 4>::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// let mut runs = Vec::new();
    /// for (secs, amperes) in [(0, 0.1), (1, 3.0), (2, 9.0), (3, 0.8), (4, 0.0), (5, 0.2)] {
    ///     let reading = Reading { pump: 1, at: Timestamp::from_secs(secs), amperes };
    ///     query.push_to(reading, |run| runs.push((run.opened_at, run.closed_at, run.value)))?;
    /// }
    /// let at = |secs| Some(Timestamp::from_secs(secs));
    /// assert_eq!(runs, [(at(1), at(4), Some(9.0))]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn window_rows<W: RowWindowKind>(self, window: W) -> RowWindowed<X, S, T, K, W, P> {
        RowWindowed { prefix: self.prefix, stages: self.stages, key: self.key, window, time: PhantomData }
    }
}

impl<R, S: Stages<R>, T, P> Stream<R, S, T, P> {
    /// Windows of rows over all rows, without a key. See [`Grouped::window_rows`].
    pub fn window_rows<W: RowWindowKind>(self, window: W) -> RowWindowed<R, S, T, fn(&S::Out), W, P> {
        RowWindowed { prefix: self.prefix, stages: self.stages, key: |_| (), window, time: PhantomData }
    }
}

/// A stream grouped by windows of rows, and by a key where there is one.
#[derive(Debug, Clone)]
pub struct RowWindowed<X, S, T, K, W, P> {
    prefix: P,
    stages: S,
    key: K,
    window: W,
    time: PhantomData<fn(X) -> T>,
}

impl<X, S, T, K, W: RowWindowKind, P: Prefix<X, S>> RowWindowed<X, S, T, K, W, P> {
    /// Aggregates each window.
    pub fn aggregate<A>(
        self,
        aggregate: A,
    ) -> Results<P::Row, P::Stages, T, P::Operator<W::Operator<K, A>>, AtOnce> {
        Results::of(self.prefix, self.stages, self.window.operator(self.key, aggregate))
    }
}

/// A kind of window of rows and the operator that keeps it.
pub trait RowWindowKind {
    /// The operator for keys by `K` and aggregates `A`.
    type Operator<K, A>;

    /// Makes the operator.
    fn operator<K, A>(self, key: K, aggregate: A) -> Self::Operator<K, A>;
}

impl RowWindowKind for CountWindow {
    type Operator<K, A> = CountAggregate<K, A>;

    fn operator<K, A>(self, key: K, aggregate: A) -> Self::Operator<K, A> {
        CountAggregate { key, window: self, aggregate }
    }
}

impl<O, C> RowWindowKind for StateWindow<O, C> {
    type Operator<K, A> = StateWindowAggregate<K, O, C, A>;

    fn operator<K, A>(self, key: K, aggregate: A) -> Self::Operator<K, A> {
        StateWindowAggregate { key, window: self, aggregate }
    }
}
