//! Any query over storage that fails, with a source that can go back and a sink that is cut to its committed length.
//!
//! On the way: nothing comes before [`Query::next_deadline`] says so, and every count adds up.

use headwater::checkpoint::{CommitError as LogError, FaultError, FaultyStorage, Log, LogStorage, OpenError};
use headwater::state::SlotIndex;
use headwater::{
    CommitError, Either, OperatorProgress, Progress, PushError, Query, QueryPlan, RestoreError, Timestamp,
    TriggerError,
};

use crate::properties::Random;
use crate::script::{BUFFER, Position};

/// Key, event time, value.
pub type Row = (u8, Option<i64>, i32);

/// Rows of two inputs.
pub type Two = Either<Row, Row>;

/// One call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Call<R> {
    /// A row, for a sink that takes so many results.
    Push(R, usize),
    /// A trigger, likewise.
    Trigger(usize),
    /// Makes everything so far durable.
    Commit,
    /// A trigger that ends every window.
    Drain,
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "they are the answers of the engine")]
pub enum Answer {
    Taken,
    Full,
    Blocked,
    Partly,
    Unfinished,
    Ended,
    Refused,
    Committed,
}

/// Everything that came of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace<O> {
    /// Results, in order.
    pub given: Vec<O>,
    /// What each call answered, and where the query stood then.
    pub steps: Vec<(Answer, Progress, Vec<OperatorProgress>)>,
}

impl<O> Default for Trace<O> {
    fn default() -> Self {
        Self { given: Vec::new(), steps: Vec::new() }
    }
}

impl<O> Trace<O> {
    /// Where it ends.
    #[must_use]
    pub fn position(&self) -> Position {
        (self.steps.len() as u32, self.given.len() as u32)
    }

    /// Forgets what came after `position`, as source and sink do after a crash.
    pub fn cut_back(&mut self, (steps, given): Position) {
        self.steps.truncate(steps as usize);
        self.given.truncate(given as usize);
    }
}

/// A script with disorder, rows without event time, sinks that refuse and a row far ahead.
#[must_use]
pub fn script<R>(epochs: u64, rows: u64, seed: u64, row: impl Fn(bool, Row) -> R) -> Vec<Call<R>>
where
    R: Clone,
{
    const ALL: usize = usize::MAX;
    let mut random = Random(seed);
    let mut clock = -8;
    let mut calls = Vec::new();
    for epoch in 0..epochs {
        for _ in 0..=random.below(rows) {
            clock += random.below(4) as i64 + if epoch + 2 == epochs { 40 } else { 0 };
            let at = (random.below(20) > 0).then(|| clock - random.below(5) as i64);
            let pushed = row(random.below(2) == 0, (random.below(3) as u8, at, random.below(6) as i32));
            if random.below(3) == 0 {
                // Taken in part perhaps, and then the power may fail.
                calls.push(Call::Push(pushed.clone(), random.below(2) as usize));
                calls.push(Call::Commit);
            }
            calls.push(Call::Push(pushed, ALL));
        }
        if random.below(2) == 0 {
            calls.extend([Call::Trigger(random.below(3) as usize), Call::Commit]);
        }
        calls.extend([Call::Trigger(ALL), Call::Commit]);
    }
    calls.extend([Call::Drain, Call::Commit, Call::Drain, Call::Commit]);
    calls
}

/// What became of a commit.
enum Fault {
    Injected,
    PowerLost,
}

/// Makes a call and writes down what comes of it.
fn make<P, I, S>(
    query: &mut Query<'_, P, I>,
    log: &mut Log<&mut FaultyStorage<S>, BUFFER>,
    call: &Call<P::Row>,
    trace: &mut Trace<P::Output>,
) -> Result<(), Fault>
where
    P: QueryPlan<Row: Clone>,
    I: SlotIndex,
    S: LogStorage,
{
    let deadline = query.next_deadline();
    let seen = query.progress().event_time_max;
    let given = trace.given.len();
    let mut room = match call {
        Call::Push(_, room) | Call::Trigger(room) => *room,
        Call::Commit | Call::Drain => usize::MAX,
    };
    let results = &mut trace.given;
    let sink = |row| {
        room = room.checked_sub(1).ok_or("busy")?;
        results.push(row);
        Ok::<(), &str>(())
    };
    let answer = match call {
        Call::Push(row, _) => match query.push_to(row.clone(), sink) {
            Ok(()) => Answer::Taken,
            Err(PushError::Full(_)) => Answer::Full,
            Err(PushError::Blocked(_)) => Answer::Blocked,
            Err(PushError::Partly(_)) => Answer::Partly,
            Err(PushError::Unfinished(_)) => Answer::Unfinished,
        },
        Call::Trigger(_) | Call::Drain => {
            let ended = match call {
                Call::Drain => query.drain(Timestamp::EPOCH, sink),
                _ => query.trigger(Timestamp::EPOCH, sink),
            };
            match ended {
                Ok(_) => Answer::Ended,
                Err(TriggerError::Sink(_)) => Answer::Refused,
                Err(TriggerError::Full) => Answer::Full,
            }
        }
        Call::Commit => match query.commit(log, &(trace.steps.len() as u32 + 1, given as u32)) {
            Ok(_) => Answer::Committed,
            Err(CommitError::Unfinished) => {
                let last = trace.steps.last().map(|(answer, ..)| *answer);
                assert_ne!(last, Some(Answer::Ended), "nothing is owed after a trigger");
                Answer::Unfinished
            }
            Err(CommitError::Log(LogError::Storage(FaultError::Injected))) => return Err(Fault::Injected),
            Err(CommitError::Log(LogError::Storage(FaultError::PowerLost))) => return Err(Fault::PowerLost),
            Err(error) => panic!("call {}: {error}", trace.steps.len()),
        },
    };
    if matches!(call, Call::Trigger(_)) && trace.given.len() > given {
        assert!(
            deadline.is_some_and(|deadline| deadline == Timestamp::MIN || Some(deadline) <= seen),
            "results before the deadline {deadline:?}, with rows up to {seen:?}"
        );
    }
    let progress = query.progress();
    assert!(progress.rows.balance(), "{:?}", progress.rows);
    assert_eq!(progress.rows.emitted, trace.given.len() as u64);
    let mut operators = Vec::new();
    query.operators(|operator| operators.push(operator));
    for operator in &operators {
        assert!(operator.link.is_none_or(|link| link.balance()), "{operator:?}");
        assert!(
            operator.link.is_none_or(|link| link.late == 0),
            "a result is never late further on: {operator:?}"
        );
    }
    trace.steps.push((answer, progress, operators));
    Ok(())
}

