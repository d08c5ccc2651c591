//! A script of rows and triggers run over a join, or over what is made of one.

use headwater::checkpoint::{Log, RamFlash};
use headwater::operator::{LateRow, NotNow};
use headwater::state::SlotIndex;
use headwater::{Either, OnFull, Progress, PushError, Query, QueryPlan, Side, Timestamp};
use headwater_tests::model::row::{Epoch, Row};
use headwater_tests::model::stream_join::{LEFT, Pair};
use headwater_tests::properties::Random;

use crate::drawn::{Drawn, Pushed, Sent, pair_of, plan, row_of};

/// What an epoch answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<G> {
    pub results: Vec<G>,
    pub early: Vec<G>,
    pub late: Vec<Row>,
    pub dropped: Vec<Row>,
    pub refused: Vec<Row>,
    pub watermark: Option<i64>,
}

impl<G> Default for Answer<G> {
    fn default() -> Self {
        let (results, early) = (Vec::new(), Vec::new());
        let (late, dropped, refused) = (Vec::new(), Vec::new(), Vec::new());
        Self { results, early, late, dropped, refused, watermark: None }
    }
}

pub struct Recorder<'a, G, F> {
    pub answer: &'a mut Answer<G>,
    pub given: F,
}

impl<O, G, F: Fn(O) -> G> Side<Pushed, O> for Recorder<'_, G, F> {
    fn late(&mut self, late: LateRow<'_, Pushed>) {
        assert!(late.dropped && late.late_windows == 1);
        self.answer.late.push(row_of(late.row));
    }

    fn dropped(&mut self, row: &Pushed) {
        self.answer.dropped.push(row_of(row));
    }

    fn early(&mut self, row: O) -> Result<(), NotNow> {
        self.answer.early.push((self.given)(row));
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Call {
    Push(Pushed),
    Trigger(i64),
}

pub fn calls(epochs: &[Epoch]) -> Vec<Call> {
    let push = |(input, row): &(usize, Row)| {
        Call::Push(if *input == LEFT { Either::Left(Sent::of(row)) } else { Either::Right(Sent::of(row)) })
    };
    let calls = epochs.iter().flat_map(|epoch| epoch.rows.iter().map(push).chain([Call::Trigger(epoch.now)]));
    calls.collect()
}

/// How a script is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct How {
    /// Sinks that take a few results at a time.
    pub refusing: bool,
    /// Commits at random.
    pub commits: bool,
    /// A restart after some of them.
    pub restarts: bool,
    pub seed: u64,
}

/// A script, where it is, and what has come of it.
pub struct Run<'c, G> {
    pub calls: &'c [Call],
    pub next: usize,
    pub answers: Vec<Answer<G>>,
    pub current: Answer<G>,
    pub random: Random,
    pub how: How,
    pub progress: Option<Progress>,
}

pub type Flash = RamFlash<65_536, 4, 4096>;

impl<G> Run<'_, G> {
    /// Goes on until the end, or a restart: then it answers `false`.
    pub fn go_on<P, I>(
        &mut self,
        mut query: Query<'_, P, I>,
        flash: &mut Flash,
        given: impl Fn(P::Output) -> G + Copy,
    ) -> bool
    where
        P: QueryPlan<Row = Pushed, Item = Pushed>,
        I: SlotIndex,
    {
        let mut log = Log::<_, 512>::open(flash).expect("a log that was written whole");
        let position: Option<u32> = query.restore(&mut log).expect("the same query");
        assert_eq!(position.unwrap_or(0) as usize, self.next);
        if let Some(progress) = self.progress {
            assert_eq!(query.progress(), progress, "progress after the restart");
        }
        while let Some(call) = self.calls.get(self.next) {
            self.next += 1;
            match call {
                Call::Push(row) => self.push(&mut query, *row, given),
                Call::Trigger(now) => self.trigger(&mut query, *now, false, given),
            }
            assert!(query.progress().rows.balance());
            let commits = self.how.commits && self.random.below(3) > 0;
            let committed = commits && query.commit(&mut log, &(self.next as u32)).is_ok();
            assert!(!commits || committed || matches!(call, Call::Push(_)), "a commit after a trigger");
            if committed && self.how.restarts && self.random.below(2) == 0 {
                self.progress = Some(query.progress());
                return false;
            }
        }
        self.trigger(&mut query, 0, true, given);
        self.progress = Some(query.progress());
        true
    }

    fn push<P, I>(&mut self, query: &mut Query<'_, P, I>, row: Pushed, given: impl Fn(P::Output) -> G)
    where
        P: QueryPlan<Row = Pushed, Item = Pushed>,
        I: SlotIndex,
    {
        match query.push_with(row, &mut Recorder { answer: &mut self.current, given }) {
            Ok(()) => {}
            Err(PushError::Full(back)) => {
                assert_eq!(back, row);
                self.current.refused.push(row_of(&row));
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    fn trigger<P, I>(
        &mut self,
        query: &mut Query<'_, P, I>,
        now: i64,
        drain: bool,
        given: impl Fn(P::Output) -> G,
    ) where
        P: QueryPlan<Row = Pushed, Item = Pushed>,
        I: SlotIndex,
    {
        // At least one result is taken each time in the end, so this ends.
        loop {
            let mut left = if self.how.refusing { self.random.below(3) } else { u64::MAX };
            let results = &mut self.current.results;
            let sink = |row| {
                left = left.checked_sub(1).ok_or("busy")?;
                results.push(given(row));
                Ok::<(), &str>(())
            };
            let now = Timestamp::from_micros(now);
            let ended = if drain { query.drain(now, sink) } else { query.trigger(now, sink) };
            match ended {
                Ok(end) => {
                    self.current.watermark = end.watermark.map(Timestamp::as_micros);
                    self.answers.push(core::mem::take(&mut self.current));
                    return;
                }
                Err(_) => assert!(self.how.refusing),
            }
        }
    }
}

/// Runs epochs and a drain; the last answer is the drain's.
pub fn run_as<P, G>(
    plan: &P,
    epochs: &[Epoch],
    capacity: usize,
    how: How,
    given: impl Fn(P::Output) -> G + Copy,
) -> (Vec<Answer<G>>, Progress)
where
    P: QueryPlan<Row = Pushed, Item = Pushed>,
{
    let calls = calls(epochs);
    let mut run = new_run(&calls, how);
    let mut flash = Flash::new();
    loop {
        let mut state = plan.allocate(capacity);
        if run.go_on(plan.bind(&mut state), &mut flash, given) {
            return (run.answers, run.progress.expect("a run has ended"));
        }
    }
}

pub fn new_run<G>(calls: &[Call], how: How) -> Run<'_, G> {
    let random = Random(how.seed);
    Run { calls, next: 0, answers: Vec::new(), current: Answer::default(), random, how, progress: None }
}

pub fn run(
    drawn: &Drawn,
    on_full: OnFull,
    epochs: &[Epoch],
    capacity: usize,
    how: How,
) -> (Vec<Answer<Pair>>, Progress) {
    run_as(&plan(drawn, on_full), epochs, capacity, how, pair_of)
}
