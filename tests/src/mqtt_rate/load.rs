//! The load: all messages encoded beforehand, then written as fast as the broker acknowledges them.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;

use crate::throughput::rows::Reading;

use super::wire;

/// Messages that may be on their way to the broker; packet ids end at 65,535.
const UNACKNOWLEDGED_MAX: u64 = 8_192;
/// Messages written at a time.
const CHUNK: usize = 256;
const PUBACK_BYTES: u64 = 4;
/// How long acknowledgements gather; the broker has enough to do for ten times as long.
const GATHERING: Duration = Duration::from_millis(5);

/// Name of the device of a key.
pub(super) fn device(key: u32) -> String {
    format!("sensor-{key:04}")
}

/// The messages as the broker gets them, so many in each chunk.
pub(super) fn encode(rows: &[Reading]) -> Vec<(u64, Vec<u8>)> {
    let mut numbered = (0_u64..).zip(rows).peekable();
    let mut chunks = Vec::new();
    while numbered.peek().is_some() {
        let (mut count, mut bytes) = (0, Vec::new());
        for (number, row) in numbered.by_ref().take(CHUNK) {
            let device = device(row.key);
            let payload =
                format!(r#"{{"device":"{device}","at":{},"value":{:.2},"seq":{number}}}"#, row.ts, row.value);
            let packet_id = (number % 65_535 + 1) as u16;
            wire::publish(&mut bytes, packet_id, &format!("plant/{device}/reading"), payload.as_bytes());
            count += 1;
        }
        chunks.push((count, bytes));
    }
    chunks
}

/// Publishes everything and returns when the broker has acknowledged all of it.
///
/// Acknowledgements are left to gather in the socket and read many at a time: waking for each would take the processor from broker
/// and gateway.
///
/// # Errors
/// When the connection fails.
pub(super) fn publish(port: u16, chunks: &[(u64, Vec<u8>)]) -> io::Result<()> {
    let mut stream = wire::connect(port, "load", true)?;
    let (mut sent, mut acknowledged_bytes) = (0, 0);
    let mut read = vec![0; 1 << 16];
    let mut wait_until = |stream: &mut TcpStream, acknowledged: u64| {
        while acknowledged_bytes < acknowledged * PUBACK_BYTES {
            thread::sleep(GATHERING);
            match stream.read(&mut read)? {
                0 => return Err(io::Error::other("the broker closed the load's connection")),
                // Only PUBACKs come.
                bytes => acknowledged_bytes += bytes as u64,
            }
        }
        Ok(())
    };
    for (count, bytes) in chunks {
        wait_until(&mut stream, (sent + count).saturating_sub(UNACKNOWLEDGED_MAX))?;
        stream.write_all(bytes)?;
        sent += count;
    }
    wait_until(&mut stream, sent)?;
    stream.write_all(&[0xE0, 0])
}
