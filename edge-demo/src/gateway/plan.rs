//! The gateway's query: count, mean, min and max per device, in the windows and output mode of the command line.

use std::time::{SystemTime, UNIX_EPOCH};

use headwater::aggregate::{Aggregate, count, max, mean, min};
use headwater::state::Shape;
use headwater::window::{Session, Tumbling};
use headwater::{ModeRefused, OutputMode, Plan, QueryPlan, Span, Stream, Timestamp, WindowRow};

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
        P: QueryPlan<Row = Reading, Output = SummaryRow, Shape: Shape<Allocated: Send>> + Send + 'static;
}

/// Builds the plan that `options` describe and hands it over.
pub(super) fn with_plan<T: TakePlan>(options: &Options, taker: T) -> Result<T::Outcome, ModeRefused> {
    let ahead = options.ahead;
    let by_device = Stream::<Reading>::new()
        // Before the watermark, which a row from the far future would move there, for all devices.
        .filter(move |row: &Reading| ahead.is_none_or(|limit| row.at <= latest(now(), limit)))
        .with_watermark(|row: &Reading| row.at, options.watermark)
        .group_by(|row: &Reading| row.device.clone());
    let outcome = match options.window {
        WindowKind::Tumbling(size) => {
            let query = by_device.window(Tumbling::of(size)).aggregate(summary());
            taker.take(identified(query.output_mode(options.mode)?, options))
        }
        WindowKind::Sliding(windows) => {
            let query = by_device.window(windows).aggregate(summary());
            taker.take(identified(query.output_mode(options.mode)?, options))
        }
        WindowKind::Session(gap) => {
            let query = by_device.window(Session::with_gap(gap)).aggregate(summary());
            taker.take(identified(query.output_mode(options.mode)?, options))
        }
    };
    Ok(outcome)
}

fn summary() -> impl Aggregate<Reading, State: Send, Output = Summary> + Send + 'static {
    (count(), mean(|row: &Reading| row.value), min(|row: &Reading| row.value), max(|row: &Reading| row.value))
}

fn identified<S, O>(plan: Plan<Reading, S, O>, options: &Options) -> Plan<Reading, S, O> {
    // The files of complete mode are others, so a checkpoint must not pass from it to the other modes or back.
    let name = if options.mode == OutputMode::Complete { "gateway-complete" } else { "gateway" };
    plan.named(name, 1).on_full(options.on_full)
}

/// The latest event time that is taken when the clock says `now`.
fn latest(now: Timestamp, ahead: Span) -> Timestamp {
    Timestamp::from_micros(now.as_micros().saturating_add(ahead.as_micros()))
}

/// The gateway's own clock.
fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}
