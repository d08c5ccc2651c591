//! What makes a declared query the same query after a restart.

use core::fmt::Write;

use crate::declared::checked::{
    CheckedAggregation, CheckedAsOfJoin, CheckedDedup, CheckedJoin, CheckedQuery, CheckedRelation,
    CheckedStep, Grouping, JoinKeys, TimeWindow,
};
use crate::fingerprint::fingerprint;

/// The query's name and a hash of what it keeps in state: the types of keys and records say that they are rows, and no more.
///
/// What it names is process-long, as a compiled query's name is.
pub(super) fn name(query: &CheckedQuery) -> &'static str {
    let mut kept = String::new();
    describe(&query.query, &mut kept);
    let hash = fingerprint(&[kept.as_bytes()]);
    Box::leak(format!("{} {hash:016x}", query.name).into_boxed_str())
}

/// Tells the steps with state, from the last one back. As deep as the check lets steps nest.
fn describe(relation: &CheckedRelation, kept: &mut String) {
    match &relation.step {
        CheckedStep::Input(input) => tell(kept, format_args!("input {input}")),
        CheckedStep::Filter { input, .. } | CheckedStep::Select { input, .. } => describe(input, kept),
        CheckedStep::Union(inputs) => inputs.iter().for_each(|input| describe(input, kept)),
        CheckedStep::TableJoin(join) => describe(&join.left, kept),
        CheckedStep::Aggregate(aggregation) => describe_aggregation(aggregation, kept),
        CheckedStep::Dedup(CheckedDedup { input, columns, event_time, forgotten }) => {
            let time = event_time.map(|at| at.time);
            tell(kept, format_args!("dedup ({}) {columns:?} {time:?} {forgotten:?}", input.schema));
            describe(input, kept);
        }
        CheckedStep::Join(CheckedJoin { join_type, left, right, keys, time_range, .. }) => {
            tell(kept, format_args!("join {join_type:?} {time_range:?}"));
            describe_sides(left, right, keys, kept);
        }
        CheckedStep::AsOfJoin(CheckedAsOfJoin { left, right, keys, tolerance, .. }) => {
            tell(kept, format_args!("as-of join {}", tolerance.as_micros()));
            describe_sides(left, right, keys, kept);
        }
    }
}

fn describe_aggregation(aggregation: &CheckedAggregation, kept: &mut String) {
    let CheckedAggregation { input, keys, grouping, aggregates } = aggregation;
    tell(kept, format_args!("aggregate ({}) {keys:?} {:?}", input.schema, aggregates.bound()));
    match grouping {
        Grouping::Keys { event_time } => tell(kept, format_args!("{:?}", event_time.map(|at| at.time))),
        Grouping::CountWindows { rows, step } => tell(kept, format_args!("count {rows} {step}")),
        Grouping::Windows { window, time } => match window {
            // A gap per row may change as a filter may.
            TimeWindow::SessionBy(_) => tell(kept, format_args!("session {time:?}")),
            TimeWindow::Tumbling(window) => {
                let (size, offset) = (window.size().as_micros(), window.offset().as_micros());
                tell(kept, format_args!("tumbling {size} {offset} {time:?}"));
            }
            TimeWindow::Sliding(window) => {
                let (size, slide) = (window.size().as_micros(), window.slide().as_micros());
                tell(kept, format_args!("sliding {size} {slide} {} {time:?}", window.offset().as_micros()));
            }
            TimeWindow::Session(window) => tell(kept, format_args!("{window:?} {time:?}")),
        },
    }
    describe(input, kept);
}

fn describe_sides(left: &CheckedRelation, right: &CheckedRelation, keys: &JoinKeys, kept: &mut String) {
    tell(kept, format_args!("({}) ({}) {keys:?}", left.schema, right.schema));
    describe(left, kept);
    describe(right, kept);
}

fn tell(kept: &mut String, what: core::fmt::Arguments<'_>) {
    // Text can always be added to.
    let _ = writeln!(kept, "{what}");
}
