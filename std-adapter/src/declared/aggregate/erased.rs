//! The engine's aggregates behind one type of state and answer.

use headwater::aggregate::{Aggregate, Arrival};

use super::state::{AggregateState, Kept};
use crate::dynamic::{Row, Value};

/// An aggregate of the engine over dynamic rows. A state that is not its own is left alone and answers null.
pub(super) trait Erased: Send + Sync {
    fn init(&self) -> AggregateState;
    fn update(&self, state: &mut AggregateState, row: &Row, arrival: Arrival);
    fn merge(&self, state: &mut AggregateState, other: &AggregateState);
    fn finish(&self, state: &AggregateState) -> Value;
}

impl<A> Erased for A
where
    A: Aggregate<Row, State: Kept, Output: Answer> + Send + Sync,
{
    fn init(&self) -> AggregateState {
        Aggregate::init(self).keep()
    }

    fn update(&self, state: &mut AggregateState, row: &Row, arrival: Arrival) {
        if let Some(state) = A::State::kept_mut(state) {
            Aggregate::update(self, state, row, arrival);
        }
    }

    fn merge(&self, state: &mut AggregateState, other: &AggregateState) {
        if let (Some(state), Some(other)) = (A::State::kept_mut(state), A::State::kept(other)) {
            Aggregate::merge(self, state, other);
        }
    }

    fn finish(&self, state: &AggregateState) -> Value {
        A::State::kept(state).map_or(Value::Null, |state| Aggregate::finish(self, state).into_value())
    }
}

/// What the engine's aggregates answer, as a value.
pub(super) trait Answer {
    fn into_value(self) -> Value;
}

/// A number of rows.
impl Answer for u64 {
    fn into_value(self) -> Value {
        Value::Long(i64::try_from(self).unwrap_or(i64::MAX))
    }
}

impl<T: Into<Value>> Answer for Option<T> {
    fn into_value(self) -> Value {
        self.into()
    }
}
