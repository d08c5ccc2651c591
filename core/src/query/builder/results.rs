//! The results of an operator: an output mode makes them a plan, further steps go on from them.

use core::fmt;
use core::marker::PhantomData;

use super::super::plan::Plan;
use super::prefix::{After, Prefix};
use super::stream::{NoEventTime, Stream, WithWatermark};
use crate::operator::{Input, Operator, OutputMode, Stages};

/// Results that come when the watermark closes what they are made of.
#[derive(Debug, Clone, Copy)]
pub struct WhenClosed;

/// Results that come with the rows that make them, also without a watermark.
#[derive(Debug, Clone, Copy)]
pub struct AtOnce;

/// The results of the operator `O`, which lack only an output mode. `W` is when they come: [`WhenClosed`] or [`AtOnce`].
#[derive(Debug, Clone)]
pub struct Results<R, S, T, O, W = WhenClosed> {
    stages: S,
    operator: O,
    kind: PhantomData<fn(R) -> (T, W)>,
}

impl<R, S, T, O, W> Results<R, S, T, O, W> {
    /// Puts `last` behind the stages of a stream and what stands before it.
    pub(super) fn of<X, SX, P, B>(prefix: P, stages: SX, last: B) -> Self
    where
        P: Prefix<X, SX, Row = R, Stages = S, Operator<B> = O>,
    {
        let (stages, operator) = prefix.attach(stages, last);
        Self { stages, operator, kind: PhantomData }
    }
}

impl<R, S: Stages<R>, T, O: Operator<S::Out>, W> Results<R, S, T, O, W> {
    /// Gives, in each epoch, the groups that changed in it. Windows that the watermark has closed leave silently. For results that come
    /// once (deduplication, inner joins) it is the same as append, as in Spark.
    ///
    /// Does not compile for sessions, for outer joins, and for a second aggregate over the results of a first:
    ///
    /// ```compile_fail
    /// use headwater::{Span, Stream, Timestamp, aggregate::count, window::Session};
    ///
    /// let plan = Stream::<Timestamp>::new()
    ///     .with_watermark(|at| *at, Span::secs(5))
    ///     .group_by(|_| 0_u8)
    ///     .window(Session::with_gap(Span::mins(1)))
    ///     .aggregate(count())
    ///     .update();
    /// ```
    ///
    /// ```compile_fail
    /// use headwater::{Span, Stream, Timestamp, aggregate::count, window::Tumbling};
    ///
    /// let plan = Stream::<Timestamp>::new()
    ///     .with_watermark(|at| *at, Span::secs(5))
    ///     .window(Tumbling::of(Span::mins(1)))
    ///     .aggregate(count())
    ///     .then()
    ///     .window(Tumbling::of(Span::hours(1)))
    ///     .aggregate(count())
    ///     .update();
    /// ```
    pub fn update(self) -> Plan<R, S, O> {
        const {
            assert!(
                O::MODES.update,
                "no update output of sessions, outer joins and second aggregates, as what was given could not be taken back: use append"
            );
        }
        Plan::new(self.stages, self.operator, OutputMode::Update)
    }

    /// Gives, in each epoch, the whole result table. Nothing is late and nothing leaves.
    ///
    /// Does not compile without an aggregate, and for a second aggregate over the results of a first:
    ///
    /// ```compile_fail
    /// use headwater::{Span, Stream, Timestamp, aggregate::count, window::Tumbling};
    ///
    /// let plan = Stream::<Timestamp>::new()
    ///     .with_watermark(|at| *at, Span::secs(5))
    ///     .window(Tumbling::of(Span::mins(1)))
    ///     .aggregate(count())
    ///     .then()
    ///     .aggregate(count())
    ///     .complete();
    /// ```
    pub fn complete(self) -> Plan<R, S, O> {
        const {
            assert!(
                O::MODES.complete,
                "no complete output without an aggregate, or of a second one: use append"
            );
        }
        Plan::new(self.stages, self.operator, OutputMode::Complete)
    }

