//! The gateway: device rows from MQTT or files, count, mean, min and max per device and window, files out.
//!
//! A thin layer over `headwater-std`: it reads the command line ([`options`]), picks source and plan, and waits for the end.

mod columns;
mod directories;
mod duration;
mod losses;
pub mod options;
mod plan;
pub mod reading;
mod rfc3339;
mod run;
mod warnings;

use std::ffi::OsString;
use std::process::ExitCode;

pub use duration::parse_duration;
pub use rfc3339::parse_rfc3339;
pub use run::RUNNING;

use options::Command;

/// Exit status after a wrong command line, as of most Unix programs.
const USAGE_ERROR: u8 = 2;

/// Runs the gateway with the arguments of its command line, without the program's name, until it is stopped.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = options::parse(arguments).and_then(|command| {
        if let Command::Run(options) = &command {
            directories::check(options)?;
        }
        Ok(command)
    });
    match command {
        Ok(Command::Help) => {
            print!("{}", options::USAGE);
            ExitCode::SUCCESS
        }
        Ok(Command::Run(options)) => {
            warnings::print_to_stderr();
            match run::run(&options) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("gateway: {error}");
                    ExitCode::FAILURE
                }
            }
        }
        Err(error) => {
            eprintln!("gateway: {error}; --help lists the options");
            ExitCode::from(USAGE_ERROR)
        }
    }
}
