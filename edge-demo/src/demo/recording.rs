//! The recorded stream of `data/phones.csv`; see `data/README.md` for where it comes from.

use core::num::ParseIntError;

/// One message as it reached the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// When the server received it, ms since 1970 UTC; never decreases from message to message.
    pub arrival_ms: i64,
    /// Who sent it.
    pub device: &'static str,
    /// The device's own number of the message.
    pub number: u64,
    /// Event time, ms since 1970 UTC.
    pub detected_ms: i64,
    /// Time from sending the message to the answer, ms.
    pub round_trip_ms: u32,
}

impl Message {
    /// What the device publishes.
    #[must_use]
    pub fn payload(&self) -> String {
        let Self { device, detected_ms, round_trip_ms, number, .. } = self;
        format!(r#"{{"device":"{device}","at":{detected_ms},"value":{round_trip_ms},"seq":{number}}}"#)
    }
}

/// All messages in order of arrival.
///
/// # Errors
/// The line that cannot be read; the file is part of the program, so this is a fault of the build.
pub fn recording() -> Result<Vec<Message>, String> {
    let lines = include_str!("../../data/phones.csv").lines().enumerate().skip(1);
    lines
        .map(|(index, line)| message(line).ok_or_else(|| format!("phones.csv, line {}: `{line}`", index + 1)))
        .collect()
}

fn message(line: &'static str) -> Option<Message> {
    let mut cells = line.split(',');
    let arrival_ms = number(cells.next()?).ok()?;
    let device = cells.next()?;
    let row = Message {
        arrival_ms,
        device,
        number: u64::try_from(number(cells.next()?).ok()?).ok()?,
        detected_ms: number(cells.next()?).ok()?,
        round_trip_ms: u32::try_from(number(cells.next()?).ok()?).ok()?,
    };
    cells.next().is_none().then_some(row)
}

fn number(text: &str) -> Result<i64, ParseIntError> {
    text.parse()
}

/// How much older than the newest row before it a row may be in `messages`, ms: the delay a watermark needs so that no
/// row can be late.
#[must_use]
pub fn lag_ms_max(messages: &[Message]) -> i64 {
    let mut newest = i64::MIN;
    let lags = messages.iter().map(|message| {
        newest = newest.max(message.detected_ms);
        newest - message.detected_ms
    });
    lags.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_its_readme_says() {
        let messages = recording().unwrap();
        assert_eq!(messages.len(), 6_400);
        assert!(messages.windows(2).all(|pair| pair[0].arrival_ms <= pair[1].arrival_ms));
        assert_eq!(lag_ms_max(&messages), 4_544);
        let mut newest = i64::MIN;
        let late = messages.iter().filter(|message| {
            let behind = message.detected_ms < newest;
            newest = newest.max(message.detected_ms);
            behind
        });
        assert_eq!(late.count(), 1_062);
        assert!(
            messages
                .iter()
                .all(|message| serde_json::from_str::<serde_json::Value>(&message.payload()).is_ok())
        );
    }
}
