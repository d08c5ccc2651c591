//! `inspect` and `fsck` on images that queries made, whole and damaged.

use std::path::Path;

use headwater::aggregate::{count, max, mean};
use headwater::checkpoint::{
    FoundRecord, Geometry, HeaderState, ImageBytes, Log, LogImage, OpenError, RamFlash, Record,
    UnreadablePiece,
};
use headwater::window::{Session, Tumbling};
use headwater::{Either, QueryPlan, Span, Stream, TimeRange, Timestamp, WindowRow};
use headwater_std::inspect::{Fact, Image, ImageError, Part, fsck, inspect};
use headwater_std::storage::FileStorage;
use serde::{Deserialize, Serialize};

const BYTES: usize = 4096;
const SECTOR_BYTES: usize = 1024;
type Flash = RamFlash<BYTES, 4, SECTOR_BYTES>;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Reading {
    device: u16,
    at: Timestamp,
    value: u16,
}

fn readings() -> impl Iterator<Item = Reading> {
    (0..).map(|number: u16| Reading {
        device: number % 5,
        at: Timestamp::from_millis(i64::from(number) * 700 - i64::from(number % 3) * 900),
        value: number * 7 % 250,
    })
}

/// Runs a plan over so many epochs of 10 rows each, and gives its flash after each, and the rows of its state at the end.
fn images<P: QueryPlan>(plan: &P, epochs: usize, row: impl Fn(Reading) -> P::Row) -> (Vec<Vec<u8>>, usize) {
    let mut log = Log::<_, 256>::open(Flash::new()).unwrap();
    let mut state = plan.allocate(100);
    let mut query = plan.bind(&mut state);
    let mut rows = readings();
    let mut images = Vec::new();
    for number in 0..epochs {
        for reading in rows.by_ref().take(10) {
            query.push_to(row(reading), |_| ()).unwrap();
        }
        query.trigger(Timestamp::from_secs(number as i64), |_| ()).unwrap();
        query.commit(&mut log, &(number as u32)).unwrap();
        images.push(log.storage().image().to_vec());
    }
    (images, query.progress().state_rows)
}

fn tumbling() -> impl QueryPlan<Row = Reading, Output = WindowRow<u16, (u64, Option<f64>)>> {
    Stream::<Reading>::new()
        .with_watermark(|r| r.at, Span::secs(3))
        .group_by(|r| r.device)
        .window(Tumbling::of(Span::secs(10)))
        .aggregate((count(), mean(|r: &Reading| r.value)))
        .append()
        .named("tumbling", 3)
}

fn image(bytes: &[u8]) -> Image {
    Image::of_bytes(Path::new("image"), bytes.to_vec(), Part::default()).unwrap()
}

fn text(facts: &[Fact]) -> String {
    facts.iter().map(|fact| format!("{fact}\n")).collect()
}

/// What `fsck` says, and its status.
fn checked(bytes: &[u8]) -> (String, u8) {
    let (facts, status) = fsck(&image(bytes));
    (text(&facts), status)
}

fn inspected(bytes: &[u8]) -> String {
    text(&inspect(&image(bytes)))
}

