//! The command line of the speed comparison.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use headwater::state::{Allocated, State};
use headwater::{PaneRecord, QueryPlan, WindowRecord, WindowRow};
use headwater_std::source::file::Format;
use serde::Serialize;
use thiserror::Error;

use super::answer::{Aggregated, Checksum};
use super::job::{Aggregates, Job, sliding, tumbling};
use super::output::Output;
use super::rows::{KEYS, Reading, RowsError, from_binary, from_lines, generated};
use super::run::{Outcome, RunError, empty_log, run};

const SEED: u64 = 42;

/// How the command is used.
pub const USAGE: &str = "\
usage: throughput --job tumbling|sliding --from SOURCE [--keys K] [--epoch ROWS] [--to DIR] [--checkpoint DIR]

Runs a job over sensor readings and prints one line of JSON: the job, rows a second, peak memory, and a checksum of the answer.

  --from gen N [SEED]   N made-up rows (seed 42)
  --from csv FILE       lines of ts,key,value without a header
  --from json FILE      JSON lines of the same
  --from bin FILE       records of i64 ts, u32 key, f32 value, little-endian
  --keys K              keys of the rows (1000)
  --epoch ROWS          a trigger every so many rows (1024)
  --to DIR              write the results to CSV files in DIR too, which must hold none
  --checkpoint DIR      commit each epoch to a log in DIR, which is begun anew (a DIR in memory costs no fsync)
  --help                print this";

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The formula.
    Generator {
        /// How many.
        rows: u64,
        /// Which.
        seed: u64,
    },
    /// A CSV file.
    Csv(PathBuf),
    /// A file of JSON lines.
    Json(PathBuf),
    /// A binary file.
    Binary(PathBuf),
}

impl From {
    const fn name(&self) -> &'static str {
        match self {
            Self::Generator { .. } => "gen",
            Self::Csv(_) => "csv",
            Self::Json(_) => "json",
            Self::Binary(_) => "bin",
        }
    }
}

/// The command line, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    job: Job,
    from: From,
    keys: u32,
    epoch_rows: u32,
    to: Option<PathBuf>,
    checkpoint: Option<PathBuf>,
}

/// The line printed: the fields that the programs of the comparison share.
#[derive(Debug, Serialize)]
struct Report {
    engine: &'static str,
    version: &'static str,
    job: &'static str,
    source: &'static str,
    events: u64,
    seconds: f64,
    startup_seconds: f64,
    events_per_sec: f64,
    peak_rss_mb: f64,
    emitted: u64,
    late: u64,
    check: Checksum,
}

/// Why the command could not do what it was asked to.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The command line makes no sense.
    #[error("{0}; see --help")]
    Usage(String),
    /// The run ended early.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The report cannot be printed.
    #[error("cannot print the report: {0}")]
    Print(#[from] io::Error),
}

impl core::convert::From<lexopt::Error> for CommandError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl core::convert::From<RowsError> for CommandError {
    fn from(error: RowsError) -> Self {
        Self::Run(error.into())
    }
}

