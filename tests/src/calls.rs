//! Calls to a query over rows of any type, and a runner that writes down all that comes of them and can be stopped before any call.

use core::fmt::Debug;

use headwater::checkpoint::{Log, LogStorage};
use headwater::state::{SlotIndex, State};
use headwater::{
    CommitError, EpochEnd, OperatorProgress, Progress, PushError, Query, QueryPlan, Timestamp, TriggerError,
};
use proptest::prelude::*;

use crate::model::row::{Epoch, Row};
use crate::run::Flash;
use crate::script::BUFFER;

/// One call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Call<R> {
    /// Offers a row; its sink takes so many results and refuses the next, `None` takes all.
    Push(R, Option<u8>),
    /// Ends the epoch at this processing time, likewise.
    Trigger(i64, Option<u8>),
    /// Ends the epoch with sinks that take one result more each time, however often it takes.
    Patiently(i64),
    /// Makes everything so far durable.
    Commit,
    /// Ends the epoch and closes everything.
    Drain,
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
    let answer = match call {
        Call::Push(row, room) => match query.push_to(row.clone(), limited(&mut trace.given, *room)) {
            Ok(()) => Answer::Taken,
            Err(error) => {
                let back = match &error {
                    PushError::Full(_) => Back::Full,
                    PushError::Blocked(_) => Back::Blocked,
                    PushError::Partly(_) => Back::Partly,
                    PushError::Unfinished(_) => Back::Unfinished,
                };
                assert_eq!(error.into_row(), *row, "the row comes back as it was");
                Answer::Back(back)
            }
        },
        Call::Trigger(at, room) => ended(query.trigger(now(*at), limited(&mut trace.given, *room))),
        Call::Patiently(at) => {
            let room = (0..=u8::MAX).cycle();
            let mut answers = room
                .take(5000)
                .map(|room| ended(query.trigger(now(*at), limited(&mut trace.given, Some(room)))));
            answers.find(|answer| *answer != Answer::Interrupted).expect("a trigger that ends")
        }
        Call::Drain => ended(query.drain(Timestamp::EPOCH, limited(&mut trace.given, None))),
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

/// What happens between rows, besides triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Nothing.
    Nothing,
    /// A commit.
    Commit,
    /// A trigger with a sink that soon refuses, a commit that must then wait, and a patient one.
    Interrupted(u8),
}

/// Something to put between the rows of a stream.
pub fn betweens() -> impl Strategy<Value = Vec<Between>> {
    let between = prop_oneof![
        6 => Just(Between::Nothing),
        3 => Just(Between::Commit),
        2 => (0_u8..4).prop_map(Between::Interrupted),
    ];
    prop::collection::vec(between, 1..20)
}

/// Calls that push the rows of epochs as `row` makes them, and end each patiently.
#[must_use]
pub fn calls<R>(epochs: &[Epoch], betweens: &[Between], row: impl Fn(usize, Row) -> R) -> Vec<Call<R>> {
    let mut betweens = betweens.iter().cycle();
    let mut calls = Vec::new();
    for epoch in epochs {
        for (input, pushed) in &epoch.rows {
            calls.push(Call::Push(row(*input, *pushed), None));
            if betweens.next() == Some(&Between::Commit) {
                calls.push(Call::Commit);
            }
        }
        match betweens.next() {
            Some(Between::Interrupted(room)) => {
                calls.extend([
                    Call::Trigger(epoch.now, Some(*room)),
                    Call::Commit,
                    Call::Patiently(epoch.now),
                ]);
            }
            Some(Between::Commit) => calls.extend([Call::Patiently(epoch.now), Call::Commit]),
            _ => calls.push(Call::Patiently(epoch.now)),
        }
    }
    calls
}