/// Whether each byte belongs to what a restart reads: headers and records from the snapshot to the last commit.
fn counting_bytes(bytes: &[u8]) -> Vec<bool> {
    let geometry = Geometry::new(4, SECTOR_BYTES, BYTES).unwrap();
    let mut image = LogImage::new(ImageBytes(bytes), geometry).unwrap();
    let last = image.last_commit().unwrap().unwrap();
    let (mut counts, mut buffer) = (vec![false; BYTES], [0; 1024]);
    let mut sector = last.snapshot_sector;
    loop {
        let next = (sector + 1) % u32::from(geometry.sectors());
        let end = if sector == last.sector {
            last.end
        } else {
            let HeaderState::Valid(header) = image.header(next).unwrap() else {
                panic!("a sector of the chain")
            };
            header.predecessor_end
        };
        let start = sector as usize * SECTOR_BYTES;
        counts[start..start + 32].fill(true);
        let count = |found: Result<FoundRecord<'_>, UnreadablePiece>| {
            let found = found.expect("an undamaged image");
            // Eight bytes before the payload; the padding behind it has no meaning.
            let payload = match found.content {
                Some(Record::Identity(payload) | Record::Entries { payload, .. }) => payload.len(),
                Some(Record::Commit { payload, .. }) => 17 + payload.len(),
                None => panic!("a record that does not fit"),
            };
            if found.offset < end {
                let offset = start + found.offset as usize;
                counts[offset..offset + 8 + payload].fill(true);
            }
        };
        image.records(sector, &mut buffer, count).unwrap();
        if sector == last.sector {
            return counts;
        }
        sector = next;
    }
}

/// Flips each byte of an image: `fsck` agrees with `Log::open`, and never calls an image clean whose committed records changed.
fn no_change_goes_unseen(bytes: &[u8]) {
    let counts = counting_bytes(bytes);
    assert!(counts.iter().filter(|counts| **counts).count() > 500);
    assert_eq!(checked(bytes).1, 0, "{}", checked(bytes).0);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xFF, 0x04] {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= flip;
            let (said, status) = checked(&flipped);
            assert!(!counts[at] || status > 0, "byte {at:#x} with {flip:#x}: {said}");
            let mut flash = Flash::new();
            flash.image_mut().copy_from_slice(&flipped);
            match Log::<_, 256>::open(flash) {
                Ok(log) if status < 2 => {
                    let epoch = log.epoch().map_or("log".to_owned(), |epoch| format!("epoch {epoch}"));
                    assert!(said.contains(&epoch), "byte {at:#x}: {epoch}: {said}");
                }
                Ok(log) => panic!("byte {at:#x} with {flip:#x} opens at {:?}: {said}", log.epoch()),
                Err(OpenError::Corrupted { .. }) => assert_eq!(status, 2, "byte {at:#x}: {said}"),
                Err(error) => panic!("byte {at:#x}: {error}"),
            }
        }
        if at.is_multiple_of(97) {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 0x10;
            assert!(!inspected(&flipped).is_empty());
        }
    }
}

#[test]
fn no_change_of_a_tumbling_querys_log_goes_unseen() {
    let (images, _) = images(&tumbling(), 9, |reading| reading);
    no_change_goes_unseen(&images[2]);
    no_change_goes_unseen(&images[8]);
}

#[test]
fn no_change_of_a_log_with_one_epoch_goes_unseen() {
    let plan = Stream::<Reading>::new()
        .with_watermark(|r| r.at, Span::secs(60))
        .group_by(|r| (r.device, r.value))
        .window(Session::with_gap(Span::secs(1)))
        .aggregate((count(), mean(|r: &Reading| r.value), max(|r: &Reading| r.value)))
        .append();
    let (images, _) = images(&plan, 6, |reading| reading);
    no_change_goes_unseen(&images[5]);
}

