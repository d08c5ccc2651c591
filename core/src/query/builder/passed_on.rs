//! The end of a stream of results: they are given as they are, in the output modes of the operator that made them.

use super::prefix::After;
use super::results::{AtOnce, ModeAtRunTime, ModeRefused, Results, WhenClosed};
use super::stream::{Stream, WithWatermark};
use crate::operator::{Emit, Operator, OutputMode, Stages, Then};
use crate::query::Plan;

impl<X, S, T, R, S0, A, W> Stream<X, S, T, After<R, S0, A, W>>
where
    S0: Stages<R>,
    A: Operator<S0::Out, Output = X>,
    S: Stages<X, Marks = (), Out: Clone>,
{
    /// The last step over results: they are given as they are.
    fn emit(self) -> Results<R, S0, T, Then<A, S, Emit>, W> {
        Results::of::<X, S, After<R, S0, A, W>, Emit>(self.prefix, self.stages, Emit)
    }

    /// Gives, in each epoch, what is left of the results that changed in it. See [`Results::update`].
    pub fn update(self) -> Plan<R, S0, Then<A, S, Emit>> {
        self.emit().update()
    }

    /// Gives, in each epoch, what is left of the whole result table. See [`Results::complete`].
    pub fn complete(self) -> Plan<R, S0, Then<A, S, Emit>> {
        self.emit().complete()
    }

    /// The mode chosen at run time. See [`Results::output_mode`].
    ///
    /// # Errors
    /// [`ModeRefused`] if the operators cannot run in it.
    pub fn output_mode(self, mode: OutputMode) -> Result<Plan<R, S0, Then<A, S, Emit>>, ModeRefused>
    where
        T: ModeAtRunTime,
    {
        self.emit().output_mode(mode)
    }
}

impl<X, S, R, S0, A> Stream<X, S, WithWatermark, After<R, S0, A, WhenClosed>>
where
    S0: Stages<R>,
    A: Operator<S0::Out, Output = X>,
    S: Stages<X, Marks = (), Out: Clone>,
{
    /// Gives each result that is left once.
    pub fn append(self) -> Plan<R, S0, Then<A, S, Emit>> {
        self.emit().append()
    }
}

impl<X, S, T, R, S0, A> Stream<X, S, T, After<R, S0, A, AtOnce>>
where
    S0: Stages<R>,
    A: Operator<S0::Out, Output = X>,
    S: Stages<X, Marks = (), Out: Clone>,
{
    /// Gives each result that is left once, also without a watermark: it comes with the rows that make it.
    pub fn append(self) -> Plan<R, S0, Then<A, S, Emit>> {
        self.emit().append()
    }
}
