//! Scripts of calls to a query, and a runner that writes down everything that comes out.

use core::fmt;

use headwater::checkpoint::{self, Log, LogStorage};
use headwater::operator::{LateRow, NotNow};
use headwater::state::SlotIndex;
use headwater::{CommitError, EpochEnd, OnFull, Progress, PushError, Query, QueryPlan, Side, Timestamp};
use proptest::prelude::*;

use crate::line::{IntoLine, Line};
use crate::reading::{Reading, Removed, readings};

/// The most bytes of one record in the logs of the tests.
pub const BUFFER: usize = 512;

/// One call.
#[derive(Clone, Copy, PartialEq)]
pub enum Call {
    /// Offers a row.
    Push(Reading),
    /// Ends the epoch, with a sink that takes so many results and refuses the next.
    Trigger {
        /// `None` takes them all.
        accepts: Option<u8>,
    },
    /// Makes everything so far durable.
    Commit,
}

/// In one line, since failing examples hold many.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Push(row) => write!(f, "Push({row:?})"),
            Self::Trigger { accepts: None } => f.write_str("Trigger"),
            Self::Trigger { accepts: Some(accepts) } => write!(f, "Trigger(takes {accepts})"),
            Self::Commit => f.write_str("Commit"),
        }
    }
}

impl Call {
    /// A trigger whose sink takes everything.
    pub const TRIGGER: Self = Self::Trigger { accepts: None };
}

/// Scripts of `rows` rows with triggers, sinks that refuse, and commits between them.
pub fn scripts(rows: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<Call>> {
    let extra = prop_oneof![
        10 => Just(None),
        3 => Just(Some(Call::TRIGGER)),
        2 => prop_oneof![0_u8..3, 0_u8..10].prop_map(|accepts| Some(Call::Trigger { accepts: Some(accepts) })),
        2 => Just(Some(Call::Commit)),
    ];
    (readings(rows), prop::collection::vec(prop::collection::vec(extra, 3), 1..40)).prop_map(
        |(rows, extras)| {
            let between = extras.into_iter().cycle();
            let calls = rows.into_iter().zip(between).flat_map(|(row, extra)| {
                core::iter::once(Call::Push(row)).chain(extra.into_iter().flatten())
            });
            calls.collect()
        },
    )
}

/// The same calls with sinks that take everything.
#[must_use]
pub fn with_willing_sinks(calls: &[Call]) -> Vec<Call> {
    let willing = |call: &Call| match call {
        Call::Trigger { .. } => Call::TRIGGER,
        call => *call,
    };
    calls.iter().map(willing).collect()
}

/// The rows offered.
#[must_use]
pub fn rows_of(calls: &[Call]) -> Vec<Reading> {
    let row = |call: &Call| match call {
        Call::Push(row) => Some(*row),
        _ => None,
    };
    calls.iter().filter_map(row).collect()
}

/// A delay longer than any stream here: no row is late.
pub const LONG_DELAY: u32 = 10_000;

/// A row so far ahead that every window closes although the delay is [`LONG_DELAY`], and a trigger. The row itself is removed by a filter.
#[must_use]
pub fn flush() -> [Call; 2] {
    let at = Some(i64::from(LONG_DELAY) * 3);
    let far = Reading { device: 0, at, value: None, gap: 1, removed: Removed::AfterWatermark };
    [Call::Push(far), Call::TRIGGER]
}

/// The rows of each epoch, the last of which may be unfinished. For scripts with willing sinks.
#[must_use]
pub fn epochs(calls: &[Call]) -> Vec<Vec<Reading>> {
    let mut epochs = vec![Vec::new()];
    for call in calls {
        match call {
            Call::Push(row) => epochs.last_mut().expect("there is one").push(*row),
            Call::Trigger { .. } => epochs.push(Vec::new()),
            Call::Commit => {}
        }
    }
    epochs
}

/// What leaves a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// A result, from a trigger.
    Result(Line),
    /// A window that made room.
    Early(Line),
    /// A late row.
    Late {
        /// The row.
        row: Reading,
        /// Windows it missed.
        late_windows: u64,
        /// Whether it missed all.
        dropped: bool,
    },
    /// A row dropped because state was full.
    Dropped(Reading),
}

impl Given {
    /// The result, early or not.
    #[must_use]
    pub fn line(&self) -> Option<&Line> {
        match self {
            Self::Result(line) | Self::Early(line) => Some(line),
            _ => None,
        }
    }
}

