//! Every single bit of small logs is flipped at rest: the log then opens at a committed epoch or reports
//! damage, and never anything else.

mod log_model;

use headwater::checkpoint::{FaultyStorage, Log, OpenError, RamFlash, ReplayError};
use log_model::{BUFFER, Load, Model, Storage, is_corrupted, open};

const LOAD: Load = Load { keys: 2, value_bytes: 8, changes: 4 };

/// What the flips of one image came to.
#[derive(Default, Debug)]
struct Outcomes {
    last_epoch: u32,
    epoch_before: u32,
    corrupted: u32,
}

/// Whether a byte lies between the first and the last byte that changed in its sector.
fn was_written<const ERASE: usize>(before: &[u8], after: &[u8], byte: usize) -> bool {
    let start = byte / ERASE * ERASE;
    let changed = |at: &usize| before[*at] != after[*at];
    (start..=byte).any(|at| changed(&at)) && (byte..start + ERASE).any(|at| changed(&at))
}

/// Flips every bit. The log may open at the epoch before the last only where the bit belongs to the last
/// epoch's own records: where the image differs from `before`, the one without that epoch.
fn flip_every_bit<const BYTES: usize, const WRITE: usize, const ERASE: usize>(
    flash: &RamFlash<BYTES, WRITE, ERASE>,
    before: &[u8; BYTES],
    model: &Model,
    outcomes: &mut Outcomes,
) {
    let image = *flash.image();
    for bit in 0..BYTES * 8 {
        let context = format!("write {WRITE} erase {ERASE} epoch {} bit {bit}", model.epoch());
        let mut flash = flash.clone();
        flash.image_mut()[bit / 8] ^= 1 << (bit % 8);
        let opened = Log::<_, BUFFER>::open(FaultyStorage::new(flash, 0));
        if is_corrupted(&opened) {
            outcomes.corrupted += 1;
            continue;
        }
        let mut log = opened.unwrap_or_else(|error| panic!("{context}: {error}"));
        let mut model = model.clone();
        if log.epoch().unwrap_or(0) >= model.epoch() {
            outcomes.last_epoch += 1;
        } else {
            assert!(was_written::<ERASE>(before, &image, bit / 8), "{context}: opened at {:?}", log.epoch());
            model.states.pop();
            outcomes.epoch_before += 1;
        }
        model.check(&mut log, &context);
        // A flipped bit in the erased part must not be programmed over; the log goes on elsewhere.
        for _ in 0..3 {
            model.write_epoch(&mut log).unwrap_or_else(|error| panic!("{context}: going on: {error}"));
        }
        model.check(&mut open(log.into_storage(), &context), &context);
    }
}

fn flip_through_a_run<const BYTES: usize, const WRITE: usize, const ERASE: usize>(epochs: u32) {
    let mut log = open(Storage::<BYTES, WRITE, ERASE>::new(RamFlash::new(), 0), "run");
    let mut model = Model::new(3, LOAD);
    let mut outcomes = Outcomes::default();
    for epoch in 0..epochs {
        let before = *log.storage().inner().image();
        model.write_epoch(&mut log).unwrap();
        if epoch < 2 || epoch % 4 == 0 {
            flip_every_bit(log.storage().inner(), &before, &model, &mut outcomes);
        }
    }
    println!("write {WRITE} erase {ERASE}: {outcomes:?}");
    assert!(outcomes.last_epoch > 0 && outcomes.epoch_before > 0 && outcomes.corrupted > 0);
}

#[test]
fn words_of_1_byte() {
    flip_through_a_run::<1024, 1, 256>(24);
}

#[test]
fn words_of_4_bytes() {
    flip_through_a_run::<1024, 4, 256>(24);
}

#[test]
fn words_of_16_bytes() {
    flip_through_a_run::<1536, 16, 512>(16);
}

/// Logs that a cut has left with torn records and unfinished sectors. A flip may also complete a commit record
/// that was torn in a single bit.
#[test]
fn after_a_cut() {
    let mut outcomes = Outcomes::default();
    for cut in (10..1500).step_by(97) {
        let mut log = open(Storage::<1024, 1, 256>::new(RamFlash::new(), cut), "run");
        let mut model = Model::new(3, LOAD);
        log.storage_mut().cut_after_programmed_bytes(cut);
        let mut before = *log.storage().inner().image();
        while log.storage().is_powered() {
            let image = *log.storage().inner().image();
            if model.write_epoch(&mut log).is_ok() {
                before = image;
            }
        }
        let mut storage = log.into_storage();
        storage.power_on();
        let mut log = open(storage, "after the cut");
        let in_flight = model.in_flight.clone();
        model.check(&mut log, "after the cut");
        model.in_flight = in_flight;
        flip_every_bit(log.storage().inner(), &before, &model, &mut outcomes);
    }
    println!("{outcomes:?}");
}

