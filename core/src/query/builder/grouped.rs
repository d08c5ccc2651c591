//! Streams grouped by a key and by windows, up to the aggregate.

use core::marker::PhantomData;

use super::prefix::Prefix;
use super::results::Results;
use super::stream::{NoEventTime, Timed};
use crate::operator::{GroupAggregate, SessionAggregate, SlidingAggregate, TumblingAggregate};
use crate::window::{Session, SessionBy, Sliding, Tumbling};

/// A stream whose rows are grouped by a key.
#[derive(Debug, Clone)]
pub struct Grouped<X, S, T, K, P> {
    pub(super) prefix: P,
    pub(super) stages: S,
    pub(super) key: K,
    pub(super) time: PhantomData<fn(X) -> T>,
}

impl<X, S, T, K, P: Prefix<X, S>> Grouped<X, S, T, K, P> {
    /// Aggregates each key over all time.
    pub fn aggregate<A>(
        self,
        aggregate: A,
    ) -> Results<P::Row, P::Stages, NoEventTime, P::Operator<GroupAggregate<K, A>>> {
        Results::of(self.prefix, self.stages, GroupAggregate { key: self.key, aggregate })
    }
}

impl<X, S, T, K, P> Grouped<X, S, T, K, P> {
    /// Windows of event time, for each key.
    pub fn window<W>(self, window: W) -> Windowed<X, S, T, K, W, P>
    where
        T: Timed,
    {
        Windowed { prefix: self.prefix, stages: self.stages, key: self.key, window, time: PhantomData }
    }
}

/// A stream grouped by windows of event time, and by a key where there is one.
#[derive(Debug, Clone)]
pub struct Windowed<X, S, T, K, W, P> {
    pub(super) prefix: P,
    pub(super) stages: S,
    pub(super) key: K,
    pub(super) window: W,
    pub(super) time: PhantomData<fn(X) -> T>,
}

impl<X, S, T, K, W: WindowKind, P: Prefix<X, S>> Windowed<X, S, T, K, W, P> {
    /// Aggregates each window.
    pub fn aggregate<A>(self, aggregate: A) -> Results<P::Row, P::Stages, T, P::Operator<W::Operator<K, A>>> {
        Results::of(self.prefix, self.stages, self.window.operator(self.key, aggregate))
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
