//! A stream joined with a table that does not change, up to which rows come out.

use core::marker::PhantomData;

use super::stream::Stream;
use crate::operator::{
    JoinKey, Stage, Stages, StaticInner, StaticJoin, StaticLeftAnti, StaticLeftOuter, StaticLeftSemi,
    StaticTable,
};

/// A stream and the table it is joined with, which lack only the kind of join.
///
/// There is no right and no full outer join: the table is never complete while the stream goes on (Spark refuses them too).
#[derive(Debug, Clone)]
pub struct JoinedStatic<R, S, T, P, B, F> {
    stream: Stream<R, S, T, P>,
    table: B,
    key: F,
}

impl<R, S: Stages<R>, T, P> Stream<R, S, T, P> {
    /// Joins each row with the rows of `table` that have its key, at once and without state (Spark's stream-static join).
    ///
    /// Several rows of the table under one key make several results. A null key ([`JoinKey`]) matches nothing. The event time stays with
    /// the row, and no row is late here. The cost of a row is one look-up in the table, see
    /// [`SortedTable`](crate::operator::SortedTable), and a copy of the row for each result. Where state further on has room for
    /// some of the results only, the row is handed back as by [`Stream::flat_map`].
    ///
    /// ```
    /// use headwater::{QueryPlan, Stream, operator::SortedTable, state::NoState};
    ///
    /// #[derive(Clone)]
    /// struct Reading { device: u16, celsius: f32 }
    ///
    /// // In flash: which room a device is in.
    /// static ROOMS: [(u16, &str); 2] = [(7, "hall"), (9, "cellar")];
    ///
    /// let plan = Stream::<Reading>::new()
    ///     .join_static(SortedTable::new(&ROOMS)?, |r| r.device)
    ///     .left_outer()
    ///     .map(|(r, room)| (room.unwrap_or("unknown"), r.celsius))
    ///     .append();
    /// let mut state = NoState::<u16>::EMPTY;
    /// let mut query = plan.bind(&mut state);
    /// let mut results = Vec::new();
    /// for (device, celsius) in [(9, 8.0), (8, 20.0)] {
    ///     query.push_to(Reading { device, celsius }, |row| results.push(row))?;
    /// }
    /// assert_eq!(results, [("cellar", 8.0), ("unknown", 20.0)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join_static<B, Q, F>(self, table: B, key: F) -> JoinedStatic<R, S, T, P, B, F>
    where
        Q: JoinKey,
        F: Fn(&S::Out) -> Q,
        B: StaticTable<Q::Key>,
    {
        JoinedStatic { stream: self, table, key }
    }
}

/// A stream after a join with a table.
type Joined<R, S, T, P, B, F, J> = Stream<R, Stage<S, StaticJoin<B, F, J>>, T, P>;

impl<R, S, T, P, B, F> JoinedStatic<R, S, T, P, B, F> {
    /// Pairs `(row, match)`.
    pub fn inner(self) -> Joined<R, S, T, P, B, F, StaticInner> {
        self.of()
    }

    /// Pairs `(row, Some(match))`, and `(row, None)` for a row without one.
    pub fn left_outer(self) -> Joined<R, S, T, P, B, F, StaticLeftOuter> {
        self.of()
    }

    /// Rows that have a match, each once.
    pub fn left_semi(self) -> Joined<R, S, T, P, B, F, StaticLeftSemi> {
        self.of()
    }

    /// Rows that have no match, those with a null key among them.
    pub fn left_anti(self) -> Joined<R, S, T, P, B, F, StaticLeftAnti> {
        self.of()
    }

    fn of<J>(self) -> Joined<R, S, T, P, B, F, J> {
        let Stream { prefix, stages, .. } = self.stream;
        let stage = StaticJoin { table: self.table, key: self.key, join: PhantomData };
        Stream { prefix, stages: Stage { before: stages, stage }, time: PhantomData }
    }
}
