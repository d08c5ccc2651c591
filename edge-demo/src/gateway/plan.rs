//! The gateway's query: count, mean, min and max per device, in the windows and output mode of the command line.

use headwater::aggregate::{Aggregate, count, max, mean, min};
use headwater::window::{Session, Tumbling};
use headwater::{Aggregated, OutputMode, Plan, QueryPlan, Stream, WindowRow, WithWatermark};

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

/// Builds the plan that `options` describe and hands it over.
pub(super) fn with_plan<T: TakePlan>(options: &Options, taker: T) -> T::Outcome {
    let by_device = Stream::<Reading>::new()
        .with_watermark(|row: &Reading| row.at, options.watermark)
        .group_by(|row: &Reading| row.device.clone());
    match options.window {
        WindowKind::Tumbling(size) => {
            taker.take(finish(by_device.window(Tumbling::of(size)).aggregate(summary()), options))
        }
        WindowKind::Sliding(windows) => {
            taker.take(finish(by_device.window(windows).aggregate(summary()), options))
        }
        WindowKind::Session(gap) => {
            taker.take(finish(by_device.window(Session::with_gap(gap)).aggregate(summary()), options))
        }
    }
}

fn summary() -> impl Aggregate<Reading, State: Send, Output = Summary> + Send + 'static {
    (count(), mean(|row: &Reading| row.value), min(|row: &Reading| row.value), max(|row: &Reading| row.value))
}

fn finish<S, O>(query: Aggregated<Reading, S, WithWatermark, O>, options: &Options) -> Plan<Reading, S, O> {
    let plan = match options.mode {
        OutputMode::Append => query.append(),
        OutputMode::Update => query.update(),
        OutputMode::Complete => query.complete(),
    };
    // The files of complete mode are others, so a checkpoint must not pass from it to the other modes or back.
    let name = if options.mode == OutputMode::Complete { "gateway-complete" } else { "gateway" };
    plan.named(name, 1).on_full(options.on_full)
}
