//! The loop of a running query.

use core::time::Duration;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use headwater::checkpoint::{EpochKind, Log};
use headwater::operator::NotNow;
use headwater::state::State;
use headwater::{OutputMode, PushError, Query, QueryPlan, RowCounts, Side, Timestamp, TriggerError};
use serde::{Deserialize, Serialize};

use super::Options;
use super::error::QueryError;
use super::handle::Shared;
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

/// How long the source is waited for at a time: within this, a stop is noticed.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// The rows of an epoch where what is there is worked off.
const EPOCH_ROWS: u64 = 10_000;

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
    last_trigger: Instant,
    /// Rows since the last trigger.
    rows_untriggered: u64,
}

/// What happened since the last commit.
struct Since {
    started: Instant,
    first_row: Option<Instant>,
    rows: u64,
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
        St: State<Key = P::Key, Value = P::Value, Index = I>,
    {
        let directory = CheckpointDirectory::open(&options.checkpoint)?;
        let storage = directory.log(options.log_bytes)?;
        let path = options.checkpoint.clone();
        let mut log = Log::open(storage).map_err(|error| QueryError::Open { path: path.clone(), error })?;
        let mut query = plan.bind(state);
        let restored: Option<Positions<Src::Position, Snk::Position>> =
            query.restore(&mut log).map_err(|error| QueryError::Restore { path, error })?;
        let (at_source, at_sink) = restored.map(|at| (at.source, at.sink)).unzip();
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
            since: Since::new(now, progress.rows),
            query,
            source,
            sink,
            log,
            directory,
            options,
            shared,
            run_id: random_id(),
            committed: at_source,
            last_trigger: now,
            rows_untriggered: 0,
        })
    }

    pub(super) fn run(&mut self) -> Result<(), QueryError> {
        loop {
            let unserved = self.shared.unserved();
            let wait = if unserved.is_some() { Duration::ZERO } else { self.wait() };
            let ended = match self.source.next(wait)? {
                Next::Row(row) => self.take_burst(row)?,
                Next::Idle => BurstEnd::Idle,
                Next::End => BurstEnd::End,
            };
            let idle = ended == BurstEnd::Idle;
            self.shared.set_data_available(!idle);
            if ended == BurstEnd::End {
                return self.finish();
            }
            if self.shared.stop_asked() {
                return self.finish();
            }
            if self.trigger_due() {
                self.trigger()?;
            }
            if self.commit_due() {
                // In update mode results belong to the commit of the rows that changed them.
                if self.rows_untriggered > 0 && self.query.plan().mode() == OutputMode::Update {
                    self.trigger()?;
                }
                self.commit()?;
            }
            if let Some(asked) = unserved.filter(|_| idle) {
                self.end_epoch()?;
                self.shared.serve(asked);
            }
        }
    }

    /// How long the source may be waited for.
    fn wait(&self) -> Duration {
        let until_trigger = match self.options.trigger {
            Trigger::Interval(interval) if self.rows_untriggered > 0 => {
                interval.saturating_sub(self.last_trigger.elapsed())
            }
            _ => WAIT_MAX,
        };
        let until_commit = match self.since.first_row {
            Some(first) => self.options.commit_interval.saturating_sub(first.elapsed()),
            None => WAIT_MAX,
        };
        until_trigger.min(until_commit).min(WAIT_MAX)
    }

    fn trigger_due(&self) -> bool {
        self.rows_untriggered > 0
            && match self.options.trigger {
                Trigger::Interval(interval) => self.last_trigger.elapsed() >= interval,
                Trigger::EveryRow => true,
                Trigger::AvailableNow => self.rows_untriggered >= EPOCH_ROWS,
                Trigger::Once => false,
            }
    }

    /// Whether to commit. After an interval's trigger at once; else when enough has come together, or the source needs it.
    fn commit_due(&self) -> bool {
        if self.source.wants_commit() || self.sink.wants_commit() {
            return true;
        }
        let Some(first) = self.since.first_row else { return false };
        match self.options.trigger {
            Trigger::Interval(interval) => {
                self.much(first) || (self.rows_untriggered == 0 && interval >= self.options.commit_interval)
            }
            Trigger::EveryRow | Trigger::AvailableNow => self.much(first),
            Trigger::Once => false,
        }
    }

    fn much(&self, first: Instant) -> bool {
        self.since.rows >= self.options.commit_rows || first.elapsed() >= self.options.commit_interval
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
            if self.burst_is_over() {
                break;
            }
            match self.source.next(Duration::ZERO)? {
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

    /// Whether a trigger or a commit is due by a number of rows.
    fn burst_is_over(&self) -> bool {
        match self.options.trigger {
            Trigger::Once => false,
            Trigger::AvailableNow if self.rows_untriggered >= EPOCH_ROWS => true,
            _ => self.since.rows >= self.options.commit_rows || self.source.wants_commit(),
        }
    }

    /// Takes a row in. Where state is full, ends the epoch to free what the watermark has closed, and tries once more.
    ///
    /// No commit in between: the source's position is behind the row, which is in no state yet.
    fn take(&mut self, row: P::Row, began: Instant) -> Result<(), QueryError> {
        self.since.first_row.get_or_insert(began);
        if let Err(row) = self.push(row)? {
            self.trigger()?;
            if self.push(row)?.is_err() {
                return Err(QueryError::StateFull { capacity: self.query.progress().state_capacity });
            }
        }
        self.since.rows += 1;
        self.rows_untriggered += 1;
        Ok(())
    }

    /// Pushes a row; early windows go straight to the sink. Gives the row back if state is full.
    fn push(&mut self, row: P::Row) -> Result<Result<(), P::Row>, QueryError> {
        let mut early = EarlyRows { sink: &mut self.sink, failed: None };
        let pushed = self.query.push_with(row, &mut early);
        if let Some(error) = early.failed {
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
        given.map_err(|TriggerError(error)| error)?;
        // Results wait for a commit, also where the rows behind them are in one already.
        self.since.first_row.get_or_insert(began);
        self.last_trigger = began;
        self.rows_untriggered = 0;
        let took = began.elapsed();
        self.since.giving += took;
        self.since.busy += took;
        self.shared.set_trigger_active(false);
        Ok(())
    }

    fn end_epoch(&mut self) -> Result<(), QueryError> {
        if self.since.rows == 0 && self.rows_untriggered == 0 {
            return Ok(());
        }
        self.trigger()?;
        self.commit()
    }

    /// The last epoch.
    fn finish(&mut self) -> Result<(), QueryError> {
        if self.rows_untriggered > 0 || self.options.drain {
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
        self.since.busy += began.elapsed();
        self.report(positions.source, written, began.elapsed());
        Ok(())
    }

    fn report(&mut self, position: Src::Position, written: EpochKind, committing: Duration) {
        let progress = self.query.progress();
        let since = core::mem::replace(&mut self.since, Since::new(Instant::now(), progress.rows));
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
    fn new(started: Instant, counts: RowCounts) -> Self {
        Self { started, first_row: None, rows: 0, counts, busy: Duration::ZERO, giving: Duration::ZERO }
    }
}

/// Gives windows that leave early to the sink.
struct EarlyRows<'s, Snk> {
    sink: &'s mut Snk,
    failed: Option<SinkError>,
}

impl<T, O, Snk: Sink<O>> Side<T, O> for EarlyRows<'_, Snk> {
    fn early(&mut self, row: O) -> Result<(), NotNow> {
        self.sink.write(&row).map_err(|error| {
            self.failed = Some(error);
            NotNow
        })
    }
}

/// The time of day.
fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}
