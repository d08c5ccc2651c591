//! From the command line to a running query, and from its end to an exit status.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use headwater::state::Shape;
use headwater::{ModeRefused, QueryPlan, RestoreError, Unreadable};
use headwater_std::sink::Format;
use headwater_std::source::Source;
use headwater_std::source::file::FileSource;
use headwater_std::source::mqtt::{Identity, MqttOptions, MqttSource};
use headwater_std::{QueryError, QueryHandle, QueryProgress, StreamingQuery, Trigger};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::columns;
use super::losses::Losses;
use super::options::{Input, Options, TriggerKind};
use super::plan::{SummaryRow, TakePlan, with_plan};
use super::reading::{DEVICE_BYTES_MAX, Reading};

/// First line of `--progress`.
pub const RUNNING: &str = "gateway: running";
/// How soon a signal, a report or the end of the query is noticed.
const POLL: Duration = Duration::from_millis(50);
/// Longest time between two commits: how long a row may wait for its acknowledgement, and a result for its readers.
const COMMIT_INTERVAL_MAX: Duration = Duration::from_secs(1);
/// The same with a trigger after each row, where waiting is not wanted.
const COMMIT_INTERVAL_PER_ROW: Duration = Duration::from_millis(50);
/// Most rows in a commit.
const COMMIT_ROWS: u64 = 10_000;
/// The same where files are worked off and nobody waits: each commit waits for the disk.
const COMMIT_ROWS_AVAILABLE_NOW: u64 = 1_000_000;
/// Files of a directory that may still grow, the last by name.
const GROWING_FILES: usize = 64;
/// Messages remembered to tell those that come again, unless more can be in flight.
const REDELIVERY_WINDOW: u16 = 128;
/// Reports kept for `--progress` between two polls.
const REPORTS: usize = 1_000;
/// Room in the checkpoint log for one record of state, bytes: twice the largest, since the log holds the state twice.
const LOG_BYTES_PER_RECORD: u32 = 320;
/// Room in the checkpoint log beside the state.
const LOG_BYTES_MIN: u32 = 4 << 20;

/// Why the gateway ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum GatewayError {
    #[error("{}: {error}", path.display())]
    Input { path: PathBuf, error: io::Error },
    #[error("--input {}: {reason}", path.display())]
    InputKind { path: PathBuf, reason: &'static str },
    #[error("cannot listen to signals: {0}")]
    Signals(io::Error),
    #[error(
        "the state is full: all {0} open windows it has room for are in use; give more --keys, a shorter --watermark, or --on-full evict or drop"
    )]
    StateFull(usize),
    #[error(
        "the state in {} has a record in slot {slots}, and there is room for fewer now: give as many --keys as before, or more",
        path.display()
    )]
    StateTooSmall { path: PathBuf, slots: u32 },
    #[error(transparent)]
    Plan(#[from] ModeRefused),
    #[error(transparent)]
    Query(QueryError),
}

impl From<QueryError> for GatewayError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::StateFull { capacity } => Self::StateFull(capacity),
            QueryError::Restore { path, error: RestoreError::Unreadable(Unreadable::TooSmall { slots }) } => {
                Self::StateTooSmall { path, slots }
            }
            other => Self::Query(other),
        }
    }
}

/// Runs until the input ends or a signal comes.
pub(super) fn run(options: &Options) -> Result<(), GatewayError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second signal ends the process at once.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(GatewayError::Signals)?;
    }
    let query = with_plan(options, Start { options, stop: &stop })??;
    watch(query, &stop, options)
}

/// Waits for the end of the query, passes a signal on to it, prints its reports and tells what did not count.
fn watch(query: QueryHandle, stop: &AtomicBool, options: &Options) -> Result<(), GatewayError> {
    let mut losses = Losses::new(&options.state);
    let mut reports = options.progress.then(Reports::begin);
    loop {
        // In this order, the last reports are not missed.
        let active = query.is_active();
        if let Some(reports) = &mut reports {
            reports.print_new(&query);
        }
        if let Some(report) = query.last_progress() {
            losses.tell(&report, !active);
        }
        if !active {
            return Ok(query.wait()?);
        }
        if stop.load(Ordering::Relaxed) {
            query.stop();
        }
        thread::sleep(POLL);
    }
}

/// The lines of `--progress`.
struct Reports {
    last: Option<Arc<QueryProgress>>,
}

impl Reports {
    /// Says that from now on a signal stops the gateway cleanly.
    fn begin() -> Self {
        eprintln!("{RUNNING}");
        Self { last: None }
    }

    fn print_new(&mut self, query: &QueryHandle) {
        let recent = query.recent_progress();
        let told =
            self.last.as_ref().and_then(|last| recent.iter().rposition(|report| Arc::ptr_eq(report, last)));
        for report in recent.iter().skip(told.map_or(0, |index| index + 1)) {
            eprintln!("{}", report.to_json());
        }
        self.last = recent.into_iter().next_back().or(self.last.take());
    }
}

/// Starts the query once its plan is known.
struct Start<'o> {
    options: &'o Options,
    stop: &'o AtomicBool,
}

