//! The loop of a running query.

use core::time::Duration;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use headwater::checkpoint::{EpochKind, Log};
use headwater::operator::NotNow;
use headwater::state::State;
use headwater::{PushError, Query, QueryPlan, RowCounts, Side, Timestamp, TriggerError};
use serde::{Deserialize, Serialize};

use super::Options;
use super::error::QueryError;
use super::handle::Shared;
use super::restore::restore;
use super::schedule::{Schedule, Wanted};
use crate::checkpoint::CheckpointDirectory;
use crate::id::random_id;
use crate::progress::{
    Durations, EventTimeProgress, QueryProgress, SinkProgress, SourceProgress, StateOperatorProgress,
};
use crate::rfc3339::to_rfc3339;
use crate::sink::{Sink, SinkError};
use crate::source::{Next, Source};
use crate::storage::FileStorage;
use crate::trigger::Trigger;

/// The most bytes of one record of the checkpoint log: one state record, or the positions of source and sink.
pub(crate) const RECORD_BYTES_MAX: usize = 32_768;

/// The most rows taken before clock and locks are looked at again.
const BURST_ROWS: u32 = 256;

/// How a burst of rows ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BurstEnd {
    /// There may be more.
    More,
    /// The source has nothing now.
    Idle,
    /// The source has ended.
    End,
}

/// What a commit holds besides state.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Positions<A, B> {
    source: A,
    sink: B,
}

pub(super) struct Run<'r, P, I, Src, Snk>
where
    P: QueryPlan<Row = Src::Row>,
    I: headwater::state::SlotIndex,
    Src: Source,
    Snk: Sink<P::Output>,
{
    query: Query<'r, P, I>,
    source: Src,
    sink: Snk,
    log: Log<FileStorage, RECORD_BYTES_MAX>,
    directory: CheckpointDirectory,
    options: Options,
    shared: &'r Shared,
    run_id: String,
    committed: Option<Src::Position>,
    /// Since the last commit.
    since: Since,
    schedule: Schedule,
}

/// What happened since the last commit.
struct Since {
    started: Instant,
    rows: u64,
    /// What the source had passed over when the last commit was made.
    passed_over: u64,
    counts: RowCounts,
    busy: Duration,
    giving: Duration,
}

