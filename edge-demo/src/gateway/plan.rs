//! The gateway's query: count, mean, min and max per device, in the windows and output mode of the command line.

use headwater::aggregate::{Aggregate, count, max, mean, min};
use headwater::window::{Session, Tumbling};
use headwater::{Aggregated, OutputMode, Plan, QueryPlan, Stream, Updatable, WindowRow, WithWatermark};

use super::options::{Options, WindowKind};
use super::reading::{DeviceId, Reading};

/// Count of rows; mean, least and greatest value, if there was one.
pub(super) type Summary = (u64, Option<f64>, Option<f64>, Option<f64>);

/// A result of the query.
pub(super) type SummaryRow = WindowRow<DeviceId, Summary>;

/// Takes the plan, whose type depends on the kind of windows.
pub(super) trait TakePlan {
    /// What comes of it.
    type Outcome;

    /// Takes the plan.
    fn take<P>(self, plan: P) -> Self::Outcome
    where
        P: QueryPlan<Row = Reading, Output = SummaryRow, Key: Send, Value: Send> + Send + 'static;
}

/// Sessions in update mode: no such query exists, since a session given out may later merge with another (as in Spark).
#[derive(Debug, thiserror::Error)]
#[error("{NO_SESSION_UPDATES}")]
pub(super) struct NoSessionUpdates;

/// The same for the command line.
pub(super) const NO_SESSION_UPDATES: &str = "--mode update does not go with --window session: a session may merge with \
     others later; take append or complete";

/// Builds the plan that `options` describe and hands it over.
pub(super) fn with_plan<T: TakePlan>(options: &Options, taker: T) -> Result<T::Outcome, NoSessionUpdates> {
    let by_device = Stream::<Reading>::new()
        .with_watermark(|row: &Reading| row.at, options.watermark)
        .group_by(|row: &Reading| row.device.clone());
    let outcome = match options.window {
        WindowKind::Tumbling(size) => {
            let query = by_device.window(Tumbling::of(size)).aggregate(summary());
            taker.take(identified(in_any_mode(query, options.mode), options))
        }
        WindowKind::Sliding(windows) => {
            let query = by_device.window(windows).aggregate(summary());
            taker.take(identified(in_any_mode(query, options.mode), options))
        }
        WindowKind::Session(gap) => {
            let query = by_device.window(Session::with_gap(gap)).aggregate(summary());
            let plan = match options.mode {
                OutputMode::Append => query.append(),
                OutputMode::Complete => query.complete(),
                OutputMode::Update => return Err(NoSessionUpdates),
            };
            taker.take(identified(plan, options))
        }
    };
    Ok(outcome)
}

fn summary() -> impl Aggregate<Reading, State: Send, Output = Summary> + Send + 'static {
    (count(), mean(|row: &Reading| row.value), min(|row: &Reading| row.value), max(|row: &Reading| row.value))
}

fn in_any_mode<S, O: Updatable>(
    query: Aggregated<Reading, S, WithWatermark, O>,
    mode: OutputMode,
) -> Plan<Reading, S, O> {
    match mode {
        OutputMode::Append => query.append(),
        OutputMode::Update => query.update(),
        OutputMode::Complete => query.complete(),
    }
}

fn identified<S, O>(plan: Plan<Reading, S, O>, options: &Options) -> Plan<Reading, S, O> {
    // The files of complete mode are others, so a checkpoint must not pass from it to the other modes or back.
    let name = if options.mode == OutputMode::Complete { "gateway-complete" } else { "gateway" };
    plan.named(name, 1).on_full(options.on_full)
}