impl Options {
    /// Reads the arguments after the program's name; `None` when the usage is asked for.
    ///
    /// # Errors
    /// [`CommandError::Usage`].
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Self>, CommandError> {
        use lexopt::prelude::*;
        let mut parser = lexopt::Parser::from_args(arguments);
        let (mut job, mut from) = (None, None);
        let (mut keys, mut epoch_rows) = (KEYS, 1_024);
        let (mut to, mut checkpoint) = (None, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("job") => job = Some(read_job(&parser.value()?)?),
                Long("from") => from = Some(read_from(&mut parser)?),
                Long("keys") => keys = parser.value()?.parse()?,
                Long("epoch") => epoch_rows = parser.value()?.parse()?,
                Long("to") => to = Some(parser.value()?.into()),
                Long("checkpoint") => checkpoint = Some(parser.value()?.into()),
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        if keys == 0 || epoch_rows == 0 {
            return Err(CommandError::Usage("--keys and --epoch must be at least 1".to_owned()));
        }
        let job = job.ok_or_else(|| CommandError::Usage("--job is missing".to_owned()))?;
        let from = from.ok_or_else(|| CommandError::Usage("--from is missing".to_owned()))?;
        Ok(Some(Self { job, from, keys, epoch_rows, to, checkpoint }))
    }

    /// Runs the job and prints its line.
    ///
    /// # Errors
    /// When rows cannot be read, the checkpoint cannot be written, or the line cannot be printed.
    pub fn execute(&self, out: &mut impl Write) -> Result<(), CommandError> {
        let started = Instant::now();
        let capacity = self.job.capacity(self.keys, self.epoch_rows);
        let (outcome, seconds) = match self.job {
            Job::Tumbling => {
                let mut state = Allocated::<u32, WindowRecord<Aggregates>>::with_capacity(capacity);
                self.timed(&tumbling(), &mut state, capacity)?
            }
            Job::Sliding => {
                let mut state = Allocated::<u32, PaneRecord<Aggregates>>::with_capacity(capacity);
                self.timed(&sliding(), &mut state, capacity)?
            }
        };
        let report = Report {
            engine: "headwater",
            version: env!("CARGO_PKG_VERSION"),
            job: self.job.name(),
            source: self.from.name(),
            events: outcome.events,
            seconds,
            startup_seconds: started.elapsed().as_secs_f64() - seconds,
            events_per_sec: (outcome.events as f64 / seconds).round(),
            peak_rss_mb: peak_rss_mb(),
            emitted: outcome.answer.emitted,
            late: outcome.late,
            check: outcome.answer.check,
        };
        serde_json::to_writer(&mut *out, &report).map_err(io::Error::from)?;
        writeln!(out)?;
        Ok(())
    }

    /// The run alone, without making the state; with its seconds.
    fn timed<P, S>(&self, plan: &P, state: &mut S, records: usize) -> Result<(Outcome, f64), CommandError>
    where
        P: QueryPlan<Row = Reading, Output = WindowRow<u32, Aggregated>>,
        S: State<Shape = P::Shape>,
    {
        let log = self.checkpoint.as_deref().map(|directory| empty_log(directory, records)).transpose()?;
        let total = self.from.total()?;
        let started = Instant::now();
        let output = Output::over(total, self.to.as_deref()).map_err(RunError::from)?;
        let outcome = match &self.from {
            From::Generator { rows, seed } => {
                let rows = generated(*rows, *seed, self.keys).map(Ok);
                run(plan, state, rows, self.epoch_rows, output, log)
            }
            From::Csv(path) => run(plan, state, from_lines(path, Format::Csv)?, self.epoch_rows, output, log),
            From::Json(path) => {
                run(plan, state, from_lines(path, Format::JsonLines)?, self.epoch_rows, output, log)
            }
            From::Binary(path) => run(plan, state, from_binary(path)?, self.epoch_rows, output, log),
        }?;
        Ok((outcome, started.elapsed().as_secs_f64()))
    }
}

impl From {
    /// How many rows there are; those of a text file are counted.
    fn total(&self) -> Result<u64, RowsError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error| RowsError::Io { path, error }
        };
        match self {
            Self::Generator { rows, .. } => Ok(*rows),
            Self::Binary(path) => Ok(std::fs::metadata(path).map_err(io(path))?.len() / 16),
            Self::Csv(path) | Self::Json(path) => lines(path).map_err(io(path)),
        }
    }
}

fn lines(path: &Path) -> io::Result<u64> {
    use std::io::{BufRead, BufReader};
    let mut file = BufReader::with_capacity(1 << 18, std::fs::File::open(path)?);
    let mut lines = 0;
    while file.skip_until(b'\n')? > 0 {
        lines += 1;
    }
    Ok(lines)
}

fn read_job(name: &OsString) -> Result<Job, CommandError> {
    [Job::Tumbling, Job::Sliding]
        .into_iter()
        .find(|job| name == job.name())
        .ok_or_else(|| CommandError::Usage(format!("--job {}: not tumbling or sliding", name.display())))
}

fn read_from(parser: &mut lexopt::Parser) -> Result<From, CommandError> {
    use lexopt::ValueExt;
    let kind = parser.value()?;
    Ok(match kind.to_str() {
        Some("gen") => {
            let rows = parser.value()?.parse()?;
            From::Generator { rows, seed: seed(parser)? }
        }
        Some("csv") => From::Csv(parser.value()?.into()),
        Some("json") => From::Json(parser.value()?.into()),
        Some("bin") => From::Binary(parser.value()?.into()),
        _ => {
            let what = format!("--from {}: not gen, csv, json or bin", kind.display());
            return Err(CommandError::Usage(what));
        }
    })
}

/// A second number after `gen N`, if one stands there.
fn seed(parser: &mut lexopt::Parser) -> Result<u64, CommandError> {
    use lexopt::ValueExt;
    let next = parser
        .try_raw_args()
        .and_then(|mut rest| rest.next_if(|next| !next.to_string_lossy().starts_with('-')));
    Ok(next.map_or(Ok(SEED), |seed| seed.parse())?)
}

/// The most memory this process has had, MB of 2^20 bytes; 0 where the system does not tell.
fn peak_rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    kilobytes.map_or(0.0, |kilobytes: f64| kilobytes / 1_024.0)
}
