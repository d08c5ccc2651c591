//! The course of the demo.

use core::time::Duration;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use super::answer::{batch, differences, read_csv_files};
use super::recording::{Message, lag_ms_max, recording};
use super::view::{Scene, View};
use super::{Device, GatewayProcess};
use crate::broker::Broker;

/// Size of the windows, ms.
const WINDOW_MS: i64 = 10_000;
/// Delay of the watermark, ms: more than any row of the recording is behind, so none is late.
const WATERMARK_MS: i64 = 5_000;
/// The gateway's MQTT session.
const CLIENT_ID: &str = "demo-gateway";
/// Longest wait for any one thing the gateway does.
const PATIENCE: Duration = Duration::from_secs(20);
/// Messages published while the gateway is dead.
const MISSED: usize = 400;
/// Differences shown in full.
const SHOWN_MAX: usize = 10;

/// How to run the demo.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Program that runs the gateway.
    pub program: PathBuf,
    /// Its first arguments, before the gateway's options.
    pub first_arguments: Vec<OsString>,
    /// Time to play the recording in.
    pub playing: Duration,
    /// Where output and state go; both are to be new.
    pub directory: PathBuf,
}

/// Runs the demo and prints what it does. Returns whether every row of the answer matched.
///
/// # Errors
/// When broker, devices or gateway cannot do their part; the message says which and why.
pub fn run(plan: &Plan) -> io::Result<bool> {
    let messages = recording().map_err(io::Error::other)?;
    let expected = batch(&messages, WINDOW_MS);
    let mut stage = Stage::set(plan, messages.len())?;
    stage.view.note(&introduction(plan, &messages, &stage.broker));
    stage.play(&messages, plan.playing)?;
    stage.await_gateway("take all messages", Stage::is_all_taken)?;
    let status = stage.gateway.stop(PATIENCE)?;
    let scene = stage.scene(messages.len());
    stage.view.tick(|| scene);
    if !status.success() {
        return Err(io::Error::other(format!(
            "the gateway ended with {status}: {}",
            stage.gateway.message()
        )));
    }
    let written = read_csv_files(&plan.directory.join("out"))?;
    let differences = differences(&expected, &written);
    stage.view.note(&verdict(&stage, expected.len(), written.len(), &differences));
    Ok(differences.is_empty())
}

struct Stage {
    broker: Broker,
    gateway: GatewayProcess,
    gateway_is_up: bool,
    view: View,
    messages: usize,
}

impl Stage {
    fn set(plan: &Plan, messages: usize) -> io::Result<Self> {
        let broker = Broker::start()?;
        let gateway = GatewayProcess::start(&plan.program, gateway_arguments(plan, &broker))?;
        let mut stage = Self { broker, gateway, gateway_is_up: true, view: View::new(), messages };
        stage.await_gateway("subscribe", |stage| stage.broker.is_subscribed(CLIENT_ID))?;
        Ok(stage)
    }