/// A script that is run to its end however often the power fails.
#[derive(Debug)]
pub struct Survivor<'c, R, O> {
    /// Records the state holds.
    pub capacity: usize,
    /// The script.
    pub calls: &'c [Call<R>],
    /// What has come of it.
    pub trace: Trace<O>,
    /// The last commit that returned.
    pub acknowledged: Position,
}

impl<'c, R: Clone, O> Survivor<'c, R, O> {
    /// At the beginning of a script.
    #[must_use]
    pub fn new(capacity: usize, calls: &'c [Call<R>]) -> Self {
        Self { capacity, calls, trace: Trace::default(), acknowledged: (0, 0) }
    }

    /// Runs to the end; returns how often the power failed. `plan_faults` is told that before each start.
    ///
    /// # Panics
    /// If the query comes back at anything but the last commit that returned or the one in flight, or if a count does not add up.
    pub fn run<P, S>(
        &mut self,
        plan: &P,
        storage: &mut FaultyStorage<S>,
        mut plan_faults: impl FnMut(&mut FaultyStorage<S>, u32),
    ) -> u32
    where
        P: QueryPlan<Row = R, Output = O>,
        S: LogStorage,
    {
        for starts in 0.. {
            storage.power_on();
            plan_faults(storage, starts);
            if self.start(plan, storage, starts, |_, _| {}) {
                return starts;
            }
        }
        unreachable!("a start for each number")
    }

    /// Runs to the end without a fault, and hands out the storage and the position after each commit.
    ///
    /// # Panics
    /// As [`run`](Self::run), and if the power fails.
    pub fn run_undisturbed<P, S>(
        &mut self,
        plan: &P,
        storage: &mut FaultyStorage<S>,
        committed: impl FnMut(&FaultyStorage<S>, Position),
    ) where
        P: QueryPlan<Row = R, Output = O>,
        S: LogStorage,
    {
        assert!(self.start(plan, storage, 0, committed), "no fault was planned");
    }

    /// One start: restores and makes the calls that are left. Whether all were made before the power failed.
    fn start<P, S>(
        &mut self,
        plan: &P,
        storage: &mut FaultyStorage<S>,
        starts: u32,
        mut committed: impl FnMut(&FaultyStorage<S>, Position),
    ) -> bool
    where
        P: QueryPlan<Row = R, Output = O>,
        S: LogStorage,
    {
        let mut state = plan.allocate(self.capacity);
        let mut query = plan.bind(&mut state);
        let mut log = match Log::<_, BUFFER>::open(storage) {
            Ok(log) => log,
            Err(OpenError::Storage(FaultError::Injected)) => return false,
            Err(error) => panic!("after {starts} starts: {error}"),
        };
        let position: Position = match query.restore(&mut log) {
            Ok(position) => position.unwrap_or_default(),
            Err(RestoreError::Storage(FaultError::Injected)) => return false,
            Err(error) => panic!("after {starts} starts: {error}"),
        };
        self.go_back(position, &query);
        loop {
            let Some(call) = self.calls.get(self.trace.steps.len()) else { return true };
            match make(&mut query, &mut log, call, &mut self.trace) {
                Ok(()) => {
                    if self.trace.steps.last().is_some_and(|step| step.0 == Answer::Committed) {
                        self.acknowledged = self.trace.position();
                        committed(log.storage(), self.acknowledged);
                    }
                }
                // The same commit is tried again.
                Err(Fault::Injected) => {}
                Err(Fault::PowerLost) => return false,
            }
        }
    }

    /// Source and sink go back to where the restored query is.
    fn go_back<P, I>(&mut self, position: Position, query: &Query<'_, P, I>)
    where
        P: QueryPlan<Row = R, Output = O>,
        I: SlotIndex,
    {
        let in_flight = (self.trace.position().0 + 1, self.trace.position().1);
        assert!(
            position == self.acknowledged || position == in_flight,
            "{position:?} is no commit that was made"
        );
        if position == in_flight {
            let mut operators = Vec::new();
            query.operators(|operator| operators.push(operator));
            self.trace.steps.push((Answer::Committed, query.progress(), operators));
        }
        self.trace.cut_back(position);
        self.acknowledged = position;
    }
}
