//! What an image logged: its strings are not in its flash but in its ELF file.

use std::error::Error;
use std::fmt::Write as _;

use defmt_decoder::{DecodeError, Table};

/// One line for each message of the capture.
pub fn lines(image: &[u8], capture: &[u8]) -> Result<String, Box<dyn Error>> {
    let table = Table::parse(image)?.ok_or("the image logs nothing: build it with the feature `defmt`")?;
    let mut decoder = table.new_stream_decoder();
    decoder.received(capture);
    let mut text = String::new();
    loop {
        match decoder.decode() {
            Ok(frame) => {
                let level = frame.level().map_or("", |level| level.as_str());
                writeln!(text, "{level}: {}", frame.display_message())?;
            }
            Err(DecodeError::UnexpectedEof) => return Ok(text),
            Err(DecodeError::Malformed) => return Err("the capture holds a frame that is none".into()),
        }
    }
}
