//! Damage to images: by chance, by whole sectors, and in fields with the CRCs made good again, so that what lies behind them is reached.

use super::image::CAPACITY;
use super::log_bytes::{frames, repair};
use super::queries::{QUERIES, geometry};
use super::restore::Head;
use super::seeds::Seeds;
use crate::properties::Random;

/// Bytes that stand at the ends of something: of a varint, of a number, of an option.
const EDGES: [u8; 8] = [0x00, 0x01, 0x02, 0x7F, 0x80, 0xFE, 0xFF, 0x40];

/// A damaged image of a real log, or now and then nothing but noise.
pub(super) fn make(seeds: &Seeds, random: &mut Random) -> Vec<u8> {
    let query = random.below(QUERIES.into()) as u8;
    if random.below(24) == 0 {
        let noise = (0..random.below(CAPACITY as u64 + 1)).map(|_| random.draw() as u8);
        return core::iter::once(Head::new(query, false).0).chain(noise).collect();
    }
    let images = &seeds.of(query).images;
    let image = &images[random.below(images.len() as u64) as usize];
    let mut input = vec![Head::new(query, true).0];
    input.extend_from_slice(image);
    change(seeds, &input, random)
}

/// Some more damage. What can make a CRC good ends that the image is a genuine one.
pub(super) fn change(seeds: &Seeds, input: &[u8], random: &mut Random) -> Vec<u8> {
    let Some((head, image)) = input.split_first() else { return make(seeds, random) };
    let head = Head(*head);
    let (write_size, erase_size) = geometry(head.query());
    let mut image = image.to_vec();
    image.resize(CAPACITY, 0xFF);
    let mut genuine = head.is_genuine();
    if random.below(2) == 0 {
        for _ in 0..=random.below(3) {
            damage(seeds, head, &mut image, erase_size, random);
        }
    } else {
        genuine = false;
        for _ in 0..=random.below(4) {
            forge(&mut image, write_size, erase_size, random);
        }
        repair(&mut image, write_size, erase_size);
    }
    let query = if genuine || random.below(40) > 0 { head.query() } else { random.draw() as u8 };
    core::iter::once(Head::new(query, genuine).0).chain(image).collect()
}

/// What a flash, a cable or a hand may do to an image, without a care for CRCs.
fn damage(seeds: &Seeds, head: Head, image: &mut [u8], erase_size: usize, random: &mut Random) {
    let sectors = (CAPACITY / erase_size) as u64;
    let mut sector = || random.below(sectors) as usize * erase_size;
    let (one, other) = (sector(), sector());
    let from = random.below(CAPACITY as u64) as usize;
    let to = (from + 1 + random.below(64) as usize).min(CAPACITY);
    match random.below(8) {
        0 | 1 => {
            for _ in 0..=random.below(4) {
                let bit = random.below(8 * CAPACITY as u64);
                image[(bit / 8) as usize] ^= 1 << (bit % 8);
            }
        }
        2 => image[from..to].iter_mut().for_each(|byte| *byte = random.draw() as u8),
        // Cut off: the rest erased, or zeros.
        3 => image[from..].fill(if random.below(2) == 0 { 0xFF } else { 0 }),
        4 => image.copy_within(one..one + erase_size, other),
        5 => (0..erase_size).for_each(|byte| image.swap(one + byte, other + byte)),
        6 => image[one..one + erase_size].fill(0xFF),
        _ => {
            // A sector as it was at another time in the life of the same log.
            let images = &seeds.of(head.query()).images;
            let then = &images[random.below(images.len() as u64) as usize];
            image[one..one + erase_size].copy_from_slice(&then[one..one + erase_size]);
        }
    }
}

/// Changes a field of a header, a frame or a slot.
fn forge(image: &mut [u8], write_size: usize, erase_size: usize, random: &mut Random) {
    let used: Vec<usize> =
        (0..CAPACITY).step_by(erase_size).filter(|at| image[*at..].starts_with(b"HWLG")).collect();
    if used.is_empty() {
        return;
    }
    let sector = &mut image[used[random.below(used.len() as u64) as usize]..][..erase_size];
    match random.below(12) {
        // Flags, sequence, predecessor, its end; not the sizes, which all have to agree. Now and then the version or the tag.
        0 => change_byte(&mut sector[6..20], random),
        1 => change_byte(&mut sector[[4, 27][random.below(2) as usize]..][..1], random),
        2 => {
            let slot = erase_size - 16 * (1 + random.below(2) as usize);
            sector[slot..slot + 4].copy_from_slice(if random.below(2) == 0 { b"HWEN" } else { b"HWSE" });
            let value = 32 + random.below(erase_size as u64 - 64) as u32;
            sector[slot + 4..slot + 8].copy_from_slice(&value.to_le_bytes());
        }
        kind => {
            let frames = frames(sector, write_size);
            let Some((offset, length)) = frames.get(random.below(frames.len() as u64) as usize) else {
                return;
            };
            let frame = &mut sector[*offset..][..*length];
            match kind {
                3 => change_byte(&mut frame[..4], random),
                4..=6 if *length > 8 => {
                    for _ in 0..=random.below(6) {
                        change_byte(&mut frame[8..], random);
                    }
                }
                _ if *length > 8 => change_byte(&mut frame[8..], random),
                _ => {}
            }
        }
    }
}

fn change_byte(bytes: &mut [u8], random: &mut Random) {
    let at = random.below(bytes.len() as u64) as usize;
    let byte = &mut bytes[at];
    match random.below(4) {
        0 => *byte ^= 1 << random.below(8),
        1 => *byte = EDGES[random.below(EDGES.len() as u64) as usize],
        2 => *byte = byte.wrapping_add(if random.below(2) == 0 { 1 } else { 0xFF }),
        _ => *byte = random.draw() as u8,
    }
}
