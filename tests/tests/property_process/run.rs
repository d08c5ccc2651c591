//! Runs epochs through a query, with restarts and sinks that refuse.

use core::fmt::Debug;
use std::collections::BTreeSet;

use headwater::checkpoint::Log;
use headwater::operator::LateRow;
use headwater::state::SlotIndex;
use headwater::{Progress, PushError, Query, QueryPlan, Side, Timestamp, TriggerError};
use headwater_tests::model::row::{Epoch, Row};
use headwater_tests::model::stage::Answer;
use headwater_tests::properties::Random;
use headwater_tests::run::Flash;
use headwater_tests::script::BUFFER;

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run<O> {
    pub epochs: Vec<Answer<O>>,
    /// The numbers of rows handed back or dropped.
    pub without_room: BTreeSet<u32>,
    pub progress: Option<Progress>,
}

impl<O> Default for Run<O> {
    fn default() -> Self {
        Self { epochs: Vec::new(), without_room: BTreeSet::new(), progress: None }
    }
}

/// How epochs are run.
#[derive(Debug, Clone, Copy)]
pub struct How {
    pub capacity: usize,
    /// With sinks that take a few results at a time.
    pub patient: bool,
    /// With restarts between epochs.
    pub restarts: bool,
    pub seed: u64,
}

impl How {
    /// Willing sinks, no restart.
    pub fn straight(capacity: usize) -> Self {
        Self { capacity, patient: false, restarts: false, seed: 0 }
    }
}

/// Keeps late rows and the numbers of dropped ones.
#[derive(Default)]
struct Kept {
    late: Vec<Row>,
    dropped: Vec<u32>,
}

impl<O> Side<Row, O> for Kept {
    fn late(&mut self, late: LateRow<'_, Row>) {
        self.late.push(*late.row);
    }

    fn dropped(&mut self, row: &Row) {
        self.dropped.push(row.number);
    }
}

/// Runs one epoch.
pub fn run_epoch<P, I>(
    query: &mut Query<'_, P, I>,
    epoch: &Epoch,
    mut random: Option<&mut Random>,
    run: &mut Run<P::Output>,
) where
    P: QueryPlan<Row = Row, Item = Row, Output: Debug>,
    I: SlotIndex,
{
    let mut kept = Kept::default();
    for (_, row) in &epoch.rows {
        match query.push_with(*row, &mut kept) {
            Ok(()) => {}
            Err(PushError::Full(row)) => drop(run.without_room.insert(row.number)),
            Err(error) => panic!("{error}"),
        }
    }
    run.without_room.extend(kept.dropped);
    let mut results = Vec::new();
    let end = loop {
        // At least one result is taken each time in the end, so this ends.
        let mut accepts = random.as_mut().map_or(u64::MAX, |random| random.below(3));
        let ended = query.trigger(Timestamp::from_micros(epoch.now), |row| {
            accepts = accepts.checked_sub(1).ok_or(())?;
            results.push(row);
            Ok(())
        });
        match ended {
            Ok(end) => break end,
            Err(error) => assert!(error == TriggerError::Sink(()), "{error:?}"),
        }
    };
    let progress = query.progress();
    assert!(progress.rows.balance(), "{progress:?}");
    let watermark = end.watermark.map(Timestamp::as_micros);
    run.epochs.push(Answer { results, late: kept.late, watermark });
    run.progress = Some(progress);
}

/// Runs epochs through a plan.
pub fn run<P>(plan: &P, epochs: &[Epoch], how: How) -> Run<P::Output>
where
    P: QueryPlan<Row = Row, Item = Row, Output: Debug>,
{
    let mut random = Random(how.seed);
    let mut run = Run::default();
    let mut flash = Flash::new();
    while run.epochs.len() < epochs.len() {
        let mut state = plan.allocate(how.capacity);
        let mut query = plan.bind(&mut state);
        let mut log = Log::<_, BUFFER>::open(&mut flash).expect("a log that was written whole");
        if query.restore::<u8, _, BUFFER>(&mut log).expect("the same query").is_some() {
            assert_eq!(Some(query.progress()), run.progress, "progress after the restart");
        }
        for epoch in &epochs[run.epochs.len()..] {
            run_epoch(&mut query, epoch, how.patient.then_some(&mut random), &mut run);
            if how.restarts {
                query.commit(&mut log, &0_u8).expect("the log has room");
                if random.below(2) == 0 {
                    break;
                }
            }
        }
    }
    run
}