    /// Publishes all messages at the recorded pace, shortened to `playing`; kills and restarts the gateway midway.
    fn play(&mut self, messages: &[Message], playing: Duration) -> io::Result<()> {
        let mut devices = BTreeMap::new();
        for message in messages {
            if !devices.contains_key(message.device) {
                devices.insert(message.device, Device::connect(self.broker.address(), message.device)?);
            }
        }
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return Ok(()) };
        let recorded_ms = (last.arrival_ms - first.arrival_ms).max(1) as f64;
        let start = Instant::now();
        let kill_at = messages.len() / 2;
        for (published, message) in messages.iter().enumerate() {
            let due = start + playing.mul_f64((message.arrival_ms - first.arrival_ms) as f64 / recorded_ms);
            self.wait_until(due, published);
            if published == kill_at {
                self.kill_gateway()?;
            } else if published == kill_at + MISSED {
                self.restart_gateway()?;
            }
            if let Some(device) = devices.get_mut(message.device) {
                device.publish(&message.payload())?;
            }
            self.check_gateway()?;
        }
        Ok(())
    }

    fn kill_gateway(&mut self) -> io::Result<()> {
        self.gateway.kill()?;
        self.gateway_is_up = false;
        self.view.note("  ⚡ gateway killed without warning (SIGKILL); the devices go on");
        Ok(())
    }

    fn restart_gateway(&mut self) -> io::Result<()> {
        self.gateway.restart()?;
        self.gateway_is_up = true;
        let missed = self.broker.backlog(CLIENT_ID);
        self.view
            .note(&format!("  ↻ gateway started again with the same state; {missed} messages wait for it"));
        Ok(())
    }

    fn wait_until(&mut self, due: Instant, published: usize) {
        loop {
            let scene = self.scene(published);
            self.view.tick(|| scene);
            let rest = due.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return;
            }
            thread::sleep(rest.min(Duration::from_millis(50)));
        }
    }

    /// An error with the gateway's own words if it has ended by itself.
    fn check_gateway(&mut self) -> io::Result<()> {
        match self.gateway.ended()? {
            Some(status) if self.gateway_is_up => {
                Err(io::Error::other(format!("the gateway ended with {status}: {}", self.gateway.message())))
            }
            _ => Ok(()),
        }
    }

    fn await_gateway(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            self.check_gateway()?;
            if Instant::now() > deadline {
                let message =
                    format!("the gateway did not {what} within {PATIENCE:?}: {}", self.gateway.message());
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Whether the gateway runs and has acknowledged everything.
    fn is_all_taken(&self) -> bool {
        self.gateway.is_running() && self.broker.backlog(CLIENT_ID) == 0
    }

    fn scene(&self, published: usize) -> Scene {
        Scene {
            published,
            messages: self.messages,
            backlog: self.broker.backlog(CLIENT_ID),
            redelivered: self.broker.redelivered(CLIENT_ID),
            gateway_is_up: self.gateway_is_up,
            restarts: self.gateway.restarts(),
            progress: self.gateway.progress(),
        }
    }
}

fn gateway_arguments(plan: &Plan, broker: &Broker) -> Vec<OsString> {
    let path = |name: &str| plan.directory.join(name).into_os_string();
    let mut arguments = plan.first_arguments.clone();
    let options: [(&str, OsString); 10] = [
        ("--broker", broker.address().to_string().into()),
        ("--topic", "site/+/reading".into()),
        ("--client-id", CLIENT_ID.into()),
        ("--window", format!("tumbling:{WINDOW_MS}ms").into()),
        ("--watermark", format!("{WATERMARK_MS}ms").into()),
        ("--trigger", "100ms".into()),
        ("--keys", "64".into()),
        ("--format", "csv".into()),
        ("--out", path("out")),
        ("--state", path("state")),
    ];
    arguments.extend(options.into_iter().flat_map(|(name, value)| [name.into(), value]));
    arguments.extend(["--drain".into(), "--progress".into()]);
    arguments
}

fn introduction(plan: &Plan, messages: &[Message], broker: &Broker) -> String {
    let directory = Path::display(&plan.directory);
    format!(
        "{} messages of real phones, up to {} ms out of order, played in {:?} over MQTT at {}.\n\
         Windows of {} s per device, watermark {} s behind; files and state in {directory}.",
        messages.len(),
        lag_ms_max(messages),
        plan.playing,
        broker.address(),
        WINDOW_MS / 1_000,
        WATERMARK_MS / 1_000,
    )
}

fn verdict(stage: &Stage, expected: usize, written: usize, differences: &[String]) -> String {
    let counts = format!(
        "{written} rows written, {expected} in the batch answer; gateway restarts {}, messages sent again {}, late rows {}",
        stage.gateway.restarts(),
        stage.broker.redelivered(CLIENT_ID),
        stage.gateway.progress().late,
    );
    if differences.is_empty() {
        return format!("{counts}\nEQUAL: every row matches the batch answer; the cut left no trace.");
    }
    let shown = differences.iter().take(SHOWN_MAX).map(|difference| format!("  {difference}\n"));
    format!("{counts}\n{}DIFFERENT: {} differences.", shown.collect::<String>(), differences.len())
}
