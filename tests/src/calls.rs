//! Calls to a query over rows of any type, and a runner that writes down all that comes of them and can be stopped before any call.

use core::fmt::Debug;

use headwater::checkpoint::{Log, LogStorage};
use headwater::operator::{LateRow, NotNow, Stages};
use headwater::state::{Shape, SlotIndex, State};
use headwater::{
    CommitError, EpochEnd, OnFull, OperatorProgress, Progress, PushError, Query, QueryPlan, RowCounts, Side,
    Timestamp, TriggerError,
};

use crate::call_lists::patiently;
use crate::properties::Random;
use crate::run::Flash;
use crate::script::BUFFER;

/// One call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Call<R> {
    /// Offers a row; its sink takes so many results and refuses the next, `None` takes all.
    Push(R, Option<u8>),
    /// Offers a row with sinks that take one result more each time, until it is taken or comes back for another reason.
    PushPatiently(R),
    /// Ends the epoch at this processing time, likewise.
    Trigger(i64, Option<u8>),
    /// Ends the epoch with sinks that take one result more each time, however often it takes.
    Patiently(i64),
    /// Makes everything so far durable.
    Commit,
    /// Ends the epoch and closes everything.
    Drain,
    /// Likewise with sinks that take one result more each time.
    DrainPatiently,
}

/// What a call answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// The row was taken.
    Taken,
    /// The row came back.
    Back(Back),
    /// The epoch has ended.
    Ended(EpochEnd),
    /// The sink refused.
    Interrupted,
    /// An operator had no room for a result of the one before.
    Full,
    /// The commit is durable.
    Committed,
    /// The commit must wait for a trigger.
    CommitRefused,
}

/// Why a row came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are those of PushError")]
pub enum Back {
    Full,
    Blocked,
    Partly,
    Unfinished,
}

/// What became of a row that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It is in state or in results.
    Used,
    /// It was late.
    Late,
    /// It takes no part.
    WithoutWindow,
    /// A stage or deduplication removed it.
    Removed,
    /// State was full, and the row is gone.
    Dropped,
    /// The row came back.
    Back,
}

/// Everything that came of calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace<O> {
    /// Results in order, from pushes and triggers.
    pub given: Vec<O>,
    /// What each call answered, and where the query and its operators stood then.
    pub steps: Vec<(Answer, Progress, Vec<OperatorProgress>)>,
}

impl<O> Default for Trace<O> {
    fn default() -> Self {
        Self { given: Vec::new(), steps: Vec::new() }
    }
}

impl<O> Trace<O> {
    /// The results of each epoch that has ended, with those given at its pushes, and the watermark after it.
    #[must_use]
    pub fn epochs(&self) -> Vec<(&[O], Option<i64>)> {
        let mut rest = self.given.as_slice();
        let mut taken = 0;
        let mut epochs = Vec::new();
        for (answer, progress, _) in &self.steps {
            if let Answer::Ended(end) = answer {
                let (these, after) = rest.split_at((progress.rows.emitted - taken) as usize);
                (rest, taken) = (after, progress.rows.emitted);
                epochs.push((these, end.watermark.map(Timestamp::as_micros)));
            }
        }
        epochs
    }

    /// What became of the row of the call `number`, a push.
    #[must_use]
    pub fn became(&self, number: usize) -> Became {
        let (answer, after, _) = &self.steps[number];
        let before = number.checked_sub(1).map_or(RowCounts::default(), |before| self.steps[before].1.rows);
        let after = after.rows;
        match answer {
            Answer::Back(_) => Became::Back,
            _ if after.late > before.late => Became::Late,
            _ if after.dropped > before.dropped => Became::Dropped,
            _ if after.without_window > before.without_window => Became::WithoutWindow,
            _ if after.used > before.used => Became::Used,
            _ => Became::Removed,
        }
    }

    /// How many calls had an answer.
    #[must_use]
    pub fn count(&self, answer: impl Fn(&Answer) -> bool) -> usize {
        self.steps.iter().filter(|(found, ..)| answer(found)).count()
    }

    /// Where the operators stood at the end.
    ///
    /// # Panics
    /// If there was no call.
    #[must_use]
    pub fn operators(&self) -> &[OperatorProgress] {
        &self.steps.last().expect("there was a call").2
    }
}

/// A sink with so much room.
fn limited<O>(given: &mut Vec<O>, mut room: Option<u8>) -> impl FnMut(O) -> Result<(), &'static str> {
    move |row| {
        if let Some(room) = &mut room {
            *room = room.checked_sub(1).ok_or("busy")?;
        }
        given.push(row);
        Ok(())
    }
}

