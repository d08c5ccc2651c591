//! A result on the wire: a postcard message in COBS, or a line of text.

use headwater::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plans::{MeansRow, SessionsRow};

/// The most bytes of a frame or a line.
const FRAME_BYTES: usize = 96;
/// A mean above this is an alert, ms.
const ALERT_MS: f64 = 250.0;

/// What is sent for one result. `number` counts the results of a query from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// A window of the tumbling query.
    Mean {
        /// Number of the result.
        number: u64,
        /// Whose window.
        device: u8,
        /// Start of the window, ms since 1970 UTC.
        start_ms: i64,
        /// Readings in it.
        rows: u64,
        /// Mean round trip, µs.
        mean_micros: u64,
        /// Whether the mean is above 250 ms.
        alert: bool,
    },
    /// A session.
    Session {
        /// Number of the result.
        number: u64,
        /// Whose session.
        device: u8,
        /// Its first reading, ms since 1970 UTC.
        start_ms: i64,
        /// Its end: the last reading and the gap, ms since 1970 UTC.
        end_ms: i64,
        /// Readings in it.
        rows: u64,
        /// Slowest round trip, ms.
        slowest_ms: u16,
    },
}

/// How frames look on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameFormat {
    /// Postcard in COBS, a zero byte after each frame.
    Cobs,
    /// A line of comma-separated fields.
    Text,
}

impl FrameFormat {
    /// What is sent when the device starts, and ends what a cut left of a frame: a receiver takes it for one frame that is none.
    #[must_use]
    pub const fn start(self) -> &'static [u8] {
        match self {
            Self::Cobs => &[0],
            Self::Text => b"\n",
        }
    }
}

impl Frame {
    /// The query it is a result of, and its number there.
    #[must_use]
    pub const fn position(&self) -> (&'static str, u64) {
        match *self {
            Self::Mean { number, .. } => ("means", number),
            Self::Session { number, .. } => ("sessions", number),
        }
    }
}

/// A result as its query's frame.
pub trait IntoFrame {
    /// The frame with this number.
    fn into_frame(self, number: u64) -> Frame;
}

impl IntoFrame for MeansRow {
    fn into_frame(self, number: u64) -> Frame {
        let (rows, mean) = self.value;
        let mean_ms = mean.unwrap_or(0.0);
        Frame::Mean {
            number,
            device: self.key,
            start_ms: millis(self.window.start),
            rows,
            mean_micros: (mean_ms * 1_000.0) as u64,
            alert: mean_ms > ALERT_MS,
        }
    }
}

impl IntoFrame for SessionsRow {
    fn into_frame(self, number: u64) -> Frame {
        let (rows, slowest) = self.value;
        Frame::Session {
            number,
            device: self.key,
            start_ms: millis(self.window.start),
            end_ms: millis(self.window.end),
            rows,
            slowest_ms: slowest.unwrap_or(0),
        }
    }
}

fn millis(at: Timestamp) -> i64 {
    at.as_millis()
}

/// A frame's bytes.
pub(crate) struct Encoded {
    bytes: [u8; FRAME_BYTES],
    length: usize,
}

impl Encoded {
    pub(crate) fn of(frame: &Frame, format: FrameFormat) -> Self {
        let mut encoded = Self { bytes: [0; FRAME_BYTES], length: 0 };
        match format {
            FrameFormat::Cobs => encoded.cobs(frame),
            FrameFormat::Text => encoded.text(frame),
        }
        encoded
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn put(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length = self.length.saturating_add(1);
        }
    }

    /// COBS of a message shorter than 254 bytes: before each run without a zero stands how long it is, and one more.
    fn cobs(&mut self, frame: &Frame) {
        let mut message = [0; FRAME_BYTES];
        let Ok(message) = postcard::to_slice(frame, &mut message) else { return };
        for run in message.split(|byte| *byte == 0) {
            self.put((run.len() as u8).wrapping_add(1));
            run.iter().for_each(|byte| self.put(*byte));
        }
        self.put(0);
    }

    fn text(&mut self, frame: &Frame) {
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
