//! A query over storage that fails, with a source that can go back and a sink that is cut to its committed length.

use headwater::checkpoint::{CommitError, FaultError, FaultyStorage, Log, LogStorage, OpenError};
use headwater::{QueryPlan, RestoreError};

use crate::line::IntoLine;
use crate::properties::Random;
use crate::reading::{Reading, Removed};
use crate::script::{BUFFER, Call, Position, Trace, make};
use crate::shape::PlanVisitor;

/// A script of epochs of a few rows, each committed. The last row is far ahead and closes the windows before it.
#[must_use]
pub fn script(epochs: u64, rows: u64, seed: u64) -> Vec<Call> {
    let mut random = Random(seed);
    let mut clock = -10;
    let mut row = |ahead: i64| {
        clock += random.below(4) as i64 + ahead;
        Call::Push(Reading {
            device: random.below(3) as u8,
            at: Some(clock - random.below(6) as i64),
            value: (random.below(8) > 0).then(|| random.below(100) as f64 / 4.0),
            gap: random.below(6) as u32 + 1,
            removed: Removed::No,
        })
    };
    let mut sizes = Random(!seed);
    let mut calls = Vec::new();
    for _ in 0..epochs {
        calls.extend((0..=sizes.below(rows)).map(|_| row(0)));
        calls.extend([Call::TRIGGER, Call::Commit]);
    }
    calls.extend([row(50), Call::TRIGGER, Call::Commit]);
    calls
}

/// Runs a script to its end however often the power fails; returns what the sink then holds.
///
/// `faults` is told how often the power has failed before each start, and plans what comes next.
pub struct Survivor<'c, S, F> {
    /// The script.
    pub calls: &'c [Call],
    /// Records the state holds.
    pub capacity: usize,
    /// Where the log is.
    pub storage: &'c mut FaultyStorage<S>,
    /// Plans faults.
    pub faults: F,
}

impl<S: LogStorage, F: FnMut(&mut FaultyStorage<S>, u32)> PlanVisitor for Survivor<'_, S, F> {
    type Answer = Trace;

    fn visit<P>(mut self, plan: &P) -> Trace
    where
        P: QueryPlan<Row = Reading, Item = Reading>,
        P::Output: IntoLine,
    {
        let mut trace = Trace::default();
        let mut acknowledged = Position::default();
        for starts in 0.. {
            self.storage.power_on();
            (self.faults)(self.storage, starts);
            let mut state = plan.allocate(self.capacity);
            let mut query = plan.bind(&mut state);
            let mut log = match Log::<_, BUFFER>::open(&mut *self.storage) {
                Ok(log) => log,
                Err(OpenError::Storage(FaultError::Injected)) => continue,
                Err(error) => panic!("after {starts} starts: {error}"),
            };
            let position = match query.restore::<Position, _, BUFFER>(&mut log) {
                Ok(position) => position.unwrap_or_default(),
                Err(RestoreError::Storage(FaultError::Injected)) => continue,
                Err(error) => panic!("after {starts} starts: {error}"),
            };
            // The last commit that was acknowledged, or the one that the cut fell into.
            let in_flight = (trace.position().0 + 1, trace.position().1);
            assert!(
                position == acknowledged || position == in_flight,
                "{position:?} is no commit that was made"
            );
            if position == in_flight {
                trace.outcomes.push((crate::script::Outcome::Committed, query.progress()));
            }
            trace.cut_back(position);
            acknowledged = position;
            if run_until_cut(&mut query, &mut log, self.calls, &mut trace, &mut acknowledged) {
                return trace;
            }
        }
        trace
    }
}

/// Makes the calls that are left. Returns whether all were made before the power failed.
fn run_until_cut<P, I, S>(
    query: &mut headwater::Query<'_, P, I>,
    log: &mut Log<&mut FaultyStorage<S>, BUFFER>,
    calls: &[Call],
    trace: &mut Trace,
    acknowledged: &mut Position,
) -> bool
where
    P: QueryPlan<Row = Reading, Item = Reading>,
    P::Output: IntoLine,
    I: headwater::state::SlotIndex,
    S: LogStorage,
{
    while let Some(call) = calls.get(trace.outcomes.len()) {
        match make(query, log, call, trace) {
            Ok(()) if *call == Call::Commit => *acknowledged = trace.position(),
            Ok(()) => {}
            // The same commit is tried again.
            Err(CommitError::Storage(FaultError::Injected)) => {}
            Err(CommitError::Storage(FaultError::PowerLost)) => return false,
            Err(error) => panic!("call {}: {error}", trace.outcomes.len()),
        }
    }
    true
}