fn ended<E>(answer: Result<EpochEnd, TriggerError<E>>) -> Answer {
    match answer {
        Ok(end) => Answer::Ended(end),
        Err(TriggerError::Sink(_)) => Answer::Interrupted,
        Err(TriggerError::Full) => Answer::Full,
    }
}

/// Takes so many results and refuses the next; counts the rows that it is told are gone.
struct Recorder<'t, O> {
    given: &'t mut Vec<O>,
    room: Option<u8>,
    late: u64,
    dropped: u64,
}

impl<T, O> Side<T, O> for Recorder<'_, O> {
    fn late(&mut self, late: LateRow<'_, T>) {
        self.late += u64::from(late.dropped);
    }

    fn dropped(&mut self, _: &T) {
        self.dropped += 1;
    }

    fn early(&mut self, row: O) -> Result<(), NotNow> {
        Side::<T, O>::give(self, row)
    }

    fn give(&mut self, row: O) -> Result<(), NotNow> {
        limited(self.given, self.room)(row).map_err(|_| NotNow)?;
        self.room = self.room.map(|room| room - 1);
        Ok(())
    }
}

fn push<P, I>(
    query: &mut Query<'_, P, I>,
    row: &P::Row,
    room: Option<u8>,
    given: &mut Vec<P::Output>,
) -> Answer
where
    P: QueryPlan<Row: Clone + PartialEq + Debug>,
    I: SlotIndex,
{
    let before = query.progress().rows;
    let mut side = Recorder { given, room, late: 0, dropped: 0 };
    let pushed = query.push_with(row.clone(), &mut side);
    let Recorder { late, dropped, .. } = side;
    let after = query.progress().rows;
    // What became of a row that is several is counted once, when the last of them has been taken.
    if !P::Stages::MULTIPLIES {
        let counted = (after.late - before.late, after.dropped - before.dropped);
        assert_eq!(counted, (late, dropped), "late and dropped rows");
    }
    let Err(error) = pushed else { return Answer::Taken };
    let back = match &error {
        PushError::Full(_) => Back::Full,
        PushError::Blocked(_) => Back::Blocked,
        PushError::Partly(_) => Back::Partly,
        PushError::Unfinished(_) => Back::Unfinished,
    };
    assert_eq!(error.into_row(), *row, "the row comes back as it was");
    Answer::Back(back)
}

/// Makes attempts with sinks that take one result more each time, until something else stands in the way or nothing does.
///
/// # Panics
/// If there is no end to it.
fn patient(mut attempt: impl FnMut(Option<u8>) -> Answer) -> Answer {
    let refused = [Answer::Interrupted, Answer::Back(Back::Blocked), Answer::Back(Back::Partly)];
    let mut answers = (0..=u8::MAX).cycle().take(5000).map(|room| attempt(Some(room)));
    answers.find(|answer| !refused.contains(answer)).expect("an end")
}

/// Makes one call.
///
/// # Panics
/// If a count does not add up, a row comes back changed, or a trigger never ends.
pub fn make<P, I, S>(
    query: &mut Query<'_, P, I>,
    log: &mut Log<S, BUFFER>,
    call: &Call<P::Row>,
    trace: &mut Trace<P::Output>,
) where
    P: QueryPlan<Row: Clone + PartialEq + Debug>,
    I: SlotIndex,
    S: LogStorage,
{
    let now = Timestamp::from_micros;
    let drops = query.plan().full_policy() == OnFull::Drop;
    let answer = match call {
        Call::Push(row, room) => push(query, row, *room, &mut trace.given),
        Call::PushPatiently(row) => patient(|room| push(query, row, room, &mut trace.given)),
        Call::Trigger(at, room) => ended(query.trigger(now(*at), limited(&mut trace.given, *room))),
        Call::Patiently(at) => {
            patient(|room| ended(query.trigger(now(*at), limited(&mut trace.given, room))))
        }
        Call::Drain => ended(query.drain(Timestamp::EPOCH, limited(&mut trace.given, None))),
        Call::DrainPatiently => {
            patient(|room| ended(query.drain(Timestamp::EPOCH, limited(&mut trace.given, room))))
        }
        Call::Commit => {
            // What is committed is the position after this call.
            match query.commit(log, &(trace.steps.len() as u32 + 1, trace.given.len() as u32)) {
                Ok(_) => Answer::Committed,
                Err(CommitError::Log(error)) => panic!("the log has room: {error}"),
                Err(error) => {
                    let last = trace.steps.last().map(|(answer, ..)| answer);
                    assert!(!matches!(last, Some(Answer::Ended(_))), "refused between epochs: {error}");
                    Answer::CommitRefused
                }
            }
        }
    };
    assert!(!drops || answer != Answer::Back(Back::Full), "a row that may be dropped came back");
    let progress = query.progress();
    assert!(progress.rows.balance(), "{:?}", progress.rows);
    assert_eq!(progress.rows.emitted, trace.given.len() as u64);
    let mut operators = Vec::new();
    query.operators(|operator| operators.push(operator));
    for (number, operator) in operators.iter().enumerate() {
        assert_eq!(operator.link.is_some(), number > 0);
        assert!(operator.link.is_none_or(|link| link.balance()), "{operator:?}");
    }
    let records: usize = operators.iter().map(|operator| operator.occupancy.records).sum();
    assert_eq!(progress.state_rows, records);
    trace.steps.push((answer, progress, operators));
}

