//! Any plan driven over calls: with sinks that refuse, full state and restarts from the log.

use core::fmt::Debug;

use headwater::checkpoint::Log;
use headwater::operator::{LateRow, NotNow, Stages};
use headwater::state::{Shape, SlotIndex, State};
use headwater::{OnFull, Progress, PushError, Query, QueryPlan, Side, Timestamp};

use crate::model::row::{Epoch, Row};
use crate::properties::Random;
use crate::run::Flash;
use crate::script::BUFFER;

/// One call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Call<R> {
    /// Offers a row.
    Push(R),
    /// Ends the epoch, at this processing time.
    Trigger(i64),
    /// Makes everything so far durable.
    Commit,
    /// Ends the epoch and everything open.
    Drain,
}

/// The calls that run `epochs`, with commits strewn in, and a drain at the end.
#[must_use]
pub fn calls_of<R>(epochs: &[Epoch], seed: u64, row: impl Fn(usize, Row) -> R) -> Vec<Call<R>> {
    let mut random = Random(seed);
    let mut calls = Vec::new();
    for epoch in epochs {
        for (input, offered) in &epoch.rows {
            calls.push(Call::Push(row(*input, *offered)));
            if random.below(5) == 0 {
                calls.push(Call::Commit);
            }
        }
        calls.push(Call::Trigger(epoch.now));
        if random.below(2) == 0 {
            calls.push(Call::Commit);
        }
    }
    calls.push(Call::Drain);
    calls
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The row is in state or in results.
    Used,
    /// It was late.
    Late,
    /// It takes no part.
    WithoutWindow,
    /// A stage removed it.
    Filtered,
    /// State was full, and the row is gone.
    Dropped,
    /// State was full, and the row came back.
    Full,
    /// The epoch has ended.
    Ended,
    /// The commit is durable.
    Committed,
}

/// Everything that came of some calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace<O> {
    /// Results, in order.
    pub given: Vec<O>,
    /// Of each call what it came to, how many results there were then, and where the query stood.
    pub outcomes: Vec<(Outcome, usize, Progress)>,
}

/// How a plan is driven.
#[derive(Debug, Clone, Copy)]
pub struct Drive<'c, R> {
    /// The calls.
    pub calls: &'c [Call<R>],
    /// The seed of sinks that take a few results at a time and are called until they have all; `None`: they take all at once.
    pub patience: Option<u64>,
    /// Before which calls the query is restored from the log.
    pub restarts: &'c [usize],
}

impl<R: Clone> Drive<'_, R> {
    /// Runs over state for `capacity` records in each table.
    ///
    /// # Panics
    /// If counts do not add up, or the query is another one after a restart.
    #[must_use]
    pub fn run<P>(&self, plan: &P, capacity: usize) -> Trace<P::Output>
    where
        P: QueryPlan<Row = R>,
    {
        self.run_in(plan, || plan.allocate(capacity)).0
    }

    /// Runs over states that `state` makes; returns the log too.
    ///
    /// # Panics
    /// As [`Drive::run`].
    pub fn run_in<P, S>(&self, plan: &P, state: impl Fn() -> S) -> (Trace<P::Output>, Flash)
    where
        P: QueryPlan<Row = R>,
        S: State<Shape = P::Shape>,
    {
        let mut storage = Flash::new();
        let mut trace = Trace { given: Vec::new(), outcomes: Vec::new() };
        for end in self.restarts.iter().copied().chain([self.calls.len()]) {
            let mut state = state();
            let mut query = plan.bind(&mut state);
            let mut log = Log::<_, BUFFER>::open(&mut storage).expect("a log that was written whole");
            let position: Option<(u32, u32)> = query.restore(&mut log).expect("the same query");
            let (calls, given) = position.unwrap_or_default();
            trace.outcomes.truncate(calls as usize);
            trace.given.truncate(given as usize);
            if let Some((_, _, progress)) = trace.outcomes.last() {
                assert_eq!(query.progress(), *progress, "after the restart");
            }
            for number in trace.outcomes.len()..end {
                self.make(number, &mut query, &mut log, &mut trace);
            }
        }
        (trace, storage)
    }

    fn make<P, I, L>(
        &self,
        number: usize,
        query: &mut Query<'_, P, I>,
        log: &mut Log<L, BUFFER>,
        trace: &mut Trace<P::Output>,
    ) where
        P: QueryPlan<Row = R>,
        I: SlotIndex,
        L: headwater::checkpoint::LogStorage<Error: Debug>,
    {
        let mut random = Random(self.patience.unwrap_or_default() ^ number as u64);
        let accepts = || self.patience.map_or(usize::MAX, |_| random.below(3) as usize);
        let outcome = match &self.calls[number] {
            Call::Push(row) => push(query, row, accepts, &mut trace.given),
            Call::Trigger(now) => end_epoch(query, Some(*now), accepts, &mut trace.given),
            Call::Drain => end_epoch(query, None, accepts, &mut trace.given),
            Call::Commit => {
                let position = (number as u32 + 1, trace.given.len() as u32);
                query.commit(log, &position).expect("the log has room");
                Outcome::Committed
            }
        };
        let progress = query.progress();
        assert!(progress.rows.balance(), "counts do not add up: {:?}", progress.rows);
        assert_eq!(progress.rows.emitted, trace.given.len() as u64);
        trace.outcomes.push((outcome, trace.given.len(), progress));
    }
}

