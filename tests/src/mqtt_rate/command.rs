//! The command line, and the run from the broker's start to the check of the files.

use core::time::Duration;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use serde::Serialize;
use thiserror::Error;

use super::answer::Answer;
use super::load::{encode, publish};
use super::process::{processor_time, start_broker, start_gateway};
use super::wire;
use crate::throughput::rows::{KEYS, Reading, generated};

const SEED: u64 = 42;
const WINDOW_MS: i64 = 10_000;
const CLIENT_ID: &str = "mqtt-rate-gateway";
const TOPIC: &str = "plant/+/reading";
/// Longest time without a commit before the run counts as stuck.
const STUCK: Duration = Duration::from_secs(30);

/// How the command is used.
pub const USAGE: &str = "\
usage: mqtt-rate [--messages N] [--in-flight N] [--devices N] [--gateway PATH] [--work DIR]

Starts a mosquitto on the loopback interface and a gateway on it, publishes JSON readings of some 80 bytes at QoS 1 as fast as the broker
takes them, waits until all are committed, compares the files with the batch answer, and prints one line of JSON. Needs Linux.

  --messages N      readings to publish (500000)
  --in-flight N     messages that the broker sends before it waits for acknowledgements, at most 2999 (2000)
  --devices N       devices that they are of (1000)
  --gateway PATH    the gateway's program (the one beside this program)
  --work DIR        where state and answer lie while it runs, which must not exist (below the system's temporary files)
  --help            print this";

/// The command line, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    messages: u64,
    in_flight: u16,
    devices: u32,
    gateway: PathBuf,
    work: PathBuf,
}

/// The line printed.
#[derive(Debug, Serialize)]
struct Report {
    messages: u64,
    in_flight: u16,
    /// From the first message to the commit that holds the last one.
    seconds: f64,
    messages_per_second: f64,
    /// From the first message until the broker had acknowledged all of them.
    publishing_seconds: f64,
    gateway_cpu_seconds: f64,
    gateway_cpu_microseconds_per_message: f64,
    broker_cpu_seconds: f64,
    load_cpu_seconds: f64,
    commits: u64,
    /// Lines of the answer, all of them right.
    results: u64,
}

/// Why there is no rate to tell.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The command line makes no sense.
    #[error("{0}; see --help")]
    Usage(String),
    /// Something outside of this program failed.
    #[error("{what}: {error}")]
    Failed {
        /// What was to be done.
        what: &'static str,
        /// What happened.
        error: io::Error,
    },
}

impl From<lexopt::Error> for CommandError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> CommandError {
    move |error| CommandError::Failed { what, error }
}

impl Options {
    /// Reads the arguments after the program's name; `None` when the usage is asked for.
    ///
    /// # Errors
    /// [`CommandError::Usage`].
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Self>, CommandError> {
        use lexopt::prelude::*;
        let program = std::env::current_exe().map_err(failed("find this program"))?;
        let name = format!("headwater-mqtt-rate-{}", std::process::id());
        let mut options = Self {
            messages: 500_000,
            in_flight: 2_000,
            devices: KEYS,
            gateway: program.with_file_name("gateway"),
            work: std::env::temp_dir().join(name),
        };
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("messages") => options.messages = parser.value()?.parse()?,
                Long("in-flight") => options.in_flight = parser.value()?.parse()?,
                Long("devices") => options.devices = parser.value()?.parse()?,
                Long("gateway") => options.gateway = parser.value()?.into(),
                Long("work") => options.work = parser.value()?.into(),
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        if options.messages == 0 {
            return Err(CommandError::Usage("--messages must be at least 1".to_owned()));
        }
        Ok(Some(options))
    }

