//! What the black-box tests of the gateway share: a seeded source of chance, the gateway as a process, and the batch
//! answer by plain loops that share no code with the engine.

#![allow(dead_code, reason = "each test program uses a part")]

use core::fmt::Write as _;
use core::time::Duration;
use std::collections::BTreeMap;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Instant;

use edge_demo::demo::GatewayProcess;
use edge_demo::gateway::reading::AnswerRow;

/// The program under test.
pub const GATEWAY: &str = env!("CARGO_BIN_EXE_gateway");

/// Longest wait for any one thing the gateway does.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, good enough to pick rows and moments.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub device: String,
    pub at_ms: i64,
    pub value: Option<f64>,
}

/// Rows of five devices, one every 100 ms of event time on average from before 1970 on, up to 3 s out of order, every
/// tenth without a value, with pauses that split sessions.
pub fn rows(seed: u64, count: u64) -> Vec<Row> {
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut now_ms = -20_000;
    (0..count)
        .map(|_| {
            now_ms += random.below(200) as i64;
            if random.below(100) == 0 {
                now_ms += 8_000;
            }
            Row {
                device: format!("dev-{}", random.below(5)),
                at_ms: now_ms - random.below(3_000) as i64,
                value: (random.below(10) > 0).then(|| random.below(2_000) as f64 / 8.0 - 100.0),
            }
        })
        .collect()
}

pub fn csv(rows: &[Row]) -> String {
    let mut text = String::from("device,at,value\n");
    for Row { device, at_ms, value } in rows {
        let value = value.map(|value| value.to_string()).unwrap_or_default();
        writeln!(text, "{device},{at_ms},{value}").unwrap();
    }
    text
}

pub fn jsonl(rows: &[Row]) -> String {
    let line = |Row { device, at_ms, value }: &Row| {
        format!("{}\n", serde_json::json!({ "device": device, "at": at_ms, "value": value }))
    };
    rows.iter().map(line).collect()
}

fn window_row(device: &str, start_ms: i64, end_ms: i64, values: &[Option<f64>]) -> AnswerRow {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    AnswerRow {
        device: device.to_owned(),
        window_start_ms: start_ms,
        window_end_ms: end_ms,
        count: values.len() as u64,
        mean: (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64),
        min: known.iter().copied().reduce(f64::min),
        max: known.iter().copied().reduce(f64::max),
    }
}

/// Every window of `size_ms` that starts at a multiple of `slide_ms` and holds a row; tumbling if both are equal.
pub fn batch_windows(rows: &[Row], size_ms: i64, slide_ms: i64) -> Vec<AnswerRow> {
    let mut groups: BTreeMap<(&str, i64), Vec<Option<f64>>> = BTreeMap::new();
    for row in rows {
        let mut start_ms = row.at_ms.div_euclid(slide_ms) * slide_ms;
        while start_ms > row.at_ms - size_ms {
            groups.entry((&row.device, start_ms)).or_default().push(row.value);
            start_ms -= slide_ms;
        }
    }
    groups
        .iter()
        .map(|((device, start), values)| window_row(device, *start, start + size_ms, values))
        .collect()
}

/// Sessions of rows at most `gap_ms` apart.
pub fn batch_sessions(rows: &[Row], gap_ms: i64) -> Vec<AnswerRow> {
    let mut devices: BTreeMap<&str, Vec<(i64, Option<f64>)>> = BTreeMap::new();
    for row in rows {
        devices.entry(&row.device).or_default().push((row.at_ms, row.value));
    }
    let mut answer = Vec::new();
    for (device, mut events) in devices {
        events.sort_by_key(|(at_ms, _)| *at_ms);
        for session in events.chunk_by(|earlier, later| later.0 <= earlier.0 + gap_ms) {
            let (first, last) = (session[0].0, session[session.len() - 1].0);
            let values: Vec<_> = session.iter().map(|(_, value)| *value).collect();
            answer.push(window_row(device, first, last + gap_ms, &values));
        }
    }
    answer
}

/// Fails with the first difference; the order of rows means nothing. Means may differ by one part in 10⁹.
pub fn assert_same(mut expected: Vec<AnswerRow>, mut written: Vec<AnswerRow>, context: &str) {
    let order = |a: &AnswerRow, b: &AnswerRow| {
        (&a.device, a.window_start_ms, a.window_end_ms).cmp(&(&b.device, b.window_start_ms, b.window_end_ms))
    };
    expected.sort_by(order);
    written.sort_by(order);
    for (right, row) in expected.iter().zip(&written) {
        let near = match (right.mean, row.mean) {
            (Some(a), Some(b)) => (a - b).abs() <= a.abs().max(1.0) * 1e-9,
            (a, b) => a == b,
        };
        let rounded = AnswerRow { mean: right.mean, ..row.clone() };
        assert!(near && *right == rounded, "{context}: expected {right:?}, written {row:?}");
    }
    assert_eq!(expected.len(), written.len(), "{context}: number of rows");
}

/// Runs the gateway to its end with options in words.
pub fn gateway(directory: &Path, options: &str) -> Output {
    Command::new(GATEWAY).current_dir(directory).args(options.split_whitespace()).output().unwrap()
}

/// Runs the gateway to its end, which must be a success.
pub fn gateway_succeeds(directory: &Path, options: &str) {
    let output = gateway(directory, options);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "gateway {options}: {}\n{stderr}", output.status);
}

/// Starts the gateway with options in words, `--progress` among them.
pub fn start(options: &str) -> GatewayProcess {
    GatewayProcess::start(Path::new(GATEWAY), options.split_whitespace().map(Into::into).collect()).unwrap()
}

/// Waits for the gateway; fails with its own words if it ends instead.
pub fn wait_until(
    gateway: &mut GatewayProcess,
    what: &str,
    mut done: impl FnMut(&mut GatewayProcess) -> bool,
) {
    let deadline = Instant::now() + PATIENCE;
    while !done(gateway) {
        if let Some(status) = gateway.ended().unwrap() {
            panic!("waiting to {what}: the gateway ended with {status}: {}", gateway.message());
        }
        assert!(
            Instant::now() < deadline,
            "the gateway did not {what}: {} {:?}",
            gateway.message(),
            gateway.progress()
        );
        thread::sleep(Duration::from_millis(1));
    }
}

/// Stops the gateway by SIGTERM; it must end well.
pub fn stop(gateway: &mut GatewayProcess) {
    let status = gateway.stop(PATIENCE).unwrap();
    assert!(status.success(), "{status}: {}", gateway.message());
}

/// All rows of the closed files in `out`, in order of the files' names.
pub fn written(out: &Path) -> Vec<AnswerRow> {
    let mut paths: Vec<_> = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut rows = Vec::new();
    for path in paths {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => {
                rows.extend(csv::Reader::from_path(&path).unwrap().deserialize().map(Result::unwrap))
            }
            Some("jsonl") => {
                let text = fs::read_to_string(&path).unwrap();
                rows.extend(text.lines().map(|line| serde_json::from_str::<AnswerRow>(line).unwrap()));
            }
            _ => {}
        }
    }
    rows
}
