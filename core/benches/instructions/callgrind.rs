//! Runs this program under callgrind, one kernel at a time, and reads what it has counted.

use core::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, process};

use crate::kernel::{Counting, Kernel};

/// The option by which this program runs one kernel and prints its units.
pub const KERNEL: &str = "--kernel";

/// [`measured`](crate::kernel::measured), as callgrind names it.
const MEASURED: &str = "*::kernel::measured*";
/// What it calls.
const ONE_CALL: &str = "*::kernel::one_call*";

/// The instructions of a kernel.
pub enum Counted {
    Together {
        instructions: u64,
        units: u64,
    },
    /// Ascending.
    EachCall(Vec<u64>),
}

/// Runs the kernel under callgrind.
pub fn count(kernel: &Kernel) -> Result<Counted, CallgrindError> {
    let out = OutFile::of(&kernel.name);
    let printed = run(kernel, &out.0)?;
    let unreadable = || CallgrindError::Unreadable(kernel.name.clone());
    let units: u64 = printed.trim().parse().map_err(|_| unreadable())?;
    let counts = counts(&out.0).map_err(CallgrindError::Io)?;
    match kernel.counting {
        Counting::Together if units > 0 => {
            let instructions = counts.iter().sum();
            // None at all: callgrind did not find the function.
            if instructions == 0 { Err(unreadable()) } else { Ok(Counted::Together { instructions, units }) }
        }
        Counting::EachCall if units > 0 => {
            each_call(counts, units).map(Counted::EachCall).ok_or_else(unreadable)
        }
        _ => Err(unreadable()),
    }
}

/// The counts of single calls, ascending: one dump for each, and after them the end of the last call.
fn each_call(mut counts: Vec<u64>, calls: u64) -> Option<Vec<u64>> {
    let rest = counts.pop()?;
    counts.sort_unstable();
    let is_whole = counts.len() as u64 == calls && counts.first().is_some_and(|least| rest < *least);
    is_whole.then_some(counts)
}

/// The counts of the parts of a profile, which is tens of MB where there are many.
fn counts(profile: &Path) -> io::Result<Vec<u64>> {
    let mut counts = Vec::new();
    for line in BufReader::new(File::open(profile)?).lines() {
        if let Some(count) = line?.strip_prefix("totals:") {
            counts.push(count.trim().parse().map_err(io::Error::other)?);
        }
    }
    Ok(counts)
}

/// Returns what the kernel has printed.
fn run(kernel: &Kernel, out: &Path) -> Result<String, CallgrindError> {
    let mut callgrind = Command::new("valgrind");
    // What the environment holds lies on the stack: without it, addresses are the same on every machine.
    callgrind.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
    callgrind.args(["--tool=callgrind", "--quiet", "--collect-atstart=no", "--combine-dumps=yes"]);
    callgrind.arg(format!("--toggle-collect={MEASURED}"));
    if kernel.counting == Counting::EachCall {
        callgrind.arg(format!("--dump-after={ONE_CALL}"));
    }
    callgrind.arg(format!("--callgrind-out-file={}", out.display()));
    callgrind.arg(env::current_exe().map_err(CallgrindError::Io)?).args([KERNEL, &kernel.name]);
    let output = callgrind.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CallgrindError::NotInstalled,
        _ => CallgrindError::Io(error),
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(CallgrindError::Failed { kernel: kernel.name.clone(), errors: text(&output.stderr) })
    }
}

/// Where callgrind writes a profile; removed at the end.
struct OutFile(PathBuf);

impl OutFile {
    fn of(kernel: &str) -> Self {
        let name = format!("callgrind.{}.{}", kernel.replace('/', "-"), process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }
}

impl Drop for OutFile {
    fn drop(&mut self) {
        // It may not have been written.
        fs::remove_file(&self.0).ok();
    }
}

/// A kernel has no count.
#[derive(Debug)]
pub enum CallgrindError {
    NotInstalled,
    Failed {
        kernel: String,
        errors: String,
    },
    /// The counts are not those of the calls.
    Unreadable(String),
    Io(io::Error),
}

impl fmt::Display for CallgrindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str("valgrind is missing: install the package `valgrind`"),
            Self::Failed { kernel, errors } => write!(f, "{kernel} failed under callgrind:\n{errors}"),
            Self::Unreadable(kernel) => {
                write!(f, "callgrind's counts of {kernel} are not one for each measured call")
            }
            Self::Io(error) => write!(f, "callgrind could not be run: {error}"),
        }
    }
}

impl core::error::Error for CallgrindError {}
