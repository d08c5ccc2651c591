//! The desktop's side of the firmware: `answer` runs the same queries here, `receive` reads what came over the wire.
#![forbid(unsafe_code)]

mod answer;
#[cfg(feature = "defmt")]
mod log;
mod receive;

use std::env;
use std::error::Error;
use std::fs;
use std::process::ExitCode;

use headwater_firmware_query::{Cobs, Text};

const USAGE: &str = "\
answer cobs|text OUTPUT FLASH   run the queries here; write what the device sends, and the image of its flash
receive CAPTURE                 print each result in a capture once, in order of query and number; status 1 if one is
                                missing, or was sent again with other bytes
log IMAGE CAPTURE               print what an image with the feature `defmt` logged; needs the feature `defmt` here too
";

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headwater-firmware-desktop: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["answer", "cobs", output, flash] => answer::write::<Cobs>(output.as_ref(), flash.as_ref())?,
        ["answer", "text", output, flash] => answer::write::<Text>(output.as_ref(), flash.as_ref())?,
        ["receive", capture] => {
            let bytes = fs::read(capture).map_err(|error| format!("cannot read {capture}: {error}"))?;
            print!("{}", receive::results(&bytes)?);
        }
        #[cfg(feature = "defmt")]
        ["log", image, capture] => {
            let image = fs::read(image).map_err(|error| format!("cannot read {image}: {error}"))?;
            let bytes = fs::read(capture).map_err(|error| format!("cannot read {capture}: {error}"))?;
            print!("{}", log::lines(&image, &bytes)?);
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}
