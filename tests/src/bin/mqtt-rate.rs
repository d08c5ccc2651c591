//! Messages a second of one gateway from a real mosquitto to files: `mqtt-rate [--messages N]`.

use std::process::ExitCode;

use headwater_tests::mqtt_rate::command::{Options, USAGE};

fn main() -> ExitCode {
    let done = Options::parse(std::env::args_os().skip(1)).and_then(|options| match options {
        Some(options) => options.execute(&mut std::io::stdout().lock()),
        None => {
            println!("{USAGE}");
            Ok(())
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mqtt-rate: {error}");
            ExitCode::FAILURE
        }
    }
}
