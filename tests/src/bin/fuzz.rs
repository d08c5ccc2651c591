//! Looks for panics and endless loops: `fuzz <restore|rows> [--seconds N] [--runs N] [--seed S] [--input FILE]`.

use std::process::ExitCode;

use headwater_tests::fuzz::command::Options;

fn main() -> ExitCode {
    match Options::parse(std::env::args_os().skip(1)).and_then(|options| options.execute()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fuzz: {error}");
            ExitCode::from(2)
        }
    }
}
