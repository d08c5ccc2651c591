//! The command line: `fuzz <restore|rows> [--seconds N | --runs N] [--seed S] [--input FILE]`.

use core::time::Duration;
use std::path::PathBuf;
use std::time::Instant;

use super::driver::{Target, from_hex, fuzz, hex};
use super::{Restore, Rows};

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    target: String,
    seconds: u64,
    runs: u64,
    seed: u64,
    input: Option<PathBuf>,
}

/// What is wrong with the command.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// An argument.
    #[error("{0}\nusage: fuzz <restore|rows> [--seconds N] [--runs N] [--seed S] [--input FILE_WITH_HEX]")]
    Arguments(#[from] lexopt::Error),
    /// There is no such target.
    #[error("no target {0:?}: there are restore and rows")]
    NoTarget(String),
    /// The input cannot be read.
    #[error("{path}: {what}: give a file with the hexadecimal digits that a failed run printed")]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    /// [`CommandError::Arguments`].
    pub fn parse(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Self, CommandError> {
        use lexopt::prelude::{Long, Value, ValueExt};
        let mut parser = lexopt::Parser::from_args(arguments);
        let seed = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(1, |since| since.as_nanos() as u64);
        let mut options =
            Self { target: String::new(), seconds: u64::MAX, runs: u64::MAX, seed, input: None };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("seconds") => options.seconds = parser.value()?.parse()?,
                Long("runs") => options.runs = parser.value()?.parse()?,
                Long("seed") => options.seed = parser.value()?.parse()?,
                Long("input") => options.input = Some(parser.value()?.into()),
                Value(target) if options.target.is_empty() => options.target = target.string()?,
                argument => return Err(argument.unexpected().into()),
            }
        }
        Ok(options)
    }

    /// Runs it, and says on standard output what came of it. Whether nothing was found.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn execute(&self) -> Result<bool, CommandError> {
        match self.target.as_str() {
            "restore" => self.on(&Restore::default()),
            "rows" => self.on(&Rows),
            target => Err(CommandError::NoTarget(target.to_owned())),
        }
    }

    fn on(&self, target: &impl Target) -> Result<bool, CommandError> {
        if let Some(path) = &self.input {
            let fail = |what: String| CommandError::Input { path: path.clone(), what };
            let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
            let input = from_hex(&text).ok_or_else(|| fail("not pairs of hexadecimal digits".to_owned()))?;
            println!("fuzz {}: class {:016x}", self.target, target.run(&input));
            return Ok(true);
        }
        let (start, limit) = (Instant::now(), Duration::from_secs(self.seconds));
        let report = fuzz(target, self.seed, |runs| runs < self.runs && start.elapsed() < limit);
        println!(
            "fuzz {}: {} executions in {:.0} s, {} classes of outcomes, seed {}",
            self.target,
            report.executions,
            start.elapsed().as_secs_f64(),
            report.classes,
            self.seed
        );
        if let Some(input) = &report.failed {
            println!("failed on the last one; put it in a file and run `fuzz {} --input FILE`:", self.target);
            println!("{}", hex(input));
        }
        Ok(report.failed.is_none())
    }
}
