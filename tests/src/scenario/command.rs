//! The command line of the conformance run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::compact::compact;
use super::deviation::DEVIATIONS;
use super::engine::start;
use super::read::{ReadError, Scenario, documents, files, scenarios};
use super::report::Report;
use super::run::run;

/// How the command is used.
pub const USAGE: &str = "\
usage: conformance [--restart] [--list] [--compact OUT] DIR_OR_FILE...

Runs recorded Spark scenarios (.json, or .jsonl with one on each line; a directory stands for those in it) and compares
rows, watermarks, late counts and refusals, each step an epoch. Prints a line for each difference and last the count.

  --restart      write the state to the log, drop it and restore it between every two steps
  --list         print the operators covered and how often, and run nothing
  --compact OUT  write the scenarios to OUT in the compact form, and run nothing
  --help         print this";

/// What the command is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Run, with restarts between the steps or without.
    Run {
        /// Whether to restart.
        restart: bool,
    },
    /// List the operators.
    List,
    /// Write the compact form to this file.
    Compact(PathBuf),
    /// Print the usage.
    Help,
}

/// The command line, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What to do.
    pub action: Action,
    /// With which files and directories.
    pub paths: Vec<PathBuf>,
}

/// Why the command could not do what it was asked to. That scenarios differ is no error.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The command line makes no sense.
    #[error("{0}; see --help")]
    Usage(String),
    /// A scenario cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

impl Options {
    /// Reads the arguments that follow the program's name.
    ///
    /// # Errors
    /// [`CommandError::Usage`].
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, CommandError> {
        let usage = |error: lexopt::Error| CommandError::Usage(error.to_string());
        let mut parser = lexopt::Parser::from_args(arguments);
        let (mut restart, mut list, mut out, mut help) = (false, false, None, false);
        let mut paths = Vec::new();
        while let Some(argument) = parser.next().map_err(usage)? {
            match argument {
                lexopt::Arg::Long("restart") => restart = true,
                lexopt::Arg::Long("list") => list = true,
                lexopt::Arg::Long("compact") => out = Some(parser.value().map_err(usage)?.into()),
                lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => help = true,
                lexopt::Arg::Value(path) => paths.push(path.into()),
                other => return Err(usage(other.unexpected())),
            }
        }
        let action = match (help, list, out) {
            (true, ..) => Action::Help,
            (false, true, _) => Action::List,
            (false, false, Some(out)) => Action::Compact(out),
            (false, false, None) => Action::Run { restart },
        };
        if paths.is_empty() && !help {
            return Err(CommandError::Usage("name a file or directory with scenarios".to_owned()));
        }
        Ok(Self { action, paths })
    }

    /// Does it, and tells whether all is well: no scenario failed.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn execute(&self, out: &mut impl Write) -> Result<bool, CommandError> {
        match &self.action {
            Action::Run { restart } => Ok(run_all(&self.paths, *restart, out)?),
            Action::List => list(&self.paths, out).map(|()| true),
            Action::Compact(file) => write_compact(&self.paths, file).map(|()| true),
            Action::Help => writeln!(out, "{USAGE}").map(|()| true).map_err(CommandError::from),
        }
    }
}

/// Runs all scenarios of these files and directories on the engine.
///
/// # Errors
/// Those of `out`; what cannot be read is a failure of the run.
pub fn run_all(paths: &[PathBuf], restart: bool, out: &mut impl Write) -> io::Result<bool> {
    let mut report = Report::new(DEVIATIONS);
    for scenario in all(paths) {
        match scenario {
            Ok(scenario) => report.ran(&scenario, &run(&scenario, restart, start), out)?,
            Err(error) => report.unreadable(&error, out)?,
        }
    }
    report.finish(out)?;
    Ok(report.failed == 0)
}

fn all(paths: &[PathBuf]) -> impl Iterator<Item = Result<Scenario, ReadError>> {
    let of_path = |path: &PathBuf| match files(path) {
        Ok(files) => files.iter().flat_map(|file| scenarios(file)).collect(),
        Err(error) => vec![Err(error)],
    };
    paths.iter().flat_map(of_path)
}

fn list(paths: &[PathBuf], out: &mut impl Write) -> Result<(), CommandError> {
    let mut operators: BTreeMap<String, usize> = BTreeMap::new();
    for scenario in all(paths) {
        *operators.entry(scenario?.operator).or_default() += 1;
    }
    operators.iter().try_for_each(|(operator, scenarios)| writeln!(out, "{operator} {scenarios}"))?;
    Ok(())
}

fn write_compact(paths: &[PathBuf], out: &Path) -> Result<(), CommandError> {
    let mut lines = String::new();
    for path in paths {
        for file in files(path)? {
            for (place, json) in documents(&file)? {
                let scenario = compact(&json?).map_err(|source| ReadError::Field { place, source })?;
                lines.push_str(&format!("{scenario}\n"));
            }
        }
    }
    std::fs::write(out, lines)?;
    Ok(())
}
