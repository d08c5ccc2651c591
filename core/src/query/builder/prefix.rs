//! What stands before a stream in a query: nothing, or an operator whose results it is made of.

use core::marker::PhantomData;

use crate::operator::Then;

/// Nothing stands before: the stream is what is pushed.
#[derive(Debug, Clone, Copy)]
pub struct Start;

/// The operator `A`, over rows `R` that have gone through the stages `S`, stands before; its results come as `W` says
/// ([`WhenClosed`](super::WhenClosed) or [`AtOnce`](super::AtOnce)).
#[derive(Debug, Clone)]
pub struct After<R, S, A, W> {
    pub(super) stages: S,
    pub(super) operator: A,
    pub(super) kind: PhantomData<fn(R) -> W>,
}

/// What stands before a stream of rows `X` after the stages `S`.
pub trait Prefix<X, S> {
    /// The rows that are pushed.
    type Row;
    /// The stages that pushed rows go through.
    type Stages;
    /// The operator of the whole query, if `B` is the last one.
    type Operator<B>;

    /// Puts the operator `last` behind this and the stages.
    fn attach<B>(self, stages: S, last: B) -> (Self::Stages, Self::Operator<B>);
}

impl<X, S> Prefix<X, S> for Start {
    type Row = X;
    type Stages = S;
    type Operator<B> = B;

    fn attach<B>(self, stages: S, last: B) -> (S, B) {
        (stages, last)
    }
}

impl<X, S, R, S0, A, W> Prefix<X, S> for After<R, S0, A, W> {
    type Row = R;
    type Stages = S0;
    type Operator<B> = Then<A, S, B>;

    fn attach<B>(self, stages: S, last: B) -> (S0, Then<A, S, B>) {
        (self.stages, Then { first: self.operator, between: stages, second: last })
    }
}