#[test]
fn each_query_is_told_with_its_operators_and_rows() {
    let (tumbled, rows) = images(&tumbling(), 7, |reading| reading);
    let said = inspected(&tumbled[6]);
    for expected in [
        "query `tumbling` version 3, append mode".to_owned(),
        "operator 0: tumbling windows of 10s; key ".to_owned(),
        "(u16), record ".to_owned(),
        "((Count, Mean))".to_owned(),
        format!("table 0: records of operator 0, {rows} rows"),
        "70 in".to_owned(),
        "clean: a restart goes on from epoch 7".to_owned(),
    ] {
        assert!(said.contains(&expected), "{expected}: {said}");
    }

    let sessions = Stream::<Reading>::new()
        .with_watermark(|r| r.at, Span::secs(3))
        .group_by(|r| r.device)
        .window(Session::with_gap(Span::millis(1500)))
        .aggregate(max(|r: &Reading| r.value))
        .append();
    let (sessioned, rows) = images(&sessions, 7, |reading| reading);
    let said = inspected(&sessioned[6]);
    assert!(said.contains("sessions with a gap of 1500ms") && said.contains("(Max<u16>)"), "{said}");
    assert!(said.contains(&format!("operator 0, {rows} row")), "{said}");

    let chain = Stream::<Reading>::new()
        .with_watermark(|r| r.at, Span::secs(3))
        .group_by(|r| r.device)
        .window(Tumbling::of(Span::secs(5)))
        .aggregate(count())
        .then()
        .window(Tumbling::of(Span::mins(1)))
        .aggregate(max(|row: &WindowRow<u16, u64>| row.value))
        .append();
    let (chained, _) = images(&chain, 7, |reading| reading);
    let said = inspected(&chained[6]);
    assert!(said.contains("operator 1: tumbling windows of 1m; key "), "{said}");
    assert!(said.contains("table 0: link between two operators"), "{said}");
    assert!(said.contains("table 2: records of operator 1, 1 row"), "{said}");

    let side = || Stream::<Reading>::new().with_watermark(|r| r.at, Span::secs(3));
    let join = side()
        .join(side())
        .on(|l| l.device, |r| r.device)
        .within(TimeRange::around(Span::ZERO, Span::secs(2)))
        .inner()
        .append();
    let either = |reading: Reading| {
        if reading.value.is_multiple_of(2) { Either::Left(reading) } else { Either::Right(reading) }
    };
    let (joined, _) = images(&join, 7, either);
    let said = inspected(&joined[6]);
    assert!(said.contains("inner join, right time less left time from 0s to 2s"), "{said}");
    assert!(
        said.contains("table 1: right rows of operator 0, ") && said.contains("of unknown types"),
        "{said}"
    );
    for images in [sessioned, chained, joined] {
        images.iter().for_each(|bytes| assert_eq!(checked(bytes).1, 0, "{}", checked(bytes).0));
    }
}

/// Every image that a cut between two words leaves of the last epoch.
#[test]
fn what_a_power_cut_leaves_is_normal() {
    let (images, _) = images(&tumbling(), 7, |reading| reading);
    let mut deltas = 0;
    for pair in images.windows(2) {
        let [before, after] = pair else { panic!("windows of two") };
        let words: Vec<usize> =
            (0..BYTES).step_by(4).filter(|at| before[*at..at + 4] != after[*at..at + 4]).collect();
        if words.last().unwrap() / SECTOR_BYTES != words[0] / SECTOR_BYTES {
            continue;
        }
        deltas += 1;
        let mut cut = before.clone();
        for (done, &at) in words.iter().enumerate() {
            let (said, status) = checked(&cut);
            assert_eq!(status, 0, "after {done} words: {said}");
            assert_eq!(done == 0, !said.contains("power cut"), "after {done} words: {said}");
            // The word being programmed when the power failed.
            let mut torn = cut.clone();
            torn[at] = 0x5A;
            let (said, status) = checked(&torn);
            assert!(
                status == 0 || status == 1 && said.contains("which of the two cannot be told"),
                "{at}: {said}"
            );
            cut[at..at + 4].copy_from_slice(&after[at..at + 4]);
        }
        assert_eq!(checked(after).1, 0);
    }
    assert!(deltas > 2);
}

