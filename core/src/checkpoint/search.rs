//! Looking for what can still be read behind a place where nothing can.

use embedded_storage::nor_flash::ReadNorFlash;

use super::frame::{Frame, Place};
use super::geometry::Geometry;
use super::storage;

/// A search for valid frames in one sector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    /// Frames start before this offset.
    pub(super) to: u32,
    /// The longest frame in bytes: so a damaged length cannot make the search slow.
    pub(super) longest: u32,
    /// Bytes of payloads that may still be looked at: so garbage cannot either.
    pub(super) budget: u64,
}

impl Search {
    /// The first valid frame from `place` on, at any word, with its place.
    pub(super) fn next<S: ReadNorFlash>(
        &mut self,
        storage: &mut S,
        geometry: &Geometry,
        place: Place,
    ) -> Result<Option<(Place, Frame)>, S::Error> {
        let mut place = place;
        while place.offset < self.to {
            let limit = geometry.records_end().min(place.offset.saturating_add(self.longest));
            if let Some(frame) = Frame::read_header(storage, geometry, place, limit)? {
                let Some(left) = self.budget.checked_sub(u64::from(frame.length)) else { break };
                self.budget = left;
                if frame.verify(storage, geometry, place, &mut [])? {
                    return Ok(Some((place, frame)));
                }
            }
            place.offset = place.offset.saturating_add(u32::from(geometry.write_size));
        }
        Ok(None)
    }
}

/// Where the last byte in `from..to` that is not erased ends, in whole words; `from` if all are.
pub(super) fn programmed_end<S: ReadNorFlash>(
    storage: &mut S,
    geometry: &Geometry,
    sector: u32,
    (from, to): (u32, u32),
) -> Result<u32, S::Error> {
    let mut end = from;
    let mut offset = from;
    while offset < to {
        let mut chunk = [0xFF; storage::CHUNK_BYTES];
        let take = to.saturating_sub(offset).min(storage::CHUNK_BYTES as u32);
        let Some(chunk) = chunk.get_mut(..take as usize) else { break };
        storage::read(storage, geometry.address(sector, offset), chunk)?;
        if let Some(last) = chunk.iter().rposition(|byte| *byte != 0xFF) {
            end = offset.saturating_add(last as u32).saturating_add(1);
        }
        offset = offset.saturating_add(take);
    }
    // Offsets in a sector count words from its start, so rounding up meets the end of a word.
    Ok(geometry.padded(end).min(to.max(from)))
}