impl TakePlan for Start<'_> {
    type Outcome = Result<QueryHandle, GatewayError>;

    fn take<P>(self, plan: P) -> Self::Outcome
    where
        P: QueryPlan<Row = Reading, Output = SummaryRow, Shape: Shape<Allocated: Send>> + Send + 'static,
    {
        let rejects = self.options.state.join("rejects.jsonl");
        match &self.options.input {
            Input::Broker { host, port, topic, client_id, in_flight } => {
                let options = MqttOptions::new(host, *port, client_id, [topic.as_str()])
                    .with_in_flight_window(*in_flight)
                    .with_redelivery_window(in_flight.saturating_add(1).max(REDELIVERY_WINDOW));
                let source = MqttSource::json(options).with_identity(identity).with_rejects(rejects);
                self.start(plan, source)
            }
            Input::Files(path) => {
                let format = self.format_of(path)?;
                let source = FileSource::new(path, format)
                    .with_suffix(format!(".{}", format.extension()))
                    .growing_files(GROWING_FILES);
                self.start(plan, source.with_rejects(rejects))
            }
        }
    }
}

impl Start<'_> {
    fn start<P, S>(&self, plan: P, source: S) -> Result<QueryHandle, GatewayError>
    where
        P: QueryPlan<Row = Reading, Output = SummaryRow, Shape: Shape<Allocated: Send>> + Send + 'static,
        S: Source<Row = Reading> + Send + 'static,
    {
        let options = self.options;
        let state = plan.allocate(options.state_capacity() as usize);
        let (trigger, interval, rows) = match options.trigger {
            TriggerKind::Every(interval) => {
                (Trigger::Interval(interval), interval.min(COMMIT_INTERVAL_MAX), COMMIT_ROWS)
            }
            TriggerKind::Row => (Trigger::EveryRow, COMMIT_INTERVAL_PER_ROW, COMMIT_ROWS),
            TriggerKind::AvailableNow => {
                (Trigger::AvailableNow, COMMIT_INTERVAL_MAX, COMMIT_ROWS_AVAILABLE_NOW)
            }
        };
        let query = StreamingQuery::new(plan, state, source, columns::files(options))
            .checkpoint(&options.state)
            .trigger(trigger)
            .commit_every(interval, rows)
            .drain(options.drain)
            .log_bytes(options.state_capacity().saturating_mul(LOG_BYTES_PER_RECORD).max(LOG_BYTES_MIN))
            .progress_kept(REPORTS);
        Ok(query.start()?)
    }
}

impl Start<'_> {
    /// The format of the input. A directory that is still empty is waited for, unless only what is there now counts.
    fn format_of(&self, path: &Path) -> Result<Format, GatewayError> {
        loop {
            if let Some(format) = format_of(path)? {
                return Ok(format);
            }
            if self.options.trigger == TriggerKind::AvailableNow || self.stop.load(Ordering::Relaxed) {
                return Ok(Format::Csv);
            }
            thread::sleep(POLL);
        }
    }
}

/// What a message is known by when it comes again: the device's own number, if it gives one, together with the time, since
/// a device that counts from 0 again after a reboot sends new rows under old numbers.
fn identity(row: &Reading) -> Option<Identity> {
    let seq = row.seq?;
    // Has room for the longest name and the time.
    let mut source = heapless::Vec::<u8, { DEVICE_BYTES_MAX + 8 }>::new();
    let both = source
        .extend_from_slice(row.device.as_bytes())
        .and_then(|()| source.extend_from_slice(&row.at.as_micros().to_le_bytes()));
    both.is_ok().then(|| Identity::new(&source, seq))
}

/// By the ending of the file's name; of a directory, by those of its files. `None` if it has none yet.
fn format_of(path: &Path) -> Result<Option<Format>, GatewayError> {
    let unreadable = |error| GatewayError::Input { path: path.to_owned(), error };
    let wrong = |reason| GatewayError::InputKind { path: path.to_owned(), reason };
    let is =
        |path: &Path, format: Format| path.extension().is_some_and(|ending| ending == format.extension());
    if !path.metadata().map_err(unreadable)?.is_dir() {
        let format = [Format::Csv, Format::JsonLines].into_iter().find(|format| is(path, *format));
        return match format {
            Some(format) => Ok(Some(format)),
            None => Err(wrong("the file's name must end in .csv or .jsonl")),
        };
    }
    let files: Vec<PathBuf> = path
        .read_dir()
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(unreadable)?;
    let holds = |format| files.iter().any(|file| is(file, format));
    match (holds(Format::Csv), holds(Format::JsonLines)) {
        (true, false) => Ok(Some(Format::Csv)),
        (false, true) => Ok(Some(Format::JsonLines)),
        (true, true) => Err(wrong("the directory holds both .csv and .jsonl files; give each its own")),
        (false, false) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_used_again_at_another_time_is_another_message() {
        let row = |json: &str| serde_json::from_str::<Reading>(json).unwrap();
        let first = row(r#"{"device":"a","at":1000,"value":1,"seq":0}"#);
        let by_name_and_time = [b"a".as_slice(), &1_000_000_i64.to_le_bytes()].concat();
        assert_eq!(identity(&first), Some(Identity::new(by_name_and_time, 0)), "checkpoints hold it");
        assert_eq!(identity(&first), identity(&first.clone()));
        for other in [
            r#"{"device":"a","at":2000,"value":1,"seq":0}"#,
            r#"{"device":"a","at":1000,"value":1,"seq":1}"#,
            r#"{"device":"b","at":1000,"value":1,"seq":0}"#,
        ] {
            assert_ne!(identity(&first), identity(&row(other)), "{other}");
        }
        assert_eq!(identity(&row(r#"{"device":"a","at":1000,"value":1}"#)), None);
    }
}
