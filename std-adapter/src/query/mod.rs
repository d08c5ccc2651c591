//! The running query: a source, a plan, a sink and a checkpoint directory, in a thread of its own.
//!
//! An epoch ends in this order, and what the order gives is exactly-once: the sink makes its rows durable and says where
//! they end; the source says where it is; one record of the checkpoint log commits both together with the state; then the sink may
//! show its rows and the source may acknowledge. A crash before the record falls back to the commit before, where the
//! sink cuts off what is newer and the source starts again; a crash after it only repeats the last two steps.

mod error;
mod handle;
mod restore;
mod run;
mod schedule;

use core::time::Duration;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;

use headwater::QueryPlan;
use headwater::state::State;

pub use error::QueryError;
pub use handle::{QueryHandle, QueryStatus};

use crate::sink::Sink;
use crate::source::Source;
use crate::trigger::Trigger;
use handle::Shared;
use run::Run;

/// How a query runs.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) checkpoint: PathBuf,
    pub(crate) name: String,
    pub(crate) trigger: Trigger,
    pub(crate) commit_interval: Duration,
    pub(crate) commit_rows: u64,
    pub(crate) drain: bool,
    pub(crate) log_bytes: u32,
    pub(crate) progress_kept: usize,
}

/// A query about to start (Spark's `DataStreamWriter`).
///
/// ```
/// use headwater::{QueryPlan, Span, Stream, Timestamp, WindowRecord, aggregate::{Count, count}, window::Tumbling};
/// use headwater::state::Allocated;
/// use headwater_std::{StreamingQuery, Trigger, sink::MemorySink, source::file::{FileSource, Format}};
///
/// #[derive(serde::Deserialize)]
/// struct Reading { device: u32, at: i64 }
///
/// # let directory = tempfile::tempdir()?;
/// let input = directory.path().join("readings.csv");
/// std::fs::write(&input, "device,at\n1,1000\n1,2000\n2,70000\n")?;
///
/// let plan = Stream::<Reading>::new()
///     .with_watermark(|r| Timestamp::from_millis(r.at), Span::secs(5))
///     .group_by(|r| r.device)
///     .window(Tumbling::of(Span::mins(1)))
///     .aggregate(count())
///     .append();
/// let state: Allocated<u32, WindowRecord<Count>> = Allocated::with_capacity(1_000);
/// let sink = MemorySink::new();
/// let results = sink.rows();
///
/// let query = StreamingQuery::new(plan, state, FileSource::new(&input, Format::Csv), sink)
///     .checkpoint(directory.path().join("state"))
///     .trigger(Trigger::AvailableNow)
///     .start()?;
/// query.wait()?;
/// let rows = results.lock().unwrap();
/// assert_eq!((rows.len(), rows[0].key, rows[0].value), (1, 1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StreamingQuery<P, St, Src, Snk> {
    plan: P,
    state: St,
    source: Src,
    sink: Snk,
    options: Options,
}

impl<P, St, Src, Snk> StreamingQuery<P, St, Src, Snk>
where
    P: QueryPlan<Row = Src::Row> + Send + 'static,
    St: State<Shape = P::Shape> + Send + 'static,
    Src: Source + Send + 'static,
    Snk: Sink<P::Output> + Send + 'static,
{
    /// A query from `source` over `plan` with `state` to `sink`. It runs with a trigger every second, a commit at least
    /// every second, its checkpoint in `./checkpoint`, and a checkpoint log of 16 MiB.
    pub fn new(plan: P, state: St, source: Src, sink: Snk) -> Self {
        let options = Options {
            checkpoint: PathBuf::from("checkpoint"),
            name: plan.name().0.to_owned(),
            trigger: Trigger::Interval(Duration::from_secs(1)),
            commit_interval: Duration::from_secs(1),
            commit_rows: 10_000,
            drain: false,
            log_bytes: 16 << 20,
            progress_kept: 100,
        };
        Self { plan, state, source, sink, options }
    }

    /// The directory of the checkpoint, made if it is not there (Spark's `checkpointLocation`).
    #[must_use]
    pub fn checkpoint(mut self, directory: impl Into<PathBuf>) -> Self {
        self.options.checkpoint = directory.into();
        self
    }

    /// When epochs end.
    #[must_use]
    pub fn trigger(mut self, trigger: Trigger) -> Self {
        self.options.trigger = trigger;
        self
    }

    /// A commit at the latest after this time and this many rows. A commit waits for the disk, so with
    /// [`Trigger::EveryRow`] one commit holds the epochs of many rows; results become visible with it. The source may want one
    /// earlier.
    #[must_use]
    pub fn commit_every(mut self, interval: Duration, rows: u64) -> Self {
        self.options.commit_interval = interval;
        self.options.commit_rows = rows.max(1);
        self
    }

    /// Gives out the windows still open when a bounded query ends or the query is stopped. Rows that come in a later run are then
    /// late.
    #[must_use]
    pub fn drain(mut self, drain: bool) -> Self {
        self.options.drain = drain;
        self
    }

    /// The size of the checkpoint log in bytes. It must hold the whole state twice and some sectors of 64 KiB more. A
    /// checkpoint in a smaller log is moved into one of this size at the start; a larger one is left as it is.
    #[must_use]
    pub fn log_bytes(mut self, bytes: u32) -> Self {
        self.options.log_bytes = bytes;
        self
    }

    /// How many progress reports [`QueryHandle::recent_progress`] keeps; 100 unless said otherwise, as in Spark.
    #[must_use]
    pub fn progress_kept(mut self, reports: usize) -> Self {
        self.options.progress_kept = reports.max(1);
        self
    }

    /// Opens checkpoint, source and sink and starts the thread.
    ///
    /// # Errors
    /// Whatever keeps the query from running: the checkpoint is another query's or in use, the source or sink cannot be opened.
    pub fn start(self) -> Result<QueryHandle, QueryError> {
        let shared = Arc::new(Shared::new(self.options.progress_kept));
        let (report, started) = mpsc::channel();
        let Self { plan, mut state, source, sink, options } = self;
        let of_thread = Arc::clone(&shared);
        let name = options.name.clone();
        let thread = thread::Builder::new()
            .name(format!("query {name}"))
            .spawn(move || {
                let _end = EndOfThread(&of_thread);
                let opened = Run::open(&plan, &mut state, source, sink, options, &of_thread);
                let outcome = match opened {
                    Err(error) => {
                        let _ = report.send(Err(error));
                        Ok(())
                    }
                    Ok(mut run) => {
                        let _ = report.send(Ok(()));
                        run.run()
                    }
                };
                if let Err(error) = &outcome {
                    tracing::error!(query = name, %error, "query failed");
                }
                of_thread.end(outcome);
            })
            .map_err(QueryError::Thread)?;
        match started.recv() {
            Ok(Ok(())) => Ok(QueryHandle::new(shared, thread)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(QueryError::Panicked),
        }
    }
}

/// Tells those who wait that the query has ended, even by a panic.
struct EndOfThread<'s>(&'s Shared);

impl Drop for EndOfThread<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end(Err(QueryError::Panicked));
        }
    }
}
