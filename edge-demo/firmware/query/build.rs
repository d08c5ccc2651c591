//! Packs the recording of `edge-demo/data/phones.csv` into 8 bytes per row, which lie in flash.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

const RECORDING: &str = "../../data/phones.csv";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={RECORDING}");
    let text = fs::read_to_string(RECORDING).map_err(|error| format!("{RECORDING}: {error}"))?;
    let mut packed = Vec::new();
    let mut last_ms = None;
    for (index, line) in text.lines().enumerate().skip(1) {
        let row =
            pack(line, &mut last_ms).ok_or_else(|| format!("{RECORDING}, line {}: `{line}`", index + 1))?;
        packed.extend_from_slice(&row);
    }
    let start_ms: i64 = first_arrival(&text).ok_or("the recording is empty")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("recording.bin"), &packed)?;
    fs::write(
        out.join("recording.rs"),
        format!(
            "const START_MS: i64 = {start_ms};\n/// Rows in the recording.\npub const ROWS: usize = {};\n",
            packed.len() / 8
        ),
    )?;
    Ok(())
}

fn first_arrival(text: &str) -> Option<i64> {
    text.lines().nth(1)?.split(',').next()?.parse().ok()
}

/// Milliseconds since the row before, milliseconds from event to arrival, the value, the device, one byte unused.
fn pack(line: &str, last_ms: &mut Option<i64>) -> Option<[u8; 8]> {
    let mut cells = line.split(',');
    let arrival_ms: i64 = cells.next()?.parse().ok()?;
    let device: u8 = cells.next()?.strip_prefix("dev_")?.parse().ok()?;
    let event_ms: i64 = cells.nth(1)?.parse().ok()?;
    let round_trip_ms: u16 = cells.next()?.parse().ok()?;
    let since = u16::try_from(arrival_ms - last_ms.replace(arrival_ms).unwrap_or(arrival_ms)).ok()?;
    let lag = u16::try_from(arrival_ms - event_ms).ok()?;
    let ([a, b], [c, d], [e, f]) = (since.to_le_bytes(), lag.to_le_bytes(), round_trip_ms.to_le_bytes());
    Some([a, b, c, d, e, f, device, 0])
}
