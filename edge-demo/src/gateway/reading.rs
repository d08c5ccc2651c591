//! The row of the gateway: what a device reports.

use core::fmt;

use headwater::Timestamp;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

use super::rfc3339::parse_rfc3339;

/// Longest name of a device, bytes of UTF-8. It is a key of the state, whose size is fixed; 64 is enough for the name of a
/// Helium gateway (51) and for an SHA-256 in hex.
pub const DEVICE_BYTES_MAX: usize = 64;

/// Who sent a row.
pub type DeviceId = heapless::String<DEVICE_BYTES_MAX>;

/// One report of a device, as JSON `{"device": text, "at": time, "value": number or null}` or CSV `device,at,value`.
///
/// `seq` may be added to both: the device's own number of the message. A message that an MQTT broker delivers twice is known
/// by device, `seq` and `at`; in files `seq` is ignored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Reading {
    /// Who reports.
    #[serde(deserialize_with = "device")]
    pub device: DeviceId,
    /// When it was measured: a number of ms since 1970 UTC, or RFC 3339 text.
    #[serde(deserialize_with = "moment")]
    pub at: Timestamp,
    /// What was measured; null, or an empty cell, if nothing could be.
    pub value: Option<f64>,
    /// The device's number of this message.
    #[serde(default)]
    pub seq: Option<u64>,
}

fn device<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DeviceId, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = DeviceId;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "the name of a device, at most {DEVICE_BYTES_MAX} bytes long")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<DeviceId, E> {
            if text.is_empty() {
                return Err(E::custom("the name of the device is empty"));
            }
            DeviceId::try_from(text).map_err(|_| {
                E::custom(format_args!(
                    "device `{text}` has {} bytes, at most {DEVICE_BYTES_MAX} fit",
                    text.len()
                ))
            })
        }
    }
    deserializer.deserialize_str(Text)
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    struct Moment;
    impl Visitor<'_> for Moment {
        type Value = Timestamp;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("`at` as ms since 1970 or as RFC 3339 text")
        }

        fn visit_i64<E: Error>(self, millis: i64) -> Result<Timestamp, E> {
            let micros = millis.checked_mul(1_000);
            micros
                .map(Timestamp::from_micros)
                .ok_or_else(|| E::custom(format_args!("`at` = {millis} ms is out of range")))
        }

        fn visit_u64<E: Error>(self, millis: u64) -> Result<Timestamp, E> {
            let signed = i64::try_from(millis)
                .map_err(|_| E::custom(format_args!("`at` = {millis} ms is out of range")))?;
            self.visit_i64(signed)
        }

        fn visit_f64<E: Error>(self, millis: f64) -> Result<Timestamp, E> {
            let micros = (millis * 1_000.0).round();
            // Every f64 strictly between the ends of i64 converts without a change.
            if micros.abs() < i64::MAX as f64 {
                return Ok(Timestamp::from_micros(micros as i64));
            }
            Err(E::custom(format_args!("`at` = {millis} ms is out of range")))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
            parse_rfc3339(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Moment)
}

/// One row of the answer: what a device reported in a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerRow<Device = String> {
    /// Who reported.
    pub device: Device,
    /// Start of the window, ms since 1970 UTC, inside.
    pub window_start_ms: i64,
    /// End of the window, ms since 1970 UTC, outside. For a session: its last event plus the gap.
    pub window_end_ms: i64,
    /// Rows, with or without a value.
    pub count: u64,
    /// Mean of the values; nothing if there was none.
    pub mean: Option<f64>,
    /// Least value; NaN only if there was no other.
    pub min: Option<f64>,
    /// Greatest value; NaN if there was one.
    pub max: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Reading, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_numbers_text_and_null() {
        let row = json(r#"{"device":"pump-1","at":1500,"value":21.5,"seq":7,"unit":"C"}"#).unwrap();
        assert_eq!(
            (row.device.as_str(), row.at.as_millis(), row.value, row.seq),
            ("pump-1", 1_500, Some(21.5), Some(7))
        );
        let row = json(r#"{"device":"pump-1","at":"1970-01-01T00:00:01.5Z","value":null}"#).unwrap();
        assert_eq!((row.at.as_millis(), row.value, row.seq), (1_500, None, None));
        assert_eq!(json(r#"{"device":"p","at":-0.5,"value":1}"#).unwrap().at.as_micros(), -500);
    }

    #[test]
    fn a_reject_says_what_was_wrong() {
        let long = json(&format!(r#"{{"device":"{}","at":1,"value":1}}"#, "d".repeat(65))).unwrap_err();
        assert!(long.contains("65 bytes, at most 64 fit"), "{long}");
        assert!(json(r#"{"device":"","at":1,"value":1}"#).unwrap_err().contains("device is empty"));
        assert!(json(r#"{"device":"p","at":"yesterday","value":1}"#).unwrap_err().contains("RFC 3339"));
        assert!(
            json(r#"{"device":"p","at":9223372036854775807,"value":1}"#)
                .unwrap_err()
                .contains("out of range")
        );
        assert!(json(r#"{"device":"p","at":1e300,"value":1}"#).unwrap_err().contains("out of range"));
        assert!(json(r#"{"device":"p","at":1,"value":"high"}"#).is_err());
        assert!(json(r#"{"device":"p","value":1}"#).unwrap_err().contains("at"));
    }
}