/// Pushes a row until what it makes at once has been taken, `accepts` results at a time.
fn push<P: QueryPlan<Row: Clone>, I: SlotIndex>(
    query: &mut Query<'_, P, I>,
    row: &P::Row,
    mut accepts: impl FnMut() -> usize,
    given: &mut Vec<P::Output>,
) -> Outcome {
    let before = query.progress().rows;
    let pushed = loop {
        let mut side = Recorder { given, left: accepts(), late: 0, dropped: 0 };
        let pushed = query.push_with(row.clone(), &mut side);
        let Recorder { left, late, dropped, .. } = side;
        let after = query.progress().rows;
        let counted = (after.late - before.late, after.dropped - before.dropped);
        // A row that became several is late or dropped once.
        let told = if P::Stages::MULTIPLIES { (late.min(1), dropped.min(1)) } else { (late, dropped) };
        assert_eq!(counted, told, "late and dropped rows");
        if left > 0 || !matches!(pushed, Err(PushError::Blocked(_) | PushError::Partly(_))) {
            break pushed;
        }
    };
    let after = query.progress().rows;
    match pushed {
        Ok(()) if after.late > before.late => Outcome::Late,
        Ok(()) if after.dropped > before.dropped => Outcome::Dropped,
        Ok(()) if after.without_window > before.without_window => Outcome::WithoutWindow,
        Ok(()) if after.filtered > before.filtered => Outcome::Filtered,
        Ok(()) => Outcome::Used,
        Err(PushError::Full(_)) => {
            assert_ne!(query.plan().full_policy(), OnFull::Drop, "a row that may be dropped came back");
            Outcome::Full
        }
        Err(error) => panic!("refused without cause: {error:?}"),
    }
}

/// Triggers at a processing time, or drains, until all results have been taken, `accepts` at a time.
fn end_epoch<P: QueryPlan, I: SlotIndex>(
    query: &mut Query<'_, P, I>,
    trigger: Option<i64>,
    mut accepts: impl FnMut() -> usize,
    given: &mut Vec<P::Output>,
) -> Outcome {
    loop {
        let mut left = accepts();
        let mut sink = |row| {
            left = left.checked_sub(1).ok_or("busy")?;
            given.push(row);
            Ok::<(), &str>(())
        };
        let ended = match trigger {
            Some(now) => query.trigger(Timestamp::from_micros(now), &mut sink),
            None => query.drain(Timestamp::EPOCH, &mut sink),
        };
        if ended.is_ok() {
            return Outcome::Ended;
        }
        assert_eq!(left, 0, "stopped although the sink took everything");
    }
}

/// Checks that restarts anywhere, sinks that refuse, and inline state change nothing: not one result, not their order, not one count.
///
/// # Panics
/// If they do.
pub fn check_restarts<P, const N: usize>(plan: &P, calls: &[Call<P::Row>], seed: u64)
where
    P: QueryPlan<Row: Clone, Output: PartialEq + Debug>,
{
    let willing = Drive { calls, patience: None, restarts: &[] };
    let (straight, log) = willing.run_in(plan, || plan.allocate(N));
    let (inline, inline_log) = willing.run_in(plan, <P::Shape as Shape>::Inline::<N>::default);
    assert_eq!(straight, inline, "inline state");
    assert!(log.image() == inline_log.image(), "the logs differ");

    let mut random = Random(seed);
    let patience = Some(random.draw());
    let patient = Drive { patience, ..willing }.run(plan, N);
    assert_eq!(straight.given, patient.given, "sinks that refuse");
    let once = [random.below(calls.len() as u64 + 1) as usize];
    let often: Vec<usize> = (0..calls.len()).filter(|_| random.below(4) == 0).collect();
    for restarts in [&once[..], &often] {
        assert_eq!(Drive { restarts, ..willing }.run(plan, N), straight, "restarts before {restarts:?}");
        let restarted = Drive { restarts, patience, ..willing }.run(plan, N);
        assert_eq!(restarted, patient, "restarts before {restarts:?}, sinks that refuse");
    }
}

/// Takes so many results and refuses the next.
struct Recorder<'t, O> {
    given: &'t mut Vec<O>,
    left: usize,
    late: u64,
    dropped: u64,
}

impl<T, O> Side<T, O> for Recorder<'_, O> {
    fn late(&mut self, _: LateRow<'_, T>) {
        self.late += 1;
    }

    fn dropped(&mut self, _: &T) {
        self.dropped += 1;
    }

    fn give(&mut self, row: O) -> Result<(), NotNow> {
        self.left = self.left.checked_sub(1).ok_or(NotNow)?;
        self.given.push(row);
        Ok(())
    }
}
