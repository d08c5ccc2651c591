//! Runs recorded Spark scenarios on the engine: `conformance [--restart] [--list] DIR_OR_FILE...`.

use std::io::Write;
use std::process::ExitCode;

use headwater_tests::scenario::command::Options;

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let done = Options::parse(std::env::args_os().skip(1)).and_then(|options| {
        let well = options.execute(&mut out)?;
        out.flush()?;
        Ok(well)
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::from(2)
        }
    }
}
