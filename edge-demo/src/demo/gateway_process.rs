//! The gateway as a process of its own, which can be killed.

use core::time::Duration;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use serde_json::Value;

use crate::gateway::RUNNING;

/// What the gateway told of itself. Rows count from its first start: they are kept in its checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows taken from the source.
    pub rows_in: u64,
    /// Rows dropped as late.
    pub late: u64,
    /// Messages delivered twice and dropped, in the present life.
    pub duplicates: u64,
    /// Rows of the answer.
    pub emitted: u64,
    /// RFC 3339; none before the first row.
    pub watermark: Option<String>,
    /// Entries in use.
    pub state_rows: u64,
    /// Entries there are.
    pub state_capacity: u64,
}

impl Progress {
    /// Takes in one line of `--progress`.
    fn absorb(&mut self, line: &Value) {
        let number = |pointer: &str| line.pointer(pointer).and_then(Value::as_u64);
        self.rows_in = number("/rows/rowsIn").unwrap_or(self.rows_in);
        self.late = number("/rows/late").unwrap_or(self.late);
        self.duplicates = number("/sources/0/metrics/redelivered").unwrap_or(self.duplicates);
        self.emitted = number("/rows/emitted").unwrap_or(self.emitted);
        self.state_rows = number("/stateOperators/0/numRowsTotal").unwrap_or(self.state_rows);
        self.state_capacity = number("/stateOperators/0/numRowsCapacity").unwrap_or(self.state_capacity);
        let watermark = line.pointer("/eventTime/watermark").and_then(Value::as_str);
        self.watermark = watermark.map(str::to_owned).or(self.watermark.take());
    }
}

#[derive(Debug, Default)]
struct Heard {
    /// Whether the present life has begun and listens to signals.
    is_running: bool,
    progress: Progress,
    /// The last line of standard error that is not progress: the reason, should the gateway end.
    message: String,
}

/// A gateway process and how to start it again.
#[derive(Debug)]
pub struct GatewayProcess {
    program: PathBuf,
    arguments: Vec<OsString>,
    child: Child,
    listener: Option<JoinHandle<()>>,
    heard: Arc<Mutex<Heard>>,
    restarts: u32,
}

impl GatewayProcess {
    /// Starts `program` with `arguments`, among which should be `--progress`.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn start(program: &Path, arguments: Vec<OsString>) -> io::Result<Self> {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (child, listener) = spawn(program, &arguments, &heard)?;
        Ok(Self {
            program: program.to_owned(),
            arguments,
            child,
            listener: Some(listener),
            heard,
            restarts: 0,
        })
    }

    /// Ends the process as a power cut would (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.join_listener();
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).is_running = false;
        Ok(())
    }

    /// Starts the process again, with the same arguments and so the same state.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn restart(&mut self) -> io::Result<()> {
        let (child, listener) = spawn(&self.program, &self.arguments, &self.heard)?;
        self.child = child;
        self.listener = Some(listener);
        self.restarts += 1;
        Ok(())
    }

    /// Asks the process to stop (SIGTERM) and waits for its end.
    ///
    /// # Errors
    /// When it cannot be asked, or does not end within `patience`.
    pub fn stop(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::TERM,
        )?;
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                self.join_listener();
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the gateway still runs {patience:?} after SIGTERM"),
        ))
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the process to end.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        self.join_listener();
        Ok(status)
    }

    /// How the process ended, if it has.
    ///
    /// # Errors
    /// When the operating system cannot say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Whether the present life of the process has opened source, sink and state, and stops cleanly when asked to.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).is_running
    }

    /// What the process told last.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).progress.clone()
    }

    /// The last line of standard error that was not progress.
    #[must_use]
    pub fn message(&self) -> String {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).message.clone()
    }

    /// Times the process was started again.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    fn join_listener(&mut self) {
        if let Some(listener) = self.listener.take() {
            // It ends with the pipe; a panic in it would only cost progress lines.
            let _ = listener.join();
        }
    }
}

impl Drop for GatewayProcess {
    /// Leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(
    program: &Path,
    arguments: &[OsString],
    heard: &Arc<Mutex<Heard>>,
) -> io::Result<(Child, JoinHandle<()>)> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = child.stderr.take().ok_or_else(|| io::Error::other("the gateway has no standard error"))?;
    let heard = Arc::clone(heard);
    let listener =
        thread::Builder::new().name("gateway-stderr".into()).spawn(move || listen(stderr, &heard))?;
    Ok((child, listener))
}

fn listen(stderr: impl Read, heard: &Mutex<Heard>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        match serde_json::from_str::<Value>(&line) {
            Ok(object) if object.is_object() => heard.progress.absorb(&object),
            _ if line == RUNNING => heard.is_running = true,
            _ => heard.message = line,
        }
    }
}
