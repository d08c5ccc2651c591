//! Queries of every shape over [`Reading`]s.

use headwater::aggregate::{Aggregate, count, count_of, first, last, max, mean, min, sum};
use headwater::operator::{Operator, Stages};
use headwater::window::{Session, Sliding, Tumbling};
use headwater::{OnFull, OutputMode, Plan, QueryPlan, Results, Span, Stream, Timestamp, WithWatermark};
use proptest::prelude::*;

use crate::line::{Answers, IntoLine};
use crate::reading::{Reading, Removed};

/// The windows of a query; lengths in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the windows")]
pub enum Windows {
    /// Side by side.
    Tumbling { size: u32, offset: u32 },
    /// Overlapping.
    Sliding { size: u32, slide: u32, offset: u32 },
    /// Sessions with one gap.
    Session { gap: u32 },
    /// Sessions with the gap of each row.
    SessionPerRow,
    /// None: over all time.
    None,
}

/// What a query is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Its windows.
    pub windows: Windows,
    /// Whether rows are grouped by device.
    pub keyed: bool,
    /// Its output mode.
    pub mode: OutputMode,
    /// How far the watermark trails, in microseconds.
    pub delay: u32,
    /// The watermark before the first row.
    pub initial: Option<i64>,
    /// What happens when state is full.
    pub on_full: OnFull,
}

/// What is done with the plan of a [`Shape`]: a function generic over plans.
pub trait PlanVisitor {
    /// What comes of it.
    type Answer;

    /// Does it.
    fn visit<P>(self, plan: &P) -> Self::Answer
    where
        P: QueryPlan<Row = Reading, Item = Reading>,
        P::Output: IntoLine;
}

fn aggregates() -> impl Aggregate<Reading, Output = Answers> {
    fn value(reading: &Reading) -> Option<f64> {
        reading.value
    }
    (count(), count_of(value), sum(value), mean(value), min(value), max(value), first(value), last(value))
}

fn with_mode<R, S: Stages<R>, O: Operator<S::Out>>(
    aggregated: Results<R, S, WithWatermark, O>,
    mode: OutputMode,
) -> Plan<R, S, O> {
    match mode {
        OutputMode::Append => aggregated.append(),
        OutputMode::Update => aggregated.update(),
        OutputMode::Complete => aggregated.complete(),
    }
}

impl Shape {
    /// Makes the plan and hands it to `visitor`.
    ///
    /// # Panics
    /// If the shape is none that a query can have: a slide longer than its size, sessions without key.
    pub fn visit<V: PlanVisitor>(&self, visitor: V) -> V::Answer {
        let Self { windows, keyed, mode, on_full, .. } = *self;
        let delay = Span::micros(self.delay);
        let rows = Stream::<Reading>::new().filter(|row| row.removed != Removed::BeforeWatermark);
        let rows = match self.initial {
            None => rows.with_watermark(Reading::event_time, delay),
            Some(initial) => {
                rows.with_watermark_from(Reading::event_time, delay, Timestamp::from_micros(initial))
            }
        };
        let rows = rows.filter(|row| row.removed != Removed::AfterWatermark);
        let by_device = |row: &Reading| row.device;
        macro_rules! visit {
            ($windowed:expr) => {
                visitor.visit(&with_mode($windowed.aggregate(aggregates()), mode).on_full(on_full))
            };
        }
        macro_rules! visit_sessions {
            ($windowed:expr) => {{
                let sessions = $windowed.aggregate(aggregates());
                let complete = mode == OutputMode::Complete;
                let plan = if complete { sessions.complete() } else { sessions.append() };
                visitor.visit(&plan.on_full(on_full))
            }};
        }
        match (windows, keyed) {
            (Windows::Tumbling { size, offset }, true) => {
                visit!(rows.group_by(by_device).window(tumbling(size, offset)))
            }
            (Windows::Tumbling { size, offset }, false) => visit!(rows.window(tumbling(size, offset))),
            (Windows::Sliding { size, slide, offset }, true) => {
                visit!(rows.group_by(by_device).window(sliding(size, slide, offset)))
            }
            (Windows::Sliding { size, slide, offset }, false) => {
                visit!(rows.window(sliding(size, slide, offset)))
            }
            (Windows::Session { gap }, true) => {
                let session = Session::with_gap(Span::micros(gap));
                visit_sessions!(rows.group_by(by_device).window(session))
            }
            (Windows::SessionPerRow, true) => {
                visit_sessions!(rows.group_by(by_device).window(Session::with_gap_by(Reading::gap)))
            }
            (Windows::None, true) => {
                let groups = rows.group_by(by_device).aggregate(aggregates());
                let plan = if mode == OutputMode::Complete { groups.complete() } else { groups.update() };
                visitor.visit(&plan.on_full(on_full))
            }
            (Windows::None, false) => {
                let all = rows.aggregate(aggregates());
                let plan = if mode == OutputMode::Complete { all.complete() } else { all.update() };
                visitor.visit(&plan.on_full(on_full))
            }
            (Windows::Session { .. } | Windows::SessionPerRow, false) => {
                panic!("sessions here have a key, as Spark demands")
            }
        }
    }
}

fn tumbling(size: u32, offset: u32) -> Tumbling {
    Tumbling::of(Span::micros(size)).with_offset(Span::micros(offset))
}

fn sliding(size: u32, slide: u32, offset: u32) -> Sliding {
    let windows = Sliding::of(Span::micros(size), Span::micros(slide));
    windows.expect("a slide of at most the size").with_offset(Span::micros(offset))
}

fn windows() -> impl Strategy<Value = (Windows, bool)> {
    let keyed = prop::bool::weighted(0.75);
    let tumbling = (1_u32..20, 0_u32..30, keyed)
        .prop_map(|(size, offset, keyed)| (Windows::Tumbling { size, offset }, keyed));
    let sliding = (1_u32..25, 1_u32..25, 0_u32..30, keyed).prop_map(|(one, other, offset, keyed)| {
        (Windows::Sliding { size: one.max(other), slide: one.min(other), offset }, keyed)
    });
    let session = (0_u32..12).prop_map(|gap| (Windows::Session { gap }, true));
    prop_oneof![
        3 => tumbling,
        5 => sliding,
        2 => session,
        2 => Just((Windows::SessionPerRow, true)),
        1 => keyed.prop_map(|keyed| (Windows::None, keyed)),
    ]
}

/// Queries of every shape with a full-state policy of `policies`.
pub fn shapes(policies: &'static [OnFull]) -> impl Strategy<Value = Shape> {
    let mode = prop_oneof![
        3 => Just(OutputMode::Append),
        2 => Just(OutputMode::Update),
        1 => Just(OutputMode::Complete),
    ];
    let delay = prop_oneof![2 => 0_u32..4, 2 => 0_u32..25];
    let initial = prop_oneof![3 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(-20))];
    (windows(), mode, delay, initial, prop::sample::select(policies)).prop_map(
        |((windows, keyed), mode, delay, initial, on_full)| {
            // What Spark refuses: appending without windows, updating sessions.
            let mode = match (windows, mode) {
                (Windows::None, OutputMode::Append) => OutputMode::Update,
                (Windows::Session { .. } | Windows::SessionPerRow, OutputMode::Update) => OutputMode::Append,
                _ => mode,
            };
            Shape { windows, keyed, mode, delay, initial, on_full }
        },
    )
}