/// Makes the calls over the state that `state` makes, with a restart from the log before each of those numbered in `restarts`.
///
/// # Panics
/// As [`make`], and if the query stands elsewhere after a restart than at the last commit.
pub fn run<P, S>(
    plan: &P,
    mut state: impl FnMut() -> S,
    calls: &[Call<P::Row>],
    restarts: &[usize],
) -> (Trace<P::Output>, Flash)
where
    P: QueryPlan<Row: Clone + PartialEq + Debug>,
    S: State<Shape = P::Shape>,
{
    let mut storage = Flash::new();
    let mut trace = Trace::default();
    for end in restarts.iter().copied().chain([calls.len()]) {
        let mut state = state();
        let mut query = plan.bind(&mut state);
        let mut log = Log::<_, BUFFER>::open(storage).expect("a log that was written whole");
        let (steps, given): (u32, u32) = query.restore(&mut log).expect("the same query").unwrap_or_default();
        trace.steps.truncate(steps as usize);
        trace.given.truncate(given as usize);
        match trace.steps.last() {
            Some((_, progress, operators)) => {
                let mut found = Vec::new();
                query.operators(|operator| found.push(operator));
                let (found, expected) = ((query.progress(), found), (*progress, operators.clone()));
                assert_eq!(without_capacity(found), without_capacity(expected), "after the restart");
            }
            None => assert_eq!(query.progress().epoch, 0),
        }
        for call in &calls[trace.steps.len()..end] {
            make(&mut query, &mut log, call, &mut trace);
        }
        storage = log.into_storage();
    }
    (trace, storage)
}

/// Where a query stands, whatever room it has: a restart may give it more.
fn without_capacity(
    (mut progress, mut operators): (Progress, Vec<OperatorProgress>),
) -> (Progress, Vec<OperatorProgress>) {
    progress.state_capacity = 0;
    operators.iter_mut().for_each(|operator| operator.occupancy.capacity = 0);
    (progress, operators)
}

/// Checks that restarts anywhere, sinks that refuse, and inline state change nothing: not one result, not their order, not one count.
///
/// # Panics
/// If they do.
pub fn check_restarts<P, const N: usize>(plan: &P, calls: &[Call<P::Row>], seed: u64)
where
    P: QueryPlan<Row: Clone + PartialEq + Debug, Output: PartialEq + Debug>,
{
    let allocated = |calls: &[_], restarts: &[usize]| run(plan, || plan.allocate(N), calls, restarts);
    let (straight, log) = allocated(calls, &[]);
    let (inline, inline_log) = run(plan, <P::Shape as Shape>::Inline::<N>::default, calls, &[]);
    assert_eq!(straight, inline, "inline state");
    assert!(log.image() == inline_log.image(), "the logs differ");

    let patient_calls = patiently(calls);
    let (patient, _) = allocated(&patient_calls, &[]);
    assert_eq!(straight.given, patient.given, "sinks that refuse");
    let mut random = Random(seed);
    let once = [random.below(calls.len() as u64 + 1) as usize];
    let often: Vec<usize> = (0..calls.len()).filter(|_| random.below(4) == 0).collect();
    for restarts in [&once[..], &often] {
        assert_eq!(allocated(calls, restarts).0, straight, "restarts before {restarts:?}");
        let restarted = allocated(&patient_calls, restarts).0;
        assert_eq!(restarted, patient, "restarts before {restarts:?}, sinks that refuse");
    }
}