    /// Runs the load and prints its line.
    ///
    /// # Errors
    /// When broker or gateway cannot be run, a message is lost, or the answer is not the batch answer.
    pub fn execute(&self, out: &mut impl Write) -> Result<(), CommandError> {
        std::fs::create_dir_all(&self.work).map_err(failed("make the working directory"))?;
        let report = self.measure();
        std::fs::remove_dir_all(&self.work).map_err(failed("remove the working directory"))?;
        let line =
            serde_json::to_string(&report?).map_err(|error| failed("make the report")(error.into()))?;
        writeln!(out, "{line}").map_err(failed("print the report"))
    }

    fn measure(&self) -> Result<Report, CommandError> {
        let rows: Vec<Reading> = generated(self.messages, SEED, self.devices).collect();
        let chunks = encode(&rows);
        let (broker, port) = start_broker(&self.work, self.in_flight).map_err(failed("start the broker"))?;
        wire::make_session(port, CLIENT_ID, TOPIC).map_err(failed("make the gateway's session"))?;
        let (mut gateway, commits) =
            start_gateway(&self.gateway, &self.arguments(port)).map_err(failed("start the gateway"))?;
        wait_for(&commits, None).map_err(failed("wait for the gateway"))?;

        let own = std::process::id();
        let times =
            || Ok([processor_time(gateway.id())?, processor_time(broker.id())?, processor_time(own)?]);
        let before = times().map_err(failed("read processor times"))?;
        let started = Instant::now();
        publish(port, &chunks).map_err(failed("publish"))?;
        let publishing_seconds = started.elapsed().as_secs_f64();
        let commits = wait_for(&commits, Some(self.messages)).map_err(failed("wait for the last commit"))?;
        let seconds = started.elapsed().as_secs_f64();
        let after = times().map_err(failed("read processor times"))?;

        gateway.stop().map_err(failed("stop the gateway"))?;
        let answer = Answer::of(&rows, WINDOW_MS);
        let results = answer.check(&self.work.join("out")).map_err(failed("compare the answer"))?;
        let [gateway_cpu_seconds, broker_cpu_seconds, load_cpu_seconds] =
            [0, 1, 2].map(|index: usize| (after[index] - before[index]).as_secs_f64());
        Ok(Report {
            messages: self.messages,
            in_flight: self.in_flight,
            seconds,
            messages_per_second: (self.messages as f64 / seconds).round(),
            publishing_seconds,
            gateway_cpu_seconds,
            gateway_cpu_microseconds_per_message: gateway_cpu_seconds * 1e6 / self.messages as f64,
            broker_cpu_seconds,
            load_cpu_seconds,
            commits,
            results,
        })
    }

    fn arguments(&self, port: u16) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = [
            ("--broker", format!("127.0.0.1:{port}")),
            ("--topic", TOPIC.to_owned()),
            ("--client-id", CLIENT_ID.to_owned()),
            ("--in-flight", self.in_flight.to_string()),
            ("--window", format!("tumbling:{WINDOW_MS}ms")),
            ("--watermark", "2s".to_owned()),
            // Room for the windows that open within one trigger's interval.
            ("--keys", (2 * u64::from(self.devices)).to_string()),
            ("--trigger", "1s".to_owned()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.into(), value.into()])
        .collect();
        let directory = |name: &str, of: &Path| [OsString::from(name), of.into()];
        arguments.extend(directory("--out", &self.work.join("out")));
        arguments.extend(directory("--state", &self.work.join("state")));
        arguments.extend(["--drain".into(), "--progress".into()]);
        arguments
    }
}

/// Waits for what the gateway tells; returns how many commits it told of.
fn wait_for(told: &Receiver<Option<u64>>, what: Option<u64>) -> io::Result<u64> {
    let (mut commits, mut last) = (0, None);
    while last != what || commits == 0 {
        last = told.recv_timeout(STUCK).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                io::Error::other(format!("nothing for {STUCK:?} after {last:?}, not {what:?}"))
            }
            RecvTimeoutError::Disconnected => io::Error::other("it has ended"),
        })?;
        commits += 1;
        if last > what {
            return Err(io::Error::other(format!("{last:?} rows, not {what:?}: messages counted twice")));
        }
    }
    Ok(commits)
}
