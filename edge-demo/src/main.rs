//! `cargo run --release -p edge-demo`: see the crate's documentation, or `--help`.
#![forbid(unsafe_code)]

use core::error::Error;
use core::time::Duration;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use edge_demo::{demo, gateway};
use lexopt::prelude::*;

const USAGE: &str = "\
Plays a recorded stream of real devices over MQTT through a gateway, kills the gateway midway, starts it again,
and compares the files it wrote with the batch answer. Exit status 0 only if every row matched.

  --seconds N    time to play the recording in   [default: 12]
  --dir DIR      keep output and state in DIR, which is to be new or empty; otherwise a temporary
                 directory is used and removed
  --help         this text

The gateway by itself, for a real broker or for files: cargo run --release -p edge-demo --bin gateway -- --help
";

/// Under this first argument the program is the gateway: `cargo run` builds only the program it runs, so the demo cannot
/// count on finding the `gateway` program beside itself.
const AS_GATEWAY: &str = "gateway";

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1).peekable();
    if arguments.next_if(|first| first == AS_GATEWAY).is_some() {
        return gateway::main(arguments);
    }
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("edge-demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<bool, Box<dyn Error>> {
    let mut playing = Duration::from_secs(12);
    let mut kept: Option<PathBuf> = None;
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") => {
                print!("{USAGE}");
                return Ok(true);
            }
            Long("seconds") => playing = Duration::try_from_secs_f64(parser.value()?.parse()?)?,
            Long("dir") => kept = Some(parser.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    let temporary = tempfile::tempdir()?;
    let directory = kept.unwrap_or_else(|| temporary.path().to_owned());
    let is_used = directory.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if is_used {
        return Err(format!("--dir: {} is not empty", directory.display()).into());
    }
    let plan = demo::Plan {
        program: env::current_exe()?,
        first_arguments: vec![AS_GATEWAY.into()],
        playing,
        directory,
    };
    Ok(demo::run(&plan)?)
}
