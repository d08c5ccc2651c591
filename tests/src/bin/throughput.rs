//! Rows a second of the two jobs of the speed comparison: `throughput --job tumbling|sliding --from SOURCE`.

use std::process::ExitCode;

use headwater_tests::throughput::command::{Options, USAGE};

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
            eprintln!("throughput: {error}");
            ExitCode::FAILURE
        }
    }
}
