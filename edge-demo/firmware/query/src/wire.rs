//! How frames look on the wire: a postcard message in COBS, or a line of text. An image holds the code of one of them.

use embedded_io::Write;

use crate::{Fault, Frame};

/// The most bytes of a frame or a line.
const FRAME_BYTES: usize = 96;
/// A session with every number as long as can be, and some to spare.
const LINE_BYTES: usize = 144;

/// How frames look on the wire.
pub trait FrameFormat {
    /// What is sent when the device starts, and ends what a cut left of a frame: a receiver takes it for one frame that is none.
    const START: &'static [u8];

    /// Sends a frame.
    ///
    /// # Errors
    /// [`Fault::Wire`].
    fn send<W: Write>(frame: &Frame, wire: &mut W) -> Result<(), Fault>;
}

/// Postcard in COBS, a zero byte after each frame.
#[derive(Debug, Clone, Copy)]
pub struct Cobs;

/// A line of comma-separated fields.
#[derive(Debug, Clone, Copy)]
pub struct Text;

impl FrameFormat for Cobs {
    const START: &'static [u8] = &[0];

    /// COBS of a message shorter than 254 bytes: before each run without a zero stands how long it is, and one more.
    #[inline(never)]
    fn send<W: Write>(frame: &Frame, wire: &mut W) -> Result<(), Fault> {
        let mut message = [0; FRAME_BYTES];
        let message = postcard::to_slice(frame, &mut message).map_err(|_| Fault::Wire)?;
        for run in message.split(|byte| *byte == 0) {
            write_all(wire, &[(run.len() as u8).wrapping_add(1)])?;
            write_all(wire, run)?;
        }
        write_all(wire, &[0])
    }
}

impl FrameFormat for Text {
    const START: &'static [u8] = b"\n";

    #[inline(never)]
    fn send<W: Write>(frame: &Frame, wire: &mut W) -> Result<(), Fault> {
        let mut line = Line { bytes: [0; LINE_BYTES], length: 0 };
        line.write(frame);
        write_all(wire, line.bytes.get(..line.length).unwrap_or_default())
    }
}

/// As `Write::write_all`, which would panic where a wire takes nothing.
fn write_all<W: Write>(wire: &mut W, bytes: &[u8]) -> Result<(), Fault> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let taken = wire.write(rest).map_err(|_| Fault::Wire)?;
        rest = rest.get(taken..).filter(|_| taken > 0).ok_or(Fault::Wire)?;
    }
    Ok(())
}

/// A line of text.
struct Line {
    bytes: [u8; LINE_BYTES],
    length: usize,
}

impl Line {
    fn put(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length = self.length.saturating_add(1);
        }
    }

    fn write(&mut self, frame: &Frame) {
        match *frame {
            Frame::Mean { number, device, start_ms, rows, mean_micros, alert } => {
                self.word(b"mean");
                self.fields(&[number, device.into(), start_ms.cast_unsigned(), rows, mean_micros]);
                self.word(if alert { b",alert" } else { b"," });
            }
            Frame::Session { number, device, start_ms, end_ms, rows, slowest_ms } => {
                self.word(b"session");
                let (start_ms, end_ms) = (start_ms.cast_unsigned(), end_ms.cast_unsigned());
                self.fields(&[number, device.into(), start_ms, end_ms, rows, slowest_ms.into()]);
            }
        }
        self.put(b'\n');
    }

    fn word(&mut self, word: &[u8]) {
        word.iter().for_each(|byte| self.put(*byte));
    }

    fn fields(&mut self, fields: &[u64]) {
        for field in fields {
            self.put(b',');
            self.number(*field);
        }
    }

    fn number(&mut self, number: u64) {
        let mut digits = [b'0'; 20];
        let mut rest = number;
        let mut used = 0_usize;
        for digit in digits.iter_mut().rev() {
            *digit = b'0'.wrapping_add((rest % 10) as u8);
            rest /= 10;
            used = used.wrapping_add(1);
            if rest == 0 {
                break;
            }
        }
        digits.iter().skip(digits.len().saturating_sub(used)).for_each(|digit| self.put(*digit));
    }
}
