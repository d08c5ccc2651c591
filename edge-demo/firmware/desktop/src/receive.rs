//! A receiver: frames from the wire, each result once.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use headwater_firmware_query::Frame;

/// What a capture shows to be wrong.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// A frame was repeated with other bytes.
    #[error(
        "result {number} of query {query} was sent again with another content: {first:?}, then {again:?}"
    )]
    Changed { query: &'static str, number: u64, first: Frame, again: Frame },
    /// A number is missing.
    #[error("query {query}: result {number} is missing, {found} came instead")]
    Missing { query: &'static str, number: u64, found: u64 },
}

/// One line for each result of the capture, in order of query and number.
pub fn results(capture: &[u8]) -> Result<String, Wrong> {
    let mut frames = BTreeMap::new();
    for piece in capture.split(|byte| *byte == 0) {
        let Some(frame) = decoded(piece) else { continue };
        let (query, number) = frame.position();
        let first = *frames.entry((query, number)).or_insert(frame);
        if first != frame {
            return Err(Wrong::Changed { query, number, first, again: frame });
        }
    }
    let mut text = String::new();
    let mut before = ("", 0);
    for (&(query, found), frame) in &frames {
        let number = if before.0 == query { before.1 + 1 } else { 1 };
        if found != number {
            return Err(Wrong::Missing { query, number, found });
        }
        before = (query, number);
        let _ = writeln!(text, "{frame:?}");
    }
    Ok(text)
}

/// The frame in the bytes between two zeros. What a cut left of one is none.
fn decoded(piece: &[u8]) -> Option<Frame> {
    let mut piece = piece.to_vec();
    if piece.is_empty() {
        return None;
    }
    piece.push(0);
    postcard::from_bytes_cobs(&mut piece).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u64) -> Frame {
        Frame::Session { number, device: 7, start_ms: 1_000, end_ms: 3_000, rows: 2, slowest_ms: 412 }
    }

    fn sent(frames: &[Frame]) -> Vec<u8> {
        let mut wire = vec![0];
        for frame in frames {
            let mut bytes = [0; 64];
            wire.extend_from_slice(postcard::to_slice_cobs(frame, &mut bytes).unwrap());
        }
        wire
    }

    #[test]
    fn a_run_cut_anywhere_and_repeated_gives_each_result_once() {
        let whole = sent(&[frame(1), frame(2), frame(3)]);
        let expected = results(&whole).unwrap();
        assert_eq!(expected.lines().count(), 3);
        for cut in 0..whole.len() {
            let wire = [&whole[..cut], &whole].concat();
            assert_eq!(results(&wire).unwrap(), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_missing_result_is_told() {
        assert!(matches!(results(&sent(&[frame(1), frame(3)])), Err(Wrong::Missing { number: 2, .. })));
    }

    #[test]
    fn a_result_that_changes_is_told() {
        let changed = Frame::Session { number: 1, device: 8, start_ms: 0, end_ms: 1, rows: 1, slowest_ms: 0 };
        assert!(matches!(results(&sent(&[frame(1), changed])), Err(Wrong::Changed { number: 1, .. })));
    }
}
