//! What dynamic aggregates keep per group.

use headwater::aggregate::{
    ApproxCountDistinct, Count, First, FirstNonNull, FloatSum, IntegerSum, Last, LastNonNull, Max, MaxBy,
    Mean, Min, MinBy, Quantiles, Variance,
};
use serde::{Deserialize, Serialize};

use crate::dynamic::Value;

/// Buckets of a quantile's sketch for values above zero, and as many for values below: within 1 % for values up to 24,800
/// times apart.
const BUCKETS: usize = 512;

pub(super) type QuantileSketch = Quantiles<BUCKETS, BUCKETS>;

/// What one aggregate keeps per group: the state of the engine's aggregate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the state of its name in `headwater::aggregate`")]
pub enum AggregateState {
    Count(Count),
    IntegerSum(IntegerSum),
    FloatSum(FloatSum),
    Mean(Mean),
    Min(Min<Value>),
    Max(Max<Value>),
    Variance(Variance),
    First(First<Value>),
    FirstNonNull(FirstNonNull<Value>),
    Last(Last<Value>),
    LastNonNull(LastNonNull<Value>),
    MaxBy(MaxBy<Value, Value>),
    MinBy(MinBy<Value, Value>),
    ApproxCountDistinct(Box<ApproxCountDistinct>),
    Quantiles(Box<QuantileSketch>),
}

/// What [`DynamicAggregates`](super::DynamicAggregates) keep per group: a state for each, in their order.
///
/// On a 64-bit machine 64 bytes for each, 512 more for an approximate distinct count, 4,144 for a quantile, and the text they hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AggregateStates(pub(super) Box<[AggregateState]>);

impl FromIterator<AggregateState> for AggregateStates {
    fn from_iter<I: IntoIterator<Item = AggregateState>>(states: I) -> Self {
        Self(states.into_iter().collect())
    }
}

/// A state of the engine's as one of [`AggregateState`].
pub(super) trait Kept: Sized {
    fn keep(self) -> AggregateState;
    fn kept(state: &AggregateState) -> Option<&Self>;
    fn kept_mut(state: &mut AggregateState) -> Option<&mut Self>;
}

macro_rules! kept {
    ($($variant:ident: $state:ty;)*) => { $(
        impl Kept for $state {
            fn keep(self) -> AggregateState {
                AggregateState::$variant(self.into())
            }

            fn kept(state: &AggregateState) -> Option<&Self> {
                if let AggregateState::$variant(state) = state { Some(state) } else { None }
            }

            fn kept_mut(state: &mut AggregateState) -> Option<&mut Self> {
                if let AggregateState::$variant(state) = state { Some(state) } else { None }
            }
        }
    )* };
}

kept! {
    Count: Count;
    IntegerSum: IntegerSum;
    FloatSum: FloatSum;
    Mean: Mean;
    Min: Min<Value>;
    Max: Max<Value>;
    Variance: Variance;
    First: First<Value>;
    FirstNonNull: FirstNonNull<Value>;
    Last: Last<Value>;
    LastNonNull: LastNonNull<Value>;
    MaxBy: MaxBy<Value, Value>;
    MinBy: MinBy<Value, Value>;
    ApproxCountDistinct: ApproxCountDistinct;
    Quantiles: QuantileSketch;
}