#[test]
fn what_holds_no_log_is_told() {
    let (said, status) = checked(&[0xFF; 4096]);
    assert!(status == 0 && said.contains("every byte is erased"), "{said}");
    let mut seed = 1_u64;
    let garbage: Vec<u8> = core::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    })
    .take(20_000)
    .collect();
    let (said, status) = checked(&garbage);
    assert!(status == 2 && said.contains("no log"), "{said}");
    assert_eq!(checked(&[]).1, 2);
    let part = Part { write_size: Some(4), erase_size: Some(1024), length: Some(8192), ..Part::default() };
    let image = Image::of_bytes(Path::new("garbage"), garbage, part).unwrap();
    let (facts, status) = fsck(&image);
    assert!(status == 2 && text(&facts).contains("unusable"), "{}", text(&facts));

    let missing = Image::open(Path::new("no/such/file"), Part::default()).unwrap_err();
    assert!(matches!(missing, ImageError::Read { .. }) && missing.to_string().contains("no/such/file"));
    let half = Part { write_size: Some(4), ..Part::default() };
    assert!(matches!(Image::of_bytes(Path::new("x"), vec![0; 512], half), Err(ImageError::HalfGeometry)));
    let beyond = Part { offset: Some(513), ..Part::default() };
    assert!(matches!(Image::of_bytes(Path::new("x"), vec![0; 512], beyond), Err(ImageError::Range { .. })));
}

/// Garbage behind a good header: bounded, and no panic.
#[test]
fn garbage_in_a_log_is_no_reason_to_panic() {
    let (images, _) = images(&tumbling(), 5, |reading| reading);
    let mut seed = 5_u64;
    for _ in 0..300 {
        let mut bytes = images[4].clone();
        for _ in 0..8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (at, value) = ((seed >> 33) as usize % BYTES, (seed >> 25) as u8);
            bytes[at..(at + 16).min(BYTES)].fill(value);
        }
        let (said, status) = checked(&bytes);
        assert!(status <= 2 && !inspected(&bytes).is_empty(), "{said}");
    }
}

/// Two logs in one file, the second behind bytes of something else; and a part of it.
#[test]
fn several_logs_are_found_in_one_image() {
    let (images, _) = images(&tumbling(), 7, |reading| reading);
    let mut bytes = [images[6].as_slice(), &[0xFF; BYTES], &images[2]].concat();
    bytes.extend([0; 700]);
    let all = image(&bytes);
    assert_eq!(all.logs().iter().map(|log| log.offset).collect::<Vec<_>>(), [0, 2 * BYTES]);
    let said = text(&fsck(&all).0);
    assert!(said.contains("epoch 7") && said.contains("epoch 3"), "{said}");
    let part = Part { offset: Some(2 * BYTES), ..Part::default() };
    let second = Image::of_bytes(Path::new("image"), bytes, part).unwrap();
    assert_eq!(second.logs().len(), 1);
}

/// A gateway's checkpoint directory, while its log is open.
#[test]
fn a_gateways_log_is_read_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let plan = tumbling();
    let mut state = plan.allocate(100);
    let mut query = plan.bind(&mut state);
    let mut log =
        Log::<_, 4096>::open(FileStorage::open(&directory.path().join("log"), 1 << 20).unwrap()).unwrap();
    let before = |bytes: &Path| std::fs::read(bytes).unwrap();
    for (number, reading) in readings().take(50).enumerate() {
        query.push(reading).unwrap();
        if number % 10 == 9 {
            query.trigger(Timestamp::EPOCH, |_| ()).unwrap();
            query.commit(&mut log, &()).unwrap();
        }
    }
    let bytes = before(&directory.path().join("log"));
    let image = Image::open(directory.path(), Part::default()).unwrap();
    let (facts, status) = fsck(&image);
    assert_eq!(status, 0, "{}", text(&facts));
    let said = text(&inspect(&image));
    assert!(said.contains("sectors of 65536 B, words of 8 B, epoch 5") && said.contains("(u16)"), "{said}");
    assert!(bytes == before(&directory.path().join("log")), "the log was written to");
}

#[test]
fn every_fact_is_a_json_object() {
    let (images, _) = images(&tumbling(), 3, |reading| reading);
    for fact in inspect(&image(&images[2])) {
        let value: serde_json::Value = serde_json::from_str(&serde_json::to_string(&fact).unwrap()).unwrap();
        assert!(value["fact"].is_string(), "{value}");
    }
}
