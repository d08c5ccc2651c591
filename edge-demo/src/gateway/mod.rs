//! The gateway: device rows from MQTT or files, windows per device, files out.

mod duration;
pub mod options;
pub mod reading;
mod rfc3339;

use std::ffi::OsString;
use std::process::ExitCode;

pub use duration::parse_duration;
pub use rfc3339::parse_rfc3339;

use options::Command;

/// Exit status after a wrong command line, as of most Unix programs.
const USAGE_ERROR: u8 = 2;

/// Runs the gateway with the arguments of its command line, without the program's name, until it is stopped.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match options::parse(arguments) {
        Ok(Command::Help) => {
            print!("{}", options::USAGE);
            ExitCode::SUCCESS
        }
        Ok(Command::Run(_options)) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}
