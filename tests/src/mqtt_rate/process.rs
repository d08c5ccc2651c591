//! The broker and the gateway as processes of their own, ended with this one.

use core::time::Duration;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// First line of the gateway's `--progress`.
const RUNNING: &str = "gateway: running";

/// A child that does not outlive its handle.
pub(super) struct Process(Child);

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Asks it to stop and waits for that.
    pub(super) fn stop(&mut self) -> io::Result<()> {
        Command::new("kill").args(["-TERM", &self.id().to_string()]).status()?;
        let status = self.0.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("it ended with {status}"))) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a mosquitto on a free port of the loopback interface.
pub(super) fn start_broker(directory: &Path, in_flight: u16) -> io::Result<(Process, u16)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type error\n\
         max_inflight_messages {in_flight}\nmax_queued_messages 0\n"
    );
    let configuration = directory.join("mosquitto.conf");
    fs::write(&configuration, text)?;
    let candidates = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
    let started = candidates.iter().find_map(|program| {
        Command::new(program)
            .arg("-c")
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()
    });
    let process = Process(started.ok_or_else(|| io::Error::other("mosquitto is not installed"))?);
    for _ in 0..500 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok((process, port));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(io::Error::other(format!("mosquitto does not listen on port {port}")))
}

/// Starts the gateway; what comes from the channel is how many rows it has committed, `None` once it runs.
pub(super) fn start_gateway(
    program: &Path,
    arguments: &[OsString],
) -> io::Result<(Process, Receiver<Option<u64>>)> {
    let mut child = Command::new(program).args(arguments).stderr(Stdio::piped()).spawn()?;
    let lines = child.stderr.take().map(BufReader::new);
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in lines.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
            let told = match line.as_str() {
                RUNNING => Some(None),
                report => rows_committed(report).map(Some),
            };
            match told {
                Some(told) if sender.send(told).is_err() => return,
                Some(_) => {}
                None => eprintln!("{line}"),
            }
        }
    });
    Ok((Process(child), receiver))
}

fn rows_committed(report: &str) -> Option<u64> {
    let report: serde_json::Value = serde_json::from_str(report).ok()?;
    let rows = &report["rows"];
    // A row that was handed back, because state was full, came once more.
    rows["rowsIn"].as_u64()?.checked_sub(rows["refused"].as_u64()?)
}

/// Processor time of a process so far, in user and kernel mode together.
pub(super) fn processor_time(id: u32) -> io::Result<Duration> {
    // Linux counts in hundredths of a second, whatever its own tick is.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name, in parentheses, may hold blanks; user and kernel time are the 12th and 13th field after it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
    let ticks: u64 = fields.take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}