/// A bit flipped while the log is open is found by the replay.
#[test]
fn replay_verifies_again() {
    let mut log = open(Storage::<1024, 1, 256>::new(RamFlash::new(), 0), "run");
    let mut model = Model::new(3, LOAD);
    for _ in 0..3 {
        model.write_epoch(&mut log).unwrap();
    }
    let mut found = 0;
    for bit in 0..8192 {
        let mut log = log.clone();
        log.storage_mut().inner_mut().image_mut()[bit / 8] ^= 1 << (bit % 8);
        match log.replay(|_| Ok::<_, core::convert::Infallible>(())) {
            Ok(()) => model.check_replay(&mut log, "flipped outside of the records"),
            Err(error) => {
                assert!(matches!(error, ReplayError::Corrupted { .. }), "bit {bit}: {error}");
                found += 1;
            }
        }
    }
    assert!(found > 300, "{found}");
}

/// CRC-32 bit by bit, as the format page gives it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
            },
        )
    })
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let mut log = open(Storage::<1024, 1, 256>::new(RamFlash::new(), 0), "run");
    let mut model = Model::new(3, LOAD);
    for _ in 0..5 {
        model.write_epoch(&mut log).unwrap();
    }
    let mut storage = log.into_storage();
    let image = storage.inner_mut().image_mut();
    assert_eq!(image[28..32], crc32(&image[..28]).to_le_bytes());
    image[4] = 2;
    let crc = crc32(&image[..28]).to_le_bytes();
    image[28..32].copy_from_slice(&crc);
    let image = *image;
    let opened = Log::<_, BUFFER>::open(&mut storage);
    assert_eq!(opened.err(), Some(OpenError::NewerFormat { found: 2, supported: 1 }));
    assert_eq!(storage.inner().image(), &image);
}

#[test]
fn what_is_not_a_log_is_corrupted() {
    for fill in [0x00, 0x5A] {
        let mut flash = RamFlash::<1024, 1, 256>::new();
        flash.image_mut().fill(fill);
        assert!(is_corrupted(&Log::<_, BUFFER>::open(flash)), "fill {fill}");
    }
}

/// Pages of bytes without any meaning, alone or in place of a part of a good log: no panic, no endless loop.
#[test]
fn noise_never_panics() {
    let mut random = log_model::Random(7);
    let mut log = open(Storage::<2048, 4, 512>::new(RamFlash::new(), 0), "run");
    let mut model = Model::new(3, LOAD);
    for round in 0..400 {
        model.write_epoch(&mut log).unwrap();
        let mut flash = log.storage().inner().clone();
        let from = random.below(2048) as usize;
        let to = (from + 1 + random.below(300) as usize).min(2048);
        for byte in &mut flash.image_mut()[from..to] {
            *byte = random.below(256) as u8;
        }
        match Log::<_, BUFFER>::open(flash) {
            Ok(mut log) => model.check_replay(&mut log, &format!("noise round {round} from {from} to {to}")),
            Err(error) => assert!(matches!(error, OpenError::Corrupted { .. }), "{error}"),
        }
    }
}

/// Bits flipped at rest by the faulty storage, several at once, while the power is off: an epoch that was committed, or damage.
#[test]
fn bits_that_flip_at_rest() {
    let mut log = open(Storage::<2048, 4, 512>::new(RamFlash::new(), 0), "run");
    let mut model = Model::new(3, LOAD);
    let (mut found, mut refused) = (0, 0);
    for round in 0..300 {
        model.write_epoch(&mut log).unwrap();
        let mut storage = log.clone().into_storage();
        storage.reseed(round);
        storage.cut_now().unwrap();
        let flipped = storage.flip_bits(1 + round as u32 % 4, 0..2048).unwrap();
        let before = log.storage().inner().image();
        let differ =
            before.iter().zip(storage.inner().image()).map(|(before, after)| (before ^ after).count_ones());
        assert_eq!((differ.sum::<u32>(), flipped.len()), (1 + round as u32 % 4, 1 + round as usize % 4));
        storage.power_on();
        match Log::<_, BUFFER>::open(storage) {
            Ok(mut log) => {
                model.check_replay(&mut log, &format!("round {round}, bits {flipped:?}"));
                found += 1;
            }
            Err(error) => {
                assert!(matches!(error, OpenError::Corrupted { .. }), "{error}");
                refused += 1;
            }
        }
    }
    println!("{found} opened, {refused} refused");
    assert!(found > 50 && refused > 50, "{found} opened, {refused} refused");
}
