//! `headwater`: what stands in a checkpoint log.
#![forbid(unsafe_code)]

use core::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use headwater_std::inspect::{self, Fact, Image, Part};
use lexopt::prelude::*;

const USAGE: &str = "\
headwater inspect IMAGE   what stands in a checkpoint log: geometry, wear, epochs, the query, its progress and its state
headwater fsck IMAGE      whether it is whole; each damaged record with its place

IMAGE is a dump of a device's flash with one log or several, the log of a gateway, or its checkpoint directory. It is only read,
also while a gateway runs on it. Logs in a whole dump are found by their sectors' headers; where a log does not begin at a multiple of its own size,
name its place with --offset and --length.

  --json           a JSON object per line
  --offset N       look at the image from byte N on         [default: 0]
  --length N       look at so many bytes                    [default: to the end]
  --write-size N   bytes of a word of the flash, and
  --erase-size N   of an erase sector, for one log none of whose sectors can be read: else the log tells
  --help           this text

N is decimal, or hexadecimal with 0x.

Exit status of fsck, of several logs the worst: 0 clean, also after a power cut; 1 damaged, or looks so after a power cut in an erase, and a
restart goes on from the epoch named; 2 unusable, no log, or an error. Of inspect: 0, or 2 after an error
";

enum Command {
    Inspect,
    Fsck,
}

struct Options {
    command: Command,
    path: PathBuf,
    part: Part,
    json: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("headwater: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<u8, Box<dyn Error>> {
    let Some(options) = parse(lexopt::Parser::from_env())? else {
        print!("{USAGE}");
        return Ok(0);
    };
    let image = Image::open(&options.path, options.part)?;
    let (facts, status) = match options.command {
        Command::Inspect => (inspect::inspect(&image), 0),
        Command::Fsck => inspect::fsck(&image),
    };
    match write(&facts, options.json) {
        // Whoever reads has enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(status),
        written => Ok(written.map(|()| status)?),
    }
}

fn write(facts: &[Fact], json: bool) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for fact in facts {
        if json {
            serde_json::to_writer(&mut out, fact)?;
            writeln!(out)?;
        } else {
            writeln!(out, "{fact}")?;
        }
    }
    out.flush()
}

/// `None` for `--help`.
fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Box<dyn Error>> {
    let (mut command, mut path, mut part, mut json) = (None, None, Part::default(), false);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("json") => json = true,
            Long("offset") => part.offset = Some(parser.value()?.parse_with(number)?),
            Long("length") => part.length = Some(parser.value()?.parse_with(number)?),
            Long("write-size") => part.write_size = Some(parser.value()?.parse_with(number)?),
            Long("erase-size") => part.erase_size = Some(parser.value()?.parse_with(number)?),
            Value(value) if command.is_none() => {
                command = Some(match value.to_str() {
                    Some("inspect") => Command::Inspect,
                    Some("fsck") => Command::Fsck,
                    _ => {
                        return Err(
                            format!("{value:?} is no command: give inspect or fsck, or see --help").into()
                        );
                    }
                });
            }
            Value(value) if path.is_none() => path = Some(PathBuf::from(value)),
            other => return Err(format!("{}; see --help", other.unexpected()).into()),
        }
    }
    let command = command.ok_or("give a command, inspect or fsck, or see --help")?;
    let path = path.ok_or("give the image: a dump, a gateway's log, or its checkpoint directory")?;
    Ok(Some(Options { command, path, part, json }))
}

fn number(text: &str) -> Result<usize, core::num::ParseIntError> {
    match text.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16),
        None => text.parse(),
    }
}
