//! Scripts run from beginning to end.

use headwater::QueryPlan;
use headwater::checkpoint::{Log, RamFlash};

use crate::line::{IntoLine, Line};
use crate::properties::Random;
use crate::reading::Reading;
use crate::script::{BUFFER, Call, Outcome, Trace, make};
use crate::shape::{PlanVisitor, Shape};

/// A flash that holds every state of these tests.
pub type Flash = RamFlash<65_536, 4, 4096>;

/// More records than any script here needs.
pub const ROOMY: usize = 400;

struct Run<'c> {
    calls: &'c [Call],
    capacity: usize,
}

impl PlanVisitor for Run<'_> {
    type Answer = Trace;

    fn visit<P>(self, plan: &P) -> Trace
    where
        P: QueryPlan<Row = Reading, Item = Reading>,
        P::Output: IntoLine,
    {
        let mut state = plan.allocate(self.capacity);
        let mut query = plan.bind(&mut state);
        let mut log = Log::<_, BUFFER>::open(Flash::new()).expect("an erased flash is an empty log");
        let mut trace = Trace::default();
        for call in self.calls {
            make(&mut query, &mut log, call, &mut trace).expect("the log has room");
        }
        trace
    }
}

/// Runs a script over state for `capacity` records.
#[must_use]
pub fn run(shape: &Shape, calls: &[Call], capacity: usize) -> Trace {
    shape.visit(Run { calls, capacity })
}

struct RunPatiently<'c> {
    calls: &'c [Call],
    random: Random,
}

impl PlanVisitor for RunPatiently<'_> {
    type Answer = Trace;

    fn visit<P>(mut self, plan: &P) -> Trace
    where
        P: QueryPlan<Row = Reading, Item = Reading>,
        P::Output: IntoLine,
    {
        let mut state = plan.allocate(ROOMY);
        let mut query = plan.bind(&mut state);
        let mut log = Log::<_, BUFFER>::open(Flash::new()).expect("an erased flash is an empty log");
        let mut trace = Trace::default();
        for call in self.calls {
            if *call == Call::TRIGGER {
                // At least one result is taken each time in the end, so this ends.
                while {
                    let accepts = Some(self.random.below(5) as u8);
                    make(&mut query, &mut log, &Call::Trigger { accepts }, &mut trace)
                        .expect("no log is touched");
                    trace.outcomes.pop_if(|(outcome, _)| *outcome == Outcome::Interrupted).is_some()
                } {}
            } else {
                make(&mut query, &mut log, call, &mut trace).expect("the log has room");
            }
        }
        trace
    }
}

/// Runs a script of willing sinks with sinks that take a few results at a time; each trigger is called until it has ended, and only
/// that call is in the trace.
#[must_use]
pub fn run_patiently(shape: &Shape, calls: &[Call], seed: u64) -> Trace {
    shape.visit(RunPatiently { calls, random: Random(seed) })
}

struct Batch<'r>(&'r [Reading]);

impl PlanVisitor for Batch<'_> {
    type Answer = Vec<Line>;

    fn visit<P>(self, plan: &P) -> Self::Answer
    where
        P: QueryPlan<Row = Reading, Item = Reading>,
        P::Output: IntoLine,
    {
        plan.batch(self.0).into_iter().map(IntoLine::into_line).collect()
    }
}

/// The engine's batch answer.
#[must_use]
pub fn batch(shape: &Shape, rows: &[Reading]) -> Vec<Line> {
    shape.visit(Batch(rows))
}