impl<'r, P, I, Src, Snk> Run<'r, P, I, Src, Snk>
where
    P: QueryPlan<Row = Src::Row>,
    I: headwater::state::SlotIndex,
    Src: Source,
    Snk: Sink<P::Output>,
{
    pub(super) fn open<St>(
        plan: &'r P,
        state: &'r mut St,
        mut source: Src,
        mut sink: Snk,
        options: Options,
        shared: &'r Arc<Shared>,
    ) -> Result<Self, QueryError>
    where
        St: State<Shape = P::Shape, Index = I>,
    {
        let directory = CheckpointDirectory::open(&options.checkpoint)?;
        let mut query = plan.bind(state);
        let (log, restored): (_, Option<Positions<Src::Position, Snk::Position>>) =
            restore(&mut query, &directory, &options)?;
        let (at_source, at_sink) = restored.map(|at| (at.source, at.sink)).unzip();
        sink.set_query_id(directory.id());
        sink.open(at_sink)?;
        source.open(at_source.clone())?;
        if options.trigger.is_bounded() {
            source.limit_to_available()?;
        }
        let progress = query.progress();
        tracing::info!(
            query = options.name,
            epoch = progress.epoch,
            state_rows = progress.state_rows,
            source = source.description(),
            sink = sink.description(),
            "query started"
        );
        let now = Instant::now();
        Ok(Self {
            since: Since::new(now, progress.rows, passed_over(&source)),
            schedule: Schedule::new(&options, query.plan().mode(), at_source.is_some(), now),
            query,
            source,
            sink,
            log,
            directory,
            options,
            shared,
            run_id: random_id(),
            committed: at_source,
        })
    }

    pub(super) fn run(&mut self) -> Result<(), QueryError> {
        loop {
            let unserved = self.shared.unserved();
            let wait = if unserved.is_some() { Duration::ZERO } else { self.schedule.wait(Instant::now()) };
            let ended = match self.next(wait)? {
                Next::Row(row) => self.take_burst(row)?,
                Next::Idle => BurstEnd::Idle,
                Next::End => BurstEnd::End,
            };
            let idle = ended == BurstEnd::Idle;
            self.shared.set_data_available(!idle);
            if ended == BurstEnd::End || self.shared.stop_asked() {
                return self.finish();
            }
            self.keep_schedule()?;
            if let Some(asked) = unserved.filter(|_| idle) {
                self.end_epoch()?;
                self.shared.serve(asked);
            }
        }
    }

    /// The source's next row. If the source has failed, what was accepted before is committed first: a failure that comes
    /// again at every start must not hold it back.
    fn next(&mut self, wait: Duration) -> Result<Next<P::Row>, QueryError> {
        self.source.next(wait).map_err(|failure| {
            self.note_passed_over();
            if let Err(error) = self.end_epoch() {
                tracing::error!(query = self.options.name, %error, "what was accepted before the source failed is not committed");
            }
            failure.into()
        })
    }

    /// Triggers and commits if it is time to.
    fn keep_schedule(&mut self) -> Result<(), QueryError> {
        self.note_passed_over();
        if self.schedule.trigger_due(Instant::now()) {
            self.trigger()?;
        }
        if self.schedule.commit_due(self.wanted(), Instant::now()) {
            if self.schedule.commit_needs_trigger() {
                self.trigger()?;
            }
            self.commit()?;
        }
        Ok(())
    }

    /// Rejects and repeated messages are to be made durable and acknowledged even if no row comes.
    fn note_passed_over(&mut self) {
        if passed_over(&self.source) != self.since.passed_over {
            self.schedule.note_uncommitted(Instant::now());
        }
    }

    fn wanted(&self) -> Wanted {
        Wanted { by_source: self.source.wants_commit(), by_sink: self.sink.wants_commit() }
    }

    /// Takes a row in and those that follow at once, so that clock and locks are asked once for many rows.
    fn take_burst(&mut self, row: P::Row) -> Result<BurstEnd, QueryError> {
        let began = Instant::now();
        let giving_before = self.since.giving;
        self.take(row, began)?;
        let mut ended = BurstEnd::More;
        for _ in 1..BURST_ROWS {
            if self.options.trigger == Trigger::EveryRow {
                self.trigger()?;
            }
            if self.schedule.burst_is_over(self.source.wants_commit()) {
                break;
            }
            match self.next(Duration::ZERO)? {
                Next::Row(row) => self.take(row, began)?,
                Next::Idle => ended = BurstEnd::Idle,
                Next::End => ended = BurstEnd::End,
            }
            if ended != BurstEnd::More {
                break;
            }
        }
        let triggers = self.since.giving - giving_before;
        self.since.busy += began.elapsed().saturating_sub(triggers);
        Ok(ended)
    }

    /// Takes a row in. Where state is full, ends the epoch to free what the watermark has closed, and tries once more.
    ///
    /// No commit in between: the source's position is behind the row, which is in no state yet.
    fn take(&mut self, row: P::Row, began: Instant) -> Result<(), QueryError> {
        if let Err(row) = self.push(row)? {
            self.trigger()?;
            if self.push(row)?.is_err() {
                return Err(QueryError::StateFull { capacity: self.query.progress().state_capacity });
            }
        }
        self.since.rows += 1;
        self.schedule.row_taken(began);
        Ok(())
    }

    /// Pushes a row; what leaves at once goes straight to the sink. Gives the row back if state is full.
    fn push(&mut self, row: P::Row) -> Result<Result<(), P::Row>, QueryError> {
        let mut at_once = AtOnce { sink: &mut self.sink, failed: None };
        let pushed = self.query.push_with(row, &mut at_once);
        if let Some(error) = at_once.failed {
            return Err(error.into());
        }
        Ok(pushed.map_err(PushError::into_row))
    }

    fn trigger(&mut self) -> Result<(), QueryError> {
        self.give(false)
    }

    /// Ends the epoch in the engine: results go to the sink, not yet durable.
    fn give(&mut self, drain: bool) -> Result<(), QueryError> {
        let began = Instant::now();
        self.shared.set_trigger_active(true);
        self.sink.begin();
        let sink = &mut self.sink;
        let write = |row: P::Output| sink.write(&row);
        let given = if drain { self.query.drain(now(), write) } else { self.query.trigger(now(), write) };
        given.map_err(|error| match error {
            TriggerError::Sink(error) => error.into(),
            TriggerError::Full => QueryError::StateFull { capacity: self.query.progress().state_capacity },
        })?;
        self.schedule.triggered(began);
        let took = began.elapsed();
        self.since.giving += took;
        self.since.busy += took;
        self.shared.set_trigger_active(false);
        Ok(())
    }

    fn end_epoch(&mut self) -> Result<(), QueryError> {
        if !self.schedule.has_uncommitted() {
            return Ok(());
        }
        if self.schedule.has_untriggered() {
            self.trigger()?;
        }
        self.commit()
    }

    /// The last epoch.
    fn finish(&mut self) -> Result<(), QueryError> {
        if self.schedule.has_untriggered() || self.options.drain {
            self.give(self.options.drain)?;
        }
        self.sink.finish();
        self.commit()?;
        tracing::info!(query = self.options.name, epoch = self.query.progress().epoch, "query stopped");
        Ok(())
    }

    /// Commits state and positions together, then lets sink and source know.
    fn commit(&mut self) -> Result<(), QueryError> {
        let began = Instant::now();
        // Each commit has its own number, also one between two triggers, and keeps it when it has to be repeated.
        let epoch = self.log.epoch().map_or(1, |last| last.wrapping_add(1));
        let positions = Positions { sink: self.sink.prepare(epoch)?, source: self.source.prepare()? };
        let written = self
            .query
            .commit(&mut self.log, &positions)
            .map_err(|error| QueryError::Commit { path: self.options.checkpoint.clone(), error })?;
        self.sink.committed(epoch)?;
        self.source.committed(&positions.source)?;
        self.schedule.committed();
        self.since.busy += began.elapsed();
        self.report(positions.source, written, began.elapsed());
        Ok(())
    }

    fn report(&mut self, position: Src::Position, written: EpochKind, committing: Duration) {
        let progress = self.query.progress();
        let next = Since::new(Instant::now(), progress.rows, passed_over(&self.source));
        let since = core::mem::replace(&mut self.since, next);
        let per_second = |time: Duration| since.rows as f64 / time.as_secs_f64().max(1e-6);
        let input_rows_per_second = per_second(since.started.elapsed());
        let processed_rows_per_second = per_second(since.busy);
        let offset = |position: Option<&Src::Position>| {
            position.and_then(|position| serde_json::to_value(position).ok()).unwrap_or_default()
        };
        let report = QueryProgress {
            id: self.directory.id().to_owned(),
            run_id: self.run_id.clone(),
            name: self.options.name.clone(),
            timestamp: to_rfc3339(now()),
            batch_id: progress.epoch,
            num_input_rows: since.rows,
            input_rows_per_second,
            processed_rows_per_second,
            duration_ms: Durations {
                add_batch: since.giving.as_millis() as u64,
                wal_commit: committing.as_millis() as u64,
                trigger_execution: since.busy.as_millis() as u64,
            },
            event_time: EventTimeProgress::of(&progress),
            state_operators: vec![StateOperatorProgress::since(&since.counts, &progress)],
            sources: vec![SourceProgress {
                description: self.source.description(),
                start_offset: offset(self.committed.as_ref()),
                end_offset: offset(Some(&position)),
                num_input_rows: since.rows,
                input_rows_per_second,
                processed_rows_per_second,
                metrics: self.source.metrics(),
            }],
            sink: SinkProgress {
                description: self.sink.description(),
                num_output_rows: progress.rows.emitted.wrapping_sub(since.counts.emitted),
            },
            rows: progress.rows,
        };
        tracing::debug!(
            query = self.options.name,
            epoch = progress.epoch,
            rows = report.num_input_rows,
            results = report.sink.num_output_rows,
            state_rows = progress.state_rows,
            snapshot = written == EpochKind::Snapshot,
            "epoch committed"
        );
        self.committed = Some(position);
        self.shared.report(report);
    }
}

impl Since {
    fn new(started: Instant, counts: RowCounts, passed_over: u64) -> Self {
        Self { started, rows: 0, passed_over, counts, busy: Duration::ZERO, giving: Duration::ZERO }
    }
}

/// Lines or messages of which the source made no row.
fn passed_over(source: &impl Source) -> u64 {
    let metrics = source.metrics();
    metrics.rejected.wrapping_add(metrics.redelivered)
}

/// Gives what leaves at a push to the sink: results of single rows and windows given early.
struct AtOnce<'s, Snk> {
    sink: &'s mut Snk,
    failed: Option<SinkError>,
}

impl<Snk> AtOnce<'_, Snk> {
    fn write<O>(&mut self, row: &O) -> Result<(), NotNow>
    where
        Snk: Sink<O>,
    {
        self.sink.write(row).map_err(|error| {
            self.failed = Some(error);
            NotNow
        })
    }
}

impl<T, O, Snk: Sink<O>> Side<T, O> for AtOnce<'_, Snk> {
    fn early(&mut self, row: O) -> Result<(), NotNow> {
        self.write(&row)
    }

    fn give(&mut self, row: O) -> Result<(), NotNow> {
        self.write(&row)
    }
}

/// The time of day.
fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}
