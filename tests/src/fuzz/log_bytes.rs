//! The bytes of a log as `docs/FORMAT.md` has them, written anew from that page: to find the frames, and to make their CRCs good again.

/// CRC-32 of zlib and Ethernet.
#[must_use]
pub fn crc32<'b>(parts: impl IntoIterator<Item = &'b [u8]>) -> u32 {
    let step =
        |crc: u32, byte: &u8| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
            })
        };
    !parts.into_iter().flatten().fold(!0, step)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The frames of a sector: offset, and length with header and without padding.
#[must_use]
pub fn frames(sector: &[u8], write_size: usize) -> Vec<(usize, usize)> {
    let (mut offset, end) = (32, sector.len() - 32);
    let mut frames = Vec::new();
    while offset + 8 <= end {
        let length = 8 + usize::from(u16::from_le_bytes([sector[offset], sector[offset + 1]]));
        if sector[offset + 2] & 3 == 0 || sector[offset..][..8] == [0xFF; 8] || offset + length > end {
            break;
        }
        frames.push((offset, length));
        offset = (offset + length).next_multiple_of(write_size);
    }
    frames
}

/// Makes every CRC good: of headers, slots, frames, and of the frames of each epoch in its commit.
pub fn repair(image: &mut [u8], write_size: usize, erase_size: usize) {
    let mut sectors: Vec<&mut [u8]> =
        image.chunks_exact_mut(erase_size).filter(|sector| sector.starts_with(b"HWLG")).collect();
    sectors.sort_by_key(|sector| u32_at(sector, 8));
    let (mut of_epoch, mut count) = (Vec::new(), 0_u32);
    for sector in sectors {
        let crc = crc32([&sector[..28]]);
        sector[28..32].copy_from_slice(&crc.to_le_bytes());
        let sequence: [u8; 4] = [sector[8], sector[9], sector[10], sector[11]];
        // A snapshot starts here: an epoch before it that has no commit is dead.
        if sector[6] & 1 == 1 {
            of_epoch.clear();
            count = 0;
        }
        for (offset, length) in frames(sector, write_size) {
            let commit = sector[offset + 2] & 3 == 3 && length >= 8 + 17;
            if commit {
                sector[offset + 17..][..4].copy_from_slice(&count.to_le_bytes());
                let crc = crc32([&of_epoch[..]]);
                sector[offset + 21..][..4].copy_from_slice(&crc.to_le_bytes());
                of_epoch.clear();
                count = 0;
            }
            let place = (offset as u32).to_le_bytes();
            let frame = &mut sector[offset..][..length];
            let crc = crc32([&sequence[..], &place, &frame[..4], &frame[8..]]).to_le_bytes();
            frame[4..8].copy_from_slice(&crc);
            if !commit {
                of_epoch.extend_from_slice(&crc);
                count += 1;
            }
        }
        for slot in [sector.len() - 32, sector.len() - 16] {
            if sector[slot..].starts_with(b"HWEN") || sector[slot..].starts_with(b"HWSE") {
                let crc = crc32([&sequence[..], &sector[slot..slot + 8]]);
                sector[slot + 8..slot + 12].copy_from_slice(&crc.to_le_bytes());
            }
        }
    }
}
