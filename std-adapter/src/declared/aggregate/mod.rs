//! Aggregates that are chosen when the program runs, computed by the engine's own.

mod bound;
mod erased;
mod state;
#[cfg(test)]
mod tests;

use core::fmt;
use std::sync::Arc;

use headwater::aggregate::{Aggregate, Arrival, QuantileOutOfRange};

pub use bound::BoundAggregate;
pub use state::{AggregateState, AggregateStates};

use crate::dynamic::{Row, Value};
use erased::Erased;

/// A list of aggregates over dynamic rows; the answer is a [`Row`] with a column for each.
///
/// Each is one of [`headwater::aggregate`] and answers as that one does, which is as Spark does. What it costs on top: a call
/// through a pointer per row and function, and text that `min`, `first` and the like keep lies on the heap.
///
/// ```
/// use headwater::aggregate::Aggregate;
/// use headwater_std::declared::{BoundAggregate, DynamicAggregates};
/// use headwater_std::dynamic::{Row, Value};
///
/// let spec = DynamicAggregates::new([BoundAggregate::CountRows, BoundAggregate::Mean { column: 1 }])?;
/// let mut state = spec.init();
/// spec.update(&mut state, &Row::new([Value::from("boiler"), Value::Double(60.0)]), 1);
/// spec.update(&mut state, &Row::new([Value::from("boiler"), Value::Null]), 2);
/// assert_eq!(spec.finish(&state), Row::new([Value::Long(2), Value::Double(60.0)]));
/// # Ok::<(), headwater::aggregate::QuantileOutOfRange>(())
/// ```
#[derive(Clone)]
pub struct DynamicAggregates {
    bound: Arc<[BoundAggregate]>,
    functions: Arc<[Box<dyn Erased>]>,
}

impl DynamicAggregates {
    /// The aggregates `bound`, in this order.
    ///
    /// # Errors
    /// [`QuantileOutOfRange`] if a quantile is not from 0 to 1.
    pub fn new(bound: impl IntoIterator<Item = BoundAggregate>) -> Result<Self, QuantileOutOfRange> {
        let bound: Arc<[BoundAggregate]> = bound.into_iter().collect();
        let functions = bound.iter().map(|aggregate| aggregate.function()).collect::<Result<_, _>>()?;
        Ok(Self { bound, functions })
    }

    /// The aggregates it was made of.
    #[must_use]
    pub fn bound(&self) -> &[BoundAggregate] {
        &self.bound
    }
}

impl fmt::Debug for DynamicAggregates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynamicAggregates").field(&self.bound).finish()
    }
}

impl Aggregate<Row> for DynamicAggregates {
    type State = AggregateStates;
    type Output = Row;

    fn init(&self) -> AggregateStates {
        self.functions.iter().map(|function| function.init()).collect()
    }

    fn update(&self, state: &mut AggregateStates, row: &Row, arrival: Arrival) {
        for (function, state) in self.functions.iter().zip(&mut state.0) {
            function.update(state, row, arrival);
        }
    }

    fn merge(&self, state: &mut AggregateStates, other: &AggregateStates) {
        for ((function, state), other) in self.functions.iter().zip(&mut state.0).zip(&other.0) {
            function.merge(state, other);
        }
    }

    fn finish(&self, state: &AggregateStates) -> Row {
        let functions = self.functions.iter().enumerate();
        functions
            .map(|(index, function)| state.0.get(index).map_or(Value::Null, |state| function.finish(state)))
            .collect()
    }
}