/// What a call answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// The row was taken in.
    Taken,
    /// The row came back: state is full.
    Full,
    /// A trigger is unfinished.
    Unfinished,
    /// The epoch has ended.
    Ended(EpochEnd),
    /// The sink refused a result.
    Interrupted,
    /// The commit is durable.
    Committed,
    /// The commit must wait for a trigger.
    CommitRefused,
}

/// Everything that came of a script.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    /// What left the query, in order.
    pub given: Vec<Given>,
    /// What each call answered, and where the query stood then.
    pub outcomes: Vec<(Outcome, Progress)>,
}

/// The offset of a commit: how many calls were made and how many things given.
pub type Position = (u32, u32);

impl Trace {
    /// Where the trace ends.
    #[must_use]
    pub fn position(&self) -> Position {
        (self.outcomes.len() as u32, self.given.len() as u32)
    }

    /// Forgets what came after `position`, as source and sink do after a crash.
    pub fn cut_back(&mut self, (calls, given): Position) {
        self.outcomes.truncate(calls as usize);
        self.given.truncate(given as usize);
    }

    /// The results of each trigger that was not interrupted.
    #[must_use]
    pub fn results(&self) -> Vec<Line> {
        self.given.iter().filter_map(Given::line).cloned().collect()
    }

    /// How many calls had an outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.iter().filter(|(found, _)| *found == outcome).count()
    }
}

struct Recorder<'t>(&'t mut Vec<Given>);

impl<O: IntoLine> Side<Reading, O> for Recorder<'_> {
    fn late(&mut self, row: LateRow<'_, Reading>) {
        let LateRow { row, at, late_windows, dropped } = row;
        assert_eq!(Some(at), row.event_time());
        self.0.push(Given::Late { row: *row, late_windows, dropped });
    }

    fn dropped(&mut self, row: &Reading) {
        self.0.push(Given::Dropped(*row));
    }

    fn early(&mut self, row: O) -> Result<(), NotNow> {
        self.0.push(Given::Early(row.into_line()));
        Ok(())
    }
}

/// Makes one call and writes down what comes of it.
///
/// # Errors
/// Of the log, after which the trace is as before the call.
///
/// # Panics
/// If a count does not add up, a row comes back changed, or something is refused without cause.
pub fn make<P, I, S>(
    query: &mut Query<'_, P, I>,
    log: &mut Log<S, BUFFER>,
    call: &Call,
    trace: &mut Trace,
) -> Result<(), checkpoint::CommitError<S::Error>>
where
    P: QueryPlan<Row = Reading, Item = Reading>,
    P::Output: IntoLine,
    I: SlotIndex,
    S: LogStorage,
{
    let outcome = match call {
        Call::Push(row) => match query.push_with(*row, &mut Recorder(&mut trace.given)) {
            Ok(()) => Outcome::Taken,
            Err(PushError::Full(back)) => {
                assert_eq!(back, *row, "the row comes back as it was");
                assert_ne!(query.plan().full_policy(), OnFull::Drop, "a row that may be dropped came back");
                Outcome::Full
            }
            Err(PushError::Unfinished(back)) => {
                assert_eq!(back, *row, "the row comes back as it was");
                Outcome::Unfinished
            }
            Err(error @ (PushError::Blocked(_) | PushError::Partly(_))) => {
                panic!("no row of these queries makes a result at once, or several rows: {error:?}")
            }
        },
        Call::Trigger { accepts } => {
            let mut left = *accepts;
            let ended = query.trigger(Timestamp::EPOCH, |row| {
                if let Some(left) = &mut left {
                    *left = left.checked_sub(1).ok_or("busy")?;
                }
                trace.given.push(Given::Result(row.into_line()));
                Ok::<(), &str>(())
            });
            ended.map_or(Outcome::Interrupted, Outcome::Ended)
        }
        Call::Commit => {
            // What is committed is the position after this call.
            let (calls, given) = trace.position();
            match query.commit(log, &(calls + 1, given)) {
                Ok(_) => Outcome::Committed,
                Err(CommitError::Log(error)) => return Err(error),
                Err(error) => {
                    let last = trace.outcomes.last().map(|(outcome, _)| outcome);
                    assert!(
                        !matches!(last, Some(Outcome::Ended(_))),
                        "refused although the epoch has ended: {error}"
                    );
                    Outcome::CommitRefused
                }
            }
        }
    };
    let progress = query.progress();
    assert!(progress.rows.balance(), "rows in and what became of them do not add up: {:?}", progress.rows);
    trace.outcomes.push((outcome, progress));
    Ok(())
}