    /// The results as a stream, for further steps: a condition on them (SQL's `HAVING`), a projection, another stateful operator.
    ///
    /// A window's result has the event time of its last microsecond (Spark's rule). What it lets through goes on with the watermark of
    /// this query: there is no second one.
    ///
    /// ```
    /// use headwater::{Span, Stream, Timestamp, WindowRow, aggregate::count, window::Tumbling};
    ///
    /// // Minutes with fewer than 50 rows, by device.
    /// let plan = Stream::<(u16, Timestamp)>::new()
    ///     .with_watermark(|r| r.1, Span::secs(5))
    ///     .group_by(|r| r.0)
    ///     .window(Tumbling::of(Span::mins(1)))
    ///     .aggregate(count())
    ///     .then()
    ///     .filter(|minute: &WindowRow<u16, u64>| minute.value < 50)
    ///     .append();
    /// # let _ = plan;
    /// ```
    pub fn then(self) -> Stream<O::Output, Input<O::Output>, T, After<R, S, O, W>> {
        let after = After { stages: self.stages, operator: self.operator, kind: PhantomData };
        Stream::after(after)
    }
}

/// What is known of event time where the output mode may be chosen at run time. Without a watermark no result is final, so only what
/// never is may come without one.
#[diagnostic::on_unimplemented(
    message = "windows without a watermark cannot run in every output mode",
    note = "write `.with_watermark(..)`, or name the mode: `.update()` or `.complete()`"
)]
pub trait ModeAtRunTime {}

impl ModeAtRunTime for NoEventTime {}
impl ModeAtRunTime for WithWatermark {}

impl<R, S: Stages<R>, T, O: Operator<S::Out>, W> Results<R, S, T, O, W> {
    /// The mode chosen at run time, from a command line for instance.
    ///
    /// # Errors
    /// [`ModeRefused`] if the operator cannot run in it.
    pub fn output_mode(self, mode: OutputMode) -> Result<Plan<R, S, O>, ModeRefused>
    where
        T: ModeAtRunTime,
    {
        if O::MODES.has(mode) {
            Ok(Plan::new(self.stages, self.operator, mode))
        } else {
            Err(ModeRefused(mode))
        }
    }
}

impl<R, S: Stages<R>, O: Operator<S::Out>> Results<R, S, WithWatermark, O, WhenClosed> {
    /// Gives each result once, when the watermark closes it.
    ///
    /// Does not compile without a watermark, and without windows, where no result is ever final:
    ///
    /// ```compile_fail
    /// use headwater::{Span, Stream, Timestamp, aggregate::count};
    ///
    /// let plan = Stream::<Timestamp>::new()
    ///     .with_watermark(|at| *at, Span::secs(5))
    ///     .group_by(|_| 0_u8)
    ///     .aggregate(count())
    ///     .append();
    /// ```
    pub fn append(self) -> Plan<R, S, O> {
        appended(self.stages, self.operator)
    }
}

impl<R, S: Stages<R>, T, O: Operator<S::Out>> Results<R, S, T, O, AtOnce> {
    /// Gives each result once, in the epoch of the row that makes it.
    pub fn append(self) -> Plan<R, S, O> {
        appended(self.stages, self.operator)
    }
}

/// A plan that gives each result once.
pub(super) fn appended<R, S: Stages<R>, O: Operator<S::Out>>(stages: S, operator: O) -> Plan<R, S, O> {
    const {
        assert!(
            O::MODES.append,
            "no append output of groups without windows, as no result is ever final: use update or complete"
        );
    }
    Plan::new(stages, operator, OutputMode::Append)
}

/// An operator cannot run in an output mode.
///
/// Sessions have no update output: a session that grows or merges is another window, and what was given for it before could not
/// be taken back. Aggregates without windows have no append output: none of their results is ever final. Spark refuses them too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ModeRefused(pub OutputMode);

impl fmt::Display for ModeRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            OutputMode::Append => "no append output of groups without windows, as no result is ever final: use update or complete",
            OutputMode::Update => {
                "no update output: what was given could not be taken back, a session for instance may grow or merge later"
            }
            OutputMode::Complete => "no complete output without an aggregate, or of a second one: use append",
        })
    }
}

impl core::error::Error for ModeRefused {}
