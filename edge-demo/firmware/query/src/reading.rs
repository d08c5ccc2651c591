//! The rows: a recording in flash, where a device of your own reads a sensor.

use headwater::Timestamp;

include!(concat!(env!("OUT_DIR"), "/recording.rs"));

/// See `build.rs` for the bytes of a row.
static RECORDING: [u8; ROWS * ROW_BYTES] = *include_bytes!(concat!(env!("OUT_DIR"), "/recording.bin"));

const ROW_BYTES: usize = 8;

/// One reading of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When it reached the device that runs the queries, ms since 1970 UTC.
    pub arrival_ms: i64,
    /// Who measured.
    pub device: u8,
    /// When it was measured.
    pub at: Timestamp,
    /// What was measured: the time from sending a message to its answer.
    pub round_trip_ms: u16,
}

/// The recording, in order of arrival.
pub fn recording() -> impl Iterator<Item = Reading> {
    let (rows, _) = RECORDING.as_chunks::<ROW_BYTES>();
    let mut arrival_ms = START_MS;
    rows.iter().map(move |&[since_low, since_high, lag_low, lag_high, low, high, device, _]| {
        arrival_ms = arrival_ms.wrapping_add(i64::from(u16::from_le_bytes([since_low, since_high])));
        let lag_ms = i64::from(u16::from_le_bytes([lag_low, lag_high]));
        Reading {
            arrival_ms,
            device,
            at: Timestamp::from_millis(arrival_ms.wrapping_sub(lag_ms)),
            round_trip_ms: u16::from_le_bytes([low, high]),
        }
    })
}
